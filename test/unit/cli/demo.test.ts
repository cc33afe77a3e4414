import { describe, expect, it } from "vitest";
import { answerTable, median, placeOf, totals } from "../../../src/cli/demo.ts";
import { cutShort, mishear, questionsOf, seeded, soundsOf, wordOf, wordsBySounds } from "../../../src/cli/demo-words.ts";

const dictionary = {
  philosophy: "F AH0 L AA1 S AH0 F IY0",
  two: "T UW1",
  too: "T UW1",
  "to(2)": "T UW1",
  umbrella: "AH0 M B R EH1 L AH0",
};

describe("words", () => {
  it("have sounds without stress, and one name for all their pronunciations", () => {
    expect(soundsOf("F AH0 L AA1")).toEqual(["F", "AH", "L", "AA"]);
    expect(soundsOf("W AO1 L # name, irish")).toEqual(["W", "AO", "L"]);
    expect(wordOf("bank(2)")).toBe("bank");
    expect(wordsBySounds(dictionary).get("T UW")).toEqual(["two", "too", "to"]);
  });

  it("are cut short to two thirds, and misheard in one sound that is not the first", () => {
    expect(cutShort(["a", "b", "c", "d", "e", "f"])).toEqual(["a", "b", "c", "d"]);
    expect(cutShort(["a", "b"])).toEqual(["a", "b"]);
    const random = seeded(3);
    for (let i = 0; i < 200; i++) {
      const heard = mishear(["a", "b", "c"], ["a", "b", "c", "d"], random);
      expect(heard[0]).toBe("a");
      expect(heard.filter((sound, at) => sound !== ["a", "b", "c"][at])).toHaveLength(1);
    }
  });
});

describe("questions", () => {
  it("are the same for the same seed, and others for another", () => {
    const ask = (seed: number) => questionsOf(dictionary, 30, seed);
    expect(ask(1)).toEqual(ask(1));
    expect(ask(1)).not.toEqual(ask(2));
    expect(
      ask(1)
        .slice(0, 2)
        .map(({ kind, word }) => [kind, word]),
    ).toEqual([
      ["exact", "philosophy"],
      ["misheard", "umbrella"],
    ]);
    expect(ask(1)).toHaveLength(32);
  });

  it("draw evenly", () => {
    const random = seeded(7);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) counts[Math.floor(random() * 10)]! += 1;
    // 10,000 even draws over ten fields: 1,000 each with a deviation of 30; five of them is never seen by chance.
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});

describe("answers", () => {
  const prediction = (sounds: string, more = {}) =>
    ({ sequence: sounds.split(" ").map((s) => [s]), similarity: 0.8, missing: [[], ["L"]], future: [["F"], ["IY"]], ...more }) as never;
  const question = questionsOf(dictionary, 0, 1)[0]!;
  it("know the place of the true word", () => {
    expect(placeOf({ question, predictions: [prediction("T UW"), prediction("F AH L AA S AH F IY")], ms: 1 })).toBe(2);
    expect(placeOf({ question, predictions: [prediction("T UW")], ms: 1 })).toBe(0);
    expect(placeOf({ question, predictions: [], ms: 1 })).toBe(0);
  });
  it("are shown with the words recalled, what is missing and what comes next", () => {
    const answers = [
      { question, predictions: [prediction("F AH L AA S AH F IY")], ms: 2.25 },
      { question, predictions: [], ms: 9 },
    ];
    const text = answerTable(answers, wordsBySounds(dictionary));
    expect(text).toMatch(/philosophy, exact │ F AH L AA S AH F IY │ philosophy │\s+0\.800 │ L\s+│ F IY\s+│\s+1 │\s+2\.3/);
    expect(text).toContain("(nothing)");
    expect(totals(answers, 1234)).toBe(
      "2 questions over 1,234 patterns: the word itself was first 1 times, among the first ten 1 times; median 2.3 ms, slowest 9.0 ms.",
    );
    expect(median([5, 1, 3])).toBe(3);
  });
});
