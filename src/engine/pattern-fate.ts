/**
 * What became of one pattern in one prediction: the stage that removed it and why, or its rank. The pattern is scored alone, with the same
 * query, so its fate is what the scan decided. For `explain=<pattern name>`: a few reads and two small scans, only when asked.
 */
import type { PatternFate } from "../engine-types.ts";
import type { SourceName } from "../model/source-name.ts";
import type { KernelPool, PreparedQuery, ScoreOptions } from "../pool/kernel-pool.ts";
import { type NewPattern, tailColumns } from "../store/tail-columns.ts";
import type { ScoreBlock } from "../wire/score-block.ts";
import type { StoredContent } from "./reads.ts";

export interface FateQuestion {
  /** Bare name. */
  readonly name: string;
  /** The pattern as it is stored; undefined when the kb does not hold it. */
  readonly content: StoredContent | undefined;
  readonly query: PreparedQuery;
  /** Names of the whole ensemble, best first. */
  readonly ranked: readonly { readonly name: string }[];
  readonly answered: number;
  /** Key of the last match that the scan kept; undefined when it kept all. */
  readonly leastKey: number | undefined;
  /** A source whose answer is not certified: it may not have offered the pattern. */
  readonly uncertain: SourceName | undefined;
}

export async function fateOf(pool: KernelPool, question: FateQuestion, options: ScoreOptions): Promise<PatternFate> {
  const { name, content, query, ranked, answered, leastKey, uncertain } = question;
  if (content === undefined) return { name, outcome: "unknown", reason: "The knowledge base holds no pattern of this name." };
  const alone = await scoreAlone(pool, query, content, name, options);
  // Once more without stages and threshold: how similar it is, whatever removed it.
  const bare = await scoreAlone(
    pool,
    pool.prepare({ ...query.spec, stages: [], recallThreshold: 0, keepBy: "similarity" }),
    content,
    name,
    options,
  );
  const similarity = bare.similarities[0] ?? 0;
  const removedBy = alone.stages.find(({ candidatesIn, candidatesOut }) => candidatesIn > candidatesOut);
  const base = { name, similarity };
  if (alone.belowThreshold > 0) {
    const { recallThreshold } = query.spec;
    return {
      ...base,
      outcome: "belowThreshold",
      stage: "match",
      reason: `Its similarity ${similarity} is below the recall threshold ${recallThreshold}.`,
    };
  }
  if (alone.withoutBlocks > 0) {
    return {
      ...base,
      outcome: "withoutBlocks",
      stage: "match",
      reason: "It shares no run of symbols with the state, and the recall threshold is above 0.",
    };
  }
  if (alone.kept === 0) {
    const stage = removedBy?.name ?? "match";
    return { ...base, outcome: "filtered", stage, reason: reasonOf(stage, query) };
  }
  const key = alone.keys[0]!;
  const rank = ranked.findIndex((member) => member.name === name) + 1;
  // It would have been kept: so it was not among the candidates.
  if (rank === 0 && uncertain !== undefined && (leastKey === undefined || key > leastKey)) {
    return { ...base, key, outcome: "filtered", stage: uncertain, reason: missedBy(uncertain) };
  }
  if (rank === 0) {
    const least = leastKey === undefined ? "" : `, the last of the ensemble has ${leastKey}`;
    return { ...base, key, outcome: "pruned", reason: `It is a match outside the ensemble: its ${query.spec.keepBy} is ${key}${least}.` };
  }
  if (rank > answered) {
    return {
      ...base,
      key,
      rank,
      outcome: "cut",
      reason: `It is number ${rank} of the ensemble's ${ranked.length}; ${answered} were asked for.`,
    };
  }
  return { ...base, key, rank, outcome: "predicted", reason: `It is prediction number ${rank}.` };
}

async function scoreAlone(
  pool: KernelPool,
  query: PreparedQuery,
  { patternId, symbolIds, eventEnds }: StoredContent,
  name: string,
  options: ScoreOptions,
): Promise<ScoreBlock> {
  const distinct = [...new Set(symbolIds)];
  const position = new Map(distinct.map((id, at) => [id, at]));
  const pattern: NewPattern = {
    patternId,
    symbolIds: distinct,
    // The names of symbols are not read: columns hold ids.
    pattern: { name, distinct: distinct.map(String), flat: symbolIds.map((id) => position.get(id)!), eventEnds },
  };
  const [block] = await pool.score(query, tailColumns([pattern]), options);
  return block!;
}

function missedBy(source: SourceName): string {
  if (source === "buckets")
    return "The source buckets did not offer it: no band of its signature equals one of the state's, or the budget of rows ended before.";
  return `The source ${source} did not offer it: the budget of rows ended before.`;
}

function reasonOf(stage: string, { spec }: PreparedQuery): string {
  const found = spec.stages.find(({ name }) => name === stage);
  switch (found?.name) {
    case "length":
      return `The stage length keeps patterns of ${found.minRatio} to ${found.maxRatio} times the state's ${spec.symbols.length} symbols.`;
    case "jaccard":
      return `The stage jaccard asks for ${found.minOverlap} common symbols and a Jaccard index of ${found.threshold}.`;
    case "minhash":
      return `The stage minhash asks for an equal band and ${found.threshold} of the signature's values equal.`;
    case "rapidfuzz":
      return `The stage rapidfuzz asks for a similarity of ${spec.recallThreshold} and a common symbol.`;
    default:
      return "The stage bloom keeps patterns that share a symbol with the state.";
  }
}
