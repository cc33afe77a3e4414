/** Reference twin of the filter pipeline (semantics §6) with sets; Q2, Q3 and Q4 mended: every stage runs on whatever it is given. */
import type { EffectiveConfig, StageName } from "../../src/model/session-config.ts";
import { matchingBlocks } from "./blocks.ts";
import type { Events } from "./brute-kb.ts";
import { bruteSimilarity } from "./brute-match.ts";
import { jaccardCounts } from "./jaccard.ts";
import { agreement, equalBands, signature } from "./minhash.ts";

const EPSILON = 1e-9;

export function brutePasses(stage: StageName, events: Events, stm: Events, config: EffectiveConfig): boolean {
  const pattern = events.flat();
  const state = stm.flat();
  const { intersection, union } = jaccardCounts(pattern, state);
  switch (stage) {
    case "length": {
      const least = Math.max(1, Math.trunc(state.length * config.length_min_ratio));
      return pattern.length >= least && pattern.length <= Math.trunc(state.length * config.length_max_ratio);
    }
    case "jaccard":
      return intersection >= config.jaccard_min_overlap && intersection / union >= config.jaccard_threshold - EPSILON;
    case "minhash": {
      const ours = signature([...new Set(state)]);
      const theirs = signature([...new Set(pattern)]);
      return equalBands(ours, theirs).length > 0 && agreement(ours, theirs) / 100 >= config.minhash_threshold - EPSILON;
    }
    case "bloom":
      return intersection > 0;
    case "rapidfuzz":
      return (
        bruteSimilarity(pattern, state, config.use_token_matching) >= config.recall_threshold - EPSILON &&
        matchingBlocks(pattern, state).length > 0
      );
  }
}
