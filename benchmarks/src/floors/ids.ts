// Not registries to use: the first frees whatever it is told to, and none asks the outside or knows who has an id.
import type { IdAdapter } from "../harness/adapters.ts";

const name = (index: number): string => `id-${index}`;

/** A Set: whoever knows an id can free it. */
export const set: IdAdapter<Set<string>, string, true> = {
  secondRelease: "frees another's",
  create: () => new Set(),
  idOf: name,
  reserve(ids, id) {
    if (ids.has(id)) return null;
    ids.add(id);
    return true;
  },
  release(ids, id) {
    ids.delete(id);
  },
};

/** A Set, and a function per reservation that frees once. */
export const setAndClosure: IdAdapter<Set<string>, string, () => void> = {
  secondRelease: "harmless",
  create: () => new Set(),
  idOf: name,
  reserve(ids, id) {
    if (ids.has(id)) return null;
    ids.add(id);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      ids.delete(id);
    };
  },
  release(_ids, _id, release) {
    release();
  },
};

/** A Map from the id to a function that frees it once. */
export const mapAndClosure: IdAdapter<Map<string, () => void>, string, () => void> = {
  secondRelease: "harmless",
  create: () => new Map(),
  idOf: name,
  reserve(ids, id) {
    if (ids.has(id)) return null;
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      ids.delete(id);
    };
    ids.set(id, release);
    return release;
  },
  release(_ids, _id, release) {
    release();
  },
};
