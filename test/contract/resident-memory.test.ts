import { openInlinePool } from "../../src/pool/inline-pool.ts";
import { openPiscinaPool } from "../../src/pool/piscina-pool.ts";
import { residentMemoryContract } from "./resident-memory.ts";

residentMemoryContract("resident memory of the inline pool", (options) => openInlinePool(options), { canLose: false });
residentMemoryContract("resident memory of the piscina pool of 2", (options) => openPiscinaPool({ threads: 2, queueMax: 64, ...options }), {
  canLose: true,
});
