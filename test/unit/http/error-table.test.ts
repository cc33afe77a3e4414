/** docs/errors.md lists exactly the codes there are, with their kinds and statuses, and says what to do about each. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { ERROR_TABLE } from "../../../src/errors.ts";

it("docs/errors.md equals the table of codes", () => {
  const page = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `(ENGRAM_\w+)` \| (\w+) \| (\d+) \| (.+) \| (.+) \|$/gm)];
  const listed = rows.map(([, code, kind, status]) => [code, kind, Number(status)]);
  expect(listed).toEqual(Object.entries(ERROR_TABLE).map(([code, { kind, status }]) => [code, kind, status]));
  for (const [, code, , , happened, advice] of rows) expect([code, happened!.length > 10, advice!.length > 5]).toEqual([code, true, true]);
});
