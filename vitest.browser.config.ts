import { defineConfig } from "vitest/config";

// What is looked at in a browser that is installed. `pnpm test:browser` builds first; `npm test` leaves these out.
export default defineConfig({
  test: {
    include: ["apps/agent-host/test/browser/*.browser.ts"],
    reporters: ["default", "./tools/closing-line.ts"],
    // A browser and programs start.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
