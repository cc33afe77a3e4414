/** The scoring kernels, as the pool runs them, against their twin: random small vocabularies make every branch common. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openInlinePool } from "../../src/pool/inline-pool.ts";
import type { KernelPool, QuerySpec } from "../../src/pool/kernel-pool.ts";
import type { ScoreBlock } from "../../src/wire/score-block.ts";
import { type ReferenceQuery, type ReferenceStage, scoreReference } from "../reference/score.ts";
import { columnsOf, Numbering, type TestPattern } from "../support/candidate-columns.ts";
import { keptOf } from "../support/score-blocks.ts";

const seed = process.env.FC_SEED === undefined ? {} : { seed: Number(process.env.FC_SEED) };

/** Symbols that resemble each other, share characters, or are odd: empty, a space inside, beyond the basic plane. */
const SYMBOLS = ["a", "b", "c", "ab", "abc", "abd", "", "x y", "😀", "😀a", "walk", "walks", "talk"];
const UNKNOWN = ["q", "walked", "😁"];

const symbol = fc.constantFrom(...SYMBOLS);
const event = fc.array(symbol, { minLength: 1, maxLength: 3 });
const stage: fc.Arbitrary<ReferenceStage> = fc.oneof(
  fc.record({ name: fc.constant("length" as const), minRatio: fc.constantFrom(0, 0.3, 0.5, 1), maxRatio: fc.constantFrom(1, 1.5, 2, 3) }),
  fc.record({
    name: fc.constant("jaccard" as const),
    threshold: fc.constantFrom(0, 0.2, 1 / 3, 0.5, 1),
    minOverlap: fc.constantFrom(1, 2, 3),
  }),
  fc.record({ name: fc.constant("minhash" as const), threshold: fc.constantFrom(0, 0.2, 0.5, 0.7) }),
  fc.constant({ name: "bloom" as const }),
  fc.constant({ name: "rapidfuzz" as const }),
);
const query = (state: fc.Arbitrary<string[]>): fc.Arbitrary<ReferenceQuery> =>
  fc.record({
    state,
    similarity: fc.constantFrom("token" as const, "character" as const),
    recallThreshold: fc.constantFrom(0, 1e-10, 0.1, 0.25, 0.4, 2 / 3, 1),
    fuzzyThreshold: fc.constantFrom(0, 0, 0.5, 0.8, 1),
    stages: fc.oneof(fc.constant([]), fc.uniqueArray(stage, { maxLength: 5, selector: ({ name }) => name })),
    keepBy: fc.constantFrom("prePotential", "similarity", "evidence", "confidence", "snr", "fragmentation"),
  });
const shortState = fc.array(fc.constantFrom(...SYMBOLS, ...UNKNOWN), { minLength: 1, maxLength: 10 });
/** Beyond one word of state positions. */
const longState = fc.array(fc.constantFrom(...SYMBOLS, ...UNKNOWN), { minLength: 60, maxLength: 140 });

const pools: KernelPool[] = [];
beforeAll(async () => {
  for (const sliceRows of [1_000_000, 7]) pools.push(await openInlinePool({ sliceRows, symbolCapacity: 1024 }));
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.close()));
});

let tables = 0;

async function specOf(pool: KernelPool, reference: ReferenceQuery, numbering: Numbering, keep: number): Promise<QuerySpec> {
  const { state, fuzzyThreshold } = reference;
  const table = numbering.table(`score ${tables++}`);
  const distinct = [...new Set(state)];
  const partners = fuzzyThreshold === 0 ? null : await pool.partners(distinct, table, fuzzyThreshold);
  return {
    symbols: state,
    symbolIds: numbering.stateIds(state),
    similarity: reference.similarity,
    recallThreshold: reference.recallThreshold,
    partners: partners?.map((partner) => ({ ...partner, queryIndex: state.indexOf(distinct[partner.queryIndex]!) })) ?? null,
    stages: reference.stages,
    keep,
    keepBy: reference.keepBy,
    table,
    symbolCount: numbering.ids.size,
  };
}

function assertAccounts(blocks: readonly ScoreBlock[], rows: number): void {
  expect(blocks.reduce((sum, { candidates }) => sum + candidates, 0)).toBe(rows);
  for (const block of blocks) {
    const match = block.stages.at(-1)!;
    expect(match.name).toBe("match");
    expect(block.stages[0]!.candidatesIn).toBe(block.candidates);
    expect(match.candidatesIn).toBe(block.belowThreshold + block.withoutBlocks + block.matched);
    expect(block.matched).toBe(block.kept + block.pruned);
    block.stages.slice(1).forEach((following, i) => {
      expect(following.candidatesIn).toBe(block.stages[i]!.candidatesOut);
    });
  }
}

function check(state: fc.Arbitrary<string[]>, eventsMax: number, runs: number): Promise<void> {
  const events = fc.array(event, { minLength: 1, maxLength: eventsMax });
  const kb = fc.uniqueArray(events, { minLength: 1, maxLength: 20, selector: (value) => JSON.stringify(value) });
  const names = fc.array(fc.constantFrom("00", "7f", "80", "ff"), { minLength: 20, maxLength: 20 });
  return fc.assert(
    fc.asyncProperty(
      kb,
      fc.infiniteStream(names),
      query(state),
      fc.integer({ min: 1, max: 25 }),
      async (sequences, nameStream, reference, keep) => {
        const patterns: TestPattern[] = sequences.map((value, patternId) => ({
          patternId: patternId * 2 ** 33,
          // The first byte tells names apart; the rest decides ties between equal first bytes.
          name: `${nameStream.next().value.join("").slice(0, 36)}${patternId.toString(16).padStart(4, "0")}`,
          events: value,
        }));
        const numbering = new Numbering();
        const columns = columnsOf(patterns, numbering, { symbolBase: 2 ** 33 + 5, eventBase: 3 });
        const expected = scoreReference(reference, patterns);
        for (const pool of pools) {
          const spec = await specOf(pool, reference, numbering, keep);
          const blocks = await pool.score(pool.prepare(spec), columns);
          assertAccounts(blocks, patterns.length);
          const sum = (pick: (block: ScoreBlock) => number): number => blocks.reduce((total, block) => total + pick(block), 0);
          expected.stagesOut.forEach((left, i) => {
            expect(sum((block) => block.stages[i]!.candidatesOut)).toBe(left);
          });
          expect(sum((block) => block.belowThreshold)).toBe(expected.belowThreshold);
          expect(sum((block) => block.withoutBlocks)).toBe(expected.withoutBlocks);
          expect(sum((block) => block.matched)).toBe(expected.matches.length);
          const wanted = expected.matches.slice(0, keep).map(({ pattern, similarity, key, blocks: found }) => ({
            key,
            similarity,
            patternId: pattern.patternId,
            name: pattern.name,
            events: pattern.events.map((symbols) => symbols.map((text) => numbering.idOf(text))),
            blocks: found,
          }));
          expect(keptOf(blocks).slice(0, keep)).toEqual(wanted);
        }
      },
    ),
    { numRuns: runs, ...seed },
  );
}

test("a short state is scored as the twin scores it, in any mode and order of stages", () => check(shortState, 6, 400));

test("so is a state of more than 64 symbols", () => check(longState, 40, 60));
