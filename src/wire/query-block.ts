/**
 * The query block: everything the kernels need to know about a query, sealed in shared bytes that every thread copies to its scratch once.
 *
 *  ┌────────┬────────┬─────────┬────────────┬──────────┬─────────────┬──────────────┬──────────────────────────┐
 *  │ header │ stages │ ids u32 │ hashes u32 │ text u32 │ partner ids │ partner rows │ items, counts, positions │   each part 8-byte
 *  └────────┴────────┴─────────┴────────────┴──────────┴─────────────┴──────────────┴──────────────────────────┘   aligned
 *
 * Partner classes (fuzzy tokens): kb symbols that resemble the same query symbols share a class. A class's row says which state positions
 * those are: one u64 for states up to 64 symbols; for longer ones a list of distinct query symbols, with how often and where first each
 * stands in the state. Cost: O(state + text + partners), on the main thread, once a query.
 */
import {
  ASK_BYTES,
  ASK_CHARACTER,
  ASK_DISTINCT,
  ASK_FIRST_POSITIONS_AT,
  ASK_FLAGS,
  ASK_FUZZY,
  ASK_HASHES,
  ASK_HASHES_AT,
  ASK_HEADER_BYTES,
  ASK_ID,
  ASK_IDS_AT,
  ASK_KEEP,
  ASK_KEEP_BY,
  ASK_MAGIC,
  ASK_MAGIC_VALUE,
  ASK_MULTIPLICITIES_AT,
  ASK_PARTNER_CLASSES,
  ASK_PARTNER_IDS,
  ASK_PARTNER_IDS_AT,
  ASK_PARTNER_ITEMS_AT,
  ASK_PARTNER_ROWS_AT,
  ASK_RECALL_THRESHOLD,
  ASK_STAGES,
  ASK_STAGES_AT,
  ASK_SYMBOL_COUNT,
  ASK_SYMBOLS,
  ASK_TEXT_AT,
  ASK_TEXT_POINTS,
  ASK_VERSION,
  BATCH_ROWS_MAX,
  KEEP_BY_CONFIDENCE,
  KEEP_BY_EVIDENCE,
  KEEP_BY_FRAGMENTATION,
  KEEP_BY_PRE_POTENTIAL,
  KEEP_BY_SIMILARITY,
  KEEP_BY_SNR,
  LAYOUT_VERSION,
  QUERY_SYMBOLS_MAX,
  SCRATCH_QUERY_BLOCK_BYTES,
  SHORT_QUERY_MAX,
  STAGE_BYTES,
  STAGE_HIGH,
  STAGE_LOW,
  STAGE_THRESHOLD,
} from "../../assembly/layout.ts";
import { EngineError } from "../errors.ts";
import { align8 } from "./align.ts";
import type { KeepKey, QuerySpec, StageSpec } from "./query-spec.ts";

/** Stages by the number that stands for them in bytes; "match" is the last, implied one. */
export const STAGE_KINDS = ["length", "jaccard", "minhash", "bloom", "rapidfuzz", "match"] as const;

const KEEP_BY: Readonly<Record<KeepKey, number>> = {
  prePotential: KEEP_BY_PRE_POTENTIAL,
  similarity: KEEP_BY_SIMILARITY,
  evidence: KEEP_BY_EVIDENCE,
  confidence: KEEP_BY_CONFIDENCE,
  snr: KEEP_BY_SNR,
  fragmentation: KEEP_BY_FRAGMENTATION,
};

/** Partner classes are u16, 0 is "no partner". */
const PARTNER_CLASSES_MAX = 65535;
const U32_MAX = 0xffffffff;

let lastQueryId = 0;

/** A distinct symbol of the state: where it stands. */
interface Distinct {
  readonly positions: number[];
}

interface PartnerColumns {
  readonly classes: number;
  readonly ids: Uint32Array;
  readonly rows: Uint8Array;
  readonly items: Uint32Array;
}

const bytesOf = (array: Uint32Array | BigUint64Array): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/**
 * Seals a query. `hashOf` gives a symbol's MinHash hash (kernels/sign.ts); it is asked only if there is a minhash stage.
 * Errors: ENGRAM_LIMIT_EXCEEDED for a state, a text or a number of partners beyond what a thread's scratch holds.
 */
export function sealQueryBlock(spec: QuerySpec, hashOf: (symbol: string) => number): Uint8Array<SharedArrayBuffer> {
  const { symbols } = spec;
  if (symbols.length > QUERY_SYMBOLS_MAX) {
    throw new EngineError("ENGRAM_LIMIT_EXCEEDED", `The state has ${symbols.length} symbols; at most ${QUERY_SYMBOLS_MAX} can be matched.`);
  }
  if (spec.symbolIds.length !== symbols.length) throw new RangeError("symbolIds must be parallel to symbols");
  const distinct = new Map<string, Distinct>();
  symbols.forEach((symbol, position) => {
    const known = distinct.get(symbol);
    if (known === undefined) distinct.set(symbol, { positions: [position] });
    else known.positions.push(position);
  });
  const isCharacter = spec.similarity === "character";
  const hashes = spec.stages.some(({ name }) => name === "minhash") ? Uint32Array.from(distinct.keys(), hashOf) : new Uint32Array(0);
  const text = isCharacter ? codePoints(symbols.join(" ")) : new Uint32Array(0);
  const partners = partnerColumns(spec, distinct);
  const isLongFuzzy = spec.partners !== null && symbols.length > SHORT_QUERY_MAX;
  const places = isLongFuzzy ? [...distinct.values()] : [];

  const parts: [field: number, bytes: Uint8Array][] = [
    [ASK_STAGES_AT, stageBytes(spec.stages, symbols.length)],
    [ASK_IDS_AT, bytesOf(Uint32Array.from(spec.symbolIds))],
    [ASK_HASHES_AT, bytesOf(hashes)],
    [ASK_TEXT_AT, bytesOf(text)],
    [ASK_PARTNER_IDS_AT, bytesOf(partners.ids)],
    [ASK_PARTNER_ROWS_AT, partners.rows],
    [ASK_PARTNER_ITEMS_AT, bytesOf(partners.items)],
    [ASK_MULTIPLICITIES_AT, bytesOf(Uint32Array.from(places, ({ positions }) => positions.length))],
    [ASK_FIRST_POSITIONS_AT, bytesOf(Uint32Array.from(places, ({ positions }) => positions[0]!))],
  ];
  const size = parts.reduce((sum, [, bytes]) => sum + align8(bytes.length), ASK_HEADER_BYTES);
  if (size > SCRATCH_QUERY_BLOCK_BYTES) {
    throw new EngineError(
      "ENGRAM_LIMIT_EXCEEDED",
      `The query takes ${size} bytes (state, text, fuzzy partners); ${SCRATCH_QUERY_BLOCK_BYTES} fit.`,
    );
  }
  const block = new Uint8Array(new SharedArrayBuffer(size));
  const header = new DataView(block.buffer);
  let at = ASK_HEADER_BYTES;
  for (const [field, bytes] of parts) {
    block.set(bytes, at);
    header.setUint32(field, at, true);
    at += align8(bytes.length);
  }
  header.setUint32(ASK_MAGIC, ASK_MAGIC_VALUE, true);
  header.setUint32(ASK_VERSION, LAYOUT_VERSION, true);
  header.setUint32(ASK_BYTES, size, true);
  header.setUint32(ASK_FLAGS, (isCharacter ? ASK_CHARACTER : 0) | (spec.partners === null ? 0 : ASK_FUZZY), true);
  header.setFloat64(ASK_ID, ++lastQueryId, true);
  header.setFloat64(ASK_RECALL_THRESHOLD, spec.recallThreshold, true);
  // More than a slice has rows means all of them, and the heap has room for no more.
  header.setUint32(ASK_KEEP, Math.min(spec.keep, BATCH_ROWS_MAX), true);
  header.setUint32(ASK_KEEP_BY, KEEP_BY[spec.keepBy], true);
  header.setUint32(ASK_SYMBOLS, symbols.length, true);
  header.setUint32(ASK_DISTINCT, distinct.size, true);
  header.setUint32(ASK_SYMBOL_COUNT, spec.symbolCount, true);
  header.setUint32(ASK_TEXT_POINTS, text.length, true);
  header.setUint32(ASK_HASHES, hashes.length, true);
  header.setUint32(ASK_STAGES, spec.stages.length, true);
  header.setUint32(ASK_PARTNER_CLASSES, partners.classes, true);
  header.setUint32(ASK_PARTNER_IDS, partners.ids.length / 2, true);
  return block;
}

/** Code points of a text; a pair of surrogates is one. */
export function codePoints(text: string): Uint32Array {
  return Uint32Array.from(text, (character) => character.codePointAt(0)!);
}

function stageBytes(stages: readonly StageSpec[], stateLength: number): Uint8Array {
  const bytes = new Uint8Array(stages.length * STAGE_BYTES);
  const view = new DataView(bytes.buffer);
  stages.forEach((stage, i) => {
    const at = i * STAGE_BYTES;
    view.setUint32(at, STAGE_KINDS.indexOf(stage.name), true);
    if (stage.name === "length") {
      view.setUint32(at + STAGE_LOW, Math.max(1, Math.trunc(stateLength * stage.minRatio)), true);
      view.setUint32(at + STAGE_HIGH, Math.min(U32_MAX, Math.trunc(stateLength * stage.maxRatio)), true);
    } else if (stage.name === "jaccard") {
      view.setUint32(at + STAGE_LOW, Math.min(U32_MAX, Math.ceil(stage.minOverlap)), true);
    }
    if (stage.name === "jaccard" || stage.name === "minhash") view.setFloat64(at + STAGE_THRESHOLD, stage.threshold, true);
  });
  return bytes;
}

/** Groups kb symbols by the query symbols they resemble: a class each, ids by class, rows as the picture says. */
function partnerColumns({ partners, symbols, symbolCount }: QuerySpec, distinct: ReadonlyMap<string, Distinct>): PartnerColumns {
  const indexOf = new Map([...distinct.keys()].map((symbol, index) => [symbol, index] as const));
  const resembled = new Map<number, number[]>();
  for (const { queryIndex, symbolId } of partners ?? []) {
    // Learned after the query's view of the kb: no batch has it.
    if (symbolId >= symbolCount) continue;
    const index = indexOf.get(symbols[queryIndex]!)!;
    const list = resembled.get(symbolId);
    if (list === undefined) resembled.set(symbolId, [index]);
    else list.push(index);
  }
  const classes = new Map<string, { number: number; members: number[] }>();
  const ids = new Uint32Array(resembled.size * 2);
  let at = 0;
  for (const [symbolId, members] of resembled) {
    members.sort((a, b) => a - b);
    const key = members.join(",");
    let found = classes.get(key);
    if (found === undefined) classes.set(key, (found = { number: classes.size + 1, members }));
    ids[at++] = symbolId;
    ids[at++] = found.number;
  }
  if (classes.size > PARTNER_CLASSES_MAX) {
    throw new EngineError(
      "ENGRAM_LIMIT_EXCEEDED",
      `Too many symbols resemble the state's (${resembled.size} in ${classes.size} groups): raise fuzzy_token_threshold.`,
    );
  }
  const groups = [...classes.values()].map(({ members }) => members);
  const places = [...distinct.values()].map(({ positions }) => positions);
  return symbols.length <= SHORT_QUERY_MAX
    ? { classes: groups.length, ids, rows: bytesOf(positionRows(groups, places)), items: new Uint32Array(0) }
    : { classes: groups.length, ids, rows: bytesOf(listStarts(groups)), items: Uint32Array.from(groups.flat()) };
}

/** Row 0 stays empty: class 0 is "no partner". */
function positionRows(groups: readonly number[][], places: readonly number[][]): BigUint64Array {
  const rows = new BigUint64Array(groups.length + 1);
  groups.forEach((members, i) => {
    for (const member of members) for (const position of places[member]!) rows[i + 1]! |= 1n << BigInt(position);
  });
  return rows;
}

/** starts[c] .. starts[c + 1] for class c; class 0 has none. */
function listStarts(groups: readonly number[][]): Uint32Array {
  const starts = new Uint32Array(groups.length + 2);
  groups.forEach((members, i) => {
    starts[i + 2] = starts[i + 1]! + members.length;
  });
  return starts;
}

/** One stage as it stands in the block. */
export interface StageRecord {
  readonly name: StageSpec["name"];
  readonly low: number;
  readonly high: number;
  readonly threshold: number;
}

export interface QueryBlockView {
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly symbolCount: number;
  /** Matches a task keeps at most. */
  readonly keep: number;
  readonly isCharacter: boolean;
  readonly stages: readonly StageRecord[];
}

/** What TypeScript reads of a sealed block. Refuses foreign bytes: ENGRAM_LAYOUT_MISMATCH. */
export function viewQueryBlock(bytes: Uint8Array): QueryBlockView {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (
    bytes.length < ASK_HEADER_BYTES ||
    view.getUint32(ASK_MAGIC, true) !== ASK_MAGIC_VALUE ||
    view.getUint32(ASK_VERSION, true) !== LAYOUT_VERSION ||
    view.getUint32(ASK_BYTES, true) !== bytes.length
  ) {
    throw new EngineError("ENGRAM_LAYOUT_MISMATCH", `These ${bytes.length} bytes are no query block of layout ${LAYOUT_VERSION}.`);
  }
  const stagesAt = view.getUint32(ASK_STAGES_AT, true);
  return {
    id: view.getFloat64(ASK_ID, true),
    bytes,
    symbolCount: view.getUint32(ASK_SYMBOL_COUNT, true),
    keep: view.getUint32(ASK_KEEP, true),
    isCharacter: (view.getUint32(ASK_FLAGS, true) & ASK_CHARACTER) !== 0,
    stages: Array.from({ length: view.getUint32(ASK_STAGES, true) }, (_, i) => {
      const at = stagesAt + i * STAGE_BYTES;
      return {
        name: STAGE_KINDS[view.getUint32(at, true)] as StageSpec["name"],
        low: view.getUint32(at + STAGE_LOW, true),
        high: view.getUint32(at + STAGE_HIGH, true),
        threshold: view.getFloat64(at + STAGE_THRESHOLD, true),
      };
    }),
  };
}
