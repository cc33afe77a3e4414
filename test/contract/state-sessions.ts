/** Contract of the state store: sessions. */
import { expect, it } from "vitest";
import { HOSTILE, learnOf, NOW, type OpenedState, sessionOf } from "../support/state-stores.ts";

export function sessionSuite(opened: () => OpenedState): void {
  it("reads back what was written, with the head of its kb", async () => {
    const { store } = opened();
    const session = sessionOf("s1", {
      stm: [[...HOSTILE], ["a"]],
      emotives: [
        [
          ["__proto__", 0.1],
          ["10", -1e-300],
        ],
      ],
      metadata: JSON.stringify({ "\u{1F600}": "\0" }),
      pendingVectors: [{ symbol: "VCTR|x", values: [1.5, 2 ** -1074] }],
    });
    await store.createSession(session);
    const read = await store.readSession("s1", NOW, false);
    expect(read?.session).toEqual(session);
    expect(read?.head).toEqual(await store.head("kb"));
    expect(read?.head).toMatchObject({ kb: "kb", generation: 1, seq: 0, symbolCount: 0, finalizedBelow: 0 });
    await store.commitLearn(learnOf("kb", [["a", "b"]]), null);
    expect((await store.readSession("s1", NOW, false))?.head).toMatchObject({ seq: 1, symbolCount: 2, patternCount: 1 });
    expect(await store.readSession("s2", NOW, true)).toBeUndefined();
  });

  it("keeps sessions with hostile ids apart", async () => {
    const { store } = opened();
    await Promise.all(HOSTILE.map((id, time) => store.createSession(sessionOf(id, { time, kb: id }))));
    for (const [time, id] of HOSTILE.entries()) {
      const read = await store.readSession(id, NOW, false);
      expect([read?.session.time, read?.session.id, read?.head.kb]).toEqual([time, id, id]);
    }
    expect(await store.countSessions(NOW)).toBe(HOSTILE.length);
  });

  it("saves only over the version that was read", async () => {
    const { store } = opened();
    await store.createSession(sessionOf("s"));
    expect(await store.saveSession(sessionOf("s", { version: 2, time: 1 }), 1)).toBe("saved");
    expect(await store.saveSession(sessionOf("s", { version: 2, time: 9 }), 1)).toBe("conflict");
    expect((await store.readSession("s", NOW, false))?.session).toMatchObject({ version: 2, time: 1 });
    expect(await store.saveSession(sessionOf("other", { version: 2 }), 1)).toBe("conflict");
    expect(await store.deleteSession("s")).toBe(true);
    expect(await store.deleteSession("s")).toBe(false);
    expect(await store.saveSession(sessionOf("s", { version: 3 }), 2)).toBe("conflict");
    expect(await store.countSessions(NOW)).toBe(0);
  });

  it("lets exactly one of 64 saves of one version win", async () => {
    const { store } = opened();
    await store.createSession(sessionOf("s"));
    const outcomes = await Promise.all(
      Array.from({ length: 64 }, (_, time) => store.saveSession(sessionOf("s", { version: 2, time: time + 1 }), 1)),
    );
    expect(outcomes.filter((outcome) => outcome === "saved")).toHaveLength(1);
    expect((await store.readSession("s", NOW, false))?.session.time).toBe(outcomes.indexOf("saved") + 1);
  });

  it("ends sessions at their expiry, and moves it with a slide", async () => {
    const { store } = opened();
    await store.createSession(sessionOf("s"));
    expect(await store.readSession("s", NOW + 59_999, false)).toBeDefined();
    expect(await store.readSession("s", NOW + 60_000, true)).toBeUndefined();
    const slid = await store.readSession("s", NOW + 30_000, true);
    expect(slid?.session).toEqual(sessionOf("s", { expiresAtMs: NOW + 90_000 }));
    expect((await store.readSession("s", NOW + 89_999, false))?.session.expiresAtMs).toBe(NOW + 90_000);
    expect(await store.readSession("s", NOW + 90_000, false)).toBeUndefined();
    // Never back, and a slide is no save: the version stays.
    expect((await store.readSession("s", NOW, true))?.session.expiresAtMs).toBe(NOW + 90_000);
    expect(await store.saveSession(sessionOf("s", { version: 2, expiresAtMs: NOW + 70_000 }), 1)).toBe("saved");
    expect(await store.readSession("s", NOW + 70_000, false)).toBeUndefined();
    expect(await store.countSessions(NOW + 69_999)).toBe(1);
    expect(await store.countSessions(NOW + 70_000)).toBe(0);
  });

  it("lets the holder of a session's lock alone save, until it is given back or runs out", async () => {
    const { store } = opened();
    await store.createSession(sessionOf("s"));
    expect(await store.lockSession("s", "me", 60_000)).toBe(true);
    expect(await store.lockSession("s", "me", 60_000)).toBe(true);
    expect(await store.saveSession(sessionOf("s", { version: 2 }), 1, "me")).toBe("saved");
    // One process has LMDB alone, and orders its own calls itself.
    if (store.backEnd === "redis") {
      expect(await store.lockSession("s", "you", 60_000)).toBe(false);
      expect(await store.saveSession(sessionOf("s", { version: 3 }), 2, "you")).toBe("conflict");
      expect(await store.saveSession(sessionOf("s", { version: 3 }), 2)).toBe("conflict");
      const learned = await store.commitLearn(learnOf("kb", [["a", "b"]]), { next: sessionOf("s", { version: 3 }), expectedVersion: 2 });
      expect(learned).toEqual({ outcome: "conflict" });
      await store.unlockSession("s", "you");
      expect(await store.lockSession("s", "you", 60_000)).toBe(false);
    }
    await store.unlockSession("s", "me");
    expect(await store.lockSession("s", "you", 1)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await store.lockSession("s", "me", 60_000)).toBe(true);
    // A lock does not stand above the version.
    expect(await store.saveSession(sessionOf("s", { version: 2 }), 1, "me")).toBe("conflict");
    const save = { next: sessionOf("s", { version: 3 }), expectedVersion: 2, lock: "me" };
    expect(await store.commitLearn(learnOf("kb", [["a", "b"]]), save)).toMatchObject({ outcome: "committed" });
  });

  it("lists sessions that live, page by page, each once, also of one expiry and with hostile ids", async () => {
    const { store } = opened();
    const ids = [...HOSTILE, ...Array.from({ length: 40 }, (_, i) => `s${i}`)];
    await Promise.all(ids.map((id, i) => store.createSession(sessionOf(id, { expiresAtMs: NOW + 1_000 + (i % 3), time: i }))));
    await store.createSession(sessionOf("over", { expiresAtMs: NOW }));
    for (const limit of [1, 7, 100]) {
      const listed: string[] = [];
      let next: string | undefined;
      for (let page = 0; page < 200; page++) {
        const found = await store.listSessions(NOW, limit, next);
        expect(found.sessions.length).toBeLessThanOrEqual(limit);
        for (const session of found.sessions) {
          listed.push(session.id);
          expect(session.time).toBe(ids.indexOf(session.id));
        }
        next = found.next;
        if (next === undefined) break;
      }
      expect(next).toBeUndefined();
      expect([...listed].sort()).toEqual([...ids].sort());
    }
    // Deleted or used between two pages: none of the others is left out.
    const first = await store.listSessions(NOW, 10);
    await store.deleteSession(first.sessions[9]!.id);
    await store.readSession(first.sessions[8]!.id, NOW + 500, true);
    const rest = await store.listSessions(NOW, 1_000, first.next);
    const seen = new Set([...first.sessions, ...rest.sessions].map(({ id }) => id));
    expect([...seen].sort()).toEqual([...ids].sort());
    expect((await store.listSessions(NOW + 10 ** 9, 10)).sessions).toEqual([]);
    for (const text of ["", "x", "WzAsMSwyXQ", "{}"])
      await expect(async () => store.listSessions(NOW, 10, text)).rejects.toMatchObject({ code: "ENGRAM_BAD_REQUEST" });
  });

  it("sweeps expired sessions only, at most as many as asked", async () => {
    const { store } = opened();
    await Promise.all(
      Array.from({ length: 30 }, (_, i) => store.createSession(sessionOf(`s${i}`, { expiresAtMs: NOW + (i < 25 ? i : 10_000) }))),
    );
    expect(await store.countSessions(NOW + 24)).toBe(5);
    expect(await store.sweepSessions(NOW + 24, 10)).toBe(10);
    expect(await store.sweepSessions(NOW + 24, 100)).toBe(15);
    expect(await store.sweepSessions(NOW + 24, 100)).toBe(0);
    expect(await store.countSessions(0)).toBe(5);
    expect(await store.readSession("s29", NOW, false)).toBeDefined();
    expect(await store.readSession("s3", 0, false)).toBeUndefined();
  });
}
