import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { patternName, patternText, quote, toLearnPattern } from "../../../src/model/pattern.ts";
import { isPrintable } from "../../../src/model/printable.ts";
import { golden, runs } from "../../reference/golden.ts";

test("text and name of the recorded patterns", () => {
  const cases = golden<{ pattern_data: string[][]; text: string; name: string; length: number }>("pattern_naming");
  expect(cases.length).toBe(120);
  for (const { pattern_data, text, name, length } of cases) {
    expect(patternText(pattern_data)).toBe(text);
    expect(patternName(pattern_data)).toBe(name);
    expect(toLearnPattern(pattern_data)).toMatchObject({ name, flat: { length } });
  }
});

test("every kind of quoting", () => {
  const quoted: readonly [string, string][] = [
    ["", "''"],
    ["it's", `"it's"`],
    [`both ' and "`, `'both \\' and "'`],
    ['only "', `'only "'`],
    ["back\\slash's", `"back\\\\slash's"`],
    ["\t\n\r\u0000\u007f", "'\\t\\n\\r\\x00\\x7f'"],
    ["\u00a0\u00ad\u200d\ufeff\ue000", "'\\xa0\\xad\\u200d\\ufeff\\ue000'"],
    ["\u{1f600}é", "'\u{1f600}é'"],
    ["\u{e0001}\u{10ffff}", "'\\U000e0001\\U0010ffff'"],
  ];
  for (const [symbol, text] of quoted) expect(quote(symbol)).toBe(text);
});

test("printable code points are frozen at Unicode 13", () => {
  // Assigned by 13.0, by 14.0, by 15.0; never; and both sides of a range.
  expect([0x1fbf9, 0x1fae0, 0x1fadb, 0x0378, 0x20, 0x1f, 0x7e, 0x7f, 0xa0, 0xa1, 0x10ffff].map(isPrintable)).toEqual([
    true,
    false,
    false,
    false,
    true,
    false,
    true,
    false,
    false,
    true,
    false,
  ]);
  // Whatever the runtime calls unprintable must be so here, since no code point ever loses its assignment.
  const unprintable = /[\p{C}\p{Z}]/u;
  const wrong: string[] = [];
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code !== 0x20 && isPrintable(code) && unprintable.test(String.fromCodePoint(code))) wrong.push(code.toString(16));
  }
  expect(wrong).toEqual([]);
});

test("a learn pattern gives back its events", () => {
  const events = fc.array(fc.array(fc.constantFrom("a", "b", "c", "__proto__", "'", "é"), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(events, (pattern) => {
      const { name, distinct, flat, eventEnds } = toLearnPattern(pattern);
      const symbols = flat.map((index) => distinct[index]!);
      expect(eventEnds.map((end, i) => symbols.slice(eventEnds[i - 1] ?? 0, end))).toEqual(pattern);
      expect(distinct).toEqual([...new Set(pattern.flat())]);
      expect(name).toBe(createHash("sha1").update(patternText(pattern)).digest("hex"));
    }),
    runs(200),
  );
});
