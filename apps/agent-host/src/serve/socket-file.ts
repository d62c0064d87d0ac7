import { once } from "node:events";
import { lstatSync, rmSync } from "node:fs";
import { connect, type Server } from "node:net";
import { UsageError } from "../usage-error.js";

/**
 * Listens at a socket that only its owner can connect to. One that a dead process has left is replaced.
 *
 * @throws `UsageError`, by rejecting, if somebody listens there or what is there is no socket; else what the system says.
 */
export async function listenAtPath(server: Server, path: string): Promise<void> {
  try {
    await listenForOwner(server, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    await removeStale(path);
    await listenForOwner(server, path);
  }
}

/** With a mask and not a later change: the socket is there with its final rights, or not at all. */
async function listenForOwner(server: Server, path: string): Promise<void> {
  const mask = process.umask(0o177);
  try {
    // The file is made within this call.
    server.listen({ path });
  } finally {
    process.umask(mask);
  }
  await once(server, "listening");
}

async function removeStale(path: string): Promise<void> {
  if (!lstatSync(path).isSocket())
    throw new UsageError(`--listen: ${path} is there already and is no socket; name another path`);
  if (await isServed(path))
    throw new UsageError(
      `--listen: somebody listens at ${path} already; end that process, or name another path`,
    );
  rmSync(path, { force: true });
}

/** Only a refusal says that nobody does. */
async function isServed(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ECONNREFUSED";
  } finally {
    socket.destroy();
  }
}
