import { describe, expect, it } from "vitest";
import { type Positioned, Queue } from "../src/queue.js";

class Item implements Positioned {
  position = -1;
  readonly n: number;
  constructor(n: number) {
    this.n = n;
  }
}

type Standing = Item | (() => number);

const items = (count: number): Item[] => Array.from({ length: count }, (_, n) => new Item(n));

function filled(count: number): { queue: Queue<Standing>; all: Item[] } {
  const queue = new Queue<Standing>();
  const all = items(count);
  for (const item of all) queue.push(item);
  return { queue, all };
}

function at(all: readonly Item[], index: number): Item {
  const item = all[index];
  if (item === undefined) throw new RangeError(`there is no item ${index}`);
  return item;
}

const positions = (all: readonly Item[]): number[] => all.map(({ position }) => position);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe("a queue", () => {
  it("is empty at first, has no first, and nothing to go through", () => {
    const queue = new Queue<Standing>();
    expect([queue.size, queue.first(), [...queue]]).toEqual([0, undefined, []]);
  });

  it("gives back in the order in which it was given, and the first stays until it is taken out", () => {
    const { queue, all } = filled(3);
    for (const item of all) {
      expect(queue.first()).toBe(item);
      expect(queue.first()).toBe(item);
      queue.shift();
    }
    expect([queue.size, queue.first()]).toEqual([0, undefined]);
  });

  it("puts one at the head before all others, also of an empty queue, a full one, and one that was shifted", () => {
    const { queue, all } = filled(16);
    const early = items(20);
    for (const item of early) queue.unshift(item);
    expect([queue.size, [...queue]]).toEqual([36, [...early].reverse().concat(all)]);
    for (const item of [...early].reverse()) {
      expect(queue.first()).toBe(item);
      queue.shift();
    }
    queue.shift();
    queue.unshift(at(early, 0));
    expect([...queue]).toEqual([early[0], ...all.slice(1)]);
    queue.remove(at(early, 0));
    for (let n = 1; n < 16; n += 1) queue.remove(at(all, n));
    expect([queue.size, queue.first()]).toEqual([0, undefined]);
    const answer = (): number => 42;
    queue.unshift(answer);
    queue.unshift(at(early, 1));
    queue.push(at(early, 2));
    expect([queue.size, [...queue]]).toEqual([3, [early[1], answer, early[2]]]);
  });

  it("gives out its functions alone, in order, and keeps the others in theirs", () => {
    const { queue, all } = filled(3);
    const [one, two] = [(): number => 1, (): number => 2];
    queue.unshift(one);
    queue.remove(at(all, 1));
    queue.push(two);
    expect(queue.takeFunctions()).toEqual([one, two]);
    expect([queue.size, [...queue], queue.takeFunctions()]).toEqual([2, [all[0], all[2]], []]);
    const bare = new Queue<Standing>();
    bare.push(one);
    bare.push(two);
    expect([bare.takeFunctions(), bare.size, bare.first()]).toEqual([[one, two], 0, undefined]);
    bare.push(two);
    expect([...bare]).toEqual([two]);
  });

  it("skips the holes that those leave who are taken out of the middle, the front and the end", () => {
    const { queue, all } = filled(6);
    for (const n of [2, 0, 5]) queue.remove(at(all, n));
    expect([queue.size, [...queue]]).toEqual([3, [all[1], all[3], all[4]]]);
    expect(queue.first()).toBe(all[1]);
    queue.shift();
    expect(queue.first()).toBe(all[3]);
    queue.shift();
    expect(queue.first()).toBe(all[4]);
    queue.remove(at(all, 4));
    expect([queue.size, queue.first(), [...queue]]).toEqual([0, undefined, []]);
  });

  it("grows as it must, tells each where it stands, and keeps the order", () => {
    const { queue, all } = filled(100);
    expect(queue.size).toBe(100);
    expect(positions(all)).toEqual(upTo(100));
    expect([...queue]).toEqual(all);
  });

  it("starts at the first place again when it has been empty", () => {
    const { queue } = filled(3);
    for (let n = 0; n < 3; n += 1) {
      queue.first();
      queue.shift();
    }
    const next = new Item(9);
    queue.push(next);
    expect([next.position, queue.first()]).toEqual([0, next]);
    queue.remove(next);
    queue.push(next);
    expect([next.position, queue.size, [...queue]]).toEqual([0, 1, [next]]);
  });

  it("goes round in its array while that has room, and stays in order", () => {
    const { queue, all } = filled(16);
    for (let n = 16; n < 60; n += 1) {
      expect(queue.first()).toBe(all[n - 16]);
      queue.shift();
      const item = new Item(n);
      all.push(item);
      queue.push(item);
      // Nobody is moved.
      expect(item.position).toBe(n);
    }
    expect([...queue]).toEqual(all.slice(-16));
  });

  it("packs its array when half of it is holes, and everybody knows his new place", () => {
    const { queue, all } = filled(16);
    for (let n = 0; n < 9; n += 1) queue.remove(at(all, 2 * (n % 8) + (n === 8 ? 1 : 0)));
    const left = [...queue] as Item[];
    expect(left).toHaveLength(7);
    queue.push(new Item(16));
    expect(positions(left)).toEqual(upTo(7));
    // It has still 16 places: with nine more, one of which left, it packs once more.
    for (let n = 17; n < 25; n += 1) queue.push(new Item(n));
    expect(positions(left)).toEqual(upTo(7));
    queue.remove(at(left, 0));
    const last = new Item(25);
    queue.push(last);
    expect(positions(left.slice(1))).toEqual(upTo(6));
    expect(last.position).toBe(15);
    expect(queue.size).toBe(16);
    for (const item of left.slice(1)) queue.remove(item);
    expect([...queue].map((item) => (item as Item).n)).toEqual([16, 17, 18, 19, 20, 21, 22, 23, 24, 25]);
  });

  it("doubles its array when more than half of it is in use", () => {
    const { queue, all } = filled(16);
    for (let n = 0; n < 8; n += 1) queue.remove(at(all, n));
    for (let n = 16; n < 40; n += 1) {
      all.push(new Item(n));
      queue.push(at(all, n));
    }
    // Half was in use, so it has 32 places, and these are full.
    expect(positions(all.slice(8))).toEqual(upTo(32));
    queue.remove(at(all, 8));
    queue.push(new Item(40));
    expect(positions(all.slice(9))).toEqual(upTo(31));
  });

  it("gives the memory of a burst back when it is empty again", () => {
    const { queue, all } = filled(1025);
    for (const item of all) queue.remove(item);
    const next = items(17);
    for (const item of next.slice(0, 16)) queue.push(item);
    expect(positions(next.slice(0, 16))).toEqual(upTo(16));
    queue.remove(at(next, 0));
    queue.push(at(next, 16));
    // An array as small as at first was full, so those left have moved up.
    expect(positions(next.slice(1))).toEqual(upTo(16));
    expect([...queue]).toEqual(next.slice(1));
  });

  it("keeps its memory while it is small, or still in use", () => {
    for (const staying of [0, 1]) {
      const { queue, all } = filled(staying === 0 ? 1024 : 1025);
      for (const item of all.slice(staying)) queue.remove(item);
      if (staying === 1) {
        expect([queue.size, [...queue]]).toEqual([1, [all[0]]]);
        continue;
      }
      const next = items(17);
      for (const item of next.slice(0, 16)) queue.push(item);
      queue.remove(at(next, 0));
      queue.push(at(next, 16));
      expect(positions(next.slice(1))).toEqual(upTo(17).slice(1));
    }
  });

  it("takes functions beside objects, and writes nothing on them", () => {
    const queue = new Queue<Standing>();
    const all: Standing[] = [];
    for (let n = 0; n < 40; n += 1) all.push(n % 3 === 0 ? () => n : new Item(n));
    for (const each of all) queue.push(each);
    expect([...queue]).toEqual(all);
    for (const each of all) if (typeof each === "object") queue.remove(each);
    const functions = all.filter((each) => typeof each === "function");
    expect([...queue]).toEqual(functions);
    expect(functions.filter((each) => "position" in each)).toEqual([]);
    for (const each of functions) {
      expect(queue.first()).toBe(each);
      queue.shift();
    }
    expect(queue.size).toBe(0);
  });

  it("agrees with an array, whatever is done to it in whatever order", () => {
    // The numbers of a small generator: the same in every run, and different for each seed.
    for (let seed = 1; seed <= 20; seed += 1) {
      let state = seed;
      const random = (below: number): number => {
        state = (state * 48_271) % 2_147_483_647;
        return state % below;
      };
      const queue = new Queue<Standing>();
      let model: Standing[] = [];
      for (let step = 0; step < 300; step += 1) {
        // It grows for a while, and shrinks for a while.
        const pushes = Math.floor(step / 60) % 2 === 0 ? 6 : 3;
        if (random(10) < pushes) {
          const each = random(4) === 0 ? () => step : new Item(step);
          queue.push(each);
          model.push(each);
        } else if (random(3) === 0) {
          expect(queue.first()).toBe(model[0]);
          if (model.length > 0) queue.shift();
          model = model.slice(1);
        } else {
          const objects = model.filter((each) => typeof each === "object");
          const leaving = objects[random(Math.max(objects.length, 1))];
          if (leaving === undefined) continue;
          queue.remove(leaving);
          model = model.filter((each) => each !== leaving);
        }
        expect(queue.size).toBe(model.length);
        expect([...queue].every((each, index) => each === model[index])).toBe(true);
      }
      expect([...queue]).toEqual(model);
    }
  });
});
