/** A run over a source and a target of a few lines: what becomes of a pattern that stands twice in one batch. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { ImportedPattern } from "../../../src/engine-types.ts";
import { MigrationRecords } from "../../../src/migrate/record.ts";
import { migrate } from "../../../src/migrate/run.ts";
import { toLearnPattern } from "../../../src/model/pattern.ts";

it("adds up a pattern that stands twice in a batch, with each name of its metadata once, and tells of it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "engram-run-"));
  const pattern = toLearnPattern([["a"], ["b"]]);
  const one: ImportedPattern = { pattern, frequency: 2, emotives: [[["joy", 1]]], metadata: [["book", ["b", "c"]]] };
  const two: ImportedPattern = {
    pattern,
    frequency: 3,
    emotives: [],
    metadata: [
      ["book", ["a", "b"]],
      ["page", ["1"]],
    ],
  };
  const imported: (readonly ImportedPattern[])[] = [];
  const records = new MigrationRecords(folder);
  try {
    const record = await migrate({
      source: {
        description: "two documents",
        listKbs: async () => [{ name: "n_kato", node: "n", patterns: 2 }],
        async *batches() {
          yield { patterns: [one, two], problems: [], entries: 2, resume: "end" };
        },
        async *symbols() {},
        close: async () => undefined,
      },
      target: {
        where: "a list",
        patternCount: async () => 0,
        importPatterns: async (_, __, patterns) => void imported.push(patterns),
        setAffinities: async () => 0,
      },
      records,
      record: await records.begin("key", "two documents", false),
      only: [],
      into: undefined,
      merge: false,
      dryRun: false,
      stopped: () => false,
      onProgress: () => undefined,
    });
    const metadata = [
      ["book", ["a", "b", "c"]],
      ["page", ["1"]],
    ];
    expect(imported).toEqual([[{ pattern, frequency: 5, emotives: [[["joy", 1]]], metadata }], []]);
    expect(record.kbs).toMatchObject([{ entries: 2, migrated: 1, learns: 5, problemCounts: { duplicate: 1 }, done: true }]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
