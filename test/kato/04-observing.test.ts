/** Section 4 of KATO's interface: observing and learning. */
import { describe, expect, it } from "vitest";
import { type Kato, onEveryServer } from "./servers.ts";

const NAME = /^PTRN\|[0-9a-f]{40}$/;

async function pattern(kato: Kato, node: string, name: string) {
  const { body } = await kato.call("GET", `/pattern/${encodeURIComponent(name)}?node_id=${encodeURIComponent(node)}`);
  expect(body.pattern.status).toBe("okay");
  return body.pattern.pattern;
}

onEveryServer("observing and learning", (kato) => {
  it("answers an observe with its fields; the clock counts empty ones too", async () => {
    const node = kato.node();
    const id = await kato.session({ node_id: node });
    const { body } = await kato.observe(id, "b", "a", "a", "");
    expect(body).toEqual({
      status: "okay",
      session_id: id,
      processor_id: node,
      stm_length: 1,
      time: 1,
      unique_id: expect.stringMatching(/^obs-[0-9a-f]{32}$/),
      auto_learned_pattern: null,
    });
    const empty = await kato.call("POST", `/sessions/${id}/observe`, {});
    expect(empty.body).toMatchObject({ stm_length: 1, time: 2 });
    expect((await kato.call("GET", `/sessions/${id}/stm`)).body).toEqual({ stm: [["", "a", "a", "b"]], session_id: id, length: 1 });
  });

  it("sorts by code point, beyond the BMP too", async () => {
    const id = await kato.session();
    await kato.observe(id, "😀", "ﬀ", "é", "Z", "a");
    expect((await kato.call("GET", `/sessions/${id}/stm`)).body.stm).toEqual([["Z", "a", "é", "ﬀ", "😀"]]);
  });

  it("[T] 1000 strings in one observation are taken or refused, not a failure", async () => {
    const id = await kato.session();
    const { status } = await kato.observe(id, ...Array.from({ length: 1_000 }, (_, i) => `s${i}`));
    expect([200, 400, 413]).toContain(status);
  });

  it("[T] a vector is 1 to 4 names in its event", async () => {
    const id = await kato.session();
    for (let i = 0; i < 6; i++) {
      const { status } = await kato.call("POST", `/sessions/${id}/observe`, { vectors: [[i, 1, 2]], strings: [`s${i}`] });
      expect(status).toBe(200);
      await kato.call("POST", `/sessions/${id}/learn`);
    }
    await kato.call("POST", `/sessions/${id}/observe`, { vectors: [[0.5, 1, 2]] });
    const { stm } = (await kato.call("GET", `/sessions/${id}/stm`)).body;
    expect(stm).toHaveLength(1);
    expect(stm[0].length).toBeGreaterThanOrEqual(1);
    expect(stm[0].length).toBeLessThanOrEqual(4);
    for (const name of stm[0]) expect(name).toMatch(/^VCTR\|[0-9a-f]{40}$/);
  });

  it("[T] vectors of another dimension are taken or refused, never a failure", async () => {
    const id = await kato.session();
    await kato.call("POST", `/sessions/${id}/observe`, { vectors: [[1, 2, 3]], strings: ["a"] });
    await kato.call("POST", `/sessions/${id}/learn`);
    const other = await kato.call("POST", `/sessions/${id}/observe`, { vectors: [[1, 2]], strings: ["b"] });
    // A stress test of KATO's needs it taken.
    expect(other.status).toBe(200);
    const unlike = await kato.call("POST", `/sessions/${id}/observe`, {
      vectors: [
        [1, 2],
        [1, 2, 3],
      ],
    });
    expect(unlike.status).toBe(400);
    expect(unlike.body.detail.error).toBe("VectorDimensionError");
  });

  it("learns by itself at max_pattern_length: CLEAR empties, ROLLING keeps the rest", async () => {
    for (const [stm_mode, left] of [
      ["CLEAR", []],
      ["ROLLING", [["b"], ["c"]]],
    ] as const) {
      const id = await kato.session({ config: { max_pattern_length: 3, stm_mode } });
      await kato.observe(id, "a");
      await kato.observe(id, "b");
      const { body } = await kato.observe(id, "c");
      expect(body.auto_learned_pattern).toMatch(NAME);
      expect((await kato.call("GET", `/sessions/${id}/stm`)).body.stm).toEqual(left);
    }
  });

  describe("learning", () => {
    it("[T] names a pattern by 40 hex digits: same events same name, other order other name", async () => {
      const id = await kato.session();
      const name = await kato.learn(id, ["b", "a"], ["c"]);
      expect(name).toMatch(NAME);
      expect(await kato.learn(id, ["a", "b"], ["c"])).toBe(name);
      expect(await kato.learn(id, ["c"], ["a", "b"])).not.toBe(name);
      // The SHA-1 of the Python text [['a', 'b'], ['c']].
      const { createHash } = await import("node:crypto");
      expect(name).toBe(`PTRN|${createHash("sha1").update("[['a', 'b'], ['c']]").digest("hex")}`);
    });

    it("[T] leaves STM empty", async () => {
      const id = await kato.session();
      await kato.learn(id, ["a"], ["b"]);
      expect((await kato.call("GET", `/sessions/${id}/stm`)).body.stm).toEqual([]);
    });

    it("answers with its fields; a single symbol makes no pattern and empties STM", async () => {
      const id = await kato.session();
      await kato.observe(id, "a");
      const { status, body } = await kato.call("POST", `/sessions/${id}/learn`);
      expect(status).toBe(200);
      expect(body).toEqual({ status: "learned", pattern_name: "", session_id: id, processor_id: null, message: expect.any(String) });
      expect((await kato.call("GET", `/sessions/${id}/stm`)).body.stm).toEqual([]);
    });

    it("[T] counts again, keeps the newest 5 emotives, unites metadata as Python text", async () => {
      const node = kato.node();
      const id = await kato.session({ node_id: node });
      let name = "";
      for (let i = 1; i <= 7; i++) {
        await kato.call("POST", `/sessions/${id}/clear-stm`);
        await kato.call("POST", `/sessions/${id}/observe`, {
          strings: ["a"],
          emotives: { joy: i },
          metadata: { flag: i % 2 === 0, price: 45.67 },
        });
        await kato.observe(id, "b");
        name = (await kato.call("POST", `/sessions/${id}/learn`)).body.pattern_name;
      }
      const found = await pattern(kato, node, name);
      expect(found).toMatchObject({ name, pattern_data: [["a"], ["b"]], length: 2, frequency: 7 });
      expect(found.emotives).toEqual([3, 4, 5, 6, 7].map((joy) => ({ joy })));
      expect(found.metadata).toEqual({ flag: ["False", "True"], price: ["45.67"] });
    });

    it("[T] clear-stm resets STM, clock, accumulators, percept and predictions", async () => {
      const id = await kato.session();
      await kato.call("POST", `/sessions/${id}/observe`, { strings: ["a"], emotives: { joy: 1 }, metadata: { m: 1 } });
      expect((await kato.call("POST", `/sessions/${id}/clear-stm`)).body).toEqual({ status: "cleared", session_id: id });
      expect((await kato.call("GET", `/sessions/${id}/percept-data`)).body.percept_data).toEqual({});
      const { cognition_data } = (await kato.call("GET", `/sessions/${id}/cognition-data`)).body;
      expect(cognition_data).toMatchObject({ predictions: [], emotives: {}, symbols: [], short_term_memory: [], time: 0 });
      expect((await kato.observe(id, "b")).body.time).toBe(1);
    });

    it("clear-all forgets the node for all its sessions", async () => {
      const node = kato.node();
      const [one, other] = [await kato.session({ node_id: node }), await kato.session({ node_id: node })];
      await kato.learn(one, ["a"], ["b"]);
      expect((await kato.call("POST", `/sessions/${other}/clear-all`)).body).toEqual({
        status: "cleared",
        session_id: other,
        scope: "all",
      });
      expect((await kato.call("GET", `/symbols/stats?node_id=${node}`)).body.symbols).toEqual({});
      await kato.observe(one, "a");
      await kato.observe(one, "b");
      expect((await kato.call("GET", `/sessions/${one}/predictions`)).body.predictions).toEqual([]);
    });

    it("finalizes training as often as asked", async () => {
      const node = kato.node();
      const id = await kato.session({ node_id: node });
      await kato.learn(id, ["a"], ["b"]);
      for (let i = 0; i < 2; i++) {
        const { status, body, text } = await kato.call("POST", `/sessions/${id}/finalize-training`);
        expect(status).toBe(200);
        expect(body).toEqual({
          status: "completed",
          patterns_processed: 1,
          time_ms: expect.any(Number),
          session_id: id,
          node_id: node,
          message: expect.any(String),
        });
        expect(text).toMatch(/"time_ms":\d+\.\d/);
      }
    });
  });

  describe("a sequence", () => {
    it("answers with its fields", async () => {
      const node = kato.node();
      const id = await kato.session({ node_id: node });
      const { status, body } = await kato.call("POST", `/sessions/${id}/observe-sequence`, {
        observations: [{ strings: ["a"] }, { strings: ["b"], unique_id: "mine" }],
      });
      expect(status).toBe(200);
      expect(body).toEqual({
        status: "completed",
        processor_id: node,
        observations_processed: 2,
        initial_stm_length: 0,
        final_stm_length: 2,
        results: [
          {
            status: "okay",
            sequence_position: 0,
            stm_length: 1,
            time: 1,
            unique_id: expect.stringMatching(/^seq-obs-[0-9a-f]{32}$/),
            auto_learned_pattern: null,
          },
          { status: "okay", sequence_position: 1, stm_length: 2, time: 2, unique_id: "mine", auto_learned_pattern: null },
        ],
        auto_learned_patterns: [],
        final_learned_pattern: null,
        isolated: false,
      });
    });

    it("[T] keeps the unique_id that it was given", async () => {
      const id = await kato.session();
      const { body } = await kato.call("POST", `/sessions/${id}/observe-sequence`, {
        observations: [
          { strings: ["a"], unique_id: "first" },
          { strings: ["b"], unique_id: "second" },
        ],
      });
      expect(body.results.map((item: { unique_id: string }) => item.unique_id)).toEqual(["first", "second"]);
    });

    it("[T] learn_at_end gives exactly one auto-learned pattern, and STM is empty", async () => {
      const id = await kato.session();
      const { body } = await kato.call("POST", `/sessions/${id}/observe-sequence`, {
        observations: [{ strings: ["a"] }, { strings: ["b"] }],
        learn_at_end: true,
      });
      expect(body.auto_learned_patterns).toHaveLength(1);
      expect(body.final_learned_pattern).toBe(body.auto_learned_patterns[0]);
      expect(body.final_stm_length).toBe(0);
    });

    it("learns after each, and clears between all but the first", async () => {
      const id = await kato.session();
      await kato.observe(id, "before");
      const each = await kato.call("POST", `/sessions/${id}/observe-sequence`, {
        observations: [{ strings: ["a"] }, { strings: ["b"] }, { strings: ["c", "d"] }],
        learn_after_each: true,
      });
      expect(each.body.auto_learned_patterns).toEqual([expect.stringMatching(NAME), "", expect.stringMatching(NAME)]);
      await kato.observe(id, "before");
      const between = await kato.call("POST", `/sessions/${id}/observe-sequence`, {
        observations: [{ strings: ["a"] }, { strings: ["b"] }],
        clear_stm_between: true,
      });
      expect(between.body.isolated).toBe(true);
      expect(between.body.results.map((item: { stm_length: number }) => item.stm_length)).toEqual([2, 1]);
    });

    it("may be empty", async () => {
      const id = await kato.session();
      const { status, body } = await kato.call("POST", `/sessions/${id}/observe-sequence`, { observations: [] });
      expect([status, body.observations_processed, body.results]).toEqual([200, 0, []]);
    });

    it("[T] pools emotives and metadata: their place in it does not matter", async () => {
      const learned = async (at: number) => {
        const node = kato.node();
        const id = await kato.session({ node_id: node });
        const observations = ["a", "b", "c"].map((symbol, i) => ({
          strings: [symbol],
          ...(i === at && { emotives: { joy: 0.5 }, metadata: { source: "s" } }),
        }));
        const { body } = await kato.call("POST", `/sessions/${id}/observe-sequence`, { observations, learn_at_end: true });
        return pattern(kato, node, body.final_learned_pattern);
      };
      const first = await learned(0);
      expect(first).toMatchObject({ emotives: [{ joy: 0.5 }], metadata: { source: ["s"] } });
      expect(await learned(1)).toEqual(first);
      expect(await learned(2)).toEqual(first);
    });
  });

  it("shows the percept and the cognition of the last observe", async () => {
    const node = kato.node();
    const id = await kato.session({ node_id: node });
    expect((await kato.call("GET", `/sessions/${id}/percept-data`)).body).toEqual({ percept_data: {}, session_id: id, node_id: node });
    await kato.learn(id, ["a"], ["b"], ["c"]);
    await kato.call("POST", `/sessions/${id}/clear-stm`);
    await kato.call("POST", `/sessions/${id}/observe`, { strings: ["a"], emotives: { joy: 1 } });
    await kato.call("POST", `/sessions/${id}/observe`, { strings: ["z", "b"], emotives: { joy: 0.5 }, metadata: { m: [1] } });
    expect((await kato.call("GET", `/sessions/${id}/percept-data`)).body.percept_data).toEqual({
      strings: ["b", "z"],
      vectors: [],
      emotives: { joy: 0.75 },
      path: [],
      metadata: { m: [1] },
    });
    const { cognition_data } = (await kato.call("GET", `/sessions/${id}/cognition-data`)).body;
    expect(Object.keys(cognition_data)).toEqual([
      "predictions",
      "emotives",
      "symbols",
      "command",
      "metadata",
      "path",
      "strings",
      "vectors",
      "short_term_memory",
      "time",
    ]);
    expect(cognition_data).toMatchObject({
      emotives: { joy: 0.5 },
      symbols: ["a", "b", "z"],
      command: "",
      metadata: {},
      short_term_memory: [["a"], ["b", "z"]],
      time: 2,
    });
    expect(cognition_data.predictions).toHaveLength(1);
  });
});
