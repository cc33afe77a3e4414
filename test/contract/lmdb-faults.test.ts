import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EngineError } from "../../src/errors.ts";
import { GroupCommit, storeError } from "../../src/store/lmdb-commit.ts";
import { openLmdbState } from "../../src/store/lmdb-open.ts";
import { expectWhole, startLearnChild } from "../support/learn-child.ts";
import { codeOf, learnOf } from "../support/state-stores.ts";

describe("LMDB going wrong", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "engram-lmdb-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const raw = () => open<Buffer, Buffer>({ path: folder, noSubdir: false, encoding: "binary", keyEncoding: "binary" });

  it("keeps every acknowledged learn, whole, when its process is killed", async () => {
    let known: number[] = [];
    for (let round = 0; round < 3; round++) {
      const child = startLearnChild(["lmdb", folder]);
      await child.until(200 + round * 157);
      await child.kill9();
      expect(child.acknowledged.length, child.output()).toBeGreaterThanOrEqual(200);
      known = [...known, ...child.acknowledged];
      const store = await openLmdbState({ path: folder, outboxMax: 1e9 });
      await expectWhole(store, known);
      await store.close();
    }
  });

  it("says that the disk is full, goes on reading, and loses nothing", async () => {
    const child = startLearnChild(["lmdb", folder], 1_500);
    await child.ended;
    expect(child.output()).toContain("stopped ENGRAM_DISK_FULL");
    expect(child.output()).toMatch(/head \d+/);
    expect(child.output()).toContain("session moved by 0");
    expect(child.acknowledged.length).toBeGreaterThan(100);
    const store = await openLmdbState({ path: folder, outboxMax: 1e9 });
    await expectWhole(store, child.acknowledged);
    await store.close();
  });

  it("refuses another data format", async () => {
    const db = raw();
    await db.put(Buffer.from("Mformat"), Buffer.from("0"));
    await db.close();
    expect(await codeOf(openLmdbState({ path: folder, outboxMax: 1 }))).toBe("ENGRAM_DATA_FORMAT");
  });

  it("opens a store of the format before, whose outbox has a row an entry, and no older program opens it then", async () => {
    let store = await openLmdbState({ path: folder, outboxMax: 100 });
    const learns = Array.from({ length: 5 }, (_, i) => learnOf("kb", [["a", `s${i}`]]));
    for (const learn of learns) await store.commitLearn(learn, null);
    await store.close();
    let db = raw();
    await db.put(Buffer.from("Mformat"), Buffer.from("2"));
    await db.close();
    store = await openLmdbState({ path: folder, outboxMax: 100 });
    await store.commitLearns(learns);
    const first = await store.takeFlush("me", 4, 60_000);
    expect(first?.entries.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    await store.finishFlush("me", first!.token);
    expect((await store.tail("kb", 1)).map(({ seq }) => seq)).toEqual([5, 6, 7, 8, 9, 10]);
    const second = await store.takeFlush("me", 4, 60_000);
    expect(second?.entries.map(({ seq }) => seq)).toEqual([5, 6, 7, 8]);
    await store.finishFlush("me", second!.token);
    expect((await store.tail("kb", 1)).map(({ seq }) => seq)).toEqual([9, 10]);
    await store.close();
    db = raw();
    expect(db.get(Buffer.from("Mformat"))?.toString()).toBe("3");
    await db.close();
  });

  it("undoes its group when a change fails that writes straight to the transaction", async () => {
    const db = raw();
    const commits = new GroupCommit(db);
    const key = Buffer.from("k");
    const outcomes = await Promise.allSettled([
      commits.run((draft) => draft.put(key, Buffer.from("first"))),
      commits.run((draft) => {
        draft.put(key, Buffer.from("held"));
        draft.settle();
        expect(draft.get(key)?.toString()).toBe("held");
        draft.remove(key);
        expect(draft.get(key)).toBeUndefined();
        draft.put(key, Buffer.from("straight"));
        throw new EngineError("ENGRAM_STORE_REPLY", "no");
      }),
      commits.run((draft) => draft.get(key)?.toString()),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
    expect((outcomes[2] as { value?: string }).value).toBeUndefined();
    expect(db.get(key)).toBeUndefined();
    await commits.close();
    await db.close();
  });

  it("says so when the folder cannot be used", async () => {
    writeFileSync(join(folder, "file"), "");
    expect(await codeOf(openLmdbState({ path: join(folder, "file"), outboxMax: 1 }))).toBe("ENGRAM_STORE_UNREACHABLE");
  });

  it("leaves nothing of a change that throws, and commits the others of its group", async () => {
    const db = raw();
    const commits = new GroupCommit(db);
    const key = Buffer.from("k");
    const outcomes = await Promise.allSettled([
      commits.run((draft) => draft.put(key, Buffer.from("first"))),
      commits.run((draft) => {
        draft.put(key, Buffer.from("half"));
        throw new Error("no");
      }),
      commits.run((draft) => draft.get(key)?.toString()),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((outcomes[2] as { value?: string }).value).toBe("first");
    expect(db.get(key)?.toString()).toBe("first");
    const closing = commits.close();
    expect(await codeOf(commits.run(() => undefined))).toBe("ENGRAM_CLOSED");
    await closing;
    await db.close();
  });

  it("undoes the whole group when LMDB refuses a write of it", async () => {
    const db = open<Buffer, Buffer>({
      path: folder,
      noSubdir: false,
      encoding: "binary",
      keyEncoding: "binary",
      cache: false,
      eventTurnBatching: false,
    });
    const commits = new GroupCommit(db);
    const outcomes = await Promise.all([
      codeOf(commits.run((draft) => draft.put(Buffer.from("a"), Buffer.from("1")))),
      codeOf(
        commits.run((draft) => {
          draft.put(Buffer.from("b"), Buffer.from("1"));
          draft.put(Buffer.alloc(5_000, 1), Buffer.from("too long a key"));
        }),
      ),
    ]);
    expect(outcomes).toEqual(["ENGRAM_STORE_UNREACHABLE", "ENGRAM_STORE_UNREACHABLE"]);
    expect(db.get(Buffer.from("a"))).toBeUndefined();
    expect(db.get(Buffer.from("b"))).toBeUndefined();
    await commits.run((draft) => draft.put(Buffer.from("a"), Buffer.from("2")));
    expect(db.get(Buffer.from("a"))?.toString()).toBe("2");
    await commits.close();
    await db.close();
  });

  it("ends the reads under way before the file is closed", async () => {
    const store = await openLmdbState({ path: folder, outboxMax: 1e9 });
    await store.commitLearns(Array.from({ length: 3_000 }, (_, i) => learnOf("kb", [["a", `s${i}`]])));
    const names = Array.from({ length: 3_000 }, (_, i) => learnOf("kb", [["a", `s${i}`]]).pattern.name);
    const reading = codeOf(store.counters("kb", 1, names, []));
    await store.close();
    expect(await reading).toBe("ENGRAM_CLOSED");
    const again = await openLmdbState({ path: folder, outboxMax: 1e9 });
    expect((await again.counters("kb", 1, names, [])).patterns.every((pattern) => pattern?.frequency === 1)).toBe(true);
    await again.close();
  });

  it("tells a full disk from other failures", () => {
    expect(storeError(Object.assign(new Error("No space left on device"), { code: 28 })).code).toBe("ENGRAM_DISK_FULL");
    expect(storeError(new Error("MDB_CORRUPTED")).code).toBe("ENGRAM_STORE_UNREACHABLE");
  });
});
