/** Opens both stores from the settings: the one place that knows which back end a setting chooses. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { EngineError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { type ClickHouse, openEmbedded } from "./clickhouse-client.ts";
import { openPatternStore } from "./clickhouse-patterns.ts";
import { openServer } from "./clickhouse-server.ts";
import type { EventBus } from "./event-bus.ts";
import { openLmdbState } from "./lmdb-open.ts";
import { openLocalEvents } from "./local-events.ts";
import type { PatternStore } from "./pattern-store.ts";
import { openRedis } from "./redis-open.ts";
import type { SessionNotes } from "./session-notes.ts";
import type { StateStore } from "./state-store.ts";

/** Raised with every change of what lies in the data folder that an older program would misread. */
const DATA_FORMAT = 1;

export interface Stores {
  readonly state: StateStore;
  readonly patterns: PatternStore;
  readonly events: EventBus;
  /** Absent where one process has the state store alone. */
  readonly notes?: SessionNotes;
  close(): Promise<void>;
}

/** Writes or checks the data folder's format version. Errors: ENGRAM_DATA_FORMAT, ENGRAM_DISK_FULL. */
function prepareDataFolder(dataDir: string): void {
  const file = join(dataDir, "format.json");
  let text: string | undefined;
  try {
    mkdirSync(dataDir, { recursive: true });
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT") {
      throw new EngineError(
        "ENGRAM_SETTINGS_INVALID",
        `The data folder ${dataDir} cannot be used (${code}). Choose another with --data-dir.`,
        {
          cause: error,
        },
      );
    }
  }
  if (text === undefined) {
    writeFileSync(file, `${JSON.stringify({ format: DATA_FORMAT })}\n`);
    return;
  }
  let format: unknown;
  try {
    format = (JSON.parse(text) as { format?: unknown }).format;
  } catch (error) {
    throw new EngineError("ENGRAM_DATA_FORMAT", `${file} is damaged. Restore it from a backup of the folder.`, { cause: error });
  }
  if (format !== DATA_FORMAT) {
    throw new EngineError(
      "ENGRAM_DATA_FORMAT",
      `The data folder has format ${String(format)}; this version reads ${DATA_FORMAT}. Use a matching version.`,
    );
  }
}

/** Opens both stores, or neither. Errors: those of the stores, and ENGRAM_DATA_FORMAT. */
export async function openStores(config: Config, log: Logger): Promise<Stores> {
  const embedded = config.clickhouse.url === undefined || config.redis.url === undefined;
  if (embedded) prepareDataFolder(config.dataDir);
  const { clickhouse: server, redis } = config;
  const opened: { state: StateStore; events: EventBus; notes?: SessionNotes } =
    redis.url === undefined
      ? {
          state: await openLmdbState({ path: join(config.dataDir, "state"), outboxMax: config.outboxMax, log }),
          events: openLocalEvents(log),
        }
      : await openRedis({ ...redis, url: redis.url, outboxMax: config.outboxMax, log });
  const { state, events } = opened;
  let clickhouse: ClickHouse | undefined;
  try {
    clickhouse =
      server.url === undefined
        ? await openEmbedded(join(config.dataDir, "clickhouse"), config.threads)
        : await openServer({ ...server, url: server.url });
    const patterns = await openPatternStore(clickhouse);
    return {
      ...opened,
      patterns,
      close: async () => {
        await events.close();
        await patterns.close();
        await state.close();
      },
    };
  } catch (error) {
    await clickhouse?.close();
    await events.close();
    await state.close();
    throw error;
  }
}
