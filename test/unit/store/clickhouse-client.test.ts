import { expect, it } from "vitest";
import { EngineError } from "../../../src/errors.ts";
import { bindLiterals, clickhouseError } from "../../../src/store/clickhouse-client.ts";

it("puts values into a query without a character of theirs standing in it", () => {
  const sql = bindLiterals("a = {a:String} AND b < {b:UInt64} AND c IN {c:Array(UInt64)} AND d IN {d:Array(UInt64)}", {
    a: "x'; DROP TABLE y; --",
    b: 7,
    c: [1, 2],
    d: [2n ** 64n - 1n],
  });
  expect(sql).toBe(
    "a = unhex('78273b2044524f50205441424c4520793b202d2d') AND b < 7 AND c IN CAST([1,2], 'Array(UInt64)') " +
      "AND d IN CAST([18446744073709551615], 'Array(UInt64)')",
  );
});

it.each([
  ["a missing value", "{a:String}", {}],
  ["an inherited name", "{constructor:String}", {}],
  ["a number for a text", "{a:String}", { a: 1 }],
  ["a text for a number", "{a:UInt32}", { a: "1" }],
  ["a fraction", "{a:UInt32}", { a: 1.5 }],
  ["a negative number", "{a:UInt32}", { a: -1 }],
  ["a number beyond 64 bits", "{a:UInt64}", { a: 2n ** 64n }],
  ["a negative number in a list", "{a:Array(UInt64)}", { a: [1n, -1n] }],
  ["a type that is not known here", "{a:Float64}", { a: 1 }],
])("refuses %s", (_, sql, params) => {
  expect(() => bindLiterals(sql, params as never)).toThrow(EngineError);
});

it("maps what the client throws to codes that say what to do", () => {
  const code = (text: string): string => clickhouseError(new Error(text), "testing").code;
  expect(code("Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space")).toBe("ENGRAM_DISK_FULL");
  expect(code("write: No space left on device")).toBe("ENGRAM_DISK_FULL");
  expect(code("Cannot lock file status. Another server instance in same directory is already running")).toBe("ENGRAM_DATA_LOCKED");
  expect(code("connect ECONNREFUSED 127.0.0.1:8123")).toBe("ENGRAM_STORE_UNREACHABLE");
  expect(code("Unknown expression")).toBe("ENGRAM_STORE_REPLY");
  const known = new EngineError("ENGRAM_ABORTED", "x");
  expect(clickhouseError(known, "testing")).toBe(known);
});
