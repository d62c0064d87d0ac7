import type { VNode } from "preact";
import { isWait, type Report, type Row, type Span } from "./report.js";
import { Scale } from "./scale.js";
import { StatusBadge } from "./status-badge.js";
import { anchorOf } from "./step-card.js";
import { duration, hasWorked, spanWords, statusWords, tickLabel, waited, worked } from "./words.js";

/** A table of all steps, with a bar for each that shows when it waited and worked. */
export function Timeline({ report: { rows, startedAt, endedAt } }: { readonly report: Report }): VNode {
  const scale = new Scale(startedAt, endedAt);
  return (
    <section aria-labelledby="timeline">
      <h2 id="timeline">Timeline</h2>
      <Legend rows={rows} />
      <table class="timeline" aria-labelledby="timeline" style={`--tick: ${scale.share(scale.step)}%`}>
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">Ended</th>
            <th scope="col" class="axis">
              <span class="unseen">When</span>
              <Axis scale={scale} />
            </th>
            <th scope="col" class="number">
              Waited
            </th>
            <th scope="col" class="number">
              Took
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <TimelineRow row={row} index={index} scale={scale} startedAt={startedAt} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Axis({ scale }: { readonly scale: Scale }): VNode {
  return (
    <span class="ticks" aria-hidden="true">
      {scale.ticks.map((tick) => (
        <span style={`left: ${scale.share(tick)}%`}>{tick === 0 ? "0" : tickLabel(tick)}</span>
      ))}
    </span>
  );
}

interface RowProps {
  readonly row: Row;
  readonly index: number;
  readonly scale: Scale;
  readonly startedAt: number;
}

function TimelineRow({ row, index, scale, startedAt }: RowProps): VNode {
  const { label, name, depth, kind, status, spans, endedAt } = row;
  return (
    <tr class={status}>
      <th scope="row" style={`--depth: ${depth}`}>
        <a href={`#${anchorOf(index)}`} aria-label={name}>
          {label}
        </a>
        {kind !== undefined && <span class="what">{kind}</span>}
      </th>
      <td class="how">
        <StatusBadge status={status} />
      </td>
      <td class="track">
        <div class="bars" role="img" aria-label={inWords(row, startedAt)}>
          {spans.map((span) => (
            <Bar span={span} scale={scale} />
          ))}
          {endedAt !== undefined && marked.has(status) && (
            <span class="end" style={`left: ${scale.at(endedAt)}%`}>
              {statusWords[status].sign}
            </span>
          )}
        </div>
      </td>
      <td class="number" data-name="waited">
        {waited(row) > 0 && duration(waited(row))}
      </td>
      <td class="number" data-name="took">
        {hasWorked(row) && duration(worked(row))}
      </td>
    </tr>
  );
}

/** Whose end is worth a sign of its own. */
const marked = new Set<Row["status"]>(["failed", "excused", "cancelled", "skipped"]);

function Bar({ span: { kind, from, to }, scale }: { readonly span: Span; readonly scale: Scale }): VNode {
  return (
    <span
      class={`bar ${isWait(kind) ? "wait " : ""}${kind}`}
      style={`left: ${scale.at(from)}%; width: ${scale.share(to - from)}%`}
      title={`${spanWords[kind]}: ${duration(to - from)}`}
    />
  );
}

/** What the bars show, for those who do not see them. */
function inWords({ spans, status }: Row, startedAt: number): string {
  const told = spans.map(
    ({ kind, from, to }) =>
      `${spanWords[kind]} for ${duration(to - from)} from ${duration(from - startedAt)} on`,
  );
  return [...told, statusWords[status].word].join(", ");
}

function Legend({ rows }: { readonly rows: readonly Row[] }): VNode {
  const kinds = new Set(rows.flatMap(({ spans }) => spans.map(({ kind }) => kind)));
  return (
    <ul class="legend" aria-label="What the bars mean">
      {[...kinds].map((kind) => (
        <li>
          <span class={`bar ${isWait(kind) ? "wait " : ""}${kind}`} aria-hidden="true" /> {spanWords[kind]}
        </li>
      ))}
    </ul>
  );
}
