/** Calls that take over patterns: what is read, and what is refused before anything is changed. */
import { describe, expect, it } from "vitest";
import { toLearnPattern } from "../../../src/model/pattern.ts";
import { call, fakeApp } from "../../support/http-app.ts";

const IMPORTS = "/v1/kbs/n/imports?import=m.0&part=2&merge=true";
const SOUND = { events: [["a", "b"], ["c"]], frequency: 3 };

describe("imports", () => {
  it("hands on patterns with their counters", async () => {
    const fake = fakeApp();
    const emotives = [[["__proto__", 0.5]], [["10", -1]]];
    const body = { patterns: [SOUND, { ...SOUND, events: [["a"], [], ["b"]], emotives, metadata: [["book", ["b", "a", "b"]]] }] };
    const reply = await call(fake, "POST", IMPORTS, body);
    expect([reply.status, reply.body]).toEqual([200, { imported: 2 }]);
    expect(fake.engine.last("importPatterns")).toEqual([
      "n_kato",
      { id: "m.0", part: 2, last: false, merge: true },
      [
        { pattern: toLearnPattern([["a", "b"], ["c"]]), frequency: 3, emotives: [], metadata: [] },
        { pattern: toLearnPattern([["a"], ["b"]]), frequency: 3, emotives, metadata: [["book", ["a", "b"]]] },
      ],
    ]);
  });

  it.each([
    ["no list", {}],
    ["no pattern", { patterns: ["a"] }],
    ["no events", { patterns: [{ frequency: 1 }] }],
    ["one symbol", { patterns: [{ ...SOUND, events: [["a"]] }] }],
    ["no frequency", { patterns: [{ events: SOUND.events }] }],
    ["frequency 0", { patterns: [{ ...SOUND, frequency: 0 }] }],
    ["half a learn", { patterns: [{ ...SOUND, frequency: 1.5 }] }],
    ["a number for a symbol", { patterns: [{ ...SOUND, events: [["a", 1]] }] }],
    ["a lone surrogate", { patterns: [{ ...SOUND, events: [["a", "\ud800"]] }] }],
    ["emotives as an object", { patterns: [{ ...SOUND, emotives: { joy: 1 } }] }],
    ["an emotive that is text", { patterns: [{ ...SOUND, emotives: [[["joy", "1"]]] }] }],
    [
      "an emotive twice in a record",
      {
        patterns: [
          {
            ...SOUND,
            emotives: [
              [
                ["joy", 1],
                ["joy", 2],
              ],
            ],
          },
        ],
      },
    ],
    ["metadata that are no texts", { patterns: [{ ...SOUND, metadata: [["book", [1]]] }] }],
    ["too many", { patterns: Array.from({ length: 10_001 }, () => SOUND) }],
  ])("refuses %s, and imports nothing", async (_, body) => {
    const fake = fakeApp();
    const reply = await call(fake, "POST", IMPORTS, body);
    expect(reply.status).toBe(422);
    expect(fake.engine.calls.filter(({ name }) => name === "importPatterns")).toEqual([]);
  });

  it.each(["", "?import=m", "?import=a%20b&part=0", "?import=m&part=-1", "?import=m&part=0&last=perhaps"])(
    "needs to know which part it is (%s)",
    async (query) => {
      const reply = await call(fakeApp(), "POST", `/v1/kbs/n/imports${query}`, { patterns: [SOUND] });
      expect([reply.status, reply.text]).toEqual([422, expect.stringContaining("query")]);
    },
  );

  it("sets affinities of symbols, and refuses what is none", async () => {
    const fake = fakeApp();
    const affinities = [["a", [["joy", 1.5]]]];
    const reply = await call(fake, "POST", "/v1/kbs/n/affinities", { affinities });
    expect([reply.status, reply.body]).toEqual([200, { set: 1 }]);
    expect(fake.engine.last("setAffinities")).toEqual(["n_kato", affinities]);
    await call(fake, "POST", "/v1/kbs/n/affinities?import=m&part=1&last=true", { affinities });
    expect(fake.engine.last("setAffinities")[2]).toEqual({ id: "m", part: 1, last: true, merge: false });
    for (const wrong of [{}, { affinities: [["a"]] }, { affinities: [[1, []]] }, { affinities: ["a"] }]) {
      expect((await call(fake, "POST", "/v1/kbs/n/affinities", wrong)).status).toBe(422);
    }
  });
});
