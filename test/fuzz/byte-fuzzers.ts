/**
 * Bytes from elsewhere: columns as a store sends them, whole and damaged, through the pool; Native streams cut anywhere; sealed blocks cut or changed.
 * Damaged bytes may give an error of our own or an answer, never a trap, and the next good question is answered right.
 */
import assert from "node:assert/strict";
import { EngineError } from "../../src/errors.ts";
import { openInlinePool } from "../../src/pool/inline-pool.ts";
import { nativeBlocks } from "../../src/store/native-blocks.ts";
import type { CandidateColumns } from "../../src/wire/candidate-columns.ts";
import { viewQueryBlock } from "../../src/wire/query-block.ts";
import { packQueries } from "../../src/wire/query-pack.ts";
import { viewScoreBlock } from "../../src/wire/score-block.ts";
import { type ReferenceQuery, scoreReference } from "../reference/score.ts";
import { columnsOf, Numbering, type TestPattern } from "../support/candidate-columns.ts";
import { keptOf } from "../support/score-blocks.ts";
import { below, type Fuzzer, type OpenFuzzer, pick, type Random } from "./fuzzer.ts";

const KEEP = 5;
const COLUMNS = ["patternIds", "names", "distinctCounts", "symbolEnds", "symbolIds", "eventOffsets", "eventEnds"] as const;

function kbOf(random: Random): { patterns: TestPattern[]; numbering: Numbering; columns: CandidateColumns } {
  const vocabulary = Array.from({ length: pick(random, [1, 3, 30]) }, (_, i) => `s${i}`);
  const symbols = (count: number): string[] => Array.from({ length: count }, () => pick(random, vocabulary));
  const numbering = new Numbering();
  for (const symbol of vocabulary) numbering.idOf(symbol);
  const patterns = Array.from({ length: 1 + below(random, 40) }, (_, patternId): TestPattern => {
    const length = random() < 0.01 ? 4_096 : pick(random, [1, 2, 7, 8, 9, 63, 64, 65, 1 + below(random, 20)]);
    const flat = symbols(length);
    const events: string[][] = [];
    for (let at = 0; at < length; ) {
      const size = Math.min(length - at, 1 + below(random, 3));
      events.push(flat.slice(at, at + size));
      at += size;
    }
    const name = Array.from({ length: 40 }, () => below(random, 16).toString(16)).join("");
    return { patternId, name, events };
  });
  return { patterns, numbering, columns: columnsOf(patterns, numbering, { symbolBase: below(random, 5), eventBase: below(random, 5) }) };
}

function questionOf(random: Random, vocabulary: readonly string[]): ReferenceQuery {
  const length = pick(random, [1, 2, 8, 63, 64, 65, 130]);
  return {
    state: Array.from({ length }, () => (random() < 0.1 ? "unheard" : pick(random, vocabulary))),
    similarity: random() < 0.2 ? "character" : "token",
    recallThreshold: pick(random, [0, 0.1, 0.5, 0.9]),
    fuzzyThreshold: 0,
    stages:
      random() < 0.5
        ? []
        : [pick(random, [{ name: "bloom" }, { name: "rapidfuzz" }, { name: "length", minRatio: 0.5, maxRatio: 2 }] as const)],
    keepBy: "similarity",
  };
}

const openPool: OpenFuzzer = async (): Promise<Fuzzer> => {
  const pool = await openInlinePool({ symbolCapacity: 1024 });
  let tables = 0;
  return {
    name: "pool",
    close: () => pool.close(),
    async round(random) {
      const { patterns, numbering, columns } = kbOf(random);
      const question = questionOf(random, [...numbering.ids.keys()]);
      const table = question.similarity === "character" ? numbering.table(`fuzz ${tables++}`) : null;
      const prepare = (stages: ReferenceQuery["stages"]) =>
        pool.prepare({
          symbols: question.state,
          symbolIds: numbering.stateIds(question.state),
          similarity: question.similarity,
          recallThreshold: question.recallThreshold,
          partners: null,
          stages,
          keep: KEEP,
          keepBy: question.keepBy,
          table,
          symbolCount: numbering.ids.size,
        });
      const query = prepare(question.stages);
      const bulk = { pack: packQueries([prepare([])]), table, symbolCount: numbering.ids.size };

      if (random() < 0.5) {
        const name = pick(random, COLUMNS);
        const bytes = Uint8Array.from(columns[name]);
        for (let changes = 1 + below(random, 4); changes > 0 && bytes.length > 0; changes--)
          bytes[below(random, bytes.length)] = below(random, 256);
        const damaged = { ...columns, [name]: random() < 0.2 ? bytes.subarray(0, below(random, bytes.length + 1)) : bytes };
        for (const call of [() => pool.score(query, damaged), () => pool.scoreMany(bulk, damaged)]) {
          await call().then(undefined, (error: unknown) => {
            if (!(error instanceof EngineError) || error.code !== "ENGRAM_STORE_REPLY") throw error;
          });
        }
      }
      const expected = (asked: ReferenceQuery) => {
        const { matches } = scoreReference(asked, patterns);
        return { matched: matches.length, best: matches.slice(0, KEEP).map(({ pattern, similarity }) => [pattern.name, similarity]) };
      };
      const blocks = await pool.score(query, columns);
      assert.deepEqual(
        {
          matched: blocks.reduce((sum, { matched }) => sum + matched, 0),
          best: keptOf(blocks)
            .slice(0, KEEP)
            .map(({ name, similarity }) => [name, similarity]),
        },
        expected(question),
        "score",
      );
      const hits = (await pool.scoreMany(bulk, columns)).map((found) => found.hits);
      const best = hits.flatMap(({ names, similarities }) =>
        Array.from(
          similarities,
          (similarity, n) => [Buffer.from(names.subarray(n * 20, n * 20 + 20)).toString("hex"), similarity] as [string, number],
        ),
      );
      best.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
      assert.deepEqual(
        { matched: hits.reduce((sum, { matched }) => sum + matched[0]!, 0), best: best.slice(0, KEEP) },
        expected({ ...question, stages: [] }),
        "scoreMany",
      );
    },
  };
};

/** Two columns as ClickHouse writes them. */
function nativeBlock(random: Random, rows: number): Uint8Array {
  const text = (value: string): number[] => [value.length, ...Buffer.from(value, "latin1")];
  const ends = new BigUint64Array(rows);
  let items = 0;
  for (let row = 0; row < rows; row++) ends[row] = BigInt((items += below(random, 4)));
  const random4 = (count: number): Uint8Array => Uint8Array.from({ length: count * 4 }, () => below(random, 256));
  return Buffer.concat([
    Uint8Array.from([2, rows, ...text("id"), ...text("UInt32")]),
    random4(rows),
    Uint8Array.from([...text("ids"), ...text("Array(UInt32)")]),
    new Uint8Array(ends.buffer),
    random4(items),
  ]);
}

async function* chunksOf(random: Random, bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + below(random, 60);
    yield bytes.slice(at, at + size);
    at += size;
  }
}

const openNative: OpenFuzzer = (): Fuzzer => ({
  name: "native",
  async round(random) {
    const rows = Array.from({ length: 1 + below(random, 4) }, () => below(random, 12));
    const bytes = Buffer.concat(rows.map((count) => nativeBlock(random, count)));
    const read: number[] = [];
    for await (const block of nativeBlocks(chunksOf(random, bytes))) read.push(block.rows);
    assert.deepEqual(
      read,
      rows.filter((count) => count > 0),
    );

    const damaged = Uint8Array.from(bytes);
    for (let changes = 1 + below(random, 3); changes > 0; changes--) damaged[below(random, damaged.length)] = below(random, 256);
    try {
      for await (const block of nativeBlocks(chunksOf(random, damaged.subarray(0, 1 + below(random, damaged.length))))) {
        for (const column of block.columns) assert.ok(column.items.length <= damaged.length);
      }
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
    }
  },
});

const openSealed: OpenFuzzer = async (): Promise<Fuzzer> => {
  const pool = await openInlinePool({ symbolCapacity: 1024 });
  return {
    name: "sealed",
    close: () => pool.close(),
    async round(random) {
      const { numbering, columns } = kbOf(random);
      const state = ["s0", "s1", "s0"];
      const query = pool.prepare({
        symbols: state,
        symbolIds: numbering.stateIds(state),
        similarity: "token",
        recallThreshold: 0,
        partners: null,
        stages: [],
        keep: KEEP,
        keepBy: "similarity",
        table: null,
        symbolCount: numbering.ids.size,
      });
      const [block] = await pool.score(query, columns);
      const whole = Uint8Array.from(query.bytes);
      assert.equal(viewQueryBlock(whole).symbolCount, numbering.ids.size);
      const mismatch = (name: string, call: () => unknown): void => assert.throws(call, { code: "ENGRAM_LAYOUT_MISMATCH" }, name);
      mismatch("a query block cut short", () => viewQueryBlock(whole.subarray(0, below(random, whole.length))));
      const foreign = whole.slice();
      foreign[below(random, 12)]! ^= 1 + below(random, 255);
      mismatch("a foreign query block", () => viewQueryBlock(foreign));
      const sealed = block!.keys.buffer as ArrayBuffer;
      assert.equal(viewScoreBlock(sealed).candidates, columns.rows);
      // A header is 4-byte words: what is cut anywhere behind it says so by its size.
      mismatch("a score block cut short", () => viewScoreBlock(sealed.slice(0, 12 + below(random, sealed.byteLength - 12))));
    },
  };
};

export const byteFuzzers: readonly OpenFuzzer[] = [openPool, openNative, openSealed];
