import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { kbId } from "../../../src/model/kb-id.ts";

test("characters that stores of old did not allow become underscores", () => {
  expect(kbId("node", "kato")).toBe("node_kato");
  expect(kbId('/\\. "$*<>:|?-é_', "my-service")).toBe("_____________é__my_service");
  expect(kbId("a-b", "kato")).toBe(kbId("a_b", "kato"));
});

test("ids over 60 characters are cut and told apart by a hash of the cleaned node", () => {
  const fits = "n".repeat(55);
  expect(kbId(fits, "kato")).toBe(`${fits}_kato`);
  const long = `${"n".repeat(50)}-tail-of-it`;
  const hash = createHash("md5")
    .update(`${"n".repeat(50)}_tail_of_it`)
    .digest("hex")
    .slice(0, 8);
  expect(kbId(long, "kato")).toBe(`${"n".repeat(46)}_${hash}_kato`);
  expect(kbId(long, "kato")).toHaveLength(60);
  expect(kbId(`${long}2`, "kato")).not.toBe(kbId(long, "kato"));
  // Characters are code points: 56 of them beside `_kato` are one too many, 55 are not.
  expect(kbId("\u{1f600}".repeat(55), "kato")).toBe(`${"\u{1f600}".repeat(55)}_kato`);
  expect([...kbId("\u{1f600}".repeat(56), "kato")]).toHaveLength(60);
});
