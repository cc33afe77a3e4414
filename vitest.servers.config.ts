import { defineConfig } from "vitest/config";

// Real clusters, failovers and several API processes: `npm run test:servers`, some minutes. `npm test` runs a short form of the last.
export default defineConfig({
  test: {
    include: ["test/servers/*.servers.ts", "test/kato/*.test.ts"],
    // KATO's demands once more, with both stores as servers.
    env: { ENGRAM_TEST_KATO: "servers" },
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 180_000,
    hookTimeout: 120_000,
    globalSetup: ["test/support/skips.ts"],
  },
});
