/**
 * The frozen corpus that every kernel figure is taken on: 20,000 token sequences of 8 to 64 ids over a Zipf vocabulary of 50,000, half of them
 * noisy copies of 16 queries; the same as texts, short and long, in Latin letters and in a wide alphabet; their sets; and signatures.
 * Made from one seed with additions, multiplications and divisions only (no `pow`, `log` or `sin`, which may differ in the last digit from
 * one machine to another), and its SHA-256 is asserted, so two runs anywhere compare the same bytes. Building takes about 0.3 s, once.
 */
import { createHash } from "node:crypto";
import { seeded } from "./zipf-corpus.ts";

export const VOCABULARY = 50_000;
export const CANDIDATES = 20_000;
export const QUERIES = 16;
const SEED = 20261125;
/** Half of the candidates: each sixteenth of them a noisy copy of one query. */
const COPIES = CANDIDATES / 2;
/** Every element of a copy is replaced, dropped or doubled with this chance, drawn once a copy. */
const NOISE_MAX = 0.6;

/** Measured once; a change of any byte of the corpus is a change of every figure, and shows here. */
export const CORPUS_SHA256 = "d38fcf4c9f70439050c775074496afdf6c560ec0af222198361124cdc51b149f";

export interface Texts {
  readonly queries: readonly string[];
  readonly candidates: readonly string[];
}

export interface FrozenCorpus {
  /** 17 to 64 ids each. */
  readonly queries: readonly Uint32Array[];
  readonly sequences: readonly Uint32Array[];
  /** 10 to 64 characters (mean 37); queries of 52 to 64. */
  readonly short: Texts;
  /** The sequences' words (mean about 230 characters); queries of 99 to 392. */
  readonly long: Texts;
}

/** Sequences one after the other, as the kernels take them. */
export interface Flat {
  readonly flat: Uint32Array;
  readonly offsets: Uint32Array;
}

let built: FrozenCorpus | undefined;

/** The corpus; built at the first call, checked, and kept. Throws when its bytes are not the frozen ones. */
export function frozenCorpus(): FrozenCorpus {
  if (built !== undefined) return built;
  const corpus = build();
  const sum = checksumOf(corpus);
  if (sum !== CORPUS_SHA256) throw new Error(`the corpus has checksum ${sum}; figures are taken on ${CORPUS_SHA256}`);
  built = corpus;
  return corpus;
}

function build(): FrozenCorpus {
  const random = seeded(SEED);
  const below = (count: number): number => Math.floor(random() * count);
  const draw = zipf(random, VOCABULARY);
  const words = vocabularyOf(VOCABULARY, random);

  // 17 to 64 ids: the shortest and the longest are among them, the others lie between.
  const queries = Array.from({ length: QUERIES }, (_, i) => Uint32Array.from({ length: 17 + Math.round((i * 47) / (QUERIES - 1)) }, draw));
  const fresh = (): Uint32Array => Uint32Array.from({ length: 8 + below(57) }, draw);
  const copies = Array.from({ length: COPIES }, (_, i) => noisyCopy(queries[i % QUERIES]!, random, draw));
  const sequences: Uint32Array[] = [];
  for (const copy of copies) sequences.push(copy, fresh());
  const texts = (ids: Uint32Array): string => Array.from(ids, (id) => words[id]!).join(" ");
  const long = {
    queries: queries.map((ids, i) => texts(ids).slice(0, 99 + Math.round((i * 293) / (QUERIES - 1)))),
    candidates: sequences.map(texts),
  };
  // A short copy begins where its query begins, so half of the short candidates resemble a query too.
  const short = {
    queries: queries.map((ids, i) => texts(ids).slice(0, 52 + Math.round((i * 12) / (QUERIES - 1)))),
    candidates: long.candidates.map((text) => text.slice(0, 10 + below(55))),
  };
  return { queries, sequences, short, long };
}

function noisyCopy(query: Uint32Array, random: () => number, draw: () => number): Uint32Array {
  const noise = random() * NOISE_MAX;
  const copy: number[] = [];
  for (const id of query) {
    const lot = random();
    if (lot >= noise) copy.push(id);
    else if (lot < noise * 0.6) copy.push(draw());
    else if (lot < noise * 0.8 && copy.length < 62) copy.push(id, draw());
  }
  while (copy.length < 8) copy.push(draw());
  return Uint32Array.from(copy.slice(0, 64));
}

/** Ids 0, 1, 2 … with chances 1, 1/2, 1/3 …: a table of sums, searched by halving. */
function zipf(random: () => number, count: number): () => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1);
    sums[rank] = sum;
  }
  return () => {
    const lot = random() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! < lot) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** How often letters stand in English text, per thousand; so that bags of letters are as uneven as those of text. */
const LETTERS: readonly (readonly [letter: string, perThousand: number])[] = [
  ["e", 127],
  ["t", 91],
  ["a", 82],
  ["o", 75],
  ["i", 70],
  ["n", 67],
  ["s", 63],
  ["h", 61],
  ["r", 60],
  ["d", 43],
  ["l", 40],
  ["c", 28],
  ["u", 28],
  ["m", 24],
  ["w", 24],
  ["f", 22],
  ["g", 20],
  ["y", 20],
  ["p", 19],
  ["b", 15],
  ["v", 10],
  ["k", 8],
  ["x", 1],
  ["j", 1],
  ["q", 1],
];
const ALPHABET = LETTERS.map(([letter, times]) => letter.repeat(times)).join("");

/** Distinct words, of 2 to 9 letters; frequent ones are shorter. */
function vocabularyOf(count: number, random: () => number): string[] {
  const seen = new Set<string>();
  while (seen.size < count) {
    const shortest = seen.size < 100 ? 2 : seen.size < 2_000 ? 3 : 4;
    const length = shortest + Math.floor(random() * 5);
    let word = "";
    for (let n = 0; n < length; n++) word += ALPHABET[Math.floor(random() * ALPHABET.length)]!;
    seen.add(word);
  }
  return [...seen];
}

function checksumOf({ queries, sequences, short, long }: FrozenCorpus): string {
  const hash = createHash("sha256");
  for (const ids of [...queries, ...sequences]) {
    const bytes = new DataView(new ArrayBuffer(4 + ids.length * 4));
    bytes.setUint32(0, ids.length, true);
    for (const [i, id] of ids.entries()) bytes.setUint32(4 + i * 4, id, true);
    hash.update(new Uint8Array(bytes.buffer));
  }
  for (const texts of [short, long]) hash.update(`${texts.queries.join("\n")}\n${texts.candidates.join("\n")}\n`);
  return hash.digest("hex");
}

/** The same text in Cyrillic letters (U+0430 on), spaces left: as long, as alike, and outside Latin-1. */
export const wide = (text: string): string => text.replace(/[a-z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) - 97 + 0x430));

export function flatten(sequences: readonly Uint32Array[]): Flat {
  const offsets = new Uint32Array(sequences.length + 1);
  sequences.forEach((sequence, i) => {
    offsets[i + 1] = offsets[i]! + sequence.length;
  });
  const flat = new Uint32Array(offsets[sequences.length]!);
  sequences.forEach((sequence, i) => {
    flat.set(sequence, offsets[i]!);
  });
  return { flat, offsets };
}

export const pointsOf = (text: string): Uint32Array => Uint32Array.from(text, (character) => character.codePointAt(0)!);

/** Random bytes of `count` signatures of `values` u32, half of them agreeing with `one` by chance 1/2: every page is written. */
export function signatures(count: number, values: number): { readonly one: Uint32Array; readonly many: Uint32Array } {
  const random = seeded(SEED + 1);
  const one = Uint32Array.from({ length: values }, () => random() * 2 ** 32);
  const many = new Uint32Array(count * values);
  for (let i = 0; i < many.length; i++) {
    const lot = random();
    many[i] = lot < 0.5 ? one[i % values]! : lot * 2 ** 32;
  }
  return { one, many };
}
