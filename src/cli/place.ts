/**
 * Where the memory lives that a command works on: in a running server (named by `--url`, or the one that holds the data folder's lock), or
 * opened in this process, which takes the lock until it is closed.
 */
import { type Config, usesDataFolder } from "../config.ts";
import type { Engine } from "../engine-types.ts";
import type { Logger } from "../log.ts";
import { lockDataFolder, readDataLock } from "../store/data-lock.ts";

export interface Place {
  readonly config: Config;
  readonly log: Logger;
  /** A server's address; without it the data folder decides. */
  readonly url?: string | undefined;
}

/** Address of the server to ask, without a slash at its end; undefined where this process is to open the memory itself. */
export async function serverOf({ config, url }: Omit<Place, "log">): Promise<string | undefined> {
  const found = url ?? (usesDataFolder(config) ? (await readDataLock(config.dataDir))?.url : undefined);
  return found ? found.replace(/\/+$/, "") : undefined;
}

export interface OwnEngine {
  readonly engine: Engine;
  /** Closes the engine and gives the data folder free. */
  close(): Promise<void>;
}

/** Errors: ENGRAM_DATA_LOCKED when another process has the folder and answers no HTTP, and those of opening. */
export async function openOwnEngine({ config, log }: Pick<Place, "config" | "log">): Promise<OwnEngine> {
  const lock = usesDataFolder(config) ? await lockDataFolder(config.dataDir) : undefined;
  try {
    // Loaded here, so that a command that talks to a server starts without the stores' native parts.
    const { openEngine } = await import("../engine.ts");
    const engine = await openEngine(config, log);
    return {
      engine,
      close: async () => {
        try {
          await engine.close();
        } finally {
          await lock?.release();
        }
      },
    };
  } catch (error) {
    await lock?.release();
    throw error;
  }
}
