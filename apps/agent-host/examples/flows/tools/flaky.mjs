let calls = 0;

/** Fails the first two times. */
export default function flaky() {
  calls += 1;
  if (calls < 3) throw Object.assign(new Error("busy, try again"), { name: "BusyError" });
  return { answer: `after ${calls} calls` };
}

export const output = { type: "object", required: ["answer"], properties: { answer: { type: "string" } } };
