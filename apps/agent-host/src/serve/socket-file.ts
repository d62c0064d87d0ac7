import { once } from "node:events";
import { fstatSync, lstatSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { UsageError } from "../usage-error.js";

/**
 * Listens at a socket that only its owner can connect to. One that a dead process has left is replaced.
 *
 * @throws `UsageError`, by rejecting, if somebody listens there or what is there is no socket; else what the system says.
 */
export async function listenAtPath(server: Server, path: string): Promise<void> {
  if (await listenedForOwner(server, path)) return;
  // An addon, and the session runs without it.
  const { tryLock } = await import("fs-native-extensions");
  const lock = await open(`${path}.lock`, "a");
  try {
    // Who finds the same dead socket at the same time would remove the new one.
    if (!tryLock(lock.fd) || !isAt(lock.fd, `${path}.lock`)) throw taken(path);
    try {
      await removeStale(path);
      if (!(await listenedForOwner(server, path))) throw taken(path);
    } finally {
      rmSync(`${path}.lock`, { force: true });
    }
  } finally {
    await lock.close();
  }
}

/** The last to have the lock has removed its file. */
function isAt(fd: number, path: string): boolean {
  return fstatSync(fd).ino === statSync(path, { throwIfNoEntry: false })?.ino;
}

/**
 * Resolves to whether there was nothing at the path. With a mask and not a later change: the socket is there with its final rights, or not
 * at all.
 */
async function listenedForOwner(server: Server, path: string): Promise<boolean> {
  const mask = process.umask(0o177);
  try {
    // The file is made within this call.
    server.listen({ path });
  } finally {
    process.umask(mask);
  }
  try {
    await once(server, "listening");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
    throw error;
  }
}

async function removeStale(path: string): Promise<void> {
  if (!lstatSync(path).isSocket())
    throw new UsageError(`--listen: ${path} is there already and is no socket; name another path`);
  if (await isServed(path)) throw taken(path);
  rmSync(path, { force: true });
}

function taken(path: string): UsageError {
  return new UsageError(
    `--listen: somebody listens at ${path} already; end that process, or name another path`,
  );
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
