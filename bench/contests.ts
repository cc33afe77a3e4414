/** Every contest that `npm run bench:gates` measures and the tests run in quick mode. A new one adds a line. */
import { openLongRatio, openShortRatio } from "./gates/char-ratio.ts";
import { openMinhash, openTokenHash } from "./gates/minhash.ts";
import { openNativeBlock } from "./gates/native-block.ts";
import { openBulkPool, openPool } from "./gates/pool.ts";
import { openJaccard } from "./gates/sets.ts";
import { openAgreement } from "./gates/signatures.ts";
import { openTokenLcs } from "./gates/token-lcs.ts";
import type { OpenContest } from "./rounds.ts";

export const contests: readonly (readonly [name: string, open: OpenContest])[] = [
  ["lcs", openTokenLcs],
  ["ratio-short", openShortRatio],
  ["ratio-long", openLongRatio],
  ["jaccard", openJaccard],
  ["agreement", openAgreement],
  ["minhash", openMinhash],
  ["token-hash", openTokenHash],
  ["native-block", openNativeBlock],
  ["pool", openPool],
  ["bulk", openBulkPool],
];
