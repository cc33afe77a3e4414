/** What the client is made of: it runs wherever there is `fetch`, so it may load nothing else. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const folder = new URL("../../src/client/", import.meta.url);

describe("the client", () => {
  it("loads nothing but its own files: other imports are of types", () => {
    const files = readdirSync(folder);
    expect(files.length).toBeGreaterThan(3);
    const foreign = files.flatMap((file) =>
      [...readFileSync(new URL(file, folder), "utf8").matchAll(/^(import|export) (?!type )[^;]*?from "([^"]+)";/gm)]
        .map((match) => match[2]!)
        .filter((target) => !target.startsWith("./"))
        .map((target) => `${file}: ${target}`),
    );
    expect(foreign).toEqual([]);
  });
});
