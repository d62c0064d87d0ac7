import type { VNode } from "preact";
import { renderToString } from "preact-render-to-string";
import { printable } from "../../session-command/describe-outcome.js";
import { NoteList } from "./note-list.js";
import { pageStyle } from "./page-style.js";
import type { Fact, Report } from "./report.js";
import { StepCard } from "./step-card.js";
import { TextBlock } from "./text-block.js";
import { Timeline } from "./timeline.js";
import { counts, duration, endingWords, moment, statusWords, waited, worked } from "./words.js";

/** A page that shows a report. It needs nothing else, and no script. */
export function renderPage(report: Report): string {
  // Characters that no page may have.
  return printable(`<!doctype html>\n${renderToString(<Page report={report} />)}\n`);
}

// Should a text ever get through as markup, it can still load and run nothing.
const policy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'";

function Page({ report }: { readonly report: Report }): VNode {
  const { title, kind, rows, texts, notes, ending } = report;
  const { word, sign } = endingWords[ending.status];
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content={policy} />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="data:," />
        <title>{`${sign} ${title}: ${word.toLowerCase()}`}</title>
        <style dangerouslySetInnerHTML={{ __html: pageStyle }} />
      </head>
      <body>
        <header>
          <p class="kind">{`Report of a ${kind}`}</p>
          <h1>{title}</h1>
          <p class={`ending ${ending.status}`}>
            <span class="sign" aria-hidden="true">
              {sign}
            </span>
            {`${word} after ${duration(report.endedAt - report.startedAt)}`}
          </p>
          <Counts report={report} />
          <Failure report={report} />
          <Totals report={report} />
        </header>
        <main>
          <Timeline report={report} />
          {notes.length > 0 && (
            <section aria-labelledby="notes">
              <h2 id="notes">Beside the steps</h2>
              <NoteList notes={notes} startedAt={report.startedAt} />
            </section>
          )}
          {texts.length > 0 && (
            <section aria-labelledby="in-and-out">
              <h2 id="in-and-out">What went in and came out</h2>
              {texts.map((text) => (
                <TextBlock text={text} />
              ))}
            </section>
          )}
          <section aria-labelledby="steps">
            <h2 id="steps">What each step came to</h2>
            {rows.map((row, index) => (
              <StepCard row={row} index={index} startedAt={report.startedAt} />
            ))}
          </section>
        </main>
        <footer>
          <p>{`Written by agent-host when the run had ended, ${moment(report.endedAt)}.`}</p>
        </footer>
      </body>
    </html>
  );
}

/** How many steps of the file ended in each way. */
function Counts({ report }: { readonly report: Report }): VNode {
  return (
    <ul class="counts" aria-label="Steps by how they ended">
      {[...counts(report)].map(([status, count]) => (
        <li class={`status ${status}`}>
          <span aria-hidden="true">{statusWords[status].sign}</span> {`${count} ${statusWords[status].word}`}
        </li>
      ))}
    </ul>
  );
}

function Failure({ report: { ending } }: { readonly report: Report }): VNode | undefined {
  if (ending.message === undefined) return undefined;
  return (
    <div class={`why ${ending.status}`}>
      <pre>{ending.message}</pre>
      {ending.others.length > 0 && (
        <>
          <p>What failed besides:</p>
          <ul>
            {ending.others.map((other) => (
              <li>
                <pre>{other}</pre>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

function Totals({ report }: { readonly report: Report }): VNode {
  const own = report.rows.filter(({ depth }) => depth === 0);
  const total = (of: typeof worked): string => duration(own.reduce((sum, row) => sum + of(row), 0));
  const facts: readonly Fact[] = [
    { name: "Steps", value: `${own.length}` },
    { name: "Took", value: duration(report.endedAt - report.startedAt) },
    { name: "Work, added up", value: total(worked) },
    { name: "Waits, added up", value: total(waited) },
    { name: "Started", value: moment(report.startedAt) },
    ...report.facts,
    { name: "Run", value: report.runId },
  ];
  return (
    <dl class="totals">
      {facts.map(({ name, value }) => (
        <div>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
