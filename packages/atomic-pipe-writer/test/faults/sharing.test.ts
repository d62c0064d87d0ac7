import { gate, reasonOf } from "@holdfast/conformance";
import { describe, expect, it } from "vitest";
import { AtomicPipeWriter, contentLength, type Framing, lines } from "../../src/index.js";
import { closed, ended, firstOf, lined, Reader, startFixture, texts } from "./children.js";
import { compiled, temporaryFolder } from "./compiled.js";

const writers = compiled(temporaryFolder());

interface Message {
  readonly id: number;
  readonly size: number;
}

const headOf = ({ id }: Message): string => `{"head":${id},`;
const tailOf = ({ id, size }: Message): string => `"tail":${id},"text":"${"x".repeat(size)}"}\n`;
const inTwo: Framing<Message> = { encode: (message) => [headOf(message), tailOf(message)] };
const messages: readonly Message[] = Array.from({ length: 100 }, (_, id) => ({
  id,
  size: (id * 997) % 5000,
}));

/** How many lines are JSON, and in how many of those head and tail belong together. */
function pairs(received: readonly string[]): { parsed: number; paired: number } {
  let [parsed, paired] = [0, 0];
  for (const line of received) {
    try {
      const { head, tail } = JSON.parse(line) as { head: number; tail: number };
      parsed += 1;
      if (head === tail) paired += 1;
    } catch {
      continue;
    }
  }
  return { parsed, paired };
}

describe("two writers in one process", () => {
  it("[S2] plain Node: a frame in two writes is paired with another's, and still parses", async () => {
    const reader = new Reader();
    const { stdin } = reader;
    const write = async (mine: readonly Message[]): Promise<void> => {
      for (const message of mine) {
        stdin.write(headOf(message));
        await Promise.resolve();
        stdin.write(tailOf(message));
      }
    };
    const received = reader.lines();
    await Promise.all([write(messages.slice(0, 50)), write(messages.slice(50))]);
    stdin.end();
    expect(pairs(await received)).toEqual({ parsed: 98, paired: 0 });
  });

  it("[S2, S5, PW1, PW2] each message is one frame, whatever its parts, and all are in order", async () => {
    const reader = new Reader();
    const received = reader.lines();
    const writer = new AtomicPipeWriter<Message>(reader.stdin, { framing: inTwo });
    const send = async (mine: readonly Message[]): Promise<void> => {
      for (const message of mine) {
        await writer.send(message);
        await Promise.resolve();
      }
    };
    await Promise.all([send(messages.slice(0, 50)), send(messages.slice(50))]);
    await writer.end();
    const all = await received;
    expect(pairs(all)).toEqual({ parsed: 100, paired: 100 });
    const ids = all.slice(0, -1).map((line) => (JSON.parse(line) as { head: number }).head);
    expect(ids.filter((id) => id < 50)).toEqual(messages.slice(0, 50).map(({ id }) => id));
    expect(ids.filter((id) => id >= 50)).toEqual(messages.slice(50).map(({ id }) => id));
  });

  it("[S2, PW1] a header and its body are one frame too", async () => {
    const reader = new Reader();
    const received = reader.read();
    const writer = new AtomicPipeWriter<unknown>(reader.stdin, { framing: contentLength });
    await Promise.all(messages.map((message) => writer.send(message)));
    await writer.end();
    const whole = messages
      .map((message) => JSON.stringify(message))
      .map((text) => `Content-Length: ${text.length}\r\n\r\n${text}`)
      .join("");
    expect(await received).toEqual(firstOf(whole, whole.length));
  });

  it("[S23] a stream has one: a second is refused, or shared by those who ask for it", async () => {
    const reader = new Reader();
    const received = reader.lines();
    const writer = AtomicPipeWriter.for<string>(reader.stdin, { framing: lines });
    expect(() => new AtomicPipeWriter(reader.stdin)).toThrow(TypeError);
    const other = AtomicPipeWriter.for<string>(reader.stdin);
    expect(other).toBe(writer);
    await Promise.all([
      ...texts(20, 50_000).map((text) => writer.send(text)),
      ...texts(20, 50_000).map((text) => other.send(text)),
    ]);
    await writer.end();
    expect(await received).toEqual([...texts(20, 50_000), ...texts(20, 50_000), ""]);
  });
});

describe("a standard input that others write to", () => {
  it("[S22] is given up before the next frame, and nothing of that is written", async () => {
    const reader = new Reader();
    const writer = new AtomicPipeWriter<string>(reader.stdin, { framing: lines });
    await writer.send("ours");
    reader.stdin.write("theirs\n");
    expect(await reasonOf(writer.send("next"))).toMatchObject({ failure: "foreign-write", delivered: "no" });
    expect(writer.writable).toBe(false);
    reader.stdin.end();
    expect(await reader.lines()).toEqual(["ours", "theirs", ""]);
  });

  it("[S22] in the midst of a large frame leaves that 'partial'", async () => {
    const reader = new Reader();
    const stalled = gate();
    const writer = new AtomicPipeWriter<string>(reader.stdin, {
      framing: lines,
      maxSliceBytes: 65_536,
      stallTimeout: 50,
      failOnStall: false,
      onStall: () => {
        stalled.open();
      },
    });
    const message = "x".repeat(2 ** 21);
    const send = reasonOf(writer.send(message));
    await stalled.promise;
    reader.stdin.write("theirs\n");
    reader.stdin.end();
    const received = reader.lines();
    expect(await send).toMatchObject({ delivered: "partial" });
    const [torn = "", ...rest] = await received;
    expect(torn).toMatch(/^x+theirs$/);
    expect(torn.length).toBeLessThan(message.length);
    expect(rest).toEqual([""]);
  });

  it("[S22] is no matter where that is asked for", async () => {
    const reader = new Reader();
    const writer = new AtomicPipeWriter<string>(reader.stdin, { framing: lines, detectForeignWrites: false });
    await writer.send("ours");
    reader.stdin.write("theirs\n");
    await writer.send("next");
    await writer.end();
    expect(await reader.lines()).toEqual(["ours", "theirs", "next", ""]);
  });

  it("[S22] is not suspected after 300 messages of all sizes", async () => {
    const reader = new Reader();
    const received = reader.read();
    const writer = new AtomicPipeWriter<string>(reader.stdin, { framing: lines });
    const all = Array.from({ length: 300 }, (_, index) => `${index}é`.repeat(1 + ((index * 7919) % 3000)));
    for (const text of all.slice(0, 100)) await writer.send(text);
    await Promise.all(all.slice(100).map((text) => writer.send(text)));
    await writer.end();
    const whole = lined(all);
    expect(await received).toEqual(firstOf(whole, Buffer.byteLength(whole)));
  });
});

describe("a host that listens for no errors of its child's standard input", () => {
  const host = async (how: string): Promise<{ code: number | null; stdout: string; stderr: string }> => {
    const child = startFixture("writer", [writers, "host", how], ["ignore", "pipe", "pipe"]);
    const texts: Record<"stdout" | "stderr", string> = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const)
      child[name]?.on("data", (chunk) => (texts[name] += String(chunk)));
    await Promise.all([closed(child), ended(child)]);
    return { code: child.exitCode, ...texts };
  };

  it("[S20] plain Node: dies of it", async () => {
    const { code, stdout, stderr } = await host("plain");
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/Unhandled 'error' event[^]*EPIPE/);
  });

  it("[S20, PW7] lives", async () => {
    const code = "ERR_PIPE_CLOSED";
    expect(await host("writer")).toEqual({ code: 0, stdout: `${code} ${code} ${code}\nalive\n`, stderr: "" });
  });
});
