/**
 * From ClickHouse's bytes to scores: a Native block as it comes out of the store, read in place, put into a slot and scored, beside scoring what is in a
 * slot already. The difference is all that reading costs. A side's answer is the number of matches.
 */
import { POOL_SLOTS } from "../../assembly/layout.ts";
import { createPoolMemory, leaseScratch, planPoolMemory } from "../../src/kernels/pool-memory.ts";
import { symbolHash } from "../../src/kernels/sign.ts";
import { KernelThread } from "../../src/kernels/thread.ts";
import { loadPoolModule } from "../../src/pool/inline-pool.ts";
import { nativeBlocks } from "../../src/store/native-blocks.ts";
import { writeCandidateBatch } from "../../src/wire/candidate-batch.ts";
import type { CandidateColumns } from "../../src/wire/candidate-columns.ts";
import { sealQueryBlock } from "../../src/wire/query-block.ts";
import { viewScoreBlock } from "../../src/wire/score-block.ts";
import { frozenCorpus, VOCABULARY } from "../corpus.ts";
import { type BenchMode, param } from "../harness.ts";
import type { Contest } from "../rounds.ts";
import { lcsTable, sampleOf } from "./answers.ts";

/** Columns of patterns whose every symbol is an event of its own. Names are numbers. */
export function columnsOfIds(sequences: readonly Uint32Array[]): CandidateColumns {
  const rows = sequences.length;
  const total = sequences.reduce((sum, { length }) => sum + length, 0);
  const symbolIds = new Uint32Array(total);
  const eventEnds = new Uint16Array(total);
  const ends = new BigUint64Array(rows);
  const names = Buffer.alloc(rows * 20);
  let at = 0;
  sequences.forEach((ids, row) => {
    symbolIds.set(ids, at);
    for (let i = 0; i < ids.length; i++) eventEnds[at + i] = i + 1;
    at += ids.length;
    ends[row] = BigInt(at);
    names.writeUInt32BE(row, row * 20 + 16);
  });
  const bytes = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return {
    rows,
    patternIds: bytes(BigUint64Array.from({ length: rows }, (_, row) => BigInt(row))),
    names: new Uint8Array(names),
    distinctCounts: bytes(Uint16Array.from(sequences, (ids) => new Set(ids).size)),
    symbolEnds: bytes(ends),
    symbolBase: 0,
    symbolIds: bytes(symbolIds),
    eventOffsets: bytes(ends),
    eventBase: 0,
    eventEnds: bytes(eventEnds),
  };
}

/** The columns as ClickHouse writes them: Native format, one block. */
function nativeBytes(columns: CandidateColumns): Uint8Array {
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))]);
  const text = (value: string): Uint8Array => Buffer.concat([Uint8Array.from(varint(value.length)), Buffer.from(value, "latin1")]);
  const column = (name: string, type: string, ...data: Uint8Array[]): Uint8Array => Buffer.concat([text(name), text(type), ...data]);
  return Buffer.concat([
    Uint8Array.from([...varint(5), ...varint(columns.rows)]),
    column("pattern_id", "UInt64", columns.patternIds),
    column("name", "FixedString(20)", columns.names),
    column("distinct_count", "UInt16", columns.distinctCounts),
    column("symbols", "Array(UInt32)", columns.symbolEnds, columns.symbolIds),
    column("event_ends", "Array(UInt16)", columns.eventOffsets, columns.eventEnds),
  ]);
}

async function columnsOfNative(bytes: Uint8Array): Promise<CandidateColumns> {
  async function* chunks(): AsyncIterable<Uint8Array> {
    yield bytes;
  }
  for await (const { rows, columns } of nativeBlocks(chunks())) {
    const [ids, names, distinct, symbols, events] = columns;
    return {
      rows,
      patternIds: ids!.items,
      names: names!.items,
      distinctCounts: distinct!.items,
      symbolEnds: symbols!.ends!,
      symbolBase: 0,
      symbolIds: symbols!.items,
      eventOffsets: events!.ends!,
      eventBase: 0,
      eventEnds: events!.items,
    };
  }
  throw new Error("the bench's Native bytes hold no block");
}

export function openNativeBlock(mode: BenchMode): Contest {
  const corpus = frozenCorpus();
  const sequences = sampleOf(corpus.sequences, param(mode, 60, 10_000));
  const query = corpus.queries[8]!;
  const cutoff = 0.1;
  const expected = lcsTable([query], sequences)[0]!.reduce(
    (sum, lcs, c) => sum + ((2 * lcs) / (query.length + sequences[c]!.length) >= cutoff - 1e-9 ? 1 : 0),
    0,
  );
  const columns = columnsOfIds(sequences);
  const native = nativeBytes(columns);
  const layout = planPoolMemory(1, () => 1, 1 << 16);
  const memory = createPoolMemory(layout);
  const bytes = new Uint8Array(memory.buffer);
  const thread = new KernelThread(loadPoolModule(), [memory], layout, leaseScratch(memory, layout, 1));
  const sealed = sealQueryBlock(
    {
      symbols: Array.from(query, String),
      symbolIds: query,
      similarity: "token",
      recallThreshold: cutoff,
      partners: null,
      stages: [],
      keep: 300,
      keepBy: "prePotential",
      table: null,
      symbolCount: VOCABULARY,
    },
    symbolHash,
  );
  const floor = Number.NEGATIVE_INFINITY;
  const score = (): number => {
    const reply = thread.run({ kind: "score", query: sealed, table: null, place: POOL_SLOTS, from: 0, to: sequences.length, floor });
    if (!reply.ok) throw new Error(reply.message);
    return viewScoreBlock(reply.buffer).matched;
  };
  writeCandidateBatch(bytes, POOL_SLOTS, columns, 0, columns.rows);
  const items = sequences.length;
  return {
    name: "a Native block of 10,000 patterns, one state",
    unit: "pattern",
    sides: [
      { name: "score what is in the slot", items, expected, run: score },
      {
        name: "from the Native bytes",
        items,
        expected,
        run: async () => {
          const read = await columnsOfNative(native);
          writeCandidateBatch(bytes, POOL_SLOTS, read, 0, read.rows);
          return score();
        },
      },
    ],
    gates: [
      {
        line: "4",
        what: "Native block to scores beside scoring alone",
        slow: "from the Native bytes",
        fast: "score what is in the slot",
        required: 1.1,
        atMost: true,
      },
    ],
  };
}
