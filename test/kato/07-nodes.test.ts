/** Section 7 of KATO's interface: node-level calls. */
import { expect, it } from "vitest";
import { onEveryServer } from "./servers.ts";

onEveryServer("node-level calls", (kato) => {
  it("give a pattern by its name, with PTRN| or without, percent-encoded or not", async () => {
    const node = kato.node();
    const id = await kato.session({ node_id: node });
    const name = await kato.learn(id, ["a"], ["b", "c"]);
    for (const path of [name.replace("|", "%7C"), name.slice(5)]) {
      const { status, body } = await kato.call("GET", `/pattern/${path}?node_id=${node}`);
      expect(status).toBe(200);
      expect(body).toEqual({
        pattern: {
          status: "okay",
          pattern: { name, pattern_data: [["a"], ["b", "c"]], length: 3, frequency: 1, emotives: [], metadata: {} },
        },
        node_id: `${node}_kato`,
      });
    }
  });

  it("answer for an unknown pattern with 200 and an error inside", async () => {
    const { status, body } = await kato.call("GET", `/pattern/${"0".repeat(40)}?node_id=${kato.node()}`);
    expect(status).toBe(200);
    expect(body.pattern).toMatchObject({ status: "error", message: expect.any(String) });
  });

  it("give empty percepts and cognitions, with a warning", async () => {
    const percept = await kato.call("GET", "/percept-data?node_id=n");
    expect(percept.body).toEqual({ percept_data: {}, node_id: "n_kato", warning: expect.any(String) });
    const cognition = await kato.call("GET", "/cognition-data?node_id=n");
    expect(Object.keys(cognition.body.cognition_data)).toHaveLength(9);
  });

  it("count symbols: occurrences over all learns, and distinct patterns", async () => {
    const node = kato.node();
    const id = await kato.session({ node_id: node });
    await kato.learn(id, ["a"], ["a"], ["b"]);
    await kato.learn(id, ["a"], ["a"], ["b"]);
    await kato.learn(id, ["b"], ["c"]);
    const { body } = await kato.call("GET", `/symbols/stats?node_id=${node}`);
    expect(body).toEqual({
      symbols: {
        a: { name: "a", frequency: 4, pattern_member_frequency: 1 },
        b: { name: "b", frequency: 3, pattern_member_frequency: 2 },
        c: { name: "c", frequency: 1, pattern_member_frequency: 1 },
      },
      node_id: `${node}_kato`,
    });
  });

  it("[T] add affinity at each learn with emotives, relearning again; none without", async () => {
    const node = kato.node();
    const id = await kato.session({ node_id: node });
    for (const joy of [0.5, 1]) {
      await kato.call("POST", `/sessions/${id}/clear-stm`);
      await kato.call("POST", `/sessions/${id}/observe`, { strings: ["a"], emotives: { joy } });
      await kato.observe(id, "b");
      await kato.call("POST", `/sessions/${id}/learn`);
    }
    await kato.call("POST", `/sessions/${id}/clear-stm`);
    await kato.learn(id, ["plain"], ["words"]);
    const { body } = await kato.call("GET", `/symbols/affinity?node_id=${node}`);
    expect(body).toEqual({ affinities: { a: { joy: 1.5 }, b: { joy: 1.5 } }, node_id: `${node}_kato` });
    const one = await kato.call("GET", `/symbols/a/affinity?node_id=${node}`);
    expect(one.body).toEqual({ symbol: "a", affinity: { joy: 1.5 }, node_id: `${node}_kato` });
  });

  it("[T] give an unknown symbol's affinity as {} with 200", async () => {
    const { status, body } = await kato.call("GET", `/symbols/unknown/affinity?node_id=${kato.node()}`);
    expect([status, body.affinity]).toEqual([200, {}]);
  });
});
