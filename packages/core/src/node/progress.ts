import type { LockRequest } from "../request.js";

/** One lock, or one key of one, while its future is played through. */
interface Resource {
  readonly inside: Set<LockRequest>;
  readonly queue: (readonly [request: LockRequest, exclusive: boolean])[];
  /** Whether those inside are there exclusively. */
  exclusive: boolean;
}

/**
 * Plays through what will happen if everybody who can go on does so and then releases, and returns the waiting requests
 * that are never granted.
 *
 * Whoever holds something can go on unless it waits itself; `heldAround` says what the code that made a request holds.
 * Who comes in is decided as the locks decide it: in order, by mode and by room.
 *
 * **Complexity**: O(requests × keys × depth of `heldAround`).
 */
export function stuck(
  held: ReadonlySet<LockRequest>,
  pending: ReadonlySet<LockRequest>,
  heldAround: (request: LockRequest) => ReadonlySet<LockRequest>,
): ReadonlySet<LockRequest> {
  const left = new Set(pending);
  const resources = new Map<unknown, Map<unknown, Resource>>();
  const missing = new Map<LockRequest, number>();
  // How many waiting requests keep the code that holds this from going on.
  const blockers = new Map<LockRequest, number>();

  const resourceOf = ({ lock }: LockRequest, key: unknown): Resource => {
    let keys = resources.get(lock);
    if (keys === undefined) resources.set(lock, (keys = new Map<unknown, Resource>()));
    let resource = keys.get(key);
    if (resource === undefined)
      keys.set(key, (resource = { inside: new Set(), queue: [], exclusive: false }));
    return resource;
  };

  const changed: Resource[] = [];
  const released: LockRequest[] = [];

  for (const request of held)
    for (const [key, exclusive] of wants(request)) {
      const resource = resourceOf(request, key);
      resource.inside.add(request);
      resource.exclusive = exclusive;
    }
  for (const request of pending) {
    missing.set(request, wants(request).length);
    for (const [key, exclusive] of wants(request)) {
      const resource = resourceOf(request, key);
      resource.queue.push([request, exclusive]);
      changed.push(resource);
    }
    for (const outer of heldAround(request)) blockers.set(outer, (blockers.get(outer) ?? 0) + 1);
  }
  for (const request of held) if (!blockers.has(request)) released.push(request);

  const advance = (resource: Resource): void => {
    for (let first; (first = resource.queue[0]) !== undefined;) {
      const [next, exclusive] = first;
      const { room } = next.lock;
      if (exclusive ? resource.inside.size > 0 : resource.exclusive || resource.inside.size >= room) return;
      resource.queue.shift();
      resource.inside.add(next);
      resource.exclusive = exclusive;
      const more = (missing.get(next) ?? 0) - 1;
      missing.set(next, more);
      if (more === 0) granted(next);
    }
  };

  const granted = (request: LockRequest): void => {
    left.delete(request);
    // Its code goes on now, and so does whatever waited for that.
    released.push(request);
    for (const outer of heldAround(request)) {
      const rest = (blockers.get(outer) ?? 0) - 1;
      blockers.set(outer, rest);
      if (rest === 0) released.push(outer);
    }
  };

  const release = (request: LockRequest): void => {
    for (const [key] of wants(request)) {
      const resource = resourceOf(request, key);
      resource.inside.delete(request);
      if (resource.inside.size === 0) resource.exclusive = false;
      changed.push(resource);
    }
  };

  while (changed.length > 0 || released.length > 0) {
    for (const request of released.splice(0)) release(request);
    for (const resource of changed.splice(0)) advance(resource);
  }
  return left;
}

/** What a request is for: its keys, or the lock as such, and whether each is wanted exclusively. */
export function wants({ keys, exclusive }: LockRequest): (readonly [key: unknown, exclusive: boolean])[] {
  return exclusive.map((one, index) => [keys[index], one] as const);
}
