/** The look of the page. Nothing of a run is in it. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --page: #f7f7f5;
  --card: #ffffff;
  --ink: #1b1f24;
  --soft: #59616b;
  --line: #e2e4e8;
  --grid: #eceef1;
  --accent: #1f5fbf;
  --work: #3b78d8;
  --wait: #9aa3ae;
  --good: #1a7343;
  --bad: #b3261e;
  --bad-soft: #fdf1f0;
  --odd: #8a5300;
  --code: #f2f3f5;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #14171b;
    --card: #1c2026;
    --ink: #e8eaed;
    --soft: #a3acb8;
    --line: #323841;
    --grid: #282d35;
    --accent: #8ab4f8;
    --work: #5b93ea;
    --wait: #76808c;
    --good: #6fd39a;
    --bad: #ff9a91;
    --bad-soft: #33201f;
    --odd: #f0b661;
    --code: #15181c;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0 auto;
  padding: clamp(1rem, 4vw, 3rem) clamp(1rem, 4vw, 2.5rem);
  max-width: 76rem;
  background: var(--page);
  color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, sans-serif;
  overflow-wrap: anywhere;
}
h1, h2, h3, p, ul, dl, dd, pre { margin: 0; }
ul { padding: 0; list-style: none; }
h1 { font-size: clamp(1.5rem, 1.2rem + 1.6vw, 2.25rem); line-height: 1.2; letter-spacing: -0.02em; font-weight: 680; }
h2 { font-size: 1.2rem; letter-spacing: -0.01em; margin-bottom: 0.75rem; }
h3 { font-size: 1rem; font-weight: 620; display: flex; flex-wrap: wrap; gap: 0.25rem 0.75rem; align-items: baseline; }
section { margin-top: 2.75rem; }
pre, .timeline th[scope=row] a, article h3 > span:first-child {
  font-family: ui-monospace, SFMono-Regular, Cascadia Mono, Menlo, Consolas, Liberation Mono, monospace;
}
pre { font-size: 0.8125rem; line-height: 1.5; white-space: pre-wrap; }
a { color: var(--accent); text-underline-offset: 0.2em; text-decoration-thickness: 1px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.kind { color: var(--soft); font-size: 0.875rem; }
.ending { margin-top: 0.6rem; font-size: 1.125rem; font-weight: 600; display: flex; align-items: center; gap: 0.55rem; }
.ending .sign {
  display: inline-grid; place-items: center; flex: none; width: 1.6rem; height: 1.6rem; border-radius: 50%;
  border: 2px solid currentColor; font-size: 0.9rem; line-height: 1;
}
.ending.completed, .ending.break { color: var(--good); }
.ending.failed { color: var(--bad); }
.ending.cancelled, .ending.open { color: var(--odd); }
.why { margin-top: 1rem; padding: 0.8rem 1rem; border-left: 4px solid var(--line); background: var(--card); border-radius: 0 8px 8px 0; }
.why.failed { border-color: var(--bad); background: var(--bad-soft); }
.why p { margin: 0.6rem 0 0.2rem; font-size: 0.875rem; color: var(--soft); }
.why li { margin-top: 0.4rem; }

.counts { display: flex; flex-wrap: wrap; gap: 0.4rem 0.5rem; margin-top: 0.9rem; }
.counts li { padding: 0.15rem 0.6rem; border: 1px solid var(--line); border-radius: 99px; background: var(--card); }
.totals { margin-top: 1.5rem; display: flex; flex-wrap: wrap; gap: 0.9rem 2.25rem; }
.totals dt { font-size: 0.8125rem; color: var(--soft); }
.totals dd { font-weight: 560; font-size: 0.9375rem; font-variant-numeric: tabular-nums; }

.legend { display: flex; flex-wrap: wrap; gap: 0.3rem 1.25rem; margin-bottom: 0.9rem; font-size: 0.8125rem; color: var(--soft); }
.legend li { display: flex; align-items: center; gap: 0.5rem; }
.legend .bar { position: static; width: 1.75rem; height: 0.7rem; }

.timeline { width: 100%; border-collapse: separate; background: var(--card); border: 1px solid var(--line); border-radius: 10px; border-spacing: 0; }
.timeline th, .timeline td { text-align: left; vertical-align: middle; padding: 0.4rem 0.75rem; font-weight: 400; border-top: 1px solid var(--line); }
.timeline thead th { font-size: 0.8125rem; color: var(--soft); border-top: 0; }
.timeline th[scope=row] { width: 24%; padding-left: calc(0.9rem + var(--depth) * 1.1rem); }
.timeline th[scope=row] a { font-size: 0.875rem; font-weight: 600; color: var(--ink); text-decoration-color: var(--wait); }
.timeline th[scope=row] a:hover { color: var(--accent); }
.what { display: inline-block; margin-left: 0.6rem; font-size: 0.75rem; color: var(--soft); }
.how { width: 9.5rem; }
.timeline .number { width: 5rem; text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.timeline td.number { font-size: 0.875rem; }
.timeline .axis, .timeline .track { padding-inline: 0; }
.timeline .track { padding-block: 0; height: 2.25rem; }
.ticks { position: relative; display: block; height: 1.2em; margin-right: 2.5rem; }
.ticks > span { position: absolute; white-space: nowrap; font-size: 0.75rem; font-variant-numeric: tabular-nums; padding-left: 0.3rem; border-left: 1px solid var(--wait); line-height: 1.2; }
.bars {
  position: relative; height: 100%; min-height: 1.75rem; margin-right: 2.5rem;
  background: repeating-linear-gradient(to right, var(--grid) 0 1px, transparent 1px var(--tick));
}
.bar { position: absolute; top: calc(50% - 0.5rem); height: 1rem; min-width: 3px; border-radius: 3px; }
.bar.wait { min-width: 1px; border-radius: 2px; border: 1px solid var(--wait); background: none; }
.bar.dependencies { top: 50%; height: 0; border-width: 1px 0 0; border-style: dashed; border-radius: 0; border-color: var(--wait); }
.legend .bar.dependencies { height: 0; }
.bar.slot { background: repeating-linear-gradient(135deg, transparent 0 3px, var(--wait) 3px 4px); }
.bar.exclusive { background: repeating-linear-gradient(90deg, transparent 0 3px, var(--wait) 3px 4px); }
.bar.cache { background: repeating-linear-gradient(0deg, transparent 0 3px, var(--wait) 3px 4px); }
.bar.retry { background: radial-gradient(circle at 3px 50%, var(--wait) 1.5px, transparent 2px) 0 0 / 6px 100%; }
.bar.human { border-style: double; border-width: 3px; border-color: var(--accent); }
.bar.work { background: var(--work); }
.bar.attempt { background: repeating-linear-gradient(45deg, var(--bad) 0 4px, var(--card) 4px 5px); border-right: 2px solid var(--card); }
.failed .bar.work, .excused .bar.work { background: var(--bad); }
.bar.stopping { background: repeating-linear-gradient(45deg, var(--odd) 0 3px, var(--card) 3px 6px); border: 1px solid var(--odd); }
.end { position: absolute; top: calc(50% - 0.75rem); line-height: 1.5rem; padding-left: 0.3rem; font-size: 0.8125rem; font-weight: 700; }
.failed .end, .excused .end { color: var(--bad); }
.cancelled .end { color: var(--odd); }
.skipped .end { color: var(--soft); }

.status { font-size: 0.8125rem; font-weight: 600; white-space: nowrap; font-family: inherit; }
.status.done, .status.done_before { color: var(--good); }
.status.failed, .status.excused { color: var(--bad); }
.status.cancelled, .status.open { color: var(--odd); }
.status.skipped, .status.not_reached { color: var(--soft); }

article { margin-top: 0.9rem; padding: 1rem 1.15rem 1.1rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; scroll-margin-top: 1rem; }
article:target { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
.times { font-size: 0.8125rem; color: var(--soft); }
.facts { display: flex; flex-wrap: wrap; gap: 0.15rem 1.25rem; margin-top: 0.35rem; font-size: 0.8125rem; }
.facts dt, .facts dd { display: inline; }
.facts dt { color: var(--soft); }
.notes { margin-top: 0.6rem; font-size: 0.875rem; }
.notes li { padding: 0.15rem 0; }
.notes .at { color: var(--soft); font-variant-numeric: tabular-nums; margin-right: 0.4rem; }
.text { margin-top: 0.75rem; }
.text .name { font-size: 0.8125rem; font-weight: 600; }
.text pre { margin-top: 0.3rem; padding: 0.65rem 0.8rem; background: var(--code); border: 1px solid var(--line); border-radius: 6px; }
.text summary { cursor: pointer; }
.size { font-size: 0.75rem; color: var(--soft); margin-left: 0.4rem; }
.preview { display: block; margin: 0.15rem 0 0 1.1rem; font-size: 0.8125rem; color: var(--soft); overflow: hidden; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; }
details[open] .preview { display: none; }
.omitted { font-size: 0.8125rem; color: var(--soft); margin-top: 0.3rem; }
.error .name { color: var(--bad); }
.error pre { background: var(--bad-soft); border-color: var(--bad); }
footer { margin-top: 3rem; font-size: 0.8125rem; color: var(--soft); }

@media (max-width: 48rem) {
  .timeline thead th:not(.axis) { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); padding: 0; border: 0; }
  .timeline, .timeline tbody, .timeline thead { display: block; }
  .timeline thead tr { display: block; padding: 0.5rem 0.8rem 0; }
  .timeline tbody tr { display: grid; grid-template-columns: 1fr auto auto; gap: 0 1rem; align-items: center; padding: 0.55rem 0.8rem; }
  .timeline tbody th, .timeline tbody td { display: block; border: 0; padding: 0; width: auto; }
  .timeline .axis { display: block; border: 0; padding: 0; }
  .timeline th[scope=row] { grid-column: 1 / 3; width: auto; padding-left: calc(var(--depth) * 0.9rem); }
  .how { grid-column: 3; width: auto; text-align: right; }
  .timeline .track { grid-column: 1 / -1; height: 1.75rem; }
  .timeline td.number { grid-column: 1 / 3; width: auto; font-size: 0.75rem; color: var(--soft); text-align: left; }
  .timeline td.number:last-child { grid-column: 3; text-align: right; }
  .timeline td.number:not(:empty)::before { content: attr(data-name) " "; }
  .bars, .ticks { margin-right: 1.5rem; }
  .timeline tbody tr { border-top: 1px solid var(--line); }
}
@media (forced-colors: active) {
  .bar { border: 1px solid CanvasText; }
  .bar.work { background: CanvasText; forced-color-adjust: none; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
@media print {
  body { max-width: none; padding: 0; background: none; font-size: 10pt; }
  .bar, .bars, .text pre, .why { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  article, .timeline tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  details::details-content { content-visibility: visible; height: auto; }
  .preview { display: none; }
}
`;
