import { readFileSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { gate } from "@holdfast/conformance";
import { describe, expect, it } from "vitest";
import { FileLog, type LogFile } from "../../src/flows/log/file-log.js";
import { folder } from "./support/run.js";

describe("the file of a log", () => {
  it("[P138] appends whole lines in their order", async () => {
    const path = join(folder(), "log");
    writeFileSync(path, '{"before":1}\n');
    const log = await FileLog.open(path);
    for (let n = 0; n < 100; n += 1) log.write({ n, text: "é\n".repeat(n) });
    await log.flushed();
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    expect(lines.slice(1).map((line) => (JSON.parse(line) as { n: number }).n)).toEqual(
      Array.from({ length: 100 }, (_, n) => n),
    );
    await log.close();
  });

  it.skipIf(process.platform !== "linux")("[P145] says that the disk is full, and to whom", async () => {
    const log = await FileLog.open("/dev/full");
    log.write({ n: 1 });
    await expect(log.flushed()).rejects.toMatchObject({
      type: "storage/write-failed",
      message: expect.stringContaining("ENOSPC") as unknown,
    });
    await log.close();
  });

  it("[P138] keeps a torn line that somebody left to itself", async () => {
    const path = join(folder(), "log");
    writeFileSync(path, '{"torn"');
    const log = await FileLog.open(path);
    log.write({ n: 1 });
    await log.flushed();
    await log.close();
    expect(readFileSync(path, "utf8")).toBe('{"torn"\n{"n":1}\n');
  });

  it("[P138] [P145] on a disk that gets full within a line, leaves the whole ones", async () => {
    const path = join(folder(), "log");
    writeFileSync(path, '{"before":1}\n');
    const real = await open(path, "a");
    let room = 20;
    const log = new FileLog(path, {
      ...methodsOf(real),
      write: async (bytes) => {
        if (room === 0) throw new Error("ENOSPC: no space left on device");
        const part = bytes.subarray(0, room);
        room -= part.length;
        return real.write(part);
      },
    });
    for (let n = 1; n <= 5; n += 1) log.write({ n });
    await expect(log.flushed()).rejects.toThrow("ENOSPC");
    await log.close();
    expect(readFileSync(path, "utf8")).toBe('{"before":1}\n{"n":1}\n{"n":2}\n');
  });

  it("[P138] nobody goes on before the disk has their lines, whoever asked first", async () => {
    const path = join(folder(), "log");
    const real = await open(path, "a");
    const syncs = [gate(), gate()];
    let begun = 0;
    const log = new FileLog(path, {
      ...methodsOf(real),
      datasync: async () => {
        await syncs[begun++]?.promise;
      },
    });
    const on: string[] = [];
    const keep = async (name: string): Promise<void> => {
      log.write({ name });
      await log.flushed();
      on.push(name);
    };
    const both = [keep("a"), keep("b")];
    await expect.poll(() => begun).toBe(1);
    const third = keep("c");
    await expect.poll(() => readFileSync(path, "utf8")).toContain('"c"');
    expect(on).toEqual([]);
    syncs[0]?.open();
    await Promise.all(both);
    expect(on).toEqual(["a", "b"]);
    await expect.poll(() => begun).toBe(2);
    syncs[1]?.open();
    await third;
    await log.close();
  });

  it("[P145] a disk that cannot keep them fails everybody who waits", async () => {
    const path = join(folder(), "log");
    const real = await open(path, "a");
    const log = new FileLog(path, {
      ...methodsOf(real),
      datasync: () => Promise.reject(new Error("EIO: i/o error")),
    });
    log.write({ n: 1 });
    const first = log.flushed();
    log.write({ n: 2 });
    const second = log.flushed();
    await expect(first).rejects.toThrow("EIO");
    await expect(second).rejects.toThrow("EIO");
    await log.close();
  });
});

function methodsOf(file: LogFile): LogFile {
  return {
    write: (bytes) => file.write(bytes),
    datasync: () => file.datasync(),
    stat: () => file.stat(),
    truncate: (length) => file.truncate(length),
    close: () => file.close(),
  };
}
