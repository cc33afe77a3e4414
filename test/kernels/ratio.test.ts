/** Character ratio: every form and build against the twin, cutoffs on and beside the value, and the recorded ratios. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RatioTwin } from "../../bench/twins/ratio.ts";
import { codePointsOf } from "../../src/kernels/text-encoding.ts";
import { indelRatio } from "../reference/ratio.ts";
import { builds, golden, parameters, randomFrom, texts } from "./builds.ts";

/** Up to what the generated kernels take, and beyond. */
const longTexts: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: texts },
  fc
    .tuple(fc.constantFrom("ab", "abcdefgh é", "aé中\u{1F600}"), fc.integer({ min: 60, max: 700 }), fc.nat())
    .map(([alphabet, length, seed]) => {
      const random = randomFrom(seed);
      const characters = [...alphabet];
      return Array.from({ length }, () => characters[Math.floor(random() * characters.length)]!).join("");
    }),
);

const byIndex = ({ indices, ratios }: { readonly indices: Uint32Array; readonly ratios: Float64Array }) =>
  Array.from(indices, (index, n) => ({ index, ratio: ratios[n]! })).sort((a, b) => a.index - b.index);

describe.each(builds)("$name", ({ kernels }) => {
  test("pair and prepared forms equal the twin, to the last bit", () => {
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        const expected = indelRatio(a, b);
        expect(kernels.indelRatio(a, b)).toBe(expected);
        const query = kernels.query(codePointsOf(a));
        try {
          expect(query.indelRatio(codePointsOf(b))).toBe(expected);
        } finally {
          query.release();
        }
      }),
      parameters(300),
    );
  });

  test("a text against a table finds exactly the texts that reach the cutoff, with their ratios to the last bit", () => {
    const cutoffs = fc.oneof(fc.constantFrom(0, 0.1, 0.5, 2 / 3, 0.8, 1, 1.5, -1), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(longTexts, fc.array(longTexts, { minLength: 1, maxLength: 12 }), cutoffs, fc.boolean(), (text, others, free, exact) => {
        // Near copies too: a cutoff near 1 must have something to find.
        const candidates = [
          "",
          text,
          `${text}x`,
          text.slice(1),
          ...others,
          ...others.map((other) => `${text.slice(0, 70)}${other.slice(0, 9)}`),
        ];
        const ratios = candidates.map((candidate) => indelRatio(text, candidate));
        const cutoff = exact ? ratios.at(-1)! : free;
        kernels.clear();
        const column = kernels.texts(candidates);
        const prepared = kernels.text(text);
        try {
          expect(byIndex(prepared.ratios(column, cutoff))).toEqual(
            ratios.map((ratio, index) => ({ index, ratio })).filter(({ ratio }) => ratio >= cutoff - 1e-9),
          );
        } finally {
          prepared.release();
        }
      }),
      parameters(200),
    );
  });

  test("every number of words, beside its limits, Latin-1 and wide", () => {
    for (const unit of ["a", "\u{1F600}"]) {
      const random = randomFrom(11);
      const draw = (length: number): string =>
        Array.from({ length }, () => (random() < 0.1 ? unit : String.fromCharCode(97 + Math.floor(random() * 4)))).join("");
      const lengths = [0, 1, 63, 64, 65, 126, 127, 189, 190, 252, 253, 315, 316, 378, 379, 441, 442, 504, 505, 630, 1_100];
      const candidates = [...lengths, 64, 64, 64, 64].map(draw);
      kernels.clear();
      const column = kernels.texts(candidates);
      for (const length of lengths) {
        const text = draw(length);
        const prepared = kernels.text(text);
        try {
          const expected = candidates.map((candidate, index) => ({ index, ratio: indelRatio(text, candidate) }));
          for (const cutoff of [0, 0.4, 0.6]) {
            expect(byIndex(prepared.ratios(column, cutoff))).toEqual(expected.filter(({ ratio }) => ratio >= cutoff - 1e-9));
          }
        } finally {
          prepared.release();
        }
      }
    }
  });

  test("many texts at once: eights, what is left over and long ones, against Latin-1 and wide runs", () => {
    fc.assert(
      fc.property(fc.array(longTexts, { maxLength: 20 }), fc.array(longTexts, { maxLength: 12 }), (asked, others) => {
        const candidates = ["", ...asked.slice(0, 6), ...others];
        kernels.clear();
        const column = kernels.texts(candidates);
        const found: { index: number; ratio: number }[][] = [];
        kernels.eachRatios(asked, column, (matches, at) => {
          expect(found[at]).toBeUndefined();
          found[at] = byIndex(matches);
        });
        expect(found).toEqual(asked.map((text) => candidates.map((candidate, index) => ({ index, ratio: indelRatio(text, candidate) }))));
      }),
      parameters(100),
    );
  });

  test("many texts at once against runs of more than a piece, even and odd", () => {
    const random = randomFrom(23);
    const draw = (length: number, letters: string): string =>
      Array.from({ length }, () => [...letters][Math.floor(random() * 3)]!).join("");
    for (const letters of ["abc", "ab中"]) {
      const candidates = Array.from({ length: 3_001 }, (_, c) => draw([0, 5, 5, 5, 8, 40][c % 6]!, letters));
      const asked = [0, 1, 5, 17, 64, 64, 30, 9].map((length) => draw(length, letters));
      kernels.clear();
      const column = kernels.texts(candidates);
      const found: number[][] = [];
      kernels.eachRatios(asked, column, ({ indices, ratios }, at) => {
        found[at] = [];
        indices.forEach((candidate, n) => {
          found[at]![candidate] = ratios[n]!;
        });
      });
      expect(found).toEqual(asked.map((text) => candidates.map((candidate) => indelRatio(text, candidate))));
    }
  });

  test("a bag that is full in a byte rules nothing out", () => {
    const text = "a".repeat(600);
    const candidates = ["a".repeat(500), `b${"a".repeat(599)}`, "a".repeat(255), "a".repeat(256), `${"b".repeat(300)}${"a".repeat(300)}`];
    kernels.clear();
    const column = kernels.texts(candidates);
    const prepared = kernels.text(text);
    try {
      for (const cutoff of [0.5, 0.6, 0.9]) {
        expect(byIndex(prepared.ratios(column, cutoff))).toEqual(
          candidates
            .map((candidate, index) => ({ index, ratio: indelRatio(text, candidate) }))
            .filter(({ ratio }) => ratio >= cutoff - 1e-9),
        );
      }
    } finally {
      prepared.release();
    }
  });

  test("more texts than one round of the kernel takes", () => {
    const random = randomFrom(3);
    const word = (): string => Array.from({ length: 3 + Math.floor(random() * 6) }, () => "abcdé中"[Math.floor(random() * 6)]!).join("");
    const candidates = Array.from({ length: 9_000 }, word);
    kernels.clear();
    const column = kernels.texts(candidates);
    const prepared = kernels.text("abcdab");
    try {
      const expected = candidates.map((candidate, index) => ({ index, ratio: indelRatio("abcdab", candidate) }));
      for (const cutoff of [0, 0.6]) {
        expect(byIndex(prepared.ratios(column, cutoff))).toEqual(expected.filter(({ ratio }) => ratio >= cutoff - 1e-9));
      }
    } finally {
      prepared.release();
    }
  });

  test("the recorded ratios", () => {
    const { cases } = golden<{ cases: { a: string; b: string; ratio: number }[] }>("token_ratio");
    expect(cases.length).toBe(150);
    for (const { a, b, ratio } of cases) expect(Math.abs(kernels.indelRatio(a, b) - ratio)).toBeLessThanOrEqual(1e-9);
  });
});

test("the tuned twin of the benches gives the same ratios", () => {
  const latin = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 150 });
  const few = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 150 });
  const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
  const twin = new RatioTwin(150);
  fc.assert(
    fc.property(fc.oneof(latin, few), fc.array(fc.oneof(latin, few), { maxLength: 5 }), (text, candidates) => {
      const offsets = Uint32Array.from([0, ...candidates.map((_, c) => candidates.slice(0, c + 1).join("").length)]);
      const out = new Float64Array(candidates.length);
      twin.prepare(bytes(text));
      twin.ratiosInto(bytes(candidates.join("")), offsets, 0, candidates.length, out);
      expect([...out]).toEqual(candidates.map((candidate) => indelRatio(text, candidate)));
    }),
    parameters(200),
  );
});
