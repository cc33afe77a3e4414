/**
 * Texts laid out for comparison with one text (assembly/text-table.ts): sorted by kind and length, so that a length bound decides for many at
 * once and neighbours end together; Latin-1 texts as bytes, others as code points; each with its bag of characters.
 *
 *  ┌────────┬──────┬──────────────────────────────────┬──────────┬───────────┬────────────┬──────────┬──────────┐
 *  │ header │ runs │ ids │ places │ lengths │ ranks u32 │ kinds u8 │ bags 32 B │ Latin-1 u8 │ wide u32 │ appended │  TEXTS_*
 *  └────────┴──────┴──────────────────────────────────┴──────────┴───────────┴────────────┴──────────┴──────────┘
 *
 * Building costs about 5 ns a character and 50 ns a text. Texts that come later are appended, each a run of its own, up to an eighth of the table;
 * which texts are sorted and which appended depends on their number alone, so threads that met the same texts at different times have the same
 * positions. Not for a few texts compared once.
 */
import {
  BAG_BYTES,
  TEXTS_BAGS_AT,
  TEXTS_COUNT,
  TEXTS_HEADER_BYTES,
  TEXTS_IDS_AT,
  TEXTS_KINDS_AT,
  TEXTS_LENGTHS_AT,
  TEXTS_PLACES_AT,
  TEXTS_RANKS_AT,
  TEXTS_RUN_BYTES,
  TEXTS_RUNS,
  TEXTS_RUNS_AT,
} from "../../assembly/layout.ts";

/** Code points of texts one after the other: text t is `codePoints[textOffsets[t] .. textOffsets[t + 1])`, t below `count`. */
export interface Texts {
  readonly count: number;
  readonly textOffsets: Uint32Array;
  readonly codePoints: Uint32Array;
}

/** What the kernel may read behind the last bag, and a vector behind the last text. */
const SLACK_BYTES = 128;
const LATIN_1_MAX = 255;
/** Below this many texts a table is built anew rather than extended: it takes less than a millisecond. */
const GROWING_MIN = 1024;

/** How many of `count` texts are sorted: the last of a series that grows by an eighth. The rest are appended. */
function sortedOf(count: number): number {
  let sorted = GROWING_MIN;
  if (count < sorted) return count;
  while (nextSorted(sorted) <= count) sorted = nextSorted(sorted);
  return sorted;
}

function nextSorted(sorted: number): number {
  return sorted + Math.floor(sorted / 8);
}

/** How the texts fall into runs of one kind and length; what `writeTextTable` needs to know before it can write. */
export interface TextPlan {
  readonly texts: Texts;
  /** Ids below it are sorted, the others appended. */
  readonly sorted: number;
  /** Texts that the table has room for. */
  readonly capacity: number;
  /** By id: 1 for a text with a character beyond Latin-1. */
  readonly kinds: Uint8Array;
  /** By length: how many sorted Latin-1 texts, how many wide ones. */
  readonly counts: readonly [latin: Uint32Array, wide: Uint32Array];
  readonly runs: number;
  /** Bytes of the table. */
  readonly bytes: number;
  readonly longest: number;
}

/** A written table, which may still grow. Addresses are the memory's. */
export interface TextTable {
  readonly place: number;
  readonly sorted: number;
  readonly capacity: number;
  readonly end: number;
  readonly idsAt: number;
  readonly placesAt: number;
  readonly lengthsAt: number;
  readonly ranksAt: number;
  readonly kindsAt: number;
  readonly bagsAt: number;
  count: number;
  /** Where the next run's record and the next text go. */
  runAt: number;
  textAt: number;
}

/** The fewest bytes a table of these texts can have: all Latin-1. Cost: nothing. */
export function textTableBytesMin(texts: Texts): number {
  return TEXTS_HEADER_BYTES + texts.count * (4 * 4 + 1 + BAG_BYTES) + texts.textOffsets[texts.count]!;
}

/** Looks at every character once. With `growing`, the table gets room for later texts, if it then has at most `bytesMax` bytes. */
export function planTextTable(texts: Texts, growing = false, bytesMax = Number.POSITIVE_INFINITY): TextPlan {
  const { count, textOffsets } = texts;
  const sorted = growing ? sortedOf(count) : count;
  let longest = 0;
  for (let id = 0; id < count; id++) longest = Math.max(longest, textOffsets[id + 1]! - textOffsets[id]!);
  const kinds = new Uint8Array(count);
  const latin = new Uint32Array(longest + 1);
  const wide = new Uint32Array(longest + 1);
  let characterBytes = 0;
  for (let id = 0; id < count; id++) {
    const kind = kindOf(texts, id);
    const length = textOffsets[id + 1]! - textOffsets[id]!;
    kinds[id] = kind;
    if (id < sorted) (kind === 1 ? wide : latin)[length]!++;
    characterBytes += bytesOf(length, kind);
  }
  let runs = count - sorted;
  for (let length = 0; length <= longest; length++) runs += Number(latin[length]! > 0) + Number(wide[length]! > 0);
  const plan = { texts, sorted, capacity: count, kinds, counts: [latin, wide] as const, runs, longest };
  const bytesFor = (capacity: number): number =>
    partsOf(runs + capacity - count, capacity).charactersAt + Math.ceil((characterBytes * (capacity + 1)) / (count + 1)) + 8 + SLACK_BYTES;
  const capacity = growing && sorted >= GROWING_MIN ? nextSorted(sorted) - 1 : count;
  if (capacity > count && bytesFor(capacity) <= bytesMax) return { ...plan, capacity, bytes: bytesFor(capacity) };
  return { ...plan, bytes: bytesFor(count) };
}

function kindOf({ textOffsets, codePoints }: Texts, id: number): number {
  let seen = 0;
  for (let at = textOffsets[id]!, end = textOffsets[id + 1]!; at < end; at++) seen |= codePoints[at]!;
  return Number(seen > LATIN_1_MAX);
}

/** Wide texts start anywhere: the three bytes are what aligning one may take. */
function bytesOf(length: number, kind: number): number {
  return kind === 1 ? length * 4 + 3 : length;
}

/** Offsets of the table's parts with room for `runs` runs and `capacity` texts. */
function partsOf(runs: number, capacity: number) {
  const idsAt = TEXTS_HEADER_BYTES + runs * TEXTS_RUN_BYTES;
  const kindsAt = idsAt + capacity * 16;
  const bagsAt = Math.ceil((kindsAt + capacity) / 16) * 16;
  return { idsAt, kindsAt, bagsAt, charactersAt: bagsAt + capacity * BAG_BYTES };
}

/** Writes the table at `place` (a multiple of 16) of the memory behind the two views; `plan.bytes` bytes must be free there. */
export function writeTextTable(plan: TextPlan, place: number, bytes: Uint8Array, words: Uint32Array): TextTable {
  const { texts, sorted, capacity, kinds, counts, runs } = plan;
  const { count, textOffsets } = texts;
  const parts = partsOf(runs + capacity - count, capacity);
  const idsAt = place + parts.idsAt;
  const table: TextTable = {
    place,
    sorted,
    capacity,
    end: place + plan.bytes - SLACK_BYTES,
    idsAt,
    placesAt: idsAt + capacity * 4,
    lengthsAt: idsAt + capacity * 8,
    ranksAt: idsAt + capacity * 12,
    kindsAt: place + parts.kindsAt,
    bagsAt: place + parts.bagsAt,
    count: sorted,
    runAt: place + TEXTS_HEADER_BYTES,
    textAt: place + parts.charactersAt,
  };
  // Where each run starts: counts become cursors.
  let position = 0;
  const cursors = counts.map((ofKind, kind) => {
    if (kind === 1) table.textAt = Math.ceil(table.textAt / 4) * 4;
    const cursor = new Uint32Array(ofKind.length);
    const starts = new Float64Array(ofKind.length);
    ofKind.forEach((size, length) => {
      if (size === 0) return;
      cursor[length] = position;
      starts[length] = table.textAt;
      position += size;
      table.textAt += size * length * (kind === 1 ? 4 : 1);
      addRun(table, words, position, length, kind);
    });
    return { cursor, starts };
  });
  for (let id = 0; id < sorted; id++) {
    const kind = kinds[id]!;
    const length = textOffsets[id + 1]! - textOffsets[id]!;
    const { cursor, starts } = cursors[kind]!;
    const textAt = starts[length]!;
    starts[length] = textAt + length * (kind === 1 ? 4 : 1);
    writeText(table, texts, id, kind, cursor[length]!++, textAt, bytes, words);
  }
  if (!extendTextTable(table, texts, bytes, words)) throw new Error("a planned text table has room for its texts");
  return table;
}

/**
 * Appends the texts that the table does not have yet; those that it has must be the first of `texts`. Returns false if it has to be built
 * anew (too many, too long, or time to sort them); what it held is then still readable.
 */
export function extendTextTable(table: TextTable, texts: Texts, bytes: Uint8Array, words: Uint32Array): boolean {
  const { count, textOffsets } = texts;
  if (count < table.count || count > table.capacity || (count > table.count && sortedOf(count) !== table.sorted)) return false;
  for (let id = table.count; id < count; id++) {
    const kind = kindOf(texts, id);
    const length = textOffsets[id + 1]! - textOffsets[id]!;
    const textAt = kind === 1 ? Math.ceil(table.textAt / 4) * 4 : table.textAt;
    if (textAt + length * (kind === 1 ? 4 : 1) > table.end) return false;
    writeText(table, texts, id, kind, id, textAt, bytes, words);
    addRun(table, words, id + 1, length, kind);
    table.textAt = textAt + length * (kind === 1 ? 4 : 1);
    table.count = id + 1;
  }
  const set = (field: number, value: number): void => {
    words[(table.place + field) / 4] = value;
  };
  set(TEXTS_COUNT, count);
  set(TEXTS_RUNS, (table.runAt - table.place - TEXTS_HEADER_BYTES) / TEXTS_RUN_BYTES);
  set(TEXTS_RUNS_AT, table.place + TEXTS_HEADER_BYTES);
  set(TEXTS_IDS_AT, table.idsAt);
  set(TEXTS_PLACES_AT, table.placesAt);
  set(TEXTS_LENGTHS_AT, table.lengthsAt);
  set(TEXTS_BAGS_AT, table.bagsAt);
  set(TEXTS_RANKS_AT, table.ranksAt);
  set(TEXTS_KINDS_AT, table.kindsAt);
  return true;
}

function addRun(table: TextTable, words: Uint32Array, end: number, length: number, kind: number): void {
  words[table.runAt / 4] = end;
  words[table.runAt / 4 + 1] = length;
  words[table.runAt / 4 + 2] = kind;
  table.runAt += TEXTS_RUN_BYTES;
}

function writeText(
  table: TextTable,
  { textOffsets, codePoints }: Texts,
  id: number,
  kind: number,
  position: number,
  textAt: number,
  bytes: Uint8Array,
  words: Uint32Array,
): void {
  const start = textOffsets[id]!;
  const end = textOffsets[id + 1]!;
  words[table.idsAt / 4 + position] = id;
  words[table.placesAt / 4 + position] = textAt;
  words[table.lengthsAt / 4 + position] = end - start;
  words[table.ranksAt / 4 + id] = position;
  bytes[table.kindsAt + position] = kind;
  const bag = table.bagsAt + position * BAG_BYTES;
  words.fill(0, bag / 4, (bag + BAG_BYTES) / 4);
  for (let from = start; from < end; from++) {
    const bucket = bag + (codePoints[from]! & (BAG_BYTES - 1));
    if (bytes[bucket]! < 255) bytes[bucket]!++;
  }
  if (kind === 1) for (let from = start, to = textAt / 4; from < end; ) words[to++] = codePoints[from++]!;
  else for (let from = start, to = textAt; from < end; ) bytes[to++] = codePoints[from++]!;
}
