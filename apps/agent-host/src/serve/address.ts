import { BlockList, isIPv4, isIPv6 } from "node:net";
import { UsageError } from "../usage-error.js";

/** Where to listen. */
export type Address = { readonly path: string } | { readonly host: string; readonly port: number };

/** Reads what was given with `--listen`; throws `UsageError` for all that others than this machine could reach. */
export function parseAddress(text: string): Address {
  if (text.includes("/")) return { path: checkedPath(text) };
  const [, name = "127.0.0.1", digits] = /^(?:(.+):)?(\d+)$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535)
    throw new UsageError(
      `--listen needs a port (8080; 0 for any that is free), a host and a port (127.0.0.1:8080, [::1]:8080), or the path of a socket ` +
        `with a / in it (./agent.sock); "${text}" is none of them`,
    );
  const host = name.replace(/^\[(.*)\]$/, "$1");
  if (!isLoopback(host))
    throw new UsageError(
      `--listen is for this machine alone: 127.0.0.1, [::1] or localhost can be in front of the port, "${name}" cannot`,
    );
  // Nobody is asked what that name means here.
  return { host: host === "localhost" ? "127.0.0.1" : host, port };
}

/** Whether this names this machine, for itself alone. An IPv6 address is expected without its brackets. */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return loopback.check(host, "ipv4");
  return isIPv6(host) ? loopback.check(host, "ipv6") : host === "localhost";
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8);
loopback.addAddress("::1", "ipv6");

/** What the system has room for; Node cuts off the rest and says nothing. */
const longestPath = process.platform === "linux" ? 107 : 103;

function checkedPath(path: string): string {
  if (process.platform === "win32")
    throw new UsageError("--listen takes no path on Windows; give it a port of this machine, such as 8080");
  const bytes = Buffer.byteLength(path);
  if (bytes > longestPath)
    throw new UsageError(
      `--listen: a socket's path may have ${longestPath} bytes on this system, and this one has ${bytes}: ${path}`,
    );
  return path;
}
