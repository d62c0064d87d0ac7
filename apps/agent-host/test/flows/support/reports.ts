import type { Report, Row, RowStatus, Span, SpanKind } from "../../../src/flows/report/report.js";

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

const noon = Date.UTC(2026, 0, 2, 12, 0, 0, 250);

/** One after the other, each until so many milliseconds after the begin. */
function spans(from: number, ...ends: readonly (readonly [kind: SpanKind, to: number])[]): Span[] {
  return ends.map(([kind, to], index) => ({
    kind,
    from: noon + (ends[index - 1]?.[1] ?? from),
    to: noon + to,
  }));
}

const numbered = (count: number): string =>
  Array.from({ length: count }, (_, n) => `line ${n + 1}`).join("\n");

/** A report of a run in which everything happened that can, to be read. */
export const eventful: Report = {
  kind: "pipeline",
  title: "release.yaml",
  runId: "run-7",
  ending: {
    status: "failed",
    message: 'step "deploy": the host is gone',
    others: ['step "notify": no answer', 'step "watch": it broke when it was told to stop'],
  },
  startedAt: noon,
  endedAt: noon + 95_500,
  facts: [
    { name: "File", value: "/home/me/release.yaml" },
    { name: "Retries", value: "1" },
  ],
  notes: [
    { at: noon + 1500, text: "It was paused." },
    { at: undefined, text: "A note that belongs to no time." },
  ],
  texts: [{ name: "What it said last", text: "It is out.\n\n", omitted: 0 }],
  rows: [
    row("fetch", "done", {
      kind: "command",
      spans: spans(0, ["slot", 1500], ["work", 4250]),
      endedAt: noon + 4250,
      facts: [{ name: "Exit code", value: "0" }],
      texts: [
        { name: "Command", text: "git fetch", omitted: 0 },
        { name: "As many lines as are shown", text: numbered(12), omitted: 0 },
        { name: "One line more", text: numbered(13), omitted: 0 },
      ],
    }),
    row("plan", "done", {
      kind: "prompt",
      dependsOn: ["fetch"],
      spans: spans(
        0,
        ["dependencies", 4250],
        ["slot", 5000],
        ["attempt", 15_000],
        ["retry", 16_000],
        ["work", 40_000],
      ),
      endedAt: noon + 40_000,
      facts: [
        { name: "Model", value: "small" },
        { name: "Tokens", value: "10 in, 5 out" },
      ],
      notes: [
        { at: noon + 15_000, text: "Tried again (1 of 2), because: busy" },
        { at: undefined, text: "It said much." },
      ],
      texts: [
        { name: "Prompt", text: 'What is "new"?', omitted: 0 },
        { name: "Not all of it", text: numbered(14), omitted: 18_000 },
      ],
    }),
    row("plan::review", "done", {
      label: "review",
      depth: 1,
      kind: "prompt",
      spans: spans(40_000, ["work", 40_000]),
      endedAt: noon + 40_000,
    }),
    row("gate", "done", {
      kind: "human gate",
      spans: spans(40_000, ["human", 60_000], ["work", 60_001]),
      endedAt: noon + 60_001,
    }),
    row("shared", "done", {
      kind: "tool index",
      spans: spans(40_000, ["exclusive", 41_000], ["cache", 42_500], ["work", 42_510]),
      endedAt: noon + 42_510,
    }),
    row("deploy", "failed", {
      kind: "command",
      dependsOn: ["plan", "gate"],
      spans: spans(60_001, ["work", 80_001]),
      endedAt: noon + 80_001,
      error: { name: "runner/invocation-failed", text: 'step "deploy": the host is gone', omitted: 0 },
    }),
    row("notify", "excused", {
      spans: spans(80_000, ["work", 80_500]),
      endedAt: noon + 80_500,
      error: { name: "runner/invocation-failed", text: `step "notify": ${numbered(20)}`, omitted: 4 },
    }),
    row("watch", "cancelled", {
      kind: "command",
      spans: spans(70_000, ["work", 80_001], ["stopping", 85_001]),
      endedAt: noon + 85_001,
      notes: [{ at: noon + 80_001, text: "Told to stop because of deploy (fail_fast): it failed." }],
    }),
    row("retried", "cancelled", {
      kind: "tool index",
      spans: spans(70_000, ["attempt", 71_000], ["retry", 80_001]),
      endedAt: noon + 80_001,
    }),
    row("docs", "skipped", { endedAt: noon + 80_001 }),
    row("tail", "open", { kind: "command", spans: spans(90_000, ["work", 95_500]) }),
    row("setup", "done_before", { kind: "command", texts: [{ name: "Output", text: "ready", omitted: 0 }] }),
    row("check", "failed", { error: { name: "pipeline/aborted", text: "in the run before", omitted: 0 } }),
    row("last", "not_reached", { dependsOn: ["deploy"], spans: spans(0, ["dependencies", 95_500]) }),
  ],
};

/** A report of a run in which nothing happened. */
export const uneventful: Report = {
  kind: "flow",
  title: "nothing",
  runId: "run-8",
  ending: { status: "completed", message: undefined, others: [] },
  startedAt: noon,
  endedAt: noon,
  rows: [],
  facts: [],
  notes: [],
  texts: [],
};
