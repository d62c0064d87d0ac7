import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { IdReservations, numbered } from "@holdfast/id-reservation";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claimFolder } from "../src/processes/claim-folder.js";

let root = "";
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "agent-host-claims-")));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

describe("claiming a folder", () => {
  it("[T106] passes over a folder that is there, as after a restart, and leaves what is in it", async () => {
    mkdirSync(join(root, "build"));
    writeFileSync(join(root, "build", "exit-code"), "1");
    const claimed = await claimFolder(root, numbered("build"));
    expect([claimed.id, claimed.path]).toEqual(["build (1)", join(root, "build (1)")]);
    expect(readdirSync(claimed.path)).toEqual([]);
    expect(readFileSync(join(root, "build", "exit-code"), "utf8")).toBe("1");
  });

  it("[T106] passes over a file of that name too, and makes the folders above", async () => {
    const deep = join(root, "workspace", "processes");
    expect((await claimFolder(deep, ["a"])).path).toBe(join(deep, "a"));
    writeFileSync(join(deep, "b"), "");
    expect((await claimFolder(deep, ["a", "b", "c"])).id).toBe("c");
  });

  it("[T96, T106] gives simultaneous claims of one process a folder each", async () => {
    const ids = new IdReservations();
    const claims = await Promise.all(
      Array.from({ length: 20 }, () => claimFolder(root, numbered("build"), { ids })),
    );
    const names = numbered("build");
    expect(claims.map(({ id }) => id)).toEqual(claims.map((_, number) => names(number)));
    expect(readdirSync(root).toSorted()).toEqual(claims.map(({ id }) => id).toSorted());
    expect([ids.size, ids.pending]).toEqual([20, 20]);
  });

  it("[T104, T106] gives an id once among all roots that share their ids", async () => {
    const ids = new IdReservations();
    const one = await claimFolder(join(root, "one"), numbered("build"), { ids, label: "one" });
    const two = await claimFolder(join(root, "two"), numbered("build"), { ids });
    expect([one.id, two.id]).toEqual(["build", "build (1)"]);
    expect(ids.snapshot()[0]).toMatchObject({ label: "one" });
    one.reservation.commit();
    rmSync(one.path, { recursive: true });
    expect((await claimFolder(join(root, "one"), numbered("build"), { ids })).id).toBe("build (2)");
  });

  it("[T106] is safe between two processes", async () => {
    const count = 30;
    const children = [1, 2].map(() =>
      fork(fileURLToPath(new URL("fixtures/claimer.ts", import.meta.url)), [root, String(count)]),
    );
    try {
      await Promise.all(children.map((child) => message(child)));
      const claimed = children.map((child) => message(child));
      for (const child of children) child.send("go");
      const [one, other] = (await Promise.all(claimed)) as [string[], string[]];
      expect(new Set([...one, ...other]).size).toBe(2 * count);
      expect(readdirSync(root).toSorted()).toEqual([...one, ...other].toSorted());
      const owners = (ids: readonly string[]): Set<string> =>
        new Set(ids.map((id) => readFileSync(join(root, id, "owner"), "utf8")));
      expect([[...owners(one)], [...owners(other)]]).toEqual(children.map(({ pid }) => [String(pid)]));
    } finally {
      for (const child of children) child.kill();
    }
  }, 30_000);
});

/** The next message of a child; rejects if it ends without one. */
async function message(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController();
  const exit = once(child, "exit", { signal: ended.signal }).then(([code]) => {
    throw new Error(`The child ended with ${String(code)}`);
  });
  try {
    const [received] = (await Promise.race([once(child, "message"), exit])) as [unknown];
    return received;
  } finally {
    exit.catch(() => undefined);
    ended.abort();
  }
}

describe("a claim of which nothing came", () => {
  it("[T100] removes its folder and frees its id once", async () => {
    const ids = new IdReservations();
    const claimed = await claimFolder(root, numbered("build"), { ids });
    writeFileSync(join(claimed.path, "output"), "");
    const abandoned = claimed.abandon();
    // A second removal could hit the folder of whoever comes next.
    expect(claimed.abandon()).toBe(abandoned);
    expect(ids.stateOf("build")).toBe("pending");
    await abandoned;
    expect([existsSync(claimed.path), ids.size]).toEqual([false, 0]);
    const next = await claimFolder(root, numbered("build"), { ids });
    await claimed.abandon();
    expect([next.id, existsSync(next.path), ids.stateOf("build")]).toEqual(["build", true, "pending"]);
  });

  it("[T101] cannot be committed while its folder is being removed", async () => {
    const ids = new IdReservations();
    const claimed = await claimFolder(root, ["a"], { ids });
    const abandoned = claimed.abandon();
    expect(() => {
      claimed.commit();
    }).toThrow('The folder of "a" is being removed');
    await abandoned;
    expect([ids.has("a"), existsSync(claimed.path)]).toEqual([false, false]);
    const kept = await claimFolder(root, ["a"], { ids });
    kept.commit();
    await kept[Symbol.asyncDispose]();
    expect([ids.stateOf("a"), existsSync(kept.path)]).toEqual(["committed", true]);
    const left = await claimFolder(root, ["b"], { ids });
    await left[Symbol.asyncDispose]();
    expect([ids.has("b"), existsSync(left.path)]).toEqual([false, false]);
  });

  it("[T106] refuses a root that is none and a number of attempts that is none, and leaves the id free", async () => {
    const ids = new IdReservations();
    await expect(claimFolder(undefined as never, ["b"], { ids })).rejects.toBeInstanceOf(TypeError);
    expect(ids.has("b")).toBe(false);
    for (const maxAttempts of [NaN, 0, -1])
      await expect(claimFolder(root, ["b"], { ids, maxAttempts })).rejects.toThrow(/maxAttempts.*at least 1/);
    expect(readdirSync(root)).toEqual([]);
  });

  it.each(["commit", "seal"] as const)("[T101] keeps its folder after %s", async (end) => {
    const ids = new IdReservations();
    const claimed = await claimFolder(root, numbered("build"), { ids });
    claimed.reservation[end]();
    await claimed.abandon();
    expect([existsSync(claimed.path), ids.has("build")]).toEqual([true, true]);
  });

  it("[T100] leaves no id behind when the folder cannot be made", async () => {
    const ids = new IdReservations();
    const tooLong = "x".repeat(300);
    await expect(claimFolder(root, [tooLong], { ids })).rejects.toMatchObject({ code: "ENAMETOOLONG" });
    writeFileSync(join(root, "file"), "");
    await expect(claimFolder(join(root, "file"), ["a"], { ids })).rejects.toThrow();
    expect(ids.size).toBe(0);
  });
});

describe("names", () => {
  it.each(["", ".", "..", "../a", "a/b", "a\\b", "a\0b"])(
    "that lead elsewhere are refused: %j",
    async (name) => {
      const ids = new IdReservations();
      await expect(claimFolder(root, [name], { ids })).rejects.toThrow(TypeError);
      expect([ids.size, readdirSync(root)]).toEqual([0, []]);
    },
  );

  it("that come to an end, or go on for too long, are an error", async () => {
    mkdirSync(join(root, "a"));
    const ids = new IdReservations();
    await expect(claimFolder(root, ["a"], { ids })).rejects.toMatchObject({
      code: "ERR_ID_TAKEN",
      attempts: 1,
    });
    await expect(claimFolder(root, () => "a", { ids, maxAttempts: 3 })).rejects.toMatchObject({
      attempts: 3,
    });
    await expect(claimFolder(root, () => undefined, { ids })).rejects.toMatchObject({ attempts: 0 });
    expect(ids.size).toBe(0);
  });
});
