/** The suite every pattern store passes; called for the embedded engine, and for a server where one is given. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PatternStore } from "../../src/store/pattern-store.ts";
import type { FlushBatch, OutboxEntry, PatternEdit } from "../../src/store/state-store.ts";
import type { CandidateColumns } from "../../src/wire/candidate-columns.ts";

/** A row of a scan, made an object again. */
export interface ScannedRow {
  id: number;
  name: string;
  distinct: number;
  symbols: number[];
  ends: number[];
}

export function rowsOf(columns: CandidateColumns): ScannedRow[] {
  const u64 = (bytes: Uint8Array, i: number): number => Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(i * 8, true));
  const u32 = (bytes: Uint8Array, i: number): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(i * 4, true);
  const u16 = (bytes: Uint8Array, i: number): number => new DataView(bytes.buffer, bytes.byteOffset).getUint16(i * 2, true);
  const span = (from: number, to: number, read: (i: number) => number): number[] =>
    Array.from({ length: to - from }, (_, k) => read(from + k));
  return Array.from({ length: columns.rows }, (_, r) => {
    const start = (ends: Uint8Array, base: number): number => (r === 0 ? 0 : u64(ends, r - 1) - base);
    return {
      id: u64(columns.patternIds, r),
      name: Buffer.from(columns.names.subarray(r * 20, r * 20 + 20)).toString("hex"),
      distinct: u16(columns.distinctCounts, r),
      symbols: span(start(columns.symbolEnds, columns.symbolBase), u64(columns.symbolEnds, r) - columns.symbolBase, (i) =>
        u32(columns.symbolIds, i),
      ),
      ends: span(start(columns.eventOffsets, columns.eventBase), u64(columns.eventOffsets, r) - columns.eventBase, (i) =>
        u16(columns.eventEnds, i),
      ),
    };
  });
}

const HOSTILE = [
  "it's",
  "nul\0in",
  "\u{1F600}",
  "'; DROP TABLE patterns; --",
  "__proto__",
  "constructor",
  "10",
  "",
  "tab\tnew\nline",
  "\\x",
  "{kb:String}",
];

/** A learn of the kb: `symbols` are ids, named `s<id>` (or a hostile name for the first few). */
export function learnEntry(
  kb: string,
  generation: number,
  seq: number,
  patternId: number,
  symbols: number[],
  { name, ...over }: { readonly name?: string; readonly [field: string]: unknown } = {},
): OutboxEntry {
  const symbolIds = [...new Set(symbols)];
  return {
    kb,
    generation,
    seq,
    atMs: 1_700_000_000_000 + seq,
    kind: "learn",
    patternId,
    isNew: true,
    symbolIds,
    firstNewSymbol: 0,
    pattern: {
      name: name ?? patternId.toString(16).padStart(40, "0"),
      distinct: symbolIds.map((id) => HOSTILE[id] ?? `s${id}`),
      flat: symbols.map((id) => symbolIds.indexOf(id)),
      eventEnds: symbols.length > 2 ? [2, symbols.length] : [symbols.length],
    },
    emotives: [],
    metadata: [],
    vectors: [],
    persistence: 5,
    ...over,
  };
}

async function collect(store: PatternStore, kb: string, generation: number, below: number, firstSymbol?: number): Promise<ScannedRow[]> {
  const rows: ScannedRow[] = [];
  for await (const columns of store.scan(kb, generation, { below, ...(firstSymbol !== undefined && { firstSymbol }) }))
    rows.push(...rowsOf(columns));
  return rows;
}

async function slices<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const slice of source) all.push(slice);
  return all;
}

export function patternStoreSuite(name: string, open: () => Promise<PatternStore>): void {
  describe(`pattern store: ${name}`, () => {
    let store: PatternStore;
    let batches = 0;
    const batch = (entries: OutboxEntry[]): FlushBatch => ({ token: `test-${name}-${++batches}`, entries });

    beforeAll(async () => {
      store = await open();
    });
    afterAll(async () => {
      await store.close();
    });

    it("gives back what was written, in id order, hostile symbols included", async () => {
      const all = HOSTILE.map((_, id) => id);
      await store.write(
        batch([learnEntry("kb'1", 1, 1, 0, all), learnEntry("kb'1", 1, 2, 1, [3, 3, 1, 3], { firstNewSymbol: all.length })]),
      );
      expect(await collect(store, "kb'1", 1, 10)).toEqual([
        { id: 0, name: "0".repeat(40), distinct: all.length, symbols: all, ends: [2, all.length] },
        { id: 1, name: "1".padStart(40, "0"), distinct: 2, symbols: [3, 3, 1, 3], ends: [2, 4] },
      ]);
      expect(await collect(store, "kb'1", 1, 1)).toHaveLength(1);
      expect((await collect(store, "kb'1", 1, 10, 3)).map((row) => row.id)).toEqual([1]);
      expect(await collect(store, "kb'1", 2, 10)).toEqual([]);
      const [slice] = await slices(store.events("kb'1"));
      expect((slice![0] as Extract<OutboxEntry, { kind: "learn" }>).pattern.distinct).toEqual(HOSTILE);
    });

    it("takes a batch of an equal token once, also when only a part of it was written", async () => {
      const entries = Array.from({ length: 3_000 }, (_, i) =>
        learnEntry("repeat", 1, i + 1, i, [i % 7, i % 11, i % 13], { firstNewSymbol: i === 0 ? 0 : 13 }),
      );
      const whole = batch(entries);
      await store.write(whole);
      const counts = await store.counts("repeat", 1);
      expect(counts).toMatchObject({ patterns: 3_000, names: 3_000, learns: 3_000 });
      await store.write(whole);
      await store.write(whole);
      expect(await store.counts("repeat", 1)).toEqual(counts);
    });

    it("gives events back as they were: emotives, metadata, vectors, finalize; and only those since the last clear", async () => {
      const kb = "events";
      const emotives = [
        [
          ["joy", 0.1 + 0.2],
          ["__proto__", -1e-300],
        ],
        [["10", 12345678.000000002]],
      ] as const;
      const metadata = [["book", ["x", "it's"]]] as const;
      const values = [0.1, -2.5e-17, 123456789.12345679, 5e-324];
      const learn = learnEntry(kb, 1, 1, 0, [0, 1, 2], { emotives, metadata, vectors: [{ symbol: "VCTR|a", values }] });
      const again = { ...learn, seq: 2, isNew: false, firstNewSymbol: 3, vectors: [], atMs: 5 } as OutboxEntry;
      const finalize: OutboxEntry = { kb, generation: 1, seq: 3, atMs: 6, kind: "finalize", below: 1 };
      await store.write(batch([learn, again, finalize]));
      expect((await slices(store.events(kb))).flat()).toEqual([learn, again, finalize]);
      const clear: OutboxEntry = { kb, generation: 2, seq: 4, atMs: 7, kind: "clear" };
      const later = learnEntry(kb, 2, 5, 0, [0, 1]);
      await store.write(batch([clear, later]));
      expect((await slices(store.events(kb))).flat()).toEqual([clear, later]);
      await store.dropBefore(kb, 2);
      expect((await store.counts(kb, 1)).patterns).toBe(0);
      expect((await slices(store.events(kb))).flat()).toEqual([clear, later]);
      expect(await store.listKbs()).toContainEqual({ kb, seq: 5 });
    });

    it("gives edits back as they were, the content of deleted patterns too, and removes their rows when told", async () => {
      const kb = "edits";
      const learns = [0, 1, 2].map((id) => learnEntry(kb, 1, id + 1, id, [id, 3, 3], { firstNewSymbol: id === 0 ? 0 : 4 }));
      const edit = (id: number, seq: number, change: PatternEdit["change"]): OutboxEntry => {
        const name = id.toString(16).padStart(40, "0");
        return { kb, generation: 1, seq, atMs: seq, kind: "edit", name, patternId: id, symbolIds: [id, 3, 3], eventEnds: [2, 3], change };
      };
      const edits = [
        edit(1, 4, { kind: "update", persistence: 2, frequency: 7 }),
        edit(1, 5, { kind: "update", persistence: 2, emotives: [[["joy", 0.1 + 0.2]]], metadata: [["book", ["x"]]] }),
        edit(1, 6, { kind: "update", persistence: 5, emotives: [], metadata: [] }),
        edit(2, 7, { kind: "delete" }),
        edit(0, 8, { kind: "delete" }),
        {
          kb,
          generation: 1,
          seq: 9,
          atMs: 9,
          kind: "affinity" as const,
          sums: [
            [3, [["__proto__", 0.1 + 0.2]]],
            [0, []],
          ] as const,
        },
      ];
      // The newest symbol is named by the first learn that brings it.
      const first = { ...learns[0]!, firstNewSymbol: 0 } as OutboxEntry;
      await store.write(batch([first, ...learns.slice(1).map((entry) => ({ ...entry, firstNewSymbol: 1 }) as OutboxEntry), ...edits]));
      expect((await collect(store, kb, 1, 3)).map(({ id }) => id)).toEqual([0, 1, 2]);
      for (let again = 0; again < 2; again++) {
        await store.purgeDeleted();
        expect((await collect(store, kb, 1, 3)).map(({ id }) => id)).toEqual([1]);
        expect(await store.counts(kb, 1)).toMatchObject({ patterns: 1, names: 1 });
        expect((await slices(store.events(kb))).flat().slice(3)).toEqual(edits);
      }
    });

    it("finds a pattern by its name", async () => {
      await store.write(batch([learnEntry("named", 1, 1, 0, [4, 5, 6])]));
      expect(await store.patternByName("named", 1, "0".repeat(40))).toEqual({ patternId: 0, symbolIds: [4, 5, 6], eventEnds: [2, 3] });
      expect(await store.patternByName("named", 1, "f".repeat(40))).toBeUndefined();
    });

    it("scans more than one block without losing or doubling a row, beside other scans and an ended one", async () => {
      const entries = Array.from({ length: 40_000 }, (_, i) =>
        learnEntry("many", 1, i + 1, i, [i % 97, (i * 7) % 89, 3], { firstNewSymbol: 1_000 }),
      );
      await store.write(batch(entries));
      const ended = async (): Promise<void> => {
        for await (const columns of store.scan("many", 1, { below: 40_000 })) {
          expect(columns.rows).toBeGreaterThan(0);
          break;
        }
      };
      const [a, b] = await Promise.all([collect(store, "many", 1, 39_999), collect(store, "many", 1, 40_000), ended()]);
      expect(a.map((row) => row.id)).toEqual(Array.from({ length: 39_999 }, (_, i) => i));
      expect(b).toHaveLength(40_000);
      expect(b[12_345]!.symbols).toEqual([12_345 % 97, (12_345 * 7) % 89, 3]);
    });

    it("ends a scan that is aborted", async () => {
      const controller = new AbortController();
      const scan = async (): Promise<void> => {
        for await (const columns of store.scan("many", 1, { below: 40_000, signal: controller.signal })) {
          expect(columns.rows).toBeGreaterThan(0);
          controller.abort();
        }
      };
      await expect(scan()).rejects.toMatchObject({ code: "ENGRAM_ABORTED" });
      // A read and not a ping: on a network that goes wrong only reads are sent again.
      expect(await store.counts("many", 1)).toMatchObject({ learns: 40_000 });
    });
  });
}
