import {
  AgentChild,
  type ChildEnd,
  type ChildOptions,
  type Frame,
} from "../../../src/session/agent-child.js";
import { scripted, shortGraces } from "./scripted.js";

/** A child with the scripted agent, and what was heard of it. */
export class HeardChild {
  readonly child: AgentChild;
  readonly frames: Frame[] = [];
  readonly lines: string[] = [];
  readonly ended: Promise<ChildEnd>;
  muted = 0;
  pieces = 0;
  readonly #wakers = new Set<() => void>();

  constructor({ args = [], ...options }: Partial<ChildOptions> & { readonly args?: readonly string[] } = {}) {
    this.child = new AgentChild({
      generation: 7,
      launch: { command: process.execPath, args: [scripted, ...args] },
      graces: shortGraces,
      log: (line) => {
        this.lines.push(line);
        this.#wake();
      },
      ...options,
    });
    started.add(this.child);
    this.ended = new Promise((resolve) => {
      this.child.listen({
        frame: (frame) => {
          this.frames.push(frame);
          this.#wake();
        },
        heard: () => {
          this.pieces += 1;
        },
        ended: resolve,
        muted: () => {
          this.muted += 1;
          this.#wake();
        },
      });
    });
  }

  /** What was said in the answer so far. */
  get text(): string {
    return this.frames
      .map(({ message }) => (message as { content: { text: string }[] } | undefined)?.content[0]?.text ?? "")
      .join("");
  }

  prompt(text: string): Promise<void> {
    return this.child.writer.send({ type: "user", message: { role: "user", content: text } });
  }

  /** Resolves when the condition holds, looking each time something was heard. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition())
      await new Promise<void>((resolve) => {
        this.#wakers.add(resolve);
      });
  }

  #wake(): void {
    for (const waker of this.#wakers) waker();
    this.#wakers.clear();
  }
}

const started = new Set<AgentChild>();

/** For `afterEach`. */
export async function endChildren(): Promise<void> {
  await Promise.all([...started].map((child) => child.kill("the test is over")));
  started.clear();
}
