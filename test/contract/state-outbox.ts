/** Contract of the state store: outbox, flush, replay, and opening the same data again. */
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { OutboxEntry } from "../../src/store/state-store.ts";
import { TwinKb } from "../reference/state.ts";
import { codeOf, drain, expectTwin, learnOf, NOW, type OpenedState, type StateBackEnd, sessionOf } from "../support/state-stores.ts";
import { history, play, runs } from "./state-learns.ts";

const pair = (kb: string, i: number) => learnOf(kb, [["a", `b${i}`]]);
const many = (kb: string, count: number) => Array.from({ length: count }, (_, i) => pair(kb, i));

export function outboxSuite(backEnd: StateBackEnd, opened: () => OpenedState): void {
  it("shows in the tail what is not flushed, and goes on where a flush ended", async () => {
    const { store } = opened();
    expect(await store.tail("kb", 1)).toEqual([]);
    await store.commitLearns(many("kb", 5));
    const tail = await store.tail("kb", 1);
    expect(tail.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    const batch = await store.takeFlush("me", 3, 60_000);
    expect(batch?.entries).toEqual(tail.slice(0, 3));
    await store.commitLearn(pair("kb", 9), null);
    expect((await store.tail("kb", 1)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await store.finishFlush("me", batch?.token ?? "")).toBe(true);
    expect((await store.tail("kb", 1)).map(({ seq }) => seq)).toEqual([4, 5, 6]);
    await drain(store);
    expect(await store.tail("kb", 1)).toEqual([]);
    await store.commitLearn(pair("kb", 10), null);
    expect((await store.tail("kb", 1)).map(({ seq }) => seq)).toEqual([7]);
    // What was given out before did not change.
    expect(tail).toHaveLength(5);
  });

  it("shows another process's learns and flushes in the tail", async () => {
    const { store, second } = opened();
    const other = await second();
    try {
      await store.commitLearns(many("kb", 3));
      expect(await other.tail("kb", 1)).toHaveLength(3);
      await other.commitLearns(many("kb", 2));
      expect((await store.tail("kb", 1)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
      await drain(other, 4);
      expect(await store.tail("kb", 1)).toEqual([]);
      await other.commitLearns(many("kb", 1));
      expect((await store.tail("kb", 1)).map(({ seq }) => seq)).toEqual([6]);
      expect((await other.tail("kb", 1)).map(({ seq }) => seq)).toEqual([6]);
    } finally {
      await other.close();
    }
  });

  it("keeps every tail complete while learns, flushes and tails race", async () => {
    const { store } = opened();
    const flushed: number[] = [];
    let learning = true;
    const learner = (async () => {
      for (let i = 0; i < 40; i++) await Promise.all(many("kb", 5).map((learn) => store.commitLearn(learn, null)));
      learning = false;
    })();
    const flusher = (async () => {
      while (learning || (await store.outboxSize()) > 0) {
        await nextTurn();
        const batch = await store.takeFlush("me", 7, 60_000);
        if (batch === undefined) continue;
        flushed.push(...batch.entries.map(({ seq }) => seq));
        await store.finishFlush("me", batch.token);
      }
    })();
    while (learning) {
      await nextTurn();
      const before = flushed.length;
      const seqs = (await store.tail("kb", 1)).map(({ seq }) => seq);
      for (const [i, seq] of seqs.entries()) if (i > 0) expect(seq).toBe((seqs[i - 1] as number) + 1);
      if (seqs.length > 0) expect(seqs[0]).toBeLessThanOrEqual(Math.max(before, flushed.length) + 1);
    }
    await Promise.all([learner, flusher]);
    expect(flushed).toEqual([...Array(200).keys()].map((i) => i + 1));
  });

  it("gives an unfinished batch out again, whole and unchanged, after a restart and to another owner", async () => {
    const first = opened();
    await first.store.commitLearns([...many("kb", 4), ...many(backEnd.flushesOneKb ? "kb" : "kb2", 4)]);
    const batch = await first.store.takeFlush("first", 6, 200);
    expect(batch?.entries).toHaveLength(6);
    await first.store.commitLearns(many("kb", 10));
    expect(await first.store.takeFlush("first", 100, 200)).toEqual(batch);
    expect(await first.store.takeFlush("second", 100, 200)).toBeUndefined();
    const { store } = await first.reopen();
    try {
      await new Promise((resolve) => setTimeout(resolve, 250));
      expect(await store.takeFlush("second", 1, 60_000)).toEqual(batch);
      expect(await store.takeFlush("first", 100, 200)).toBeUndefined();
      expect(await store.finishFlush("first", batch?.token ?? "")).toBe(false);
      expect(await store.outboxSize()).toBe(18);
      expect(await store.finishFlush("second", "another token")).toBe(false);
      expect(await store.finishFlush("second", batch?.token ?? "")).toBe(true);
      expect(await store.finishFlush("second", batch?.token ?? "")).toBe(false);
      expect(await store.outboxSize()).toBe(12);
      const rest = await drain(store, 5);
      expect(rest.flatMap(({ entries }) => entries)).toHaveLength(12);
      expect(new Set([batch?.token, ...rest.map(({ token }) => token)]).size).toBe(rest.length + 1);
    } finally {
      await store.close();
    }
  });

  it("shares a batch among kbs, and serves every kb in its turn", async () => {
    const { store } = opened();
    await store.commitLearns(many("0 large", 100));
    for (const kb of ["a", "b", "c"]) await store.commitLearns(many(kb, 2));
    const [batch] = [await store.takeFlush("me", 20, 60_000)];
    const counts = new Map<string, number>();
    for (const { kb } of batch?.entries ?? []) counts.set(kb, (counts.get(kb) ?? 0) + 1);
    expect(Object.fromEntries(counts)).toEqual(backEnd.flushesOneKb ? { "0 large": 20 } : { a: 2, b: 2, c: 2, "0 large": 14 });
    expect(await store.finishFlush("me", batch?.token ?? "")).toBe(true);
    // More kbs than places: each gets its turn before one is served twice.
    for (const kb of ["a", "b", "c", "d", "e"]) await store.commitLearns(many(kb, 3));
    const served: string[] = [];
    for (let i = 0; i < (backEnd.flushesOneKb ? 6 : 3); i++) {
      const next = await store.takeFlush("me", backEnd.flushesOneKb ? 1 : 2, 60_000);
      served.push(...(next?.entries ?? []).map(({ kb }) => kb));
      await store.finishFlush("me", next?.token ?? "");
    }
    expect(served.toSorted()).toEqual(["0 large", "a", "b", "c", "d", "e"]);
    const rest = await drain(store, 9);
    expect(rest.every(({ entries }) => entries.length > 0 && entries.length <= 9)).toBe(true);
    for (const { entries } of rest) {
      for (const kb of new Set(entries.map((entry) => entry.kb))) {
        const seqs = entries.filter((entry) => entry.kb === kb).map(({ seq }) => seq);
        expect(seqs).toEqual(seqs.map((_, i) => (seqs[0] as number) + i));
      }
    }
    expect(await store.outboxSize()).toBe(0);
  });

  it("cuts a batch of huge patterns by its bytes", async () => {
    const { store } = opened();
    const huge = (i: number) => learnOf("kb", [Array.from({ length: 110 }, (_, k) => `${i}-${k}-`.padEnd(65_000, "x"))]);
    for (let i = 0; i < 4; i++) await store.commitLearn(huge(i), null);
    expect((await drain(store)).map(({ entries }) => entries.length)).toEqual([2, 2]);
  });

  it("comes out equal when its flushed entries are replayed into an empty store", async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.integer({ min: 1, max: 9 }), async (operations, slice) => {
        const [source, target] = await Promise.all([backEnd.open(), backEnd.open()]);
        try {
          // A raised epoch without a change behind it is known to no entry, so it cannot come back.
          const replayable = operations.filter(([, { op }]) => op !== "epoch");
          const twins = await play(source.store, replayable);
          const entries = (await drain(source.store, 5)).flatMap((batch) => batch.entries);
          for (const twin of twins) {
            const own = entries.filter(({ kb }) => kb === twin.kb);
            expect(own).toEqual(twin.outbox);
            // Only what still counts: from the last clear on, as the pattern store gives it.
            const from = Math.max(
              0,
              own.findLastIndex(({ kind }) => kind === "clear"),
            );
            for (let at = from; at < own.length; at += slice) await target.store.replay(own.slice(at, at + slice));
            await expectTwin(target.store, twin, []);
          }
          expect(await target.store.outboxSize()).toBe(0);
        } finally {
          await Promise.all([source.dispose(), target.dispose()]);
        }
      }),
      runs(15),
    );
  });

  it("forgets a kb's half once everything is flushed, and takes its replay", async () => {
    const { store } = opened();
    const twin = new TwinKb("kb");
    const learns = [
      learnOf("kb", [["a", "b"]], { emotives: [[["joy", 0.1]]] }),
      learnOf("kb", [["b", "c"]], { vectors: [{ symbol: "v", values: [1] }] }),
    ];
    await store.commitLearns(learns);
    for (const learn of learns) twin.learn(learn);
    const gone = twin.editOf(0, { kind: "delete" });
    expect(await store.editPatterns("kb", 1, [gone], NOW)).toEqual([twin.edit(gone, NOW)]);
    await store.commitLearns([learnOf("other", [["x", "y"]])]);
    expect(await store.forgetKb("kb")).toBe(false);
    await expectTwin(store, twin);
    await drain(store);
    expect(await store.forgetKb("kb")).toBe(true);
    while ((await store.sweepGenerations(100)) > 0);
    expect(await store.head("kb")).toEqual(new TwinKb("kb").head());
    await store.replay(twin.outbox);
    await expectTwin(store, twin, []);
    expect((await store.head("other")).patternCount).toBe(1);
    twin.outbox = [];
    const next = learnOf("kb", [["b", "c"]]);
    expect(await store.commitLearn(next, null)).toEqual({ outcome: "committed", result: twin.learn(next) });
    await expectTwin(store, twin);
  });

  it("refuses a replay that does not come out as recorded, and does nothing", async () => {
    const source = opened();
    await source.store.commitLearns([pair("kb", 1), pair("kb", 2), pair("kb", 1)]);
    await source.store.finalizeKb("kb", NOW);
    const entries = [...(await source.store.tail("kb", 1))];
    const target = await backEnd.open();
    try {
      const wrong: ((entry: OutboxEntry, i: number) => OutboxEntry | undefined)[] = [
        (entry, i) => (i === 1 ? undefined : entry),
        (entry, i) => (i === 1 && entry.kind === "learn" ? { ...entry, patternId: 7 } : entry),
        (entry, i) => (i === 2 && entry.kind === "learn" ? { ...entry, symbolIds: [0, 2] } : entry),
        (entry, i) => (i === 2 && entry.kind === "learn" ? { ...entry, isNew: true } : entry),
        (entry, i) => (i === 2 ? { ...entry, generation: 2 } : entry),
        (entry) => (entry.kind === "finalize" ? { ...entry, below: 3 } : entry),
      ];
      for (const change of wrong) {
        const changed = entries.map(change).filter((entry): entry is OutboxEntry => entry !== undefined);
        expect(await codeOf(target.store.replay(changed))).toBe("ENGRAM_STORE_REPLY");
        expect(await target.store.head("kb")).toEqual(new TwinKb("kb").head());
        expect([...(await target.store.symbolIds("kb", 1, ["a"]))]).toEqual([0xffff_ffff]);
      }
      await target.store.replay(entries);
      expect(await target.store.head("kb")).toEqual(await source.store.head("kb"));
    } finally {
      await target.dispose();
    }
  });

  it("has everything again after it was closed and opened", async () => {
    const before = opened();
    const twin = new TwinKb("kb");
    await before.store.createSession(sessionOf("s", { time: 7 }));
    for (const learn of many("kb", 20)) {
      twin.learn(learn);
      await before.store.commitLearn(learn, null);
    }
    twin.finalize(NOW);
    await before.store.finalizeKb("kb", NOW);
    const { store } = await before.reopen();
    try {
      await expectTwin(store, twin);
      expect((await store.readSession("s", NOW, false))?.session.time).toBe(7);
      expect(await store.outboxSize()).toBe(21);
      expect(await store.ping()).toBe(true);
    } finally {
      await store.close();
    }
  });

  it("refuses every call after it was closed", async () => {
    const own = await backEnd.open();
    await own.dispose();
    const { store } = own;
    const calls = [
      store.head("kb"),
      store.saveSession(sessionOf("s"), 1),
      store.commitLearn(pair("kb", 1), null),
      store.tail("kb", 1),
      store.takeFlush("me", 1, 1),
      store.counters("kb", 1, [], []),
    ];
    for (const call of calls) expect(await codeOf(call)).toBe("ENGRAM_CLOSED");
    expect(await store.ping()).toBe(false);
    await store.close();
  });
}
