/**
 * The kernels by themselves, on plain arrays: for programs that want one measure without the engine, for tests and for benches.
 * The engine's path is not here: it scores whole batches in shared memory (src/pool). Every call copies its arguments into the
 * instance's memory and its answer out; one query against many candidates should therefore use a column, copied once.
 *
 * Ids are u32 below `idLimit`; texts are compared by code points. All results are the caller's. Not for concurrent use: one query is
 * open at a time, and its class table is why (assembly/masks.ts).
 */
import {
  CODE_POINTS,
  QUERY_CLASSES,
  QUERY_HEADER_BYTES,
  RESIDENT_LANES,
  SHORT_TEXT_MAX,
  SIGNATURE_BANDS,
  SIGNATURE_ROWS,
  SIGNATURE_VALUES,
} from "../../assembly/layout.ts";
import { layLanes } from "./lane-column.ts";
import { longestOf } from "./offsets.ts";
import { OwnMemory } from "./own-memory.ts";
import { PERMUTATION_GROUPS, recordedPermutations } from "./permutations.ts";
import { type Block, type Column, type LaneColumn, PreparedSequence, type RatioMatches, type SetColumn } from "./prepared-sequence.ts";
import { PreparedText, type TextColumn } from "./prepared-text.ts";
import { type ClassTable, inEights, sideBySideLcs, sideBySideRatios } from "./query-lanes.ts";
import { postingsOf } from "./set-column.ts";
import { SignatureColumn } from "./signature-column.ts";
import { type SignatureScheme, Signer } from "./signer.ts";
import { codePointsOf, utf8Of } from "./text-encoding.ts";
import { planTextTable, writeTextTable } from "./text-table.ts";

/** Buckets of a candidate's bag (assembly/lane-bag.ts). */
const LANE_BAG_BYTES = 64;
/** Ids below this have lane ids of 16 bits. */
const NARROW_ID_LIMIT = 0xffff;
/** Zeros before the class table. */
const TABLE_FRONT_BYTES = 16;

export interface KernelOptions {
  /** Ids are below this; it costs eleven bytes of memory an id, of which only used pages exist. Default: enough for every code point. */
  readonly idLimit?: number;
  /** Another build of the kernels, with its own memory. Default: the package's. */
  readonly wasmPath?: string;
}

export class Kernels {
  readonly idLimit: number;
  readonly #memory: OwnMemory;
  readonly #table: number;
  readonly #hits: number;
  readonly #laneMasks: number;
  readonly #permutations: number;
  /** Everything above is columns, the open query and temporary regions. */
  readonly #floor: number;
  /** What occupies the class table: a query, or what compares several. */
  #open: object | null = null;

  constructor(options: KernelOptions = {}) {
    this.idLimit = options.idLimit ?? CODE_POINTS;
    this.#memory = new OwnMemory(options.wasmPath);
    this.#permutations = this.#memory.place(recordedPermutations());
    // Fresh memory is zero, as the tables must be, and what stands before the class table (assembly/lane-lcs.ts).
    this.#table = this.#memory.reserve(TABLE_FRONT_BYTES + this.idLimit * 2) + TABLE_FRONT_BYTES;
    this.#hits = this.#memory.reserve(this.idLimit + 1);
    this.#laneMasks = this.#memory.reserve((this.idLimit + 1) * 8);
    this.#floor = this.#memory.top;
  }

  /** Forgets all columns. Throws while a query is open. */
  clear(): void {
    this.#assertNoneOpen();
    this.#memory.release(this.#floor);
  }

  /** Copies candidates in: candidate c is `flat[offsets[c] .. offsets[c + 1])`, offsets ascending from 0. Throws while a query is open. */
  column(flat: Uint32Array, offsets: Uint32Array): Column {
    this.#assertNoneOpen();
    this.#assertIds(flat);
    return this.#placeColumn(flat, offsets);
  }

  /** Copies candidates in, eight side by side and sorted by length, for the fastest kernels; arguments as for `column`. */
  laneColumn(flat: Uint32Array, offsets: Uint32Array): LaneColumn {
    this.#assertNoneOpen();
    this.#assertIds(flat);
    longestOf(flat, offsets);
    const { count, longest, groups, order, ...parts } = layLanes(flat, offsets, this.idLimit);
    const memory = this.#memory;
    const lanes = memory.place(parts.lanes);
    const starts = memory.place(parts.starts);
    const lengths = memory.place(parts.lengths);
    const distinct = memory.place(parts.distinct);
    const bags = memory.reserve(groups * RESIDENT_LANES * LANE_BAG_BYTES);
    memory.exports.laneBagsInto(lanes, starts, 0, groups, bags);
    // Lane ids are one more than ids; 0 says that there is no narrow copy.
    const isNarrow = flat.every((id) => id < NARROW_ID_LIMIT);
    const narrow = isNarrow ? memory.reserve(parts.lanes.length * 2) : 0;
    if (isNarrow) memory.exports.narrowLanesInto(lanes, parts.lanes.length / RESIDENT_LANES, narrow);
    return { count, longest, groups, order, lanes, narrow, starts, lengths, distinct, bags };
  }

  /** Copies sets in by what is in them, for exact Jaccard indices (set-column.ts); arguments as for `column`, repeated ids count once. */
  setColumn(flat: Uint32Array, offsets: Uint32Array): SetColumn {
    this.#assertNoneOpen();
    this.#assertIds(flat);
    longestOf(flat, offsets);
    const idLimit = flat.reduce((most, id) => Math.max(most, id + 1), 0);
    const { starts, places } = postingsOf(flat, offsets, idLimit);
    return { count: offsets.length - 1, idLimit, starts: this.#memory.place(starts), places: this.#memory.place(places) };
  }

  /** Opens a query against which columns and single candidates are compared; `release()` it before the next one. */
  query(ids: Uint32Array): PreparedSequence {
    this.#assertNoneOpen();
    const memory = this.#memory;
    const { exports } = memory;
    const before = memory.top;
    const address = memory.place(ids);
    // The number of distinct ids is not known yet: room for all of them being so, given back below.
    const capacity = Number(exports.queryBytes(ids.length, new Set(ids).size));
    const query = memory.reserve(capacity);
    const bytes = exports.prepareQuery(address, ids.length, this.#table, this.idLimit, query, capacity);
    if (bytes === 0) {
      memory.release(before);
      throw new RangeError("a query may have at most 65,535 distinct ids; compare longer ones pair by pair");
    }
    const classes = memory.u32(query, QUERY_HEADER_BYTES / 4)[QUERY_CLASSES / 4]!;
    const opened = new PreparedSequence(memory, {
      query,
      count: ids.length,
      classes,
      hits: this.#hits,
      laneMasks: this.#laneMasks,
      assertIds: (candidate) => this.#assertIds(candidate),
      closed: () => {
        memory.release(before);
        this.#open = null;
      },
    });
    this.#open = opened;
    return opened;
  }

  /**
   * LCS lengths of many queries and a lane column, by place: the fastest way to all pairs. `use` is called once a query, in whatever order suits; what it
   * is given is a view of the kernels' memory, valid until it returns. Throws while a query is open.
   */
  eachLaneLcsLengths(queries: readonly Uint32Array[], column: LaneColumn, use: (lengths: Uint32Array, query: number) => void): void {
    this.#assertNoneOpen();
    inEights(
      queries,
      (numbers) => {
        const asked = numbers.map((number) => queries[number]!);
        this.#withTable((table) => sideBySideLcs(this.#memory, table, asked, column, (lengths, at) => use(lengths, numbers[at]!)));
      },
      (number) => this.#withQuery(queries[number]!, (query) => query.withLaneLcsLengths(column, 0, (lengths) => use(lengths, number))),
    );
  }

  /** Ratios of many texts with all texts of a column, as `PreparedText.withRatios` without a cutoff gives them for one; `use` as above. */
  eachRatios(texts: readonly string[], column: TextColumn, use: (found: RatioMatches, text: number) => void): void {
    this.#assertNoneOpen();
    this.#assertTexts();
    const points = texts.map(codePointsOf);
    inEights(
      points,
      (numbers) => {
        const asked = numbers.map((number) => points[number]!);
        this.#withTable((table) => sideBySideRatios(this.#memory, table, asked, column, (found, at) => use(found, numbers[at]!)));
      },
      (number) => {
        const text = this.text(texts[number]!);
        try {
          text.withRatios(column, 0, (found) => use(found, number));
        } finally {
          text.release();
        }
      },
    );
  }

  /** Copies texts in, laid out for comparison. Throws while a query is open. Needs the default `idLimit`. */
  texts(texts: readonly string[]): TextColumn {
    this.#assertNoneOpen();
    const points = texts.map(codePointsOf);
    const textOffsets = new Uint32Array(texts.length + 1);
    points.forEach((text, i) => {
      textOffsets[i + 1] = textOffsets[i]! + text.length;
    });
    const codePoints = new Uint32Array(textOffsets[texts.length]!);
    points.forEach((text, i) => {
      codePoints.set(text, textOffsets[i]!);
    });
    const plan = planTextTable({ count: texts.length, textOffsets, codePoints });
    const table = this.#memory.reserve(plan.bytes);
    const { bytes, words } = this.#memory.views;
    writeTextTable(plan, table, bytes, words);
    return { count: texts.length, longest: plan.longest, table };
  }

  /** Opens a text against which columns of texts are compared; `release()` it before the next one. Needs the default `idLimit`. */
  text(text: string): PreparedText {
    this.#assertNoneOpen();
    const memory = this.#memory;
    const before = memory.top;
    const points = codePointsOf(text);
    this.#assertTexts();
    // Short texts: as if all characters were distinct, for counting them costs more than the room.
    const distinct = points.length <= SHORT_TEXT_MAX ? points.length : new Set(points).size;
    const capacity = Number(memory.exports.textQueryBytes(points.length, distinct));
    const address = memory.place(points);
    const query = memory.reserve(capacity);
    if (memory.exports.prepareText(address, points.length, this.#table, query, capacity) === 0) {
      memory.release(before);
      throw new RangeError("a text may have at most 65,535 distinct code points");
    }
    const opened = new PreparedText(memory, query, () => {
      memory.release(before);
      this.#open = null;
    });
    this.#open = opened;
    return opened;
  }

  /** Length of the longest common subsequence of two id sequences of any length. */
  lcsLength(a: Uint32Array, b: Uint32Array): number {
    return this.#withPair(a, b, (pa, pb, scratch) => this.#memory.exports.lcsLengthPair(pa, a.length, pb, b.length, this.#table, scratch));
  }

  /** 2 * LCS / (length + length) over the code points of two texts; 1 for two empty ones. Needs the default `idLimit`. */
  indelRatio(a: string, b: string): number {
    const left = codePointsOf(a);
    const right = codePointsOf(b);
    return this.#withPair(left, right, (pa, pb, scratch) =>
      this.#memory.exports.indelRatioPair(pa, left.length, pb, right.length, this.#table, scratch),
    );
  }

  /** How many distinct ids two sequences share. */
  intersectionCount(a: Uint32Array, b: Uint32Array): number {
    return this.#withQuery(a, (query) => query.intersectionCount(b));
  }

  /** Ratcliff/Obershelp matching blocks of a pattern and a state, ascending, without terminator. */
  matchingBlocks(pattern: Uint32Array, state: Uint32Array): Block[] {
    return this.#withQuery(state, (query) => query.matchingBlocks(pattern));
  }

  /** The MinHash signature (SIGNATURE_VALUES values) of a set of symbol hashes (`symbolHash`). */
  signature(hashes: Uint32Array): Uint32Array {
    return this.signatures(hashes, Uint32Array.of(0, hashes.length));
  }

  /** The signatures of many sets, one after the other; set s is `hashes[offsets[s] .. offsets[s + 1])`. */
  signatures(hashes: Uint32Array, offsets: Uint32Array): Uint32Array {
    const memory = this.#memory;
    const before = memory.top;
    try {
      const column = this.#placeColumn(hashes, offsets);
      const values = column.count * SIGNATURE_VALUES;
      const out = memory.reserve(values * 4);
      memory.exports.signaturesInto(column.flat, column.offsets, 0, column.count, this.#permutations, PERMUTATION_GROUPS, out);
      return memory.u32(out, values).slice();
    } finally {
      memory.release(before);
    }
  }

  /** Copies sets of hashes in, for signers. Throws while a query is open. */
  hashes(hashes: Uint32Array, offsets: Uint32Array): Column {
    this.#assertNoneOpen();
    return this.#placeColumn(hashes, offsets);
  }

  /** Signs sets of hashes by another scheme, or with another number of values, than kbs have by default. */
  signer(scheme: SignatureScheme, values: number): Signer {
    return new Signer(this.#memory, scheme, values);
  }

  /** Copies signatures of `values` values in, one after the other, to compare one with all. Throws while a query is open. */
  signatureColumn(signatures: Uint32Array, values = SIGNATURE_VALUES): SignatureColumn {
    this.#assertNoneOpen();
    return new SignatureColumn(this.#memory, signatures, values);
  }

  /** 32-bit hashes of texts for the fast schemes; `symbolHash` is datasketch's. Texts are compared by their UTF-8 bytes. */
  tokenHashes(texts: readonly string[]): Uint32Array {
    const { bytes, offsets } = utf8Of(texts);
    const memory = this.#memory;
    const before = memory.top;
    try {
      const places = [memory.place(bytes), memory.place(offsets), memory.reserve(texts.length * 4)] as const;
      memory.exports.tokenHashesInto(places[0], places[1], 0, texts.length, places[2]);
      return memory.u32(places[2], texts.length).slice();
    } finally {
      memory.release(before);
    }
  }

  /** How many values of two signatures agree; divided by SIGNATURE_VALUES it estimates the Jaccard index. */
  agreement(a: Uint32Array, b: Uint32Array): number {
    return this.agreements(a, b)[0]!;
  }

  /** `agreement` of one signature with each of many that stand one after the other. */
  agreements(signature: Uint32Array, signatures: Uint32Array): Uint32Array {
    if (signature.length !== SIGNATURE_VALUES || signatures.length % SIGNATURE_VALUES !== 0) {
      throw new RangeError(`a signature has ${SIGNATURE_VALUES} values: got ${signature.length} and ${signatures.length}`);
    }
    const memory = this.#memory;
    const before = memory.top;
    try {
      const count = signatures.length / SIGNATURE_VALUES;
      const one = memory.place(signature);
      const many = memory.place(signatures);
      const out = memory.reserve(count * 4);
      memory.exports.agreementsInto(one, many, count, SIGNATURE_VALUES, out);
      return memory.u32(out, count).slice();
    } finally {
      memory.release(before);
    }
  }

  /** Whether at least one band (SIGNATURE_ROWS consecutive values) of two signatures is equal. */
  sharesBand(a: Uint32Array, b: Uint32Array): boolean {
    if (a.length !== SIGNATURE_VALUES || b.length !== SIGNATURE_VALUES) {
      throw new RangeError(`a signature has ${SIGNATURE_VALUES} values: got ${a.length} and ${b.length}`);
    }
    const memory = this.#memory;
    const before = memory.top;
    try {
      return memory.exports.sharesBand(memory.place(a), memory.place(b), SIGNATURE_BANDS, SIGNATURE_ROWS) === 1;
    } finally {
      memory.release(before);
    }
  }

  /** Nothing else may be opened by what is called while classes are in the table. */
  #withTable(run: (table: ClassTable) => void): void {
    this.#open = run;
    try {
      run({ at: this.#table, count: this.idLimit });
    } finally {
      this.#open = null;
    }
  }

  #withQuery<T>(ids: Uint32Array, use: (query: PreparedSequence) => T): T {
    const query = this.query(ids);
    try {
      return use(query);
    } finally {
      query.release();
    }
  }

  #withPair<T>(a: Uint32Array, b: Uint32Array, use: (a: number, b: number, scratch: number) => T): T {
    // The pair kernels mark ids in the class table, which an open query occupies.
    this.#assertNoneOpen();
    this.#assertIds(a);
    this.#assertIds(b);
    const memory = this.#memory;
    const before = memory.top;
    try {
      const scratch = memory.reserve(memory.exports.pairScratchBytes(Math.max(a.length, b.length)));
      return use(memory.place(a), memory.place(b), scratch);
    } finally {
      memory.release(before);
    }
  }

  #placeColumn(flat: Uint32Array, offsets: Uint32Array): Column {
    return {
      count: offsets.length - 1,
      total: flat.length,
      longest: longestOf(flat, offsets),
      flat: this.#memory.place(flat),
      offsets: this.#memory.place(offsets),
    };
  }

  #assertTexts(): void {
    if (this.idLimit < CODE_POINTS)
      throw new RangeError(`texts need the default idLimit of ${CODE_POINTS}, these kernels have ${this.idLimit}`);
  }

  #assertNoneOpen(): void {
    if (this.#open !== null) throw new Error("a query is open on these kernels: release it first");
  }

  #assertIds(ids: Uint32Array): void {
    for (const id of ids) if (id >= this.idLimit) throw new RangeError(`id ${id} is not below idLimit ${this.idLimit}`);
  }
}
