import { at } from "./at.ts";
import { setImmediate as breath } from "node:timers/promises";
import type { Case, Contestant, Metrics, Runner } from "./case.ts";

/** What one process found out about one case: per contestant a sample per round, null where it sat the round out. */
export interface ProcessResult {
  /** The version that measured. */
  readonly node: string;
  readonly contestants: Readonly<Record<string, readonly (Metrics | null)[]>>;
}

export interface RoundOptions {
  readonly rounds: number;
  /** How long a contestant's turn should take, in milliseconds. */
  readonly turn: number;
  /** Only these, where it is not empty. */
  readonly only: readonly string[];
}

interface Participant {
  readonly name: string;
  readonly runner: Runner;
  readonly batches: number;
  /** Takes part in every so many-th round. */
  readonly every: number;
  readonly samples: (Metrics | null)[];
}

const maxBatches = 10_000;
const warmUps = 3;

function collectGarbage(): void {
  if (globalThis.gc === undefined) throw new Error("Needs node --expose-gc");
  globalThis.gc();
}

/** Runs one case: everybody warms up, then turns in an order that rotates from round to round. */
export async function runCase(
  { contestants, prepare, maxRounds = Infinity, singleBatch = false }: Case,
  { rounds, turn, only }: RoundOptions,
): Promise<ProcessResult> {
  const participants: Participant[] = [];
  for (const contestant of contestants) {
    if (only.length > 0 && !only.includes(contestant.name)) continue;
    const participant = await enter(contestant, prepare, turn, singleBatch);
    if (participant !== undefined) participants.push(participant);
  }
  const count = participants.length;
  for (let round = 0; round < Math.min(rounds, maxRounds); round += 1) {
    for (let place = 0; place < count; place += 1) {
      const participant = at(participants, (place + round) % count);
      if (round > 0 && round % participant.every !== 0) {
        participant.samples.push(null);
        continue;
      }
      await breath();
      collectGarbage();
      participant.samples.push(await participant.runner.run(participant.batches));
    }
  }
  for (const { runner } of participants) await runner.end?.();
  const samples = Object.fromEntries(
    participants.map((participant) => [participant.name, participant.samples]),
  );
  return { node: process.version, contestants: samples };
}

/** Warms up, and finds out how much fits into a turn. */
async function enter(
  contestant: Contestant<unknown>,
  prepare: Case["prepare"],
  turn: number,
  singleBatch: boolean,
): Promise<Participant | undefined> {
  const runner = await prepare(contestant, "full");
  if (runner === undefined) return undefined;
  const { name } = contestant;
  if (singleBatch) {
    const took = await duration(runner, 1);
    return { name, runner, batches: 1, every: everyFor(took, turn), samples: [] };
  }
  let batches = 1;
  let took = await duration(runner, batches);
  for (let warmUp = 0; warmUp < warmUps && took < 10 * turn; warmUp += 1) {
    batches = Math.min(maxBatches, Math.max(1, Math.round((batches * turn) / took)));
    took = await duration(runner, batches);
  }
  batches = Math.min(maxBatches, Math.max(1, Math.round((batches * turn) / took)));
  return { name, runner, batches, every: everyFor(took, turn), samples: [] };
}

/** The slow ones may sit out: a second of theirs says no more than a hundredth. */
function everyFor(took: number, turn: number): number {
  if (took > 200 * turn) return Infinity;
  return took > 40 * turn ? 6 : took > 10 * turn ? 3 : 1;
}

async function duration(runner: Runner, batches: number): Promise<number> {
  await breath();
  const start = performance.now();
  await runner.run(batches);
  return performance.now() - start;
}
