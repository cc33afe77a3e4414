/** Writes a block in ClickHouse's Native format (native-blocks.ts has the picture): columns of fixed width, and one text for all rows. */

type NativeType = "UInt8" | "UInt32" | "UInt64";

export type NativeValues =
  | { readonly name: string; readonly type: NativeType; readonly values: Uint8Array | Uint32Array | BigUint64Array }
  | { readonly name: string; readonly type: "String"; readonly each: string };

/** A block of `rows` rows; every column has as many values. One copy of the columns. */
export function nativeRows(rows: number, columns: readonly NativeValues[]): Uint8Array {
  const parts: Uint8Array[] = [varint(columns.length), varint(rows)];
  for (const column of columns) {
    parts.push(text(column.name), text(column.type));
    if ("each" in column) {
      const one = text(column.each);
      parts.push(Buffer.alloc(rows * one.length, one));
    } else {
      const { values, name } = column;
      if (values.length !== rows) throw new RangeError(`column ${name} has ${values.length} values for ${rows} rows`);
      parts.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
  }
  return Buffer.concat(parts);
}

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
