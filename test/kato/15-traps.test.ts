/** Section 15 of KATO's interface: what a server in JavaScript gets wrong first, where no other section's test shows it. */
import { expect, it } from "vitest";
import { onEveryServer } from "./servers.ts";

onEveryServer("traps", (kato) => {
  it("2: nothing is coerced to text, and refusals are 422, not 400", async () => {
    const id = await kato.session();
    for (const strings of [[null], [1], "a", [true]]) {
      expect((await kato.call("POST", `/sessions/${id}/observe`, { strings })).status).toBe(422);
    }
    expect((await kato.call("GET", `/sessions/${id}/stm`)).body.stm).toEqual([]);
  });

  it("4: an empty body with a JSON content type is taken where nothing is read", async () => {
    const id = await kato.session();
    await kato.observe(id, "a");
    await kato.observe(id, "b");
    for (const call of ["learn", "clear-stm", "clear-all", "finalize-training", "extend"]) {
      const { status } = await kato.call("POST", `/sessions/${id}/${call}`, "", { "content-type": "application/json" });
      expect([call, status]).toEqual([call, 200]);
    }
  });

  it("5: long symbols fit into a path", async () => {
    const symbol = "long symbol ".repeat(50);
    const { status, body } = await kato.call("GET", `/symbols/${encodeURIComponent(symbol)}/affinity?node_id=n`);
    expect([status, body.symbol]).toEqual([200, symbol]);
  });

  it("7: metadata values become Python's text", async () => {
    const node = kato.node();
    const id = await kato.session({ node_id: node });
    await kato.call("POST", `/sessions/${id}/observe`, {
      strings: ["a", "b"],
      metadata: { yes: true, no: false, none: null, n: 45.67, i: 3 },
    });
    const { pattern_name } = (await kato.call("POST", `/sessions/${id}/learn`)).body;
    const { body } = await kato.call("GET", `/pattern/${encodeURIComponent(pattern_name)}?node_id=${node}`);
    expect(body.pattern.pattern.metadata).toEqual({ yes: ["True"], no: ["False"], none: ["None"], n: ["45.67"], i: ["3"] });
  });

  it("10: a body of several megabytes is taken", async () => {
    const id = await kato.session({ config: { process_predictions: false } });
    const observations = Array.from({ length: 900 }, (_, i) => ({ strings: [`${i}`], metadata: { text: "x".repeat(4_000) } }));
    const { status, body } = await kato.call("POST", `/sessions/${id}/observe-sequence`, { observations });
    expect([status, body.observations_processed]).toEqual([200, 900]);
  });
});
