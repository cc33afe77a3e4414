/** Lines of a bulk learn read in this thread, and what was read kept for the call that learns it. */
import type { NewPattern, PackedLines, PackedPatterns } from "../../src/bulk-types.ts";
import { packPatterns } from "../../src/engine/pack-patterns.ts";
import { EngineError } from "../../src/errors.ts";
import { HTTP_LIMITS } from "../../src/http/limits.ts";
import { patternLines } from "../../src/http/pattern-lines.ts";

export class FakeLines {
  readonly #read = new WeakMap<PackedPatterns, readonly NewPattern[]>();

  pack(bytes: Buffer, firstLine: number, limits: Readonly<Record<string, number>>): PackedLines {
    const read = [...patternLines(bytes, firstLine, { ...HTTP_LIMITS, ...limits })];
    const patterns = packPatterns([], { symbolsPerPatternMax: 2, persistence: 1 }, 0);
    this.#read.set(
      patterns,
      read.flatMap(({ item }) => (item instanceof EngineError ? [] : [item])),
    );
    const errors = new Map(read.flatMap(({ item }, at) => (item instanceof EngineError ? [[at, item] as const] : [])));
    return { lines: Uint32Array.from(read, ({ line }) => line), errors, patterns };
  }

  patternsOf(packed: PackedPatterns): readonly NewPattern[] {
    const found = this.#read.get(packed);
    if (found === undefined) throw new Error("these patterns were not read here");
    return found;
  }
}
