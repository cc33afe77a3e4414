/**
 * Where the memory lives that a command works on: in a running server (named by `--url`, or the one that holds the data folder's lock), or
 * opened in this process, which takes the lock until it is closed.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Config, usesDataFolder } from "../config.ts";
import type { Engine } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { lockDataFolder, readDataLock } from "../store/data-lock.ts";

export interface Place {
  readonly config: Config;
  readonly log: Logger;
  /** A server's address; without it the data folder decides. */
  readonly url?: string | undefined;
  /** What is kept is asked, not added to: where nothing is, nothing is made. */
  readonly isKept?: boolean;
}

/** Errors: ENGRAM_FILE_UNREADABLE where the data folder holds no memory. */
export function assertKept(config: Config): void {
  if (!usesDataFolder(config) || ["clickhouse", "state"].some((part) => existsSync(join(config.dataDir, part)))) return;
  throw new EngineError(
    "ENGRAM_FILE_UNREADABLE",
    `There is no memory in ${config.dataDir}. Learn something first, or name the folder with --data-dir.`,
  );
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
export async function openOwnEngine({ config, log, isKept = false }: Pick<Place, "config" | "log" | "isKept">): Promise<OwnEngine> {
  if (isKept) assertKept(config);
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
