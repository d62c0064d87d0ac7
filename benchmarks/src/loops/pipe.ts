// Imported once per contestant under a query of its own, so that what the engine learns about one never slows another.
import type { PipeAdapter } from "../harness/adapters.ts";
import { at } from "../harness/at.ts";
import type { Message } from "../harness/pipe.ts";

type Sending = Required<Pick<PipeAdapter, "send">>;
type Controlling = Required<Pick<PipeAdapter, "send" | "control">>;

async function all(adapter: Sending, writer: unknown, messages: readonly Message[]): Promise<void> {
  await Promise.all(messages.map((message) => adapter.send(writer, message)));
}

/** So many tasks share the messages; each awaits each of its own. */
async function tasks(
  adapter: Sending,
  writer: unknown,
  messages: readonly Message[],
  count: number,
): Promise<void> {
  const task = async (first: number): Promise<void> => {
    for (let index = first; index < messages.length; index += count)
      await adapter.send(writer, at(messages, index));
  };
  await Promise.all(Array.from({ length: count }, (_, index) => task(index)));
}

/** Sends all at once, and then, when the first of them are on their way, one that is urgent. */
async function urgent(
  adapter: Controlling,
  writer: unknown,
  messages: readonly Message[],
  mark: Message,
  breath: () => Promise<void>,
): Promise<{ readonly taken: number; readonly time: number }> {
  let taken = 0;
  const sends = messages.map(async (message) => {
    await adapter.send(writer, message);
    taken += message.length;
  });
  await breath();
  const before = taken;
  const start = performance.now();
  await adapter.control(writer, mark);
  const time = (performance.now() - start) * 1e6;
  await Promise.all(sends);
  return { taken: before, time };
}

/** @public Imported under a query, which static analysis does not see through. */
export default { all, tasks, urgent };
