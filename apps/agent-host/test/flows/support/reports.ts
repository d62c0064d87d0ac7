import type { Report, Row, RowStatus, SpanKind } from "../../../src/flows/report/report.js";

/** What would run, load or break out, if it got onto a page as markup. */
export const attacks = [
  `<script>document.title = "owned"</script>`,
  `"><img src="http://example.invalid/x.png" onerror="document.title='owned'">`,
  `</pre></details><style>body { display: none }</style>`,
  `' onmouseover='document.title="owned"' x='`,
  `&lt;script&gt; &amp; <!-- ]]> --> \u0000 \u001B[31m`,
];

const attack = attacks.join("\n");

const empty: Omit<Row, "name" | "label" | "status"> = {
  depth: 0,
  kind: undefined,
  dependsOn: [],
  spans: [],
  endedAt: undefined,
  notes: [],
  facts: [],
  error: undefined,
  texts: [],
};

function row(name: string, status: RowStatus, more: Partial<Row> = {}): Row {
  return { ...empty, name, label: name, status, ...more };
}

const kinds = [
  "dependencies",
  "slot",
  "exclusive",
  "retry",
  "cache",
  "human",
  "attempt",
  "work",
  "stopping",
] as const satisfies readonly SpanKind[];

/** A report in which everything occurs that can, and every text is an attack. */
export const everything: Report = {
  kind: "pipeline",
  title: `title ${attack}`,
  runId: `run ${attack}`,
  ending: { status: "failed", message: `why ${attack}`, others: [`besides ${attack}`] },
  startedAt: 1000,
  endedAt: 10_000,
  facts: [{ name: "File", value: `/a/${"very-long-folder/".repeat(12)}file.yaml ${attack}` }],
  notes: [
    { at: 1500, text: `note ${attack}` },
    { at: undefined, text: "a note of no time" },
  ],
  texts: [{ name: `Input ${attack}`, text: attack, omitted: 0 }],
  rows: [
    row("all", "done", {
      kind: "prompt",
      spans: kinds.map((kind, index) => ({ kind, from: 1000 + index * 1000, to: 2000 + index * 1000 })),
      endedAt: 10_000,
      notes: [{ at: 2000, text: `noted ${attack}` }],
      facts: [{ name: `Fact ${attack}`, value: `value ${attack}` }],
      texts: [
        { name: "Prompt", text: `asked ${attack}`, omitted: 0 },
        {
          name: "Answer",
          text: Array.from({ length: 300 }, (_, line) => `line ${line} ${attack}`).join("\n"),
          omitted: 1234,
        },
      ],
    }),
    row("all::part", "done", {
      label: "part",
      depth: 1,
      spans: [{ kind: "work", from: 1000, to: 1000 }],
      endedAt: 1000,
    }),
    row(`name ${attack}`, "failed", {
      kind: `kind ${attack}`,
      dependsOn: [`other ${attack}`],
      spans: [{ kind: "work", from: 5000, to: 9000 }],
      endedAt: 9000,
      error: { name: `type ${attack}`, text: `error ${attack}`, omitted: 0 },
    }),
    row("a_name_that_is_longer_than_any_screen_is_wide_".repeat(4), "excused", {
      spans: [{ kind: "work", from: 2000, to: 3000 }],
      endedAt: 3000,
    }),
    row("cancelled", "cancelled", { spans: [{ kind: "work", from: 9000, to: 10_000 }], endedAt: 10_000 }),
    row("skipped", "skipped", { endedAt: 4000 }),
    row("open", "open", { spans: [{ kind: "work", from: 9500, to: 10_000 }] }),
    row("before", "done_before"),
    row("never", "not_reached"),
  ],
};
