import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { lockDataFolder, readDataLock } from "../../../src/store/data-lock.ts";

let folder: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "engram-lock-"));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const lockFile = () => join(folder, "engram.lock");
const ownFields = () => JSON.parse(readFileSync(lockFile(), "utf8"));

/** A process that lives until it is killed, and its end. */
async function sleeper(): Promise<{ pid: number; kill: () => Promise<void> }> {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000); console.log('up')"], { stdio: ["ignore", "pipe", "ignore"] });
  children.push(child);
  await new Promise((resolve) => child.stdout!.once("data", resolve));
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return {
    pid: child.pid!,
    kill: () => {
      child.kill("SIGKILL");
      return ended;
    },
  };
}

it("names the owner to a second comer, and is free after release", async () => {
  const lock = await lockDataFolder(folder);
  await lock.publish("http://127.0.0.1:8123");
  const refusal = await lockDataFolder(folder).catch((error) => error);
  expect(refusal.code).toBe("ENGRAM_DATA_LOCKED");
  expect(refusal.message).toContain(String(process.pid));
  expect(refusal.message).toContain("http://127.0.0.1:8123");
  expect(await readDataLock(folder)).toMatchObject({ pid: process.pid, url: "http://127.0.0.1:8123" });

  await lock.release();
  await lock.release();
  expect(readdirSync(folder)).toEqual([]);
  expect(await readDataLock(folder)).toBeUndefined();
  await (await lockDataFolder(folder)).release();
});

it("makes the folder where it is absent", async () => {
  const lock = await lockDataFolder(join(folder, "a", "b"));
  expect(existsSync(join(folder, "a", "b", "engram.lock"))).toBe(true);
  await lock.release();
});

it("takes over the lock of a killed process, and not that of a live one", async () => {
  const mine = await lockDataFolder(folder);
  const fields = ownFields();
  await mine.release();
  const other = await sleeper();
  const startTicks = existsSync("/proc/self/stat") ? readFileSync(`/proc/${other.pid}/stat`, "utf8").split(") ")[1]!.split(" ")[19] : null;
  writeFileSync(lockFile(), JSON.stringify({ ...fields, pid: other.pid, id: "other", startTicks, url: "http://127.0.0.1:9" }));
  await expect(lockDataFolder(folder)).rejects.toMatchObject({ code: "ENGRAM_DATA_LOCKED", details: { pid: other.pid } });

  await other.kill();
  expect(await readDataLock(folder)).toBeUndefined();
  const taken = await lockDataFolder(folder);
  expect(ownFields().pid).toBe(process.pid);
  await taken.release();
  expect(readdirSync(folder)).toEqual([]);
});

it.runIf(existsSync("/proc/self/stat"))("is not fooled by a pid that another program got", async () => {
  const mine = await lockDataFolder(folder);
  const fields = ownFields();
  await mine.release();
  const other = await sleeper();
  writeFileSync(lockFile(), JSON.stringify({ ...fields, pid: other.pid, id: "other", startTicks: "1" }));
  const taken = await lockDataFolder(folder);
  expect(ownFields().pid).toBe(process.pid);
  await taken.release();
});

it("judges an owner on another machine by its last touch", async () => {
  writeFileSync(
    lockFile(),
    JSON.stringify({ pid: process.pid, id: "far", host: `not-${hostname()}`, startTicks: null, url: null, startedAt: "" }),
  );
  await expect(lockDataFolder(folder)).rejects.toThrow(/machine not-/);
  const long = new Date(Date.now() - 60_000);
  utimesSync(lockFile(), long, long);
  const taken = await lockDataFolder(folder);
  await taken.release();
});

it("gives a stale lock to exactly one of many that come at once", async () => {
  const dead = await sleeper();
  await dead.kill();
  const mine = await lockDataFolder(folder);
  const fields = ownFields();
  await mine.release();
  for (let round = 0; round < 20; round++) {
    writeFileSync(lockFile(), JSON.stringify({ ...fields, pid: dead.pid, id: `stale-${round}` }));
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataFolder(folder)));
    const winners = outcomes.filter((outcome) => outcome.status === "fulfilled");
    expect(winners).toHaveLength(1);
    for (const outcome of outcomes) if (outcome.status === "rejected") expect(outcome.reason.code).toBe("ENGRAM_DATA_LOCKED");
    await winners[0]!.value.release();
    expect(readdirSync(folder)).toEqual([]);
  }
});

it("does not take a file that is no lock for a lock", async () => {
  writeFileSync(lockFile(), "not json");
  await expect(lockDataFolder(folder)).rejects.toMatchObject({ code: "ENGRAM_DATA_LOCKED", message: expect.stringContaining("Delete it") });
  expect(readFileSync(lockFile(), "utf8")).toBe("not json");
});

it("says what is wrong where the folder cannot be made", async () => {
  writeFileSync(join(folder, "file"), "");
  await expect(lockDataFolder(join(folder, "file", "data"))).rejects.toMatchObject({ code: "ENGRAM_FILE_UNREADABLE" });
});
