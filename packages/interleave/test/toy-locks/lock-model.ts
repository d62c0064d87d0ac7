/** What a lock should do: one list of requests in the order they were made, read from the front. Nothing here is asynchronous. */
export class LockModel {
  #requests: { readonly name: string; readonly shared: boolean; inside: boolean }[] = [];

  /** Who is inside, sorted by name. */
  get inside(): string[] {
    return this.#requests
      .filter(({ inside }) => inside)
      .map(({ name }) => name)
      .sort();
  }

  isInside(name: string): boolean {
    return this.#requests.some((request) => request.inside && request.name === name);
  }

  ask(name: string, shared: boolean): void {
    this.#requests.push({ name, shared, inside: false });
    this.#admit();
  }

  /** A request that is not inside leaves; one that is stays. */
  cancel(name: string): void {
    this.#requests = this.#requests.filter((request) => request.inside || request.name !== name);
    this.#admit();
  }

  leave(name: string): void {
    this.#requests = this.#requests.filter((request) => request.name !== name);
    this.#admit();
  }

  #admit(): void {
    for (const [at, request] of this.#requests.entries()) {
      if (at > 0 && !(request.shared && this.#requests.slice(0, at).every(({ shared }) => shared))) return;
      request.inside = true;
    }
  }
}
