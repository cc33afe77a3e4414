/**
 * Texts laid out for comparison with one text (assembly/text-table.ts): sorted by kind and length, so that a length bound decides for many at
 * once and neighbours end together; Latin-1 texts as bytes, others as code points; each with its bag of characters.
 *
 *  ┌────────┬──────┬──────────────────────────────────┬───────────┬──────────────┬─────────────┐
 *  │ header │ runs │ ids │ places │ lengths │ ranks u32 │ bags 32 B │ Latin-1, u8  │ wide, u32   │   layout.ts: TEXTS_*
 *  └────────┴──────┴──────────────────────────────────┴───────────┴──────────────┴─────────────┘
 *
 * Building costs about 5 ns a character and 20 ns a text, once; the table is then read only. Not for a few texts compared once.
 */
import {
  BAG_BYTES,
  TEXTS_BAGS_AT,
  TEXTS_COUNT,
  TEXTS_HEADER_BYTES,
  TEXTS_IDS_AT,
  TEXTS_LENGTHS_AT,
  TEXTS_PLACES_AT,
  TEXTS_RANKS_AT,
  TEXTS_RUN_BYTES,
  TEXTS_RUNS,
  TEXTS_RUNS_AT,
  TEXTS_WIDE_FROM,
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

/** How the texts fall into runs of one kind and length; what `writeTextTable` needs to know before it can write. */
export interface TextPlan {
  readonly texts: Texts;
  /** By id: 1 for a text with a character beyond Latin-1. */
  readonly kinds: Uint8Array;
  /** By length: how many Latin-1 texts, how many wide ones. */
  readonly counts: readonly [latin: Uint32Array, wide: Uint32Array];
  readonly runs: number;
  /** Bytes of the table. */
  readonly bytes: number;
  readonly longest: number;
}

/** The fewest bytes a table of these texts can have: all Latin-1. Cost: nothing. */
export function textTableBytesMin(texts: Texts): number {
  return TEXTS_HEADER_BYTES + texts.count * (4 * 4 + BAG_BYTES) + texts.textOffsets[texts.count]!;
}

/** Looks at every character once. */
export function planTextTable(texts: Texts): TextPlan {
  const { count, textOffsets, codePoints } = texts;
  let longest = 0;
  for (let id = 0; id < count; id++) longest = Math.max(longest, textOffsets[id + 1]! - textOffsets[id]!);
  const kinds = new Uint8Array(count);
  const latin = new Uint32Array(longest + 1);
  const wide = new Uint32Array(longest + 1);
  let characterBytes = 0;
  for (let id = 0; id < count; id++) {
    const start = textOffsets[id]!;
    const end = textOffsets[id + 1]!;
    let seen = 0;
    for (let at = start; at < end; at++) seen |= codePoints[at]!;
    const isWide = seen > LATIN_1_MAX;
    kinds[id] = Number(isWide);
    (isWide ? wide : latin)[end - start]!++;
    characterBytes += isWide ? (end - start) * 4 : end - start;
  }
  let runs = 0;
  for (let length = 0; length <= longest; length++) runs += Number(latin[length]! > 0) + Number(wide[length]! > 0);
  const bytes = charactersAt(runs, count) + characterBytes + 4 + SLACK_BYTES;
  return { texts, kinds, counts: [latin, wide], runs, bytes, longest };
}

/** Writes the table at `place` (a multiple of 16) of the memory behind the two views; `plan.bytes` bytes must be free there. */
export function writeTextTable(plan: TextPlan, place: number, bytes: Uint8Array, words: Uint32Array): void {
  const { texts, kinds, counts, runs } = plan;
  const { count, textOffsets, codePoints } = texts;
  const runsAt = place + TEXTS_HEADER_BYTES;
  const idsAt = runsAt + runs * TEXTS_RUN_BYTES;
  const placesAt = idsAt + count * 4;
  const lengthsAt = placesAt + count * 4;
  const ranksAt = lengthsAt + count * 4;
  const bagsAt = place + bagsOffset(runs, count);
  const set = (field: number, value: number): void => {
    words[(place + field) / 4] = value;
  };

  // Where each run starts: counts become cursors.
  let position = 0;
  let character = place + charactersAt(runs, count);
  let run = runsAt / 4;
  const cursors = counts.map((ofKind, kind) => {
    if (kind === 1) {
      set(TEXTS_WIDE_FROM, position);
      character = Math.ceil(character / 4) * 4;
    }
    const cursor = new Uint32Array(ofKind.length);
    const starts = new Float64Array(ofKind.length);
    ofKind.forEach((size, length) => {
      if (size === 0) return;
      cursor[length] = position;
      starts[length] = character;
      position += size;
      character += size * length * (kind === 1 ? 4 : 1);
      words[run++] = position;
      words[run++] = length;
      words[run++] = kind;
    });
    return { cursor, starts };
  });
  set(TEXTS_COUNT, count);
  set(TEXTS_RUNS, runs);
  set(TEXTS_RUNS_AT, runsAt);
  set(TEXTS_IDS_AT, idsAt);
  set(TEXTS_PLACES_AT, placesAt);
  set(TEXTS_LENGTHS_AT, lengthsAt);
  set(TEXTS_BAGS_AT, bagsAt);
  set(TEXTS_RANKS_AT, ranksAt);

  bytes.fill(0, bagsAt, bagsAt + count * BAG_BYTES);
  for (let id = 0; id < count; id++) {
    const kind = kinds[id]!;
    const start = textOffsets[id]!;
    const end = textOffsets[id + 1]!;
    const length = end - start;
    const { cursor, starts } = cursors[kind]!;
    const at = cursor[length]!++;
    const textAt = starts[length]!;
    starts[length] = textAt + length * (kind === 1 ? 4 : 1);
    words[idsAt / 4 + at] = id;
    words[placesAt / 4 + at] = textAt;
    words[lengthsAt / 4 + at] = length;
    words[ranksAt / 4 + id] = at;
    const bag = bagsAt + at * BAG_BYTES;
    for (let from = start; from < end; from++) {
      const bucket = bag + (codePoints[from]! & (BAG_BYTES - 1));
      if (bytes[bucket]! < 255) bytes[bucket]!++;
    }
    if (kind === 1) words.set(codePoints.subarray(start, end), textAt / 4);
    else for (let from = start, to = textAt; from < end; ) bytes[to++] = codePoints[from++]!;
  }
}

function bagsOffset(runs: number, count: number): number {
  return Math.ceil((TEXTS_HEADER_BYTES + runs * TEXTS_RUN_BYTES + count * 16) / 16) * 16;
}

function charactersAt(runs: number, count: number): number {
  return bagsOffset(runs, count) + count * BAG_BYTES;
}
