import { explore, type Program, ScheduleError } from "@holdfast/interleave";
import { describe, expect, it } from "vitest";
import { IdReservations, numbered } from "../src/index.js";

type Pick = (name: string, registered: ReadonlyMap<string, string>) => { id: string; end: () => void };

/** Two tasks start something called "build": each picks a name, does slow work under it, and registers it. */
function twoStarts(makePick: (registered: ReadonlyMap<string, string>) => Pick, failing = false): Program {
  return ({ task, invariant, state, atEnd }) => {
    const registered = new Map<string, string>();
    const working = new Map<string, string>();
    const pick = makePick(registered);
    const picked: string[] = [];
    let overwritten = false;
    for (const name of ["A", "B"])
      task(name, async ({ step }) => {
        await step("picks");
        const { id, end } = pick("build", registered);
        picked.push(id);
        working.set(name, id);
        await step("works");
        if (failing && name === "A") {
          working.delete(name);
          end();
          return;
        }
        await step("registers");
        if (registered.has(id)) overwritten = true;
        registered.set(id, name);
        working.delete(name);
        await step("tells");
        end();
      });
    state(() => JSON.stringify([[...registered], [...working], picked]));
    invariant("no two work under one name", () => new Set(working.values()).size === working.size);
    invariant("nobody is overwritten", () => !overwritten);
    atEnd("all that were started are there", () => registered.size === (failing ? 1 : 2));
  };
}

const unreserved =
  (registered: ReadonlyMap<string, string>): Pick =>
  (name) => {
    const candidate = numbered(name);
    let attempt = 0;
    while (registered.has(candidate(attempt))) attempt += 1;
    return { id: candidate(attempt), end: () => undefined };
  };

describe("two tasks that pick a name and do slow work", () => {
  it.each(["keep", "forget"] as const)(
    "[ID1, ID3, T96] never have the same one, in whatever order they run: %s",
    async (onCommit) => {
      const report = await explore(
        twoStarts((registered) => {
          const ids = new IdReservations({ isTaken: (id: string) => registered.has(id), onCommit });
          return (name) => {
            const reservation = ids.reserveFirst(numbered(name));
            return {
              id: reservation.id,
              end: () => {
                reservation.commit();
              },
            };
          };
        }),
      );
      expect(report.complete).toBe(true);
    },
  );

  it("[ID5, T100] leave the name of one that failed to whoever comes next, and to nobody before", async () => {
    const report = await explore(
      twoStarts((registered) => {
        const ids = new IdReservations({ isTaken: (id: string) => registered.has(id) });
        return (name) => {
          const reservation = ids.reserveFirst(numbered(name));
          return {
            id: reservation.id,
            end: () => {
              if (registered.has(reservation.id)) reservation.commit();
              reservation.release();
            },
          };
        };
      }, true),
    );
    expect(report.complete).toBe(true);
  });

  it("have the same one in some order when nothing is reserved: the explorer finds it", async () => {
    await expect(explore(twoStarts(unreserved))).rejects.toThrow(ScheduleError);
  });
});
