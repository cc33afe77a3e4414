/** The two places a migration writes to: an engine opened in this process, and a running server. Equals for `run.ts`. */
import type { Engine, ImportedPattern, ImportRequest } from "../engine-types.ts";
import type { EmotiveRecord } from "../model/emotives.ts";
import type { Event } from "../model/event.ts";
import type { MigrationTarget } from "./run.ts";

export function engineTarget(engine: Pick<Engine, "kbOf" | "kbTotals" | "importPatterns" | "setAffinities">): MigrationTarget {
  return {
    where: "this process",
    patternCount: async (node) => (await engine.kbTotals(engine.kbOf(node))).total_unique_patterns,
    importPatterns: (node, part, patterns) => engine.importPatterns(engine.kbOf(node), part, patterns),
    setAffinities: (node, affinities, part) => engine.setAffinities(engine.kbOf(node), affinities, part),
  };
}

/** A pattern as it goes over the wire. */
export interface WirePattern extends Omit<ImportedPattern, "pattern"> {
  readonly events: readonly Event[];
}

/** The calls of a running server that a migration needs; each throws EngineError, and is repeated while the server is busy. */
export interface ServerCalls {
  patternCount(node: string): Promise<number>;
  importPatterns(node: string, part: ImportRequest, patterns: readonly WirePattern[]): Promise<void>;
  setAffinities(
    node: string,
    affinities: readonly (readonly [symbol: string, sums: EmotiveRecord])[],
    part: ImportRequest,
  ): Promise<number>;
}

export const serverTarget = (where: string, calls: ServerCalls): MigrationTarget => ({
  where,
  patternCount: calls.patternCount,
  importPatterns: (node, part, patterns) => calls.importPatterns(node, part, patterns.map(wirePattern)),
  setAffinities: calls.setAffinities,
});

function wirePattern({ pattern, ...counters }: ImportedPattern): WirePattern {
  const events: string[][] = [];
  let from = 0;
  for (const end of pattern.eventEnds) {
    events.push(pattern.flat.slice(from, end).map((at) => pattern.distinct[at]!));
    from = end;
  }
  return { events, ...counters };
}
