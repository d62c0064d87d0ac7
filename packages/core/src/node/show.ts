/** What people may call a key; never throws, whatever the key is. */
export function show(key: unknown): string {
  return Object(key) === key ? Object.prototype.toString.call(key) : String(key);
}
