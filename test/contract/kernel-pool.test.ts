/** The kernel pool's contract over both back ends. Worker threads need the build (npm run build); the pool says so when it is missing. */
import { openInlinePool } from "../../src/pool/inline-pool.ts";
import { openPiscinaPool } from "../../src/pool/piscina-pool.ts";
import { bandKeysContract } from "./band-keys.ts";
import { bulkScanContract } from "./bulk-scan.ts";
import { kernelPoolContract } from "./kernel-pool.ts";

for (const contract of [kernelPoolContract, bulkScanContract, bandKeysContract]) {
  contract("inline pool", (options) => openInlinePool(options), { canLose: false });
  for (const threads of [1, 2]) {
    contract(`piscina pool of ${threads}`, (options) => openPiscinaPool({ threads, queueMax: 64, ...options }), { canLose: true });
  }
}
