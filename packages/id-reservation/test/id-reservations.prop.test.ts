import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IdReservations, numbered, type Reservation, type ReservationState } from "../src/index.js";

/** What a registry must be: an array of all reservations ever made, looked through from the start each time. */
class Model {
  readonly made: { key: string; state: ReservationState; gone: boolean; real: Reservation }[] = [];
  readonly outside = new Set<string>();

  /** Who has the key here. */
  holder(key: string): (typeof this.made)[number] | undefined {
    return this.made.find((each) => each.key === key && each.state !== "released" && !each.gone);
  }
}

interface World {
  readonly ids: IdReservations;
  readonly onCommit: "keep" | "forget";
}

type Command = fc.Command<Model, World>;

const key = (id: string): string => id.toLowerCase();

function agree(model: Model, { ids }: World): void {
  const live = model.made.filter(({ state, gone }) => state !== "released" && !gone);
  expect(ids.snapshot()).toEqual(
    live.map(({ real, state }) => ({ id: real.id, state, generation: real.generation })),
  );
  expect(ids.size).toBe(live.length);
  expect(ids.pending).toBe(live.filter(({ state }) => state === "pending").length);
  expect(new Set(live.map((each) => each.key)).size).toBe(live.length);
  for (const each of model.made) expect(each.real.state).toBe(each.state);
}

function command(text: string, run: (model: Model, world: World) => void): Command {
  return {
    check: () => true,
    run: (model, world) => {
      run(model, world);
      agree(model, world);
    },
    toString: () => text,
  };
}

function note(model: Model, real: Reservation): void {
  const latest = model.made.at(-1)?.real.generation ?? 0;
  expect(real.generation).toBeGreaterThan(latest);
  model.made.push({ key: key(real.id), state: "pending", gone: false, real });
}

const isFree = (model: Model, id: string): boolean =>
  model.holder(key(id)) === undefined && !model.outside.has(key(id));

const anId = fc.constantFrom("a", "A", "b", "B", "a (1)", "c");
const which = fc.nat(30);

const reserve = (id: string): Command =>
  command(`reserve ${id}`, (model, { ids }) => {
    const free = isFree(model, id);
    const real = ids.tryReserve(id);
    expect(real !== null).toBe(free);
    if (real !== null) note(model, real);
  });

const reserveFirst = (id: string): Command =>
  command(`reserveFirst ${id}`, (model, { ids }) => {
    const names = Array.from({ length: 100 }, (_, attempt) => numbered(id)(attempt));
    const expected = names.find((name) => isFree(model, name));
    const real = ids.reserveFirst(numbered(id));
    expect(real.id).toBe(expected);
    note(model, real);
  });

const reserveAll = (several: readonly string[]): Command =>
  command(`reserveAll ${several.join()}`, (model, { ids }) => {
    const distinct = new Set(several.map(key)).size === several.length;
    if (distinct && several.every((id) => isFree(model, id)))
      for (const real of ids.reserveAll(several).reservations) note(model, real);
    else expect(() => ids.reserveAll(several)).toThrow(/is taken/);
  });

const settle = (index: number, how: "commit" | "release" | "seal"): Command =>
  command(`${how} ${index}`, (model, { onCommit }) => {
    const each = model.made[index % Math.max(model.made.length, 1)];
    if (each === undefined) return;
    if (each.state === "released" && how !== "release") {
      expect(() => {
        each.real[how]();
      }).toThrow(TypeError);
      return;
    }
    each.real[how]();
    if (each.state !== "pending") return;
    each.state = how === "commit" ? "committed" : how === "seal" ? "sealed" : "released";
    each.gone = how === "commit" && onCommit === "forget";
  });

const remove = (id: string): Command =>
  command(`delete ${id}`, (model, { ids }) => {
    const holder = model.holder(key(id));
    const can = holder !== undefined && holder.state !== "pending";
    expect(ids.delete(id)).toBe(can);
    if (can) holder.state = "released";
  });

const changeOutside = (id: string): Command =>
  command(`outside ${id}`, (model) => {
    if (!model.outside.delete(key(id))) model.outside.add(key(id));
  });

const look = (id: string): Command =>
  command(`look ${id}`, (model, { ids }) => {
    const here = model.holder(key(id))?.state;
    const state = here ?? (model.outside.has(key(id)) ? "external" : "free");
    expect(ids.stateOf(id)).toBe(state);
    expect(ids.has(id)).toBe(state !== "free");
  });

const commands = fc.commands(
  [
    anId.map(reserve),
    anId.map(reserveFirst),
    fc.array(anId, { maxLength: 3 }).map(reserveAll),
    fc.tuple(which, fc.constantFrom("commit", "release", "seal")).map(([index, how]) => settle(index, how)),
    anId.map(remove),
    anId.map(changeOutside),
    anId.map(look),
  ],
  { maxCommands: 60, size: "max" },
);

describe("IdReservations, at random", () => {
  it.each(["keep", "forget"] as const)(
    "[ID1, ID4, ID5, ID6, ID7] agrees with the model after every command: %s",
    (onCommit) => {
      fc.assert(
        fc.property(commands, (all) => {
          fc.modelRun(() => {
            const model = new Model();
            const ids = new IdReservations({
              normalize: key,
              isTaken: (id) => model.outside.has(key(id)),
              onCommit,
            });
            return { model, real: { ids, onCommit } };
          }, all);
        }),
        { numRuns: 300 },
      );
    },
    30_000,
  );
});
