/** Where the built workers lie: Node 20 cannot run TypeScript in a thread. */
import { createRequire } from "node:module";
import { EngineError } from "../errors.ts";

/** Errors: ENGRAM_SETTINGS_INVALID where it is not built. */
export function workerFile(name: "score" | "pack"): string {
  try {
    return createRequire(import.meta.url).resolve(`#workers/${name}`);
  } catch (error) {
    throw new EngineError("ENGRAM_SETTINGS_INVALID", `The worker dist/workers/${name}.cjs is not built: run npm run build.`, {
      cause: error,
    });
  }
}
