/** Writes a block in ClickHouse's Native format (native-blocks.ts has the picture): columns of fixed width, lists of numbers, and one text for all rows. */

type NativeType = "UInt8" | "UInt32" | "UInt64";

export type NativeValues =
  | { readonly name: string; readonly type: NativeType; readonly values: Uint8Array | Uint32Array | BigUint64Array }
  /** 20 bytes a row. */
  | { readonly name: string; readonly type: "FixedString(20)"; readonly values: Uint8Array }
  /** The items of all rows, and where those of each end. */
  | { readonly name: string; readonly type: "Array(UInt32)"; readonly ends: BigUint64Array; readonly items: Uint32Array }
  | { readonly name: string; readonly type: "String"; readonly each: string };

const NAME_BYTES = 20;

/** A block of `rows` rows; every column has as many values. One copy of the columns. */
export function nativeRows(rows: number, columns: readonly NativeValues[]): Uint8Array {
  const parts: Uint8Array[] = [varint(columns.length), varint(rows)];
  for (const column of columns) {
    parts.push(text(column.name), text(column.type));
    if ("each" in column) {
      const one = text(column.each);
      parts.push(Buffer.alloc(rows * one.length, one));
    } else {
      const values = "ends" in column ? column.ends : column.values;
      const count = column.type === "FixedString(20)" ? values.length / NAME_BYTES : values.length;
      if (count !== rows) throw new RangeError(`column ${column.name} has ${count} values for ${rows} rows`);
      parts.push(bytesOf(values));
      if ("items" in column) parts.push(bytesOf(column.items));
    }
  }
  return Buffer.concat(parts);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint8Array | Uint32Array | BigUint64Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let left = value;
  for (; left > 127; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  bytes.push(left);
  return Uint8Array.from(bytes);
}

function text(value: string): Uint8Array {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([varint(bytes.length), bytes]);
}
