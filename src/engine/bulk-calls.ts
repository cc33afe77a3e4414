/** The engine's calls that learn much at once: sequences, patterns, packed lines, and patterns of another memory. */
import type { Engine } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import type { Packer } from "../pool/packer.ts";
import { type BulkLearner, COMMIT_LEARNS, learnBatch, learnInBulk, learnPacked } from "./bulk.ts";
import { importPatterns, setAffinities } from "./import-patterns.ts";
import type { Imports } from "./imports.ts";

interface BulkParts {
  readonly learner: BulkLearner;
  readonly packer: Packer;
  readonly imports: Imports;
  /** Runs a call that closing waits for. */
  readonly during: <R>(call: () => Promise<R>) => Promise<R>;
  /** Errors: those of a kb that must not be changed now. */
  readonly assertWritable: (kb: string) => void;
}

type BulkCalls = Pick<Engine, "learnSequences" | "learnPatterns" | "packLines" | "learnPacked" | "importPatterns" | "setAffinities">;

export function bulkCalls({ learner, packer, imports, during, assertWritable }: BulkParts): BulkCalls {
  const { symbolsPerPatternMax, persistence } = learner;
  return {
    learnSequences: (kb, sequences, options = {}) =>
      during(() => {
        assertWritable(kb);
        return learnInBulk(
          learner,
          kb,
          sequences.map((events) => ({ events })),
          options.idempotencyKey,
        );
      }),
    learnPatterns: (kb, patterns, options = {}) =>
      during(() => {
        assertWritable(kb);
        if (patterns.length > COMMIT_LEARNS)
          throw new EngineError("ENGRAM_LIMIT_EXCEEDED", `At most ${COMMIT_LEARNS} patterns are learned in one commit.`);
        return learnBatch(learner, kb, patterns, options.idempotencyKey);
      }),
    packLines: (bytes, firstLine, limits) =>
      during(() => packer.lines({ bytes, firstLine, limits, rules: { symbolsPerPatternMax, persistence }, atMs: Date.now() })),
    learnPacked: (kb, patterns, options = {}) =>
      during(() => {
        assertWritable(kb);
        return learnPacked(learner, kb, patterns, options.idempotencyKey);
      }),
    importPatterns: (kb, request, patterns) =>
      during(async () => {
        assertWritable(kb);
        // A learn each, and an update of those that were learned more than once.
        await imports.run(kb, request, 2 * patterns.length, "part", () =>
          importPatterns(learner, kb, patterns, `${request.id} ${request.part}`, persistence),
        );
      }),
    setAffinities: (kb, affinities, request) =>
      during(async () => {
        assertWritable(kb);
        if (request === undefined) return setAffinities(learner, kb, affinities);
        let count = 0;
        await imports.run(kb, request, 1, "besides", async () => {
          count = await setAffinities(learner, kb, affinities);
        });
        return count;
      }),
  };
}
