import { afterEach, expect, it, vi } from "vitest";
import { Flusher } from "../../../src/engine/flusher.ts";
import { EngineError } from "../../../src/errors.ts";
import { silentLogger } from "../../../src/log.ts";
import { flushRows } from "../../../src/store/flush-rows.ts";
import type { PatternStore } from "../../../src/store/pattern-store.ts";
import type { FlushBatch, OutboxEntry, StateStore } from "../../../src/store/state-store.ts";
import { learnEntry } from "../../contract/pattern-store.ts";

/** An outbox in memory and a pattern store that notes what it is given; `fail` makes the next writes throw. */
function fixture(intervalMs = 1, rowsMax = 2) {
  const waiting: OutboxEntry[] = [];
  const written: string[][] = [];
  const dropped: [string, number][] = [];
  let taken: FlushBatch | undefined;
  let batches = 0;
  const loads: boolean[] = [];
  const control = { fail: 0, leasedToOther: false, purges: 0 };
  const state = {
    backEnd: "redis",
    takeFlush: async (_owner: string, limit: number) => {
      if (control.leasedToOther) return undefined;
      if (taken === undefined && waiting.length > 0) taken = { token: `t${++batches}`, entries: waiting.slice(0, limit) };
      return taken;
    },
    finishFlush: async (_owner: string, token: string) => {
      expect(token).toBe(taken!.token);
      waiting.splice(0, taken!.entries.length);
      taken = undefined;
      return true;
    },
    outboxSize: async () => waiting.length,
  } as unknown as StateStore;
  const patterns = {
    write: async (batch: FlushBatch) => {
      if (control.fail-- > 0) throw new EngineError("ENGRAM_STORE_UNREACHABLE", "away");
      written.push([batch.token, ...batch.entries.map((entry) => `${entry.kind} ${entry.seq}`)]);
    },
    dropBefore: async (kb: string, generation: number) => void dropped.push([kb, generation]),
    purgeDeleted: async () => void control.purges++,
  } as unknown as PatternStore;
  const flusher = new Flusher({
    state,
    patterns,
    log: silentLogger,
    rowsMax,
    intervalMs,
    rowsOf: ({ entries }) => flushRows(entries),
    loaded: () => void loads.push(true),
  });
  return { flusher, waiting, written, dropped, control, loads };
}

afterEach(() => {
  vi.useRealTimers();
});

it("does not let someone who waits, or its own end, wait for company", async () => {
  const { flusher, waiting, written } = fixture(3_600_000);
  // By now the first pause is under way.
  await new Promise((resolve) => setTimeout(resolve, 20));
  waiting.push(learnEntry("kb", 1, 1, 1, [1, 2]));
  await flusher.drained();
  expect(written).toHaveLength(1);
  flusher.notify();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await flusher.close();
});

it("writes what waits in order and in batches, and says when all is in", async () => {
  const { flusher, waiting, written } = fixture();
  for (let seq = 1; seq <= 5; seq++) waiting.push(learnEntry("kb", 1, seq, seq, [1, 2]));
  await flusher.drained();
  expect(written).toEqual([
    ["t1", "learn 1", "learn 2"],
    ["t2", "learn 3", "learn 4"],
    ["t3", "learn 5"],
  ]);
  expect(waiting).toEqual([]);
  await flusher.close();
});

it("writes what is committed later without being asked", async () => {
  const { flusher, waiting, written } = fixture();
  await flusher.drained();
  waiting.push(learnEntry("kb", 1, 1, 0, [1, 2]));
  flusher.notify();
  await vi.waitFor(() => expect(written).toHaveLength(1));
  await flusher.close();
});

it("tells who waits that a write failed, keeps the batch, and repeats it whole", async () => {
  const { flusher, waiting, written, control } = fixture();
  await flusher.drained();
  control.fail = 1;
  waiting.push(learnEntry("kb", 1, 1, 0, [1, 2]));
  await expect(flusher.drained()).rejects.toMatchObject({ code: "ENGRAM_STORE_UNREACHABLE" });
  await vi.waitFor(() => expect(written).toEqual([["t1", "learn 1"]]), { timeout: 3_000 });
  await flusher.close();
});

it("closes although the last batch cannot be written, and says so", async () => {
  const { flusher, waiting, control } = fixture();
  control.fail = 1_000;
  waiting.push(learnEntry("kb", 1, 1, 0, [1, 2]));
  await expect(flusher.close()).rejects.toMatchObject({ code: "ENGRAM_STORE_UNREACHABLE" });
  expect(waiting).toHaveLength(1);
  await expect(flusher.drained()).rejects.toMatchObject({ code: "ENGRAM_CLOSED" });
});

it("waits for a batch that another process has, and takes over when its lease is up", async () => {
  const { flusher, waiting, written, control } = fixture();
  control.leasedToOther = true;
  waiting.push(learnEntry("kb", 1, 1, 0, [1, 2]));
  let drained = false;
  const draining = flusher.drained().then(() => {
    drained = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(drained).toBe(false);
  control.leasedToOther = false;
  await draining;
  expect(written).toEqual([["t1", "learn 1"]]);
  await flusher.close();
});

it("removes older generations after a clear is in", async () => {
  const { flusher, waiting, dropped } = fixture();
  waiting.push({ kb: "kb", generation: 4, seq: 1, atMs: 0, kind: "clear" });
  await flusher.drained();
  expect(dropped).toEqual([["kb", 4]]);
  await flusher.close();
});

it("removes the rows of deleted patterns once after all deletes are in, and once at the start", async () => {
  const { flusher, waiting, control } = fixture();
  await flusher.drained();
  expect(control.purges).toBe(1);
  const gone = { name: "0".repeat(40), symbolIds: [1, 2], eventEnds: [2], change: { kind: "delete" } } as const;
  for (let seq = 1; seq <= 5; seq++) waiting.push({ kb: "kb", generation: 1, seq, atMs: seq, kind: "edit", patternId: seq, ...gone });
  await flusher.drained();
  expect(control.purges).toBe(2);
  await flusher.close();
  expect(control.purges).toBe(2);
});

it("says when a load is over: at once when someone waits, else after a quiet moment", async () => {
  const { flusher, waiting, loads } = fixture(1, 5_000);
  const learnMany = (from: number): void =>
    void waiting.push(...Array.from({ length: 1_500 }, (_, i) => learnEntry("kb", 1, from + i, from + i, [1, 2])));
  learnMany(1);
  await flusher.drained();
  expect([loads.length, flusher.isLoading]).toEqual([1, false]);
  waiting.push(learnEntry("kb", 1, 2_000, 2_000, [1, 2]));
  await flusher.drained();
  expect([loads.length, flusher.isLoading]).toEqual([2, false]);
  learnMany(3_000);
  flusher.notify();
  while (waiting.length > 0) await new Promise((resolve) => setTimeout(resolve, 2));
  expect([loads.length, flusher.isLoading]).toEqual([2, true]);
  while (loads.length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(flusher.isLoading).toBe(false);
  await flusher.close();
});
