/** The plan of the pool's memory: what fits 4 GiB, what is refused; scratch leases. */
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { SCRATCH_BYTES } from "../../../assembly/layout.ts";
import { classTableBytes, leaseScratch, planPoolMemory, releaseLostScratch, SYMBOL_CAPACITY } from "../../../src/kernels/pool-memory.ts";

const slotsOf = (threads: number): number => 2 * threads + 2;

test("every thread has tables for the symbol capacity, and all fits 4 GiB", () => {
  for (const threads of [1, 2, 8, 16, 22]) {
    const layout = planPoolMemory(threads, slotsOf, SYMBOL_CAPACITY);
    expect(layout.threads).toBe(threads);
    expect(layout.slots).toBe(slotsOf(threads));
    expect(layout.scratchStride).toBe(SCRATCH_BYTES + 2 * classTableBytes(SYMBOL_CAPACITY) + layout.tableBytes);
    expect(layout.bytes).toBe(layout.scratchAt + threads * layout.scratchStride);
    expect(layout.bytes).toBeLessThan(2 ** 32);
    expect(layout.bytes % 65536).toBe(0);
  }
  expect(planPoolMemory(22, slotsOf, SYMBOL_CAPACITY).tableBytes).toBeLessThan(planPoolMemory(2, slotsOf, SYMBOL_CAPACITY).tableBytes);
});

test("more threads than fit become as many as fit; fewer symbols make room for more", () => {
  expect(planPoolMemory(64, slotsOf, SYMBOL_CAPACITY).threads).toBe(22);
  expect(planPoolMemory(64, slotsOf, 1024 * 1024).threads).toBeGreaterThan(22);
  const refused = expect.objectContaining({ code: "ENGRAM_SETTINGS_INVALID" });
  expect(() => planPoolMemory(1, slotsOf, 2 ** 30)).toThrow(refused);
  expect(() => planPoolMemory(0, slotsOf, 1024)).toThrow(refused);
});

test("resident memory takes as many memories as it needs, each within 4 GiB, and leaves every thread its tables", () => {
  const gib = 2 ** 30;
  for (const [threads, bytes] of [
    [1, 64 * 2 ** 20],
    [2, 2 * gib],
    [2, 6 * gib],
    [8, 20 * gib],
    [16, 20 * gib],
  ] as const) {
    const layout = planPoolMemory(threads, slotsOf, SYMBOL_CAPACITY, bytes);
    expect(layout.threads).toBe(threads);
    expect(layout.residentBytes).toBe(bytes);
    expect(layout.memories * layout.arenaBytes).toBeGreaterThanOrEqual(bytes);
    expect((layout.memories - 1) * layout.arenaBytes).toBeLessThan(bytes);
    expect(layout.arenaAt).toBe(layout.scratchAt + threads * layout.scratchStride);
    expect(layout.bytes).toBe(layout.arenaAt + layout.arenaBytes);
    expect(layout.bytes).toBeLessThan(2 ** 32);
  }
  expect(planPoolMemory(2, slotsOf, SYMBOL_CAPACITY, 6 * gib).memories).toBe(3);
  expect(planPoolMemory(2, slotsOf, SYMBOL_CAPACITY, 0)).toMatchObject({ memories: 1, arenaBytes: 0, residentBytes: 0 });
});

test("a lost thread's scratch goes to its successor, marked as used", () => {
  const layout = planPoolMemory(2, () => 1, 1024);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  expect(leaseScratch(memory, layout, 11)).toEqual({ index: 0, isUsed: false });
  expect(leaseScratch(memory, layout, 12)).toEqual({ index: 1, isUsed: false });
  releaseLostScratch(memory, layout, new Set([12, 13]));
  expect(leaseScratch(memory, layout, 13)).toEqual({ index: 0, isUsed: true });
});

/** Starts the built pool where the system grants so many GiB of address space; what it warned of, and the room it says it has. */
function roomWithin(gib: number, residentGib: number): { room?: number; warnings?: string[]; refused?: string } {
  const pool = new URL("../../../dist/src/pool/piscina-pool.js", import.meta.url).href;
  const script = `
    const { openPiscinaPool } = await import(${JSON.stringify(pool)});
    const warnings = [];
    const log = { warn: (_, text) => warnings.push(text), error() {}, info() {}, debug() {} };
    try {
      const pool = await openPiscinaPool({ threads: 1, queueMax: 4, residentBytes: ${residentGib} * 2 ** 30, log });
      console.log(JSON.stringify({ room: pool.resident?.capacity ?? 0, warnings }));
      await pool.close();
    } catch (error) {
      console.log(JSON.stringify({ refused: error.code }));
    }`;
  const limited = `ulimit -v ${gib * 2 ** 20}; exec "$0" --input-type=module -e "$1"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", limited, process.execPath, script], { encoding: "utf8" });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as ReturnType<typeof roomWithin>;
}

// Each memory takes 10 GiB of address space; Node itself takes 1 to 2.
test("where the system grants less address space the resident memory is smaller, and says so", () => {
  const gib = 2 ** 30;
  const whole = roomWithin(48, 6);
  expect(whole).toEqual({ room: 6 * gib, warnings: [] });
  const part = roomWithin(26, 6);
  expect(part.room).toBe(4 * gib);
  expect(part.warnings).toEqual([expect.stringMatching(/^less resident memory than asked/)]);
  expect(roomWithin(8, 6)).toEqual({ refused: "ENGRAM_SETTINGS_INVALID" });
});
