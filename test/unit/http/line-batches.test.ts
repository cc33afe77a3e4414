import fc from "fast-check";
import { expect, it } from "vitest";
import { ahead } from "../../../src/http/ahead.ts";
import { lineBatches } from "../../../src/http/line-batches.ts";

const line = fc.oneof(
  fc.constantFrom("", "\r", "a", "\ra", "é€"),
  fc.string({ maxLength: 30 }).map((text) => text.replaceAll("\n", "")),
);

it("cuts a body into the same batches of whole lines, however it comes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 40 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      async (lines, endsWithNewline, size, cuts) => {
        const body = Buffer.from(lines.join("\n") + (endsWithNewline ? "\n" : ""), "utf8");
        async function* chunks() {
          for (let at = 0, i = 0; at < body.length; i++) {
            const length = cuts[i % cuts.length] as number;
            yield body.subarray(at, at + length);
            at += length;
          }
        }
        const found: [number, string][][] = [];
        for await (const batch of lineBatches(chunks(), size, body.length)) {
          const texts = batch.bytes.toString("utf8").split("\n");
          const held = texts.flatMap((text, at): [number, string][] =>
            text === "" || text === "\r" ? [] : [[batch.firstLine + at, text]],
          );
          expect(batch.lines).toBe(held.length);
          found.push(held);
        }
        const all = body
          .toString("utf8")
          .split("\n")
          .flatMap((text, at): [number, string][] => (text === "" || text === "\r" ? [] : [[at + 1, text]]));
        const expected: [number, string][][] = [];
        for (let from = 0; from < all.length; from += size) expected.push(all.slice(from, from + size));
        expect(found).toEqual(expected);
      },
    ),
  );
});

it("refuses a body beyond its limit", async () => {
  const read = async (): Promise<void> => {
    for await (const _ of lineBatches([Buffer.from("ab\n"), Buffer.from("c")] as never, 10, 3));
  };
  await expect(read()).rejects.toMatchObject({ code: "ENGRAM_BODY_TOO_LARGE" });
});

it("works ahead of its reader, gives results in order as they come, and ends with the first error", async () => {
  const begun: number[] = [];
  const gates = Array.from({ length: 5 }, gate);
  let given = 0;
  let closed = false;
  async function* source() {
    try {
      for (; given < 5; given++) yield given;
    } finally {
      closed = true;
    }
  }
  const results = ahead(
    source(),
    async (item) => {
      begun.push(item);
      await gates[item]!.promise;
      if (item === 3) throw new Error("the fourth");
      return item * 10;
    },
    2,
  );
  const first = results.next();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(begun).toEqual([0, 1]);
  gates[1]!.resolve();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(begun).toEqual([0, 1]);
  gates[0]!.resolve();
  expect(await first).toEqual({ done: false, value: 0 });
  expect(await results.next()).toEqual({ done: false, value: 10 });
  gates[3]!.resolve();
  gates[2]!.resolve();
  expect(await results.next()).toEqual({ done: false, value: 20 });
  await expect(results.next()).rejects.toThrow("the fourth");
  expect(closed).toBe(true);
  expect(await results.next()).toEqual({ done: true, value: undefined });
});

/** A promise that is settled from outside. */
function gate(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settled) => {
    resolve = settled;
  });
  return { promise, resolve };
}
