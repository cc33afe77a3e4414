/**
 * Every kernel against its twin, on lengths where words, lanes and limits end (0, 1, 63, 64, 65, 4,096), on sequences that are all equal, and on ids and
 * numbers that must be refused.
 */
import assert from "node:assert/strict";
import { Kernels, SIGNATURE_SCHEMES } from "../../src/kernels/index.ts";
import { matchingBlocks } from "../reference/blocks.ts";
import { jaccardCounts } from "../reference/jaccard.ts";
import { lcsLength } from "../reference/lcs.ts";
import { agreement, equalBands, signatureOfHashes } from "../reference/minhash.ts";
import { multiplyAdd, onePermutation, tokenHash } from "../reference/minhash-fast.ts";
import { indelRatio } from "../reference/ratio.ts";
import { below, type Fuzzer, type OpenFuzzer, pick, type Random } from "./fuzzer.ts";

const LENGTHS = [0, 1, 2, 7, 8, 9, 62, 63, 64, 65, 66, 126, 127, 251, 252, 253, 504, 505];
const LONGEST = 4_096;
const ID_LIMIT = 1 << 16;
const CUTOFFS = [0, 0.1, 0.5, 0.7, 0.8, 0.9, 1];
/** Cells of a plain table in one round: some tens of milliseconds. */
const CELLS_MAX = 3_000_000;

const lengthOf = (random: Random): number => {
  const lot = random();
  return lot < 0.02 ? LONGEST : lot < 0.6 ? pick(random, LENGTHS) : below(random, 80);
};

function sequence(random: Random, length: number, alphabet: number, like?: readonly number[]): number[] {
  // All equal; or a noisy copy; or drawn.
  if (random() < 0.1) return new Array<number>(length).fill(below(random, alphabet));
  const noise = random();
  return Array.from({ length }, (_, i) => (like !== undefined && i < like.length && random() > noise ? like[i]! : below(random, alphabet)));
}

/** A query and candidates of which the table twin can be asked. */
function sequences(random: Random) {
  const alphabet = pick(random, [1, 2, 3, 40, 300, ID_LIMIT]);
  const query = sequence(random, lengthOf(random), alphabet);
  const candidates: number[][] = [];
  let cells = 0;
  for (let count = below(random, 20); count >= 0; count--) {
    const length = lengthOf(random);
    cells += (length + 1) * (query.length + 1);
    if (cells > CELLS_MAX) break;
    candidates.push(sequence(random, length, alphabet, random() < 0.5 ? query : undefined));
  }
  return { query, candidates, cutoff: pick(random, CUTOFFS) };
}

const u32 = (ids: readonly number[]): Uint32Array => Uint32Array.from(ids);

function flat(candidates: readonly (readonly number[])[]): { flat: Uint32Array; offsets: Uint32Array } {
  const offsets = new Uint32Array(candidates.length + 1);
  candidates.forEach((candidate, c) => {
    offsets[c + 1] = offsets[c]! + candidate.length;
  });
  return { flat: u32(candidates.flat()), offsets };
}

const reaches = (ratio: number, cutoff: number): boolean => ratio >= cutoff - 1e-9;
const ratioOf = (lcs: number, total: number): number => (total === 0 ? 1 : (2 * lcs) / total);

/** By candidate what a lane column answers by place. */
const byCandidate = (order: Uint32Array, values: Uint32Array): number[] => {
  const out = new Array<number>(order.length);
  order.forEach((candidate, place) => {
    out[candidate] = values[place]!;
  });
  return out;
};

const openLcs: OpenFuzzer = (): Fuzzer => {
  const kernels = new Kernels({ idLimit: ID_LIMIT });
  return {
    name: "lcs",
    round(random) {
      const { query, candidates, cutoff } = sequences(random);
      const expected = candidates.map((candidate) => lcsLength(query, candidate));
      const cut = expected.map((lcs, c) => (reaches(ratioOf(lcs, query.length + candidates[c]!.length), cutoff) ? lcs : 0));
      const input = flat(candidates);
      const column = kernels.column(input.flat, input.offsets);
      const lanes = kernels.laneColumn(input.flat, input.offsets);
      const prepared = kernels.query(u32(query));
      assert.deepEqual([...prepared.lcsLengths(column)], expected, "column");
      assert.deepEqual(byCandidate(lanes.order, prepared.laneLcsLengths(lanes)), expected, "lanes");
      assert.deepEqual(byCandidate(lanes.order, prepared.laneLcsLengths(lanes, cutoff)), cut, `lanes at ${cutoff}`);
      const found = prepared.indelRatios(column, cutoff);
      const want = expected.flatMap((lcs, c) => {
        const ratio = ratioOf(lcs, query.length + candidates[c]!.length);
        return reaches(ratio, cutoff) ? [[c, ratio]] : [];
      });
      assert.deepEqual(
        [...found.indices].map((c, n) => [c, found.ratios[n]!]),
        want,
        `ratios at ${cutoff}`,
      );
      prepared.release();
      // The query among parts of itself: short ones go eight at a time, others alone.
      const queries = Array.from({ length: below(random, 10) }, (_, q) =>
        q === 0 ? query : query.slice(below(random, 70), below(random, 140)),
      );
      const each: number[][] = [];
      kernels.eachLaneLcsLengths(queries.map(u32), lanes, (lengths, q) => {
        each[q] = byCandidate(lanes.order, lengths);
      });
      const asked = queries.map((part, q) => (q === 0 ? expected : candidates.map((candidate) => lcsLength(part, candidate))));
      assert.deepEqual(each, asked, "many queries");
      const [first] = candidates;
      if (first !== undefined) assert.equal(kernels.lcsLength(u32(query), u32(first)), expected[0], "pair");
      kernels.clear();
    },
  };
};

const openSets: OpenFuzzer = (): Fuzzer => {
  const kernels = new Kernels({ idLimit: ID_LIMIT });
  return {
    name: "sets",
    round(random) {
      const { query, candidates } = sequences(random);
      const expected = candidates.map((candidate) => jaccardCounts(query, candidate).intersection);
      const input = flat(candidates);
      const column = kernels.column(input.flat, input.offsets);
      const lanes = kernels.laneColumn(input.flat, input.offsets);
      const sets = kernels.setColumn(input.flat, input.offsets);
      const prepared = kernels.query(u32(query));
      assert.deepEqual([...prepared.intersectionCounts(column)], expected, "column");
      assert.deepEqual([...prepared.sharedCounts(sets)], expected, "postings");
      assert.deepEqual(byCandidate(lanes.order, prepared.laneIntersectionCounts(lanes)), expected, "lanes");
      prepared.release();
      kernels.clear();
    },
  };
};

const LETTERS = ["a", "b", "c", "é", "я", "中", "\u{1F600}", "\u{10FFFF}", " "];

const openTexts: OpenFuzzer = (): Fuzzer => {
  const kernels = new Kernels();
  return {
    name: "texts",
    round(random) {
      const letters = LETTERS.slice(0, 1 + below(random, LETTERS.length));
      const ids = sequences(random);
      const text = (of: readonly number[]): string => of.map((id) => letters[id % letters.length]!).join("");
      const query = text(ids.query);
      const candidates = ids.candidates.map(text);
      const column = kernels.texts(candidates);
      const prepared = kernels.text(query);
      const { indices, ratios } = prepared.ratios(column, ids.cutoff);
      const found = [...indices].map((c, n) => [c, ratios[n]!]).sort((a, b) => a[0]! - b[0]!);
      prepared.release();
      const expected = candidates.flatMap((candidate, c) => {
        const ratio = indelRatio(query, candidate);
        return reaches(ratio, ids.cutoff) ? [[c, ratio]] : [];
      });
      assert.deepEqual(found, expected, `at ${ids.cutoff}`);
      const asked = Array.from({ length: below(random, 10) }, () => text(ids.query.slice(below(random, 70), below(random, 140))));
      kernels.eachRatios(asked, column, (matches, at) => {
        const want = Array.from(matches.indices, (c) => indelRatio(asked[at]!, candidates[c]!));
        assert.deepEqual([...matches.ratios], want, `text ${at} of ${asked.length}`);
      });
      kernels.clear();
    },
  };
};

const openBlocks: OpenFuzzer = (): Fuzzer => {
  const kernels = new Kernels({ idLimit: ID_LIMIT });
  return {
    name: "blocks",
    round(random) {
      const { query, candidates } = sequences(random);
      // The twin is quadratic a block: short ones, and long ones of which all are equal.
      const short = candidates.filter((candidate) => candidate.length * query.length <= 20_000);
      for (const candidate of short)
        assert.deepEqual(kernels.matchingBlocks(u32(candidate), u32(query)), matchingBlocks(candidate, query), `${candidate} in ${query}`);
    },
  };
};

const openSignatures: OpenFuzzer = (): Fuzzer => {
  const kernels = new Kernels({ idLimit: 1024 });
  return {
    name: "signatures",
    round(random) {
      const hash = (): number => pick(random, [0, 1, 0xffffffff, below(random, 2 ** 32)]);
      const sets = Array.from({ length: 1 + below(random, 4) }, () => Array.from({ length: pick(random, [0, 1, 14, 33, 65]) }, hash));
      const { flat: hashes, offsets } = flat(sets);
      const expected = sets.map((set) => signatureOfHashes(set));
      assert.deepEqual([...kernels.signatures(hashes, offsets)], expected.flat(), "datasketch");
      const values = pick(random, [16, 48, 128]);
      for (const scheme of SIGNATURE_SCHEMES.filter((name) => name !== "datasketch")) {
        const out = new Uint32Array(sets.length * values);
        kernels.signer(scheme, values).signaturesInto(kernels.hashes(hashes, offsets), out);
        const twin = scheme === "multiply-add" ? multiplyAdd : onePermutation;
        assert.deepEqual(
          [...out],
          sets.flatMap((set) => twin(set, values)),
          scheme,
        );
      }
      const [one, other] = [expected[0]!, expected.at(-1)!];
      assert.equal(kernels.agreement(u32(one), u32(other)), agreement(one, other));
      assert.equal(kernels.sharesBand(u32(one), u32(other)), equalBands(one, other).length > 0);
      const texts = Array.from({ length: 1 + below(random, 8) }, () =>
        Array.from({ length: below(random, 20) }, () => pick(random, LETTERS)).join(""),
      );
      assert.deepEqual([...kernels.tokenHashes(texts)], texts.map(tokenHash), "token hash");
      kernels.clear();
    },
  };
};

const openRefusals: OpenFuzzer = (): Fuzzer => {
  const kernels = new Kernels({ idLimit: 100 });
  return {
    name: "refusals",
    round(random) {
      const bad = pick(random, [100, 101, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1]);
      const ids = Array.from({ length: 1 + below(random, 70) }, () => below(random, 100));
      const withBad = u32(ids);
      withBad[below(random, ids.length)] = bad;
      const refused = (name: string, call: () => unknown): void => assert.throws(call, RangeError, name);
      refused("column", () => kernels.column(withBad, Uint32Array.of(0, ids.length)));
      refused("lanes", () => kernels.laneColumn(withBad, Uint32Array.of(0, ids.length)));
      refused("pair", () => kernels.lcsLength(u32(ids), withBad));
      refused("offsets that fall", () => kernels.column(u32(ids), Uint32Array.of(0, ids.length, ids.length - 1, ids.length)));
      refused("offsets beyond the end", () => kernels.column(u32(ids), Uint32Array.of(0, ids.length + 1)));
      refused("a signature cut short", () => kernels.agreement(u32(ids.slice(0, 50)), u32(ids)));
      // An id past the table is no member of the query, and nothing is marked by it.
      const query = kernels.query(withBad);
      assert.equal(query.lcsLength(u32(ids)), lcsLength([...withBad], ids));
      query.release();
      assert.equal(kernels.lcsLength(u32(ids), u32(ids)), ids.length);
      kernels.clear();
    },
  };
};

export const kernelFuzzers: readonly OpenFuzzer[] = [openLcs, openSets, openTexts, openBlocks, openSignatures, openRefusals];
