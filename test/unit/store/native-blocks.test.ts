import fc from "fast-check";
import { expect, it } from "vitest";
import { type NativeBlock, nativeBlocks } from "../../../src/store/native-blocks.ts";

const varint = (value: number): number[] => {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
};
const text = (value: string): number[] => [...varint(value.length), ...Buffer.from(value, "latin1")];
const utf8Text = (value: string): number[] => [...varint(Buffer.byteLength(value)), ...Buffer.from(value, "utf8")];
const u64 = (value: number): number[] => [...Buffer.from(new BigUint64Array([BigInt(value)]).buffer)];

/** A block of one UInt16 column and one Array(UInt8) column, as ClickHouse writes it. */
function written(rows: readonly (readonly number[])[]): Uint8Array {
  let end = 0;
  return Uint8Array.from([
    ...varint(2),
    ...varint(rows.length),
    ...text("n"),
    ...text("UInt16"),
    ...rows.flatMap((row) => [row.length % 256, Math.floor(row.length / 256)]),
    ...text("items"),
    ...text("Array(UInt8)"),
    ...rows.flatMap((row) => u64((end += row.length))),
    ...rows.flat(),
  ]);
}

async function* cut(bytes: Uint8Array, at: readonly number[]): AsyncIterable<Uint8Array> {
  const places = [0, ...at.map((part) => part % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (let i = 1; i < places.length; i++) yield bytes.slice(places[i - 1], places[i]);
}

function read(block: NativeBlock): number[][] {
  const [counts, items] = block.columns;
  const ends = items!.ends!;
  let from = 0;
  return Array.from({ length: block.rows }, (_, r) => {
    const to = Number(new DataView(ends.buffer, ends.byteOffset).getBigUint64(r * 8, true));
    const row = [...items!.items.subarray(from, to)];
    expect(counts!.items[2 * r]! + 256 * counts!.items[2 * r + 1]!).toBe(row.length);
    from = to;
    return row;
  });
}

it("reads every row of every block, wherever the chunks are cut", async () => {
  const row = fc.array(fc.nat(255), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(row, { maxLength: 200 }), { maxLength: 4 }),
      fc.array(fc.nat(100_000), { maxLength: 6 }),
      async (blocks, at) => {
        const bytes = Uint8Array.from(blocks.flatMap((rows) => [...written(rows)]));
        const seen: number[][] = [];
        for await (const block of nativeBlocks(cut(bytes, at))) seen.push(...read(block));
        expect(seen).toEqual(blocks.flat());
      },
    ),
    { numRuns: 200 },
  );
});

it("refuses a stream that ends inside a block, and a type it does not know", async () => {
  const drain = async (bytes: Uint8Array): Promise<void> => {
    for await (const block of nativeBlocks(cut(bytes, []))) expect(block.rows).toBeGreaterThan(0);
  };
  await expect(drain(written([[1, 2, 3]]).slice(0, -1))).rejects.toMatchObject({ code: "ENGRAM_STORE_REPLY" });
  await expect(drain(Uint8Array.from([...varint(1), ...varint(1), ...text("t"), ...text("Strong"), 0]))).rejects.toThrow(
    /column t of type Strong/,
  );
});

it("reads texts, wherever the stream is cut", async () => {
  const values = ["", "é/€\0", "\uFEFFmark", "x".repeat(200)];
  const bytes = Uint8Array.from([...varint(1), ...varint(values.length), ...text("t"), ...text("String"), ...values.flatMap(utf8Text)]);
  for (let at = 0; at < bytes.length; at += 7) {
    const read: string[] = [];
    for await (const { columns } of nativeBlocks(cut(bytes, [at]))) read.push(...columns[0]!.texts!);
    expect(read).toEqual(values);
  }
});
