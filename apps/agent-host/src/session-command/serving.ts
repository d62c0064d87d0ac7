import { parseAddress } from "../serve/address.js";
import { SessionServer } from "../serve/session-server.js";
import { TokenFile } from "../serve/token-file.js";
import type { AgentSession } from "../session/session.js";
import { tell } from "./tell.js";

/** What `--listen` adds: a server and its token, of which nothing is left when this process has ended. */
export class Serving {
  readonly #token: TokenFile;
  readonly #server: SessionServer;

  /** Throws `UsageError`. */
  constructor(session: AgentSession, listen: string, tokenFile: string | undefined) {
    const address = parseAddress(listen);
    this.#token = new TokenFile(tokenFile);
    this.#server = new SessionServer(session, { address, token: this.#token, log: tell });
    process.on("exit", this.#remove);
  }

  /** Listens, and says where. Rejects with a `UsageError` if it cannot. */
  async begin(): Promise<void> {
    tell(`listens at ${await this.#server.listen()}; the token is in ${this.#token.path}`);
  }

  /** Takes no more connections. */
  stop(): void {
    this.#server.stop();
  }

  /** For after the end of the session. */
  async end(): Promise<void> {
    await this.#server.close();
    this.#remove();
    process.off("exit", this.#remove);
  }

  readonly #remove = (): void => {
    // It takes the socket with it.
    this.#server.stop();
    this.#token.remove();
  };
}
