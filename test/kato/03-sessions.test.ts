/** Section 3 of KATO's interface: sessions, their nodes, what they may hold. Expiry has a file of its own. */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { onEveryServer } from "./servers.ts";

onEveryServer("sessions", (kato) => {
  it("answers a creation with everything about the session", async () => {
    const node = kato.node();
    const { status, body } = await kato.call("POST", "/sessions", { node_id: node, metadata: { user: "u" }, ttl_seconds: 60 });
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(["session_id", "node_id", "created_at", "expires_at", "ttl_seconds", "metadata", "session_config"]);
    expect(body.session_id).toMatch(/^session-[0-9a-f]{32}-\d+$/);
    expect(body).toMatchObject({ node_id: node, ttl_seconds: 60, metadata: { user: "u" } });
    expect(Object.keys(body.session_config)).toHaveLength(22);
    const read = await kato.call("GET", `/sessions/${body.session_id}`);
    expect(Object.keys(read.body)).toEqual(Object.keys(body));
    expect(read.body.ttl_seconds).toBeGreaterThanOrEqual(58);
  });

  it("takes an empty node id, and 0 for no time to live", async () => {
    const { status, body } = await kato.call("POST", "/sessions", { node_id: "", ttl_seconds: 0 });
    expect([status, body.ttl_seconds]).toEqual([200, 3600]);
  });

  it("[T] the count falls by exactly 5 when 5 sessions are deleted", async () => {
    const ids = await Promise.all(Array.from({ length: 5 }, () => kato.session()));
    const count = async () => (await kato.call("GET", "/sessions/count")).body.active_session_count;
    const before = await count();
    for (const id of ids) expect((await kato.call("DELETE", `/sessions/${id}`)).body).toEqual({ status: "deleted", session_id: id });
    expect(before - (await count())).toBe(5);
    expect((await kato.call("DELETE", `/sessions/${ids[0]}`)).status).toBe(404);
  });

  it("tells whether a session exists", async () => {
    const id = await kato.session();
    expect((await kato.call("GET", `/sessions/${id}/exists`)).body).toEqual({ exists: true, expired: false, session_id: id });
  });

  it("extends by a query parameter, and the extension lasts", async () => {
    const id = await kato.session({ ttl_seconds: 30 });
    const { body } = await kato.call("POST", `/sessions/${id}/extend?ttl_seconds=500`);
    expect(body).toEqual({ status: "extended", session_id: id, ttl_seconds: 500 });
    await kato.call("GET", `/sessions/${id}/stm`);
    expect((await kato.call("GET", `/sessions/${id}`)).body.ttl_seconds).toBeGreaterThan(490);
    expect((await kato.call("POST", `/sessions/${id}/extend`)).body.ttl_seconds).toBe(3600);
  });

  it("[T] ten simultaneous observes on one session all land", async () => {
    const id = await kato.session();
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => kato.observe(id, `s${i}`)));
    expect(answers.map((answer) => answer.status)).toEqual(Array(10).fill(200));
    const { stm, length } = (await kato.call("GET", `/sessions/${id}/stm`)).body;
    expect(length).toBe(10);
    expect(stm.flat().sort()).toEqual(Array.from({ length: 10 }, (_, i) => `s${i}`));
    expect(answers.map((answer) => answer.body.time).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("[T] a node's kb id is what KATO makes of it", async () => {
    const recomputed = (node: string, service = "kato"): string => {
      const clean = node.replace(/[/\\."$*<>:|?\- ]/g, "_");
      if (clean.length + 1 + service.length <= 60) return `${clean}_${service}`;
      const hash = createHash("md5").update(clean).digest("hex").slice(0, 8);
      return `${clean.slice(0, 60 - service.length - 10)}_${hash}_${service}`;
    };
    for (const node of ["plain", "a-b.c/d e", 'q"$*<>:|?\\', "n".repeat(56), `${"long-".repeat(20)}x`]) {
      const { body } = await kato.call("GET", `/symbols/stats?node_id=${encodeURIComponent(node)}`);
      expect(body.node_id, node).toBe(recomputed(node));
    }
  });

  it("shares patterns and not short-term memory between sessions of a node; deleting one deletes no pattern", async () => {
    const node = kato.node();
    const [one, other] = [await kato.session({ node_id: node }), await kato.session({ node_id: node })];
    const name = await kato.learn(one, ["x"], ["y"]);
    await kato.observe(other, "x");
    expect((await kato.call("GET", `/sessions/${one}/stm`)).body.stm).toEqual([]);
    await kato.call("DELETE", `/sessions/${one}`);
    const { body } = await kato.call("GET", `/pattern/${encodeURIComponent(name)}?node_id=${node}`);
    expect(body.pattern.status).toBe("okay");
  });

  it("[T] after 1100 observes STM holds at most 1150 events", async () => {
    const id = await kato.session({ config: { process_predictions: false } });
    const observations = Array.from({ length: 1_100 }, (_, i) => ({ strings: [`s${i}`] }));
    const { status } = await kato.call("POST", `/sessions/${id}/observe-sequence`, { observations });
    expect(status).toBe(200);
    const { length, stm } = (await kato.call("GET", `/sessions/${id}/stm`)).body;
    expect(length).toBeLessThanOrEqual(1_150);
    expect(stm.at(-1)).toEqual(["s1099"]);
  });
});
