/** The migrations of `test/flow/migrate.test.ts` with 200,000 documents: some minutes. */
process.env.ENGRAM_TEST_MIGRATED ??= "200000";
await import("../flow/migrate.test.ts");
