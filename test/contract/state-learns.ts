/** Contract of the state store: changes of a kb and what is read from it, compared with the plain twin bit for bit. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { EmotiveRecord } from "../../src/model/emotives.ts";
import type { LearnCommit, PatternEdit } from "../../src/store/state-store.ts";
import { EPOCH_FACTOR, UNKNOWN_SYMBOL } from "../../src/store/state-store.ts";
import { TwinKb } from "../reference/state.ts";
import {
  allSymbols,
  codeOf,
  drain,
  expectTwin,
  HOSTILE,
  learnOf,
  NOW,
  type OpenedState,
  type StateBackEnd,
  sessionOf,
} from "../support/state-stores.ts";

interface EditInput {
  /** Which pattern, counted round those that are there. */
  readonly at: number;
  readonly change: PatternEdit["change"];
}

type Op =
  | { op: "edit"; edits: EditInput[] }
  | { op: "affinity"; sums: readonly (readonly [at: number, record: EmotiveRecord])[] }
  | { op: "learn"; learn: LearnCommit }
  | { op: "bulk"; learns: LearnCommit[] }
  | { op: "clear" | "finalize" | "epoch" | "sweep" };

const value = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0.1, -0, 3, 1e16));
const name = fc.oneof(fc.constantFrom("joy", "fear", "__proto__", "10"), fc.string({ unit: "binary", maxLength: 3 }));
const record = fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 3 });
const symbol = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("a", "b", "c", "d") },
  { weight: 1, arbitrary: fc.constantFrom(...HOSTILE) },
);
const texts = fc.uniqueArray(fc.constantFrom("x", "y", "\uE000", "\u{10000}", "__proto__", ""), { maxLength: 3 });
const vector = fc.record({ symbol: fc.constantFrom("v1", "v2", "v3", "\0"), values: fc.array(value, { maxLength: 2 }) });

/** A learn over few symbols and few patterns, so that re-learns are frequent. */
const arbitraryLearn = (kb: fc.Arbitrary<string>): fc.Arbitrary<LearnCommit> =>
  fc
    .record({
      kb,
      events: fc.array(fc.array(symbol, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 2 }),
      emotives: fc.array(record, { maxLength: 4 }),
      metadata: fc.uniqueArray(fc.tuple(name, texts), { selector: ([key]) => key, maxLength: 2 }),
      vectors: fc.array(vector, { maxLength: 3 }),
      persistence: fc.integer({ min: 1, max: 4 }),
      atMs: fc.nat({ max: 4_000_000_000_000 }),
    })
    .map(({ kb, events, ...input }) => learnOf(kb, events, input));

const arbitraryChange: fc.Arbitrary<PatternEdit["change"]> = fc.oneof(
  fc.constant({ kind: "delete" as const }),
  fc
    .record(
      {
        frequency: fc.integer({ min: 1, max: 9 }),
        emotives: fc.array(record, { maxLength: 4 }),
        metadata: fc.uniqueArray(fc.tuple(name, texts), { selector: ([key]) => key, maxLength: 2 }),
      },
      { requiredKeys: [] },
    )
    .chain((update) => fc.integer({ min: 1, max: 4 }).map((persistence) => ({ kind: "update" as const, persistence, ...update }))),
);

const KBS = ["kb", "other\0kb"] as const;

const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 8, arbitrary: arbitraryLearn(fc.constant("")).map((learn): Op => ({ op: "learn", learn })) },
  {
    weight: 2,
    arbitrary: fc.array(arbitraryLearn(fc.constant("")), { maxLength: 4 }).map((learns): Op => ({ op: "bulk", learns })),
  },
  {
    weight: 3,
    arbitrary: fc
      .array(fc.record({ at: fc.nat({ max: 20 }), change: arbitraryChange }), { minLength: 1, maxLength: 3 })
      .map((edits): Op => ({ op: "edit", edits })),
  },
  {
    weight: 2,
    arbitrary: fc.array(fc.tuple(fc.nat({ max: 20 }), record), { maxLength: 3 }).map((sums): Op => ({ op: "affinity", sums })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Op["op"]>("clear", "finalize", "finalize", "epoch", "sweep").map((kind) => ({ op: kind }) as Op),
  },
);

export const history = fc.array(fc.tuple(fc.constantFrom(...KBS), op), { maxLength: 24 });

/** fast-check's settings; FC_SEED repeats a run whose seed was printed. */
export const runs = (numRuns: number): { numRuns: number; seed?: number } => ({
  numRuns,
  ...(process.env.FC_SEED === undefined ? {} : { seed: Number(process.env.FC_SEED) }),
});

/** Does the operations on the store and on the twins, comparing each answer. */
export async function play(
  store: OpenedState["store"],
  operations: readonly (readonly [kb: (typeof KBS)[number], op: Op])[],
): Promise<readonly TwinKb[]> {
  const twins = new Map(KBS.map((kb) => [kb, new TwinKb(kb)]));
  for (const [kb, operation] of operations) {
    const twin = twins.get(kb) as TwinKb;
    if (operation.op === "learn") {
      const learn = { ...operation.learn, kb };
      expect(await store.commitLearn(learn, null)).toEqual({ outcome: "committed", result: twin.learn(learn) });
    } else if (operation.op === "bulk") {
      const learns = operation.learns.map((learn) => ({ ...learn, kb }));
      expect(await store.commitLearns(learns)).toEqual(learns.map((learn) => twin.learn(learn)));
    } else if (operation.op === "clear") expect(await store.clearKb(kb, NOW)).toEqual(twin.clear(NOW));
    else if (operation.op === "finalize") expect(await store.finalizeKb(kb, NOW)).toEqual(twin.finalize(NOW));
    else if (operation.op === "edit") {
      const edits = operation.edits.map(({ at, change }) => twin.editOf(at, change));
      expect(await store.editPatterns(kb, twin.number, edits, NOW)).toEqual(edits.map((edit) => twin.edit(edit, NOW)));
    } else if (operation.op === "affinity") {
      const sums = twin.sumsOf(operation.sums);
      expect(await store.setAffinities(kb, twin.number, sums, NOW)).toBe("done");
      twin.setAffinities(sums, NOW);
    } else if (operation.op === "epoch") {
      await store.raiseEpoch(kb);
      twin.raiseEpoch();
    } else while ((await store.sweepGenerations(7)) > 0);
  }
  return [...twins.values()];
}

export function learnSuite(backEnd: StateBackEnd, opened: () => OpenedState): void {
  it("equals the twin after any history of changes", async () => {
    await fc.assert(
      fc.asyncProperty(history, async (operations) => {
        const own = await backEnd.open();
        try {
          for (const twin of await play(own.store, operations)) await expectTwin(own.store, twin);
        } finally {
          await own.dispose();
        }
      }),
      runs(40),
    );
  });

  it("counts 200 concurrent learns of overlapping patterns as the twin does in the order of their numbers", async () => {
    const { store } = opened();
    const learns = Array.from({ length: 200 }, (_, i) =>
      learnOf("kb", [[`s${i % 7}`, `s${i % 3}`], [`s${i % 11}`]], {
        emotives: [
          [["joy", 0.1 * i]],
          [
            ["joy", 1 / (i + 1)],
            [`e${i % 2}`, -i],
          ] as const,
        ],
        metadata: [["book", [`b${i % 5}`]]],
        vectors: [{ symbol: `v${i % 9}`, values: [i, 1] }],
      }),
    );
    const outcomes = await Promise.all(learns.map((learn) => store.commitLearn(learn, null)));
    const twin = new TwinKb("kb");
    const inOrder = outcomes
      .map((outcome, i) => ({ outcome, learn: learns[i] as LearnCommit }))
      .sort((a, b) => {
        if (a.outcome.outcome !== "committed" || b.outcome.outcome !== "committed") throw new Error("a learn was refused");
        return a.outcome.result.seq - b.outcome.result.seq;
      });
    for (const { outcome, learn } of inOrder) expect(outcome).toEqual({ outcome: "committed", result: twin.learn(learn) });
    await expectTwin(store, twin);
  });

  it("saves the session with the learn, or does neither", async () => {
    const { store } = opened();
    await store.createSession(sessionOf("s", { stm: [["a"], ["b"]] }));
    const learn = learnOf("kb", [["a"], ["b"]]);
    const next = sessionOf("s", { version: 2 });
    expect(await store.commitLearn(learn, { next, expectedVersion: 1 })).toMatchObject({ outcome: "committed" });
    expect((await store.readSession("s", NOW, false))?.session).toEqual(next);
    // A retry after a lost answer meets the version it made itself: nothing is counted twice.
    expect(await store.commitLearn(learn, { next, expectedVersion: 1 })).toEqual({ outcome: "conflict" });
    expect(await store.commitLearn(learn, { next: sessionOf("gone", { version: 2 }), expectedVersion: 1 })).toEqual({
      outcome: "conflict",
    });
    expect(await store.head("kb")).toMatchObject({ seq: 1, totals: { total_unique_patterns: 1, total_pattern_frequencies: 1 } });
    expect(await store.outboxSize()).toBe(1);
  });

  it("counts a learn once when 64 sessions' retries race", async () => {
    const { store } = opened();
    await store.createSession(sessionOf("s"));
    const learn = learnOf("kb", [["a", "b"]]);
    const outcomes = await Promise.all(
      Array.from({ length: 64 }, () => store.commitLearn(learn, { next: sessionOf("s", { version: 2 }), expectedVersion: 1 })),
    );
    expect(outcomes.filter(({ outcome }) => outcome === "committed")).toHaveLength(1);
    expect((await store.counters("kb", 1, [learn.pattern.name], [0])).patterns[0]?.frequency).toBe(1);
  });

  it("refuses learns beyond the outbox's limit, and takes them again after a flush", async () => {
    const own = await backEnd.open(3);
    const { store } = own;
    try {
      await store.createSession(sessionOf("s"));
      const learns = [1, 2, 3, 4].map((i) => learnOf("kb", [["a", `b${i}`]]));
      expect(await store.commitLearns(learns)).toBe("outboxFull");
      expect(await store.head("kb")).toMatchObject({ seq: 0, symbolCount: 0 });
      expect(await store.commitLearns(learns.slice(0, 3))).toHaveLength(3);
      const session = { next: sessionOf("s", { version: 2 }), expectedVersion: 1 };
      expect(await store.commitLearn(learns[3] as LearnCommit, session)).toEqual({ outcome: "outboxFull" });
      expect(await store.commitLearn(learns[3] as LearnCommit, { ...session, expectedVersion: 7 })).toEqual({ outcome: "conflict" });
      expect((await store.readSession("s", NOW, false))?.session.version).toBe(1);
      expect(await store.outboxSize()).toBe(3);
      await drain(store);
      expect(await store.outboxSize()).toBe(0);
      expect(await store.commitLearn(learns[3] as LearnCommit, session)).toMatchObject({ outcome: "committed", result: { seq: 4 } });
    } finally {
      await own.dispose();
    }
  });

  it("gives a repeated bulk learn its first answer", async () => {
    const { store } = opened();
    const learns = [learnOf("kb", [["a", "b"]]), learnOf("kb2", [["a", "b"]])];
    const first = await store.commitLearns(learns, "request\0 1");
    expect(await store.commitLearns(learns, "request\0 1")).toEqual(first);
    expect(await store.commitLearns(learns, "request 2")).toMatchObject([{ frequency: 2 }, { frequency: 2 }]);
    for (let i = 0; i < 256; i++) await store.commitLearns([learnOf("kb3", [["x", "y"]])], `later ${i}`);
    expect(await store.head("kb")).toMatchObject({ seq: 2 });
    expect(await store.head("kb3")).toMatchObject({ seq: 256 });
    expect(await store.commitLearns([])).toEqual([]);
  });

  it("learns a pattern of 4,096 symbols", async () => {
    const { store } = opened();
    const events = Array.from({ length: 64 }, (_, e) => Array.from({ length: 64 }, (_, i) => `symbol ${e * 64 + i}`));
    const twin = new TwinKb("kb");
    const learn = learnOf("kb", events, { emotives: [[["joy", 0.3]]] });
    for (let again = 0; again < 2; again++) {
      expect(await store.commitLearn(learn, null)).toEqual({ outcome: "committed", result: twin.learn(learn) });
    }
    await expectTwin(store, twin);
  });

  it("lists symbols in id order, in slices, and from anywhere", async () => {
    const { store } = opened();
    const learns = Array.from({ length: 25 }, (_, k) => learnOf("kb", [Array.from({ length: 100 }, (_, i) => `s${k * 100 + i}`)]));
    await store.commitLearns(learns);
    const rows = await allSymbols(store, await store.head("kb"));
    expect(rows.map(({ id }) => id)).toEqual([...Array(2_500).keys()]);
    expect(rows.every(({ id, symbol, frequency }) => symbol === `s${id}` && frequency === 1)).toBe(true);
    const part: number[] = [];
    for await (const slice of store.listSymbols("kb", 1, 990, 2_010)) part.push(...slice.map(({ id }) => id));
    expect(part).toEqual([...Array(1_020).keys()].map((i) => i + 990));
    const beyond: number[] = [];
    for await (const slice of store.listSymbols("kb", 1, 2_499, UNKNOWN_SYMBOL)) beyond.push(...slice.map(({ id }) => id));
    expect(beyond).toEqual([2_499]);
  });

  it("forgets everything of a generation at a clear, and numbers on", async () => {
    const { store } = opened();
    await store.commitLearn(learnOf("kb", [["a", "b"]], { vectors: [{ symbol: "v", values: [1] }], emotives: [[["joy", 1]]] }), null);
    await store.finalizeKb("kb", NOW);
    const head = await store.clearKb("kb", NOW);
    expect(head).toMatchObject({ generation: 2, seq: 3, patternCount: 0, symbolCount: 0, vectorDimension: 0, finalizedBelow: 0 });
    expect([...(await store.symbolIds("kb", 2, ["a", "b"]))]).toEqual([UNKNOWN_SYMBOL, UNKNOWN_SYMBOL]);
    expect(await store.listVectors("kb", 2, 0)).toEqual([]);
    expect(await store.tail("kb", 1)).toHaveLength(2);
    expect(await store.tail("kb", 2)).toMatchObject([{ kind: "clear", seq: 3, generation: 2 }]);
    await store.commitLearn(learnOf("kb", [["b", "c"]], { vectors: [{ symbol: "v", values: [1, 2] }] }), null);
    expect(await store.head("kb")).toMatchObject({ seq: 4, vectorDimension: 2, patternCount: 1 });
    expect([...(await store.symbolIds("kb", 2, ["a", "b", "c"]))]).toEqual([UNKNOWN_SYMBOL, 0, 1]);
    // What is over goes in slices; what counts stays.
    expect(await store.sweepGenerations(2)).toBeLessThanOrEqual(2);
    while ((await store.sweepGenerations(100)) > 0);
    expect([...(await store.symbolIds("kb", 1, ["a"]))]).toEqual([UNKNOWN_SYMBOL]);
    expect([...(await store.symbolIds("kb", 2, ["b"]))]).toEqual([0]);
    expect(await codeOf(store.symbolNames("kb", 2, [2]))).toBe("ENGRAM_STORE_REPLY");
    expect(await store.sweepGenerations(100)).toBe(0);
  });

  it("numbers on in a later epoch", async () => {
    const { store } = opened();
    await store.commitLearn(learnOf("kb", [["a", "b"]]), null);
    await store.raiseEpoch("kb");
    expect((await store.head("kb")).seq).toBe(EPOCH_FACTOR);
    expect(await store.commitLearn(learnOf("kb", [["a", "b"]]), null)).toMatchObject({ result: { seq: EPOCH_FACTOR + 1 } });
    await store.raiseEpoch("kb");
    expect((await store.head("kb")).seq).toBe(2 * EPOCH_FACTOR);
  });

  it("keeps kbs with hostile names apart and lists them in order", async () => {
    const { store } = opened();
    expect(await store.listKbs()).toEqual([]);
    await Promise.all(HOSTILE.map((kb, i) => store.commitLearns(Array.from({ length: i + 1 }, () => learnOf(kb, [["a", kb]])))));
    for (const [i, kb] of HOSTILE.entries()) expect((await store.head(kb)).seq).toBe(i + 1);
    const listed = await store.listKbs();
    expect(listed).toHaveLength(HOSTILE.length);
    const bytes = listed.map((kb) => Buffer.from(kb, "utf8"));
    expect(bytes.toSorted(Buffer.compare)).toEqual(bytes);
    const unknown = await store.counters("never", 1, ["0".repeat(40)], [0]);
    expect(unknown).toEqual({ head: await store.head("never"), patterns: [undefined], symbols: [undefined], finalized: undefined });
    expect(await store.listKbs()).not.toContain("never");
  });

  it("reads the counters of thousands of patterns at one moment while learns go on", async () => {
    const { store } = opened();
    const learns = Array.from({ length: 5_000 }, (_, i) => learnOf("kb", [["same", `s${i}`]]));
    for (let from = 0; from < learns.length; from += 500) await store.commitLearns(learns.slice(from, from + 500));
    const names = learns.map(({ pattern }) => pattern.name);
    const reading = store.counters("kb", 1, names, [0]);
    const learning = store.commitLearns([learnOf("kb", [["same", "s4999"]])]);
    const [{ head, patterns, symbols }] = await Promise.all([reading, learning]);
    const sum = patterns.reduce((total, pattern) => total + (pattern?.frequency ?? 0), 0);
    expect(sum).toBe(head.seq);
    expect(symbols[0]?.frequency).toBe(head.seq);
  });

  it("sets affinities of known symbols only, of the present generation only, within the outbox's limit", async () => {
    const own = await backEnd.open(3);
    const { store } = own;
    try {
      await store.commitLearns([learnOf("kb", [["a", "b"]], { emotives: [[["joy", 1]]] })]);
      expect(
        await codeOf(
          store.setAffinities(
            "kb",
            1,
            [
              [0, [["joy", 9]]],
              [2, []],
            ],
            NOW,
          ),
        ),
      ).toBe("ENGRAM_STORE_REPLY");
      expect(await store.affinities("kb", 1, [0, 1])).toEqual([[["joy", 1]], [["joy", 1]]]);
      expect(await store.setAffinities("kb", 2, [[0, []]], NOW)).toBe("over");
      expect(
        await store.setAffinities(
          "kb",
          1,
          [
            [0, [["fear", 0.1 + 0.2]]],
            [1, []],
          ],
          NOW,
        ),
      ).toBe("done");
      expect(await store.affinities("kb", 1, [0, 1])).toEqual([[["fear", 0.1 + 0.2]], []]);
      expect(await store.head("kb")).toMatchObject({ seq: 2 });
      expect(await store.setAffinities("kb", 1, [], NOW)).toBe("done");
      expect(await store.setAffinities("kb", 1, [], NOW)).toBe("outboxFull");
    } finally {
      await own.dispose();
    }
  });

  it("edits once by a request's id, refuses beyond the outbox's limit, and passes over what is not there", async () => {
    const own = await backEnd.open(4);
    const { store } = own;
    try {
      const twin = new TwinKb("kb");
      const learns = [
        learnOf("kb", [["a", "b"]], { emotives: [[["joy", 0.1]]] }),
        learnOf("kb", [["b", "c", "c"]], { emotives: [[["joy", 0.2]]] }),
      ];
      await store.commitLearns(learns);
      for (const learn of learns) twin.learn(learn);
      const update = twin.editOf(1, { kind: "update", frequency: 7, persistence: 5 });
      const gone = twin.editOf(0, { kind: "delete" });
      expect(await store.editPatterns("kb", 1, [update, gone, gone], NOW)).toBe("outboxFull");
      await expectTwin(store, twin);
      expect(await store.editPatterns("kb", 1, [update, gone], NOW, "edit 1")).toEqual([twin.edit(update, NOW), twin.edit(gone, NOW)]);
      expect(await store.editPatterns("kb", 1, [update, gone], NOW, "edit 1")).toEqual(["done", "done"]);
      await expectTwin(store, twin);
      await drain(store);
      expect(await store.editPatterns("kb", 1, [gone, { ...update, patternId: 9 }], NOW)).toEqual(["unknown", "unknown"]);
      expect(await store.editPatterns("kb", 2, [update], NOW)).toEqual(["unknown"]);
      expect(await store.editPatterns("never", 1, [update], NOW)).toEqual(["unknown"]);
      expect(await store.listKbs()).toEqual(["kb"]);
      expect(await store.listDeleted("kb", 1, 0)).toEqual([0]);
      expect(await store.listDeleted("kb", 1, 1)).toEqual([]);
      expect(await store.head("kb")).toMatchObject({ patternCount: 2, deletedCount: 1, symbolCount: 3, goneSymbols: 1 });
    } finally {
      await own.dispose();
    }
  });
}
