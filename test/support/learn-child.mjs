/**
 * A process that learns into a state store until it is killed or the store takes no more: 16 learns at a time, each under its own number.
 * Prints one line for each acknowledged learn, and one with the error's code when it cannot go on.
 * Usage: node learn-child.mjs lmdb FOLDER | redis URL PREFIX
 */
import { createHash } from "node:crypto";
import { writeSync } from "node:fs";

const [backEnd, place, keyPrefix] = process.argv.slice(2);
const module = new URL(`../../dist/src/store/${backEnd}-open.js`, import.meta.url).href;
const { openLmdbState, openRedisState } = await import(module);
const store =
  backEnd === "lmdb"
    ? await openLmdbState({ path: place, outboxMax: 1e9 })
    : await openRedisState({ url: place, outboxMax: 1e9, keyPrefix });

function learn(i) {
  const distinct = [`a${i % 5}`, `b${i % 50}`, `c${i}`.padEnd(300, "x")];
  return {
    kb: "kb",
    pattern: {
      name: createHash("sha1").update(JSON.stringify(distinct)).digest("hex"),
      distinct,
      flat: [0, 1, 0, 2],
      eventEnds: [2, 4],
    },
    emotives: [[["joy", i / 7]]],
    metadata: [],
    vectors: [],
    persistence: 5,
    atMs: i,
  };
}

const now = Date.now();
// Large, so that it does not fit into what is left of a full disk when it is written anew.
const session = {
  ...{ id: "s", nodeId: "node", kb: "kb", version: 1, createdAtMs: now, ttlSeconds: 3600, expiresAtMs: now + 600_000 },
  ...{ config: {}, stm: [], emotives: [], observedMetadata: [], time: 0, percept: null, pendingVectors: [], finished: [] },
  metadata: JSON.stringify({ large: "x".repeat(400_000) }),
};
await store.createSession(session);

let next = (await store.head("kb")).seq;
// writeSync: a line is out before the next learn begins, so a kill cannot lose it.
const worker = async () => {
  for (;;) {
    const i = (next += 1);
    await store.commitLearn(learn(i), null);
    writeSync(1, `${i}\n`);
  }
};
try {
  await Promise.all(Array.from({ length: 16 }, worker));
} catch (error) {
  writeSync(1, `stopped ${error.code}\n`);
  // Reads go on.
  writeSync(1, `head ${(await store.head("kb")).seq}\n`);
  // A read that would move the session's expiry too, which is a write.
  const read = await store.readSession("s", now, true);
  writeSync(1, `session moved by ${read.session.expiresAtMs - session.expiresAtMs}\n`);
  process.exit(0);
}
