import { defineConfig } from "vitest/config";

// Slow, one run at a time, against the built server: not part of `npm test`, which runs one short kill of each kind (test/flow/kill.test.ts).
export default defineConfig({
  test: {
    include: ["test/durability/*.durability.ts"],
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 180_000,
    globalSetup: ["test/support/skips.ts"],
  },
});
