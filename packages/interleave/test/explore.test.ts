import { expect, it } from "vitest";
import { explore } from "../src/index.js";

it("runs each of the 1,680 orders of three tasks of three steps", async () => {
  const orders = new Set<string>();
  const report = await explore(
    ({ task, atEnd }) => {
      let order = "";
      for (const name of ["A", "B", "C"])
        task(name, async ({ step }) => {
          for (let at = 0; at < 3; at += 1) {
            await step(String(at));
            order += name;
          }
        });
      atEnd("note the order", () => void orders.add(order));
    },
    { turns: 0 },
  );
  expect(orders.size).toBe(1680);
  expect(report).toMatchObject({ schedules: 1680, complete: true, depth: 9, steps: 15_120 });
});
