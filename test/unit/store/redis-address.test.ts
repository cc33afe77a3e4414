import { expect, it } from "vitest";
import { parseRedisAddress } from "../../../src/store/redis-address.ts";
import { clusterPlaces, slotOf } from "../../../src/store/redis-places.ts";

it.each([
  ["redis://cache", { kind: "server", tls: false, hosts: [{ host: "cache", port: 6379 }], database: 0 }],
  [
    "rediss://u:p%40ss@cache:7000/2",
    { kind: "server", tls: true, user: "u", password: "p@ss", hosts: [{ host: "cache", port: 7000 }], database: 2 },
  ],
  ["redis://[::1]:6380", { hosts: [{ host: "::1", port: 6380 }] }],
  ["redis://:only@cache/", { user: undefined, password: "only" }],
  [
    "redis+sentinel://:pw@a:26379,b/mymaster/3",
    {
      kind: "sentinel",
      password: "pw",
      hosts: [
        { host: "a", port: 26_379 },
        { host: "b", port: 26_379 },
      ],
      master: "mymaster",
      database: 3,
    },
  ],
  ["rediss+cluster://a:1,b:2", { kind: "cluster", tls: true, hosts: [{ port: 1 }, { port: 2 }] }],
])("understands %s", (url, expected) => {
  expect(parseRedisAddress(url)).toMatchObject(expected);
});

it.each(["http://cache", "redis://", "redis://cache:0", "redis://a,b", "redis+sentinel://a", "redis+cluster://a/1", "redis://cache/x"])(
  "refuses %s without repeating it",
  (url) => {
    expect(() => parseRedisAddress(url)).toThrow(expect.objectContaining({ code: "ENGRAM_SETTINGS_INVALID" }));
  },
);

it("places keys as Redis Cluster does", () => {
  // From `redis-cli cluster keyslot`.
  expect(slotOf("123456789")).toBe(12_739);
  expect(slotOf("foo{bar}zap")).toBe(slotOf("bar"));
  expect(slotOf("foo{}{bar}")).toBe(slotOf("foo{}{bar}"));
  const places = clusterPlaces("engram:");
  // No brace of a name ends its tag, and no name is an empty tag.
  expect(places.kb("}a{")).toBe("engram:{k%7Da%7B}:");
  expect(places.kb("")).toBe("engram:{k}:");
});
