/**
 * Says which process has the data folder: `engram.lock` in it holds the owner's pid, address and start. A second process gets
 * ENGRAM_DATA_LOCKED with both; the CLI reads the address to talk to the running server instead of opening the folder itself.
 *
 * The file appears whole or not at all (a hard link of a finished file, which the file system grants once). A lock whose owner is dead
 * is taken over. "Dead" is judged by the pid and, where /proc tells it, by the start of that process, so that a pid given to another
 * program does not count. An owner on another machine or in another container cannot be judged that way: it counts as dead when it
 * has not touched the file for STALE_AFTER_MS.
 *
 * It is a courtesy, not the last line of defence: the embedded ClickHouse holds a kernel lock of its own on its folder. Not for a
 * folder on a network file system without hard links.
 */
import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { EngineError } from "../errors.ts";

const LOCK_NAME = "engram.lock";

/** An owner touches its file this often, so that owners on other machines can be judged. */
const TOUCH_EVERY_MS = 5_000;
/** Six missed touches: more than a busy or briefly stopped process misses. */
const STALE_AFTER_MS = 30_000;
/** Pause between tries while another process takes over the same stale lock; that takes some file operations. */
const RETRY_MS = 10;

export interface DataLockOwner {
  readonly pid: number;
  /** Where it answers HTTP; null for a command that has the folder open without listening. */
  readonly url: string | null;
  /** ISO 8601. */
  readonly startedAt: string;
}

interface Owner extends DataLockOwner {
  /** Distinguishes this lock from every other, also of the same process. */
  readonly id: string;
  /** Machine and boot on which pid and start mean something. */
  readonly host: string;
  /** Start of the process in ticks since boot; null where the system does not tell. */
  readonly startTicks: string | null;
}

export interface DataLock {
  /** Writes the address at which the owner answers. */
  publish(url: string): Promise<void>;
  /** Gives the folder free. Safe to call twice. */
  release(): Promise<void>;
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

/** What `read` gives, or undefined where the file is absent. */
async function orAbsent<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Host name and boot id: after a reboot pids and ticks begin again, and two containers may share a boot id. */
async function hostIdentity(): Promise<string> {
  const boot = await orAbsent(readFile("/proc/sys/kernel/random/boot_id", "utf8"));
  return `${hostname()} ${boot?.trim() ?? ""}`.trim();
}

/** Field 22 of /proc/PID/stat: when the process started, in ticks since boot; "dead" for a zombie; null without /proc. */
async function startOf(pid: number): Promise<string | null> {
  const text = await orAbsent(readFile(`/proc/${pid}/stat`, "utf8"));
  if (text === undefined) return null;
  // The second field is the program's name in parentheses and may hold spaces and parentheses itself.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? "dead" : (fields[19] ?? null);
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists and belongs to another user.
    return codeOf(error) === "EPERM";
  }
}

async function isAlive(owner: Owner, path: string, host: string): Promise<boolean> {
  if (owner.host !== host) {
    const file = await orAbsent(stat(path));
    return file !== undefined && Date.now() - file.mtimeMs < STALE_AFTER_MS;
  }
  if (!processExists(owner.pid)) return false;
  const start = await startOf(owner.pid);
  return start === null || owner.startTicks === null || start === owner.startTicks;
}

async function readOwner(path: string): Promise<Owner | undefined> {
  const text = await orAbsent(readFile(path, "utf8"));
  if (text === undefined) return undefined;
  try {
    const owner = JSON.parse(text) as Partial<Owner>;
    if (typeof owner.pid === "number" && typeof owner.id === "string" && typeof owner.host === "string") return owner as Owner;
  } catch (cause) {
    throw unreadable(path, cause);
  }
  throw unreadable(path);
}

const unreadable = (path: string, cause?: unknown): EngineError =>
  new EngineError(
    "ENGRAM_DATA_LOCKED",
    `The lock file ${path} holds something else than a lock. Delete it if no Engram runs on this data folder.`,
    {
      cause,
      details: { file: path },
    },
  );

function locked(owner: Owner, host: string): EngineError {
  const where = owner.url === null ? "" : ` at ${owner.url}`;
  const other = owner.host === host ? "" : ` on the machine ${owner.host.split(" ")[0]}`;
  const hint =
    owner.host === host
      ? "Talk to that one, stop it, or choose another folder with --data-dir."
      : `If it was killed, its claim ends ${STALE_AFTER_MS / 1_000} seconds after its last sign of life.`;
  return new EngineError("ENGRAM_DATA_LOCKED", `The data folder is in use by process ${owner.pid}${where}${other}. ${hint}`, {
    details: { pid: owner.pid, url: owner.url, startedAt: owner.startedAt },
  });
}

/** Puts `owner` at `path` if nothing is there; true when it now is. */
async function place(path: string, owner: Owner): Promise<boolean> {
  const draft = `${path}.${owner.id}.new`;
  await writeFile(draft, JSON.stringify(owner), { flag: "wx" });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    await unlink(draft);
  }
}

/**
 * Takes `path` for `owner`. A stale lock is removed under a second lock named after it, so that of several processes that found it
 * stale only one removes it, and none removes the lock that came in its place; that second lock is taken in the same way.
 */
async function acquire(path: string, owner: Owner, busy: (holder: Owner) => Promise<void>): Promise<void> {
  while (!(await place(path, owner))) {
    const holder = await readOwner(path);
    if (holder === undefined) continue;
    if (await isAlive(holder, path, owner.host)) {
      await busy(holder);
      continue;
    }
    const claim = `${path}.${holder.id}`;
    await acquire(claim, owner, () => new Promise((resolve) => setTimeout(resolve, RETRY_MS)));
    try {
      if ((await readOwner(path))?.id === holder.id) await unlink(path);
    } finally {
      await unlink(claim);
    }
  }
}

/** Takes the folder (made if absent) for this process, or throws ENGRAM_DATA_LOCKED. */
export async function lockDataFolder(dataDir: string): Promise<DataLock> {
  const path = join(dataDir, LOCK_NAME);
  const host = await hostIdentity();
  const owner: Owner = {
    pid: process.pid,
    url: null,
    startedAt: new Date().toISOString(),
    id: randomUUID(),
    host,
    startTicks: await startOf(process.pid),
  };
  try {
    await mkdir(dataDir, { recursive: true });
    await acquire(path, owner, (holder) => Promise.reject(locked(holder, host)));
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const code = codeOf(error) === "ENOSPC" ? "ENGRAM_DISK_FULL" : "ENGRAM_FILE_UNREADABLE";
    throw new EngineError(
      code,
      `The data folder ${dataDir} cannot be written (${String(codeOf(error))}). Check the path, its permissions and its disk.`,
      {
        cause: error,
        details: { file: path },
      },
    );
  }
  const touch = setInterval(() => {
    const now = new Date();
    // A failed touch only makes the owner look dead to other machines, and the next touch mends it: no reason to stop the server.
    utimes(path, now, now).catch(() => undefined);
  }, TOUCH_EVERY_MS);
  touch.unref();
  let released: Promise<void> | undefined;
  const mine = async (): Promise<boolean> => (await readOwner(path))?.id === owner.id;
  return {
    publish: async (url) => {
      const draft = `${path}.${owner.id}.new`;
      await writeFile(draft, JSON.stringify({ ...owner, url }));
      if (await mine()) await rename(draft, path);
      else await unlink(draft);
    },
    release: () =>
      (released ??= (async () => {
        clearInterval(touch);
        if (await mine()) await unlink(path);
      })()),
  };
}

/** The live owner of the folder, or undefined when it is free (no lock, or the lock of a dead process). */
export async function readDataLock(dataDir: string): Promise<DataLockOwner | undefined> {
  const path = join(dataDir, LOCK_NAME);
  const owner = await readOwner(path);
  if (owner === undefined || !(await isAlive(owner, path, await hostIdentity()))) return undefined;
  return { pid: owner.pid, url: owner.url, startedAt: owner.startedAt };
}
