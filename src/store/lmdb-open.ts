/** Opens the state store on LMDB: the file, its format, and the random name it got when it was made. */
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { open } from "lmdb";
import { EngineError } from "../errors.ts";
import { type Logger, silentLogger } from "../log.ts";
import { type Db, GroupCommit, storeError } from "./lmdb-commit.ts";
import { FORMAT_KEY, metaKey } from "./lmdb-keys.ts";
import { LmdbState } from "./lmdb-state.ts";
import { STATE_FORMAT, STATE_FORMATS_READ } from "./state-records.ts";
import type { StateStore, StateStoreLimits } from "./state-store.ts";

export interface LmdbStateOptions extends StateStoreLimits {
  /** A folder; made when it is not there. A dot in its name is no trouble. */
  readonly path: string;
  readonly log?: Logger;
}

const STORE_ID_KEY = metaKey("id");

/** Opens the file alone. Errors: ENGRAM_DISK_FULL, ENGRAM_STORE_UNREACHABLE. */
export function openLmdb(path: string): Db {
  try {
    mkdirSync(path, { recursive: true });
    // noSubdir: else a dot in the last part of the path is taken for a file's extension. eventTurnBatching: lmdb's own batching leaves
    // a rejected promise behind when a commit fails, which ends the process; GroupCommit batches instead.
    return open<Buffer, Buffer>({
      path,
      noSubdir: false,
      encoding: "binary",
      keyEncoding: "binary",
      cache: false,
      eventTurnBatching: false,
    });
  } catch (error) {
    throw storeError(error);
  }
}

/** Opens the store. Errors: ENGRAM_DATA_FORMAT, ENGRAM_DISK_FULL, ENGRAM_STORE_UNREACHABLE. */
export async function openLmdbState(options: LmdbStateOptions): Promise<StateStore> {
  const db = openLmdb(options.path);
  const commits = new GroupCommit(db);
  try {
    const format = db.get(FORMAT_KEY)?.toString("latin1");
    if (format !== undefined && !STATE_FORMATS_READ.includes(format)) {
      throw new EngineError(
        "ENGRAM_DATA_FORMAT",
        `The state store has data format ${format}; this version reads ${STATE_FORMATS_READ.join(" and ")}.`,
      );
    }
    const storeId = await commits.run((draft) => {
      draft.put(FORMAT_KEY, Buffer.from(STATE_FORMAT, "latin1"));
      const id = draft.get(STORE_ID_KEY) ?? Buffer.from(randomBytes(8).toString("hex"), "latin1");
      draft.put(STORE_ID_KEY, id);
      return id.toString("latin1");
    });
    return new LmdbState(db, commits, storeId, options.outboxMax, options.log ?? silentLogger);
  } catch (error) {
    await db.close();
    throw storeError(error);
  }
}
