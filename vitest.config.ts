import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // The cluster of three masters starts in two seconds, so it runs here too; what takes minutes has its own configuration.
    include: ["test/**/*.test.ts", "test/servers/redis-cluster.servers.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    globalSetup: ["test/support/skips.ts"],
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      reporter: ["text-summary", "json-summary"],
      thresholds: { lines: 90 },
    },
  },
});
