/** Every suite of benches that `npm run bench` runs and the tests run in quick mode. A new one adds a line. */
import type { OpenSuite } from "./harness.ts";
import { openBlocksBench } from "./kernels/blocks.bench.ts";
import { openJaccardBench } from "./kernels/jaccard.bench.ts";
import { openLcsBench } from "./kernels/lcs.bench.ts";
import { openMinhashBench } from "./kernels/minhash.bench.ts";
import { openRatioBench } from "./kernels/ratio.bench.ts";
import { openPoolBench, openScoreBench } from "./pool.bench.ts";

export const suites: readonly OpenSuite[] = [
  openMinhashBench,
  openJaccardBench,
  openLcsBench,
  openRatioBench,
  openBlocksBench,
  openScoreBench,
  openPoolBench,
];
