import type { VNode } from "preact";
import type { Row } from "./report.js";
import { NoteList } from "./note-list.js";
import { StatusBadge } from "./status-badge.js";
import { TextBlock } from "./text-block.js";
import { duration, hasWorked, waited, worked } from "./words.js";

interface Props {
  readonly row: Row;
  readonly index: number;
  readonly startedAt: number;
}

/** The name under which a step can be linked to. */
export function anchorOf(index: number): string {
  return `step-${index + 1}`;
}

/** All that there is to say about a step. */
export function StepCard({ row, index, startedAt }: Props): VNode {
  const { name, kind, dependsOn, spans, facts, notes, error, texts } = row;
  const id = anchorOf(index);
  const times = [
    ...(kind === undefined ? [] : [kind]),
    ...(dependsOn.length === 0 ? [] : [`after ${dependsOn.join(", ")}`]),
    ...(spans[0] === undefined ? [] : [`begun at ${duration(spans[0].from - startedAt)}`]),
    ...(waited(row) > 0 ? [`waited ${duration(waited(row))}`] : []),
    ...(hasWorked(row) ? [`took ${duration(worked(row))}`] : []),
  ];
  return (
    <article id={id} aria-labelledby={`${id}-name`}>
      <h3>
        <span id={`${id}-name`}>{name}</span> <StatusBadge status={row.status} />
      </h3>
      <p class="times">{times.join(" · ")}</p>
      {facts.length > 0 && (
        <dl class="facts">
          {facts.map((fact) => (
            <div>
              <dt>{fact.name}</dt> <dd>{fact.value}</dd>
            </div>
          ))}
        </dl>
      )}
      {error !== undefined && (
        <div class="error">
          <TextBlock text={{ ...error, name: `Error: ${error.name}` }} />
        </div>
      )}
      {notes.length > 0 && <NoteList notes={notes} startedAt={startedAt} />}
      {texts.map((text) => (
        <TextBlock text={text} />
      ))}
    </article>
  );
}
