/** Section 5 of KATO's interface: predictions. */
import { expect, it } from "vitest";
import { type Kato, onEveryServer } from "./servers.ts";

const FIELDS = [
  "type",
  "name",
  "frequency",
  "emotives",
  "matches",
  "past",
  "present",
  "future",
  "missing",
  "extras",
  "anomalies",
  "sequence",
  "evidence",
  "confidence",
  "similarity",
  "fragmentation",
  "snr",
  "confluence",
  "potential",
  "predictive_information",
  "entropy",
  "normalized_entropy",
  "global_normalized_entropy",
  "itfdf_similarity",
  "tfidf_score",
  "pattern_probability",
  "weighted_strength",
  "bayesian_posterior",
  "bayesian_prior",
  "bayesian_likelihood",
  "weighted_similarity",
  "weighted_evidence",
  "weighted_confidence",
  "weighted_snr",
];

interface Metrics {
  readonly evidence: number;
  readonly confidence: number;
  readonly snr: number;
  readonly itfdf_similarity: number;
  readonly fragmentation: number;
  readonly potential: number;
  readonly bayesian_posterior: number;
  readonly bayesian_prior: number;
}

/** Four patterns, and a state that resembles them: its predictions. */
async function asked(kato: Kato, config: object = {}, state: readonly (readonly string[])[] = [["a"], ["x"], ["c"]]) {
  const id = await kato.session({ config: { recall_threshold: 0, ...config } });
  await kato.learn(id, ["a"], ["b"], ["c"], ["d"]);
  await kato.learn(id, ["a", "b"], ["c"], ["e"]);
  await kato.learn(id, ["c"], ["a"]);
  await kato.learn(id, ["q"], ["r"]);
  await kato.learn(id, ["c"], ["a"]);
  for (const event of state) await kato.observe(id, ...event);
  return { id, ...(await kato.call("GET", `/sessions/${id}/predictions`)) };
}

onEveryServer("predictions", (kato) => {
  it("answer with all their fields, and no unasked ones", async () => {
    const { status, body, id } = await asked(kato);
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(["predictions", "future_potentials", "session_id", "processor_id", "count", "time", "unique_id"]);
    expect(body).toMatchObject({ session_id: id, processor_id: null, time: null, unique_id: null });
    expect(body.count).toBe(body.predictions.length);
    for (const prediction of body.predictions) expect(Object.keys(prediction)).toEqual(FIELDS);
  });

  it("of an empty STM are none", async () => {
    const id = await kato.session();
    expect((await kato.call("GET", `/sessions/${id}/predictions?unique_id=ignored`)).body).toMatchObject({ predictions: [], count: 0 });
  });

  it("[T] see a pattern freshly learned, every time", async () => {
    const id = await kato.session({ config: { recall_threshold: 0.7 } });
    for (let i = 0; i < 30; i++) {
      const name = await kato.learn(id, [`a${i}`], [`b${i}`], [`c${i}`]);
      await kato.observe(id, `a${i}`);
      await kato.observe(id, `b${i}`);
      const { body } = await kato.call("GET", `/sessions/${id}/predictions`);
      expect(body.predictions.map((prediction: { name: string }) => `PTRN|${prediction.name}`)).toEqual([name]);
      await kato.call("POST", `/sessions/${id}/clear-stm`);
    }
  });

  it("[T] carry the bare SHA-1 as name, without PTRN|", async () => {
    const { body } = await asked(kato);
    for (const { name } of body.predictions) expect(name).toMatch(/^[0-9a-f]{40}$/);
  });

  it("[T] list missing per present event and extras per STM event", async () => {
    const { body } = await asked(kato);
    const full = body.predictions.find((prediction: { sequence: string[][] }) => prediction.sequence.length === 4);
    expect(full).toMatchObject({
      past: [],
      present: [["a"], ["b"], ["c"]],
      future: [["d"]],
      missing: [[], ["b"], []],
      extras: [[], ["x"], []],
    });
    for (const prediction of body.predictions) {
      expect(prediction.missing).toHaveLength(prediction.present.length);
      expect(prediction.extras).toHaveLength(3);
    }
  });

  it("[T] have a potential of (evidence + confidence) · snr + itfdf_similarity + 1/(fragmentation + 1)", async () => {
    const { body } = await asked(kato, { recall_threshold: 0.1 });
    expect(body.predictions.length).toBeGreaterThan(1);
    for (const p of body.predictions as Metrics[]) {
      const last = p.fragmentation === -1 ? 0 : 1 / (p.fragmentation + 1);
      expect(p.potential).toBeCloseTo((p.evidence + p.confidence) * p.snr + p.itfdf_similarity + last, 9);
    }
  });

  it("[T] have posteriors and priors that each sum to 1", async () => {
    const { body } = await asked(kato, { recall_threshold: 0.1 });
    const sum = (field: "bayesian_posterior" | "bayesian_prior") =>
      (body.predictions as Metrics[]).reduce((total, p) => total + p[field], 0);
    expect(sum("bayesian_posterior")).toBeCloseTo(1, 9);
    expect(sum("bayesian_prior")).toBeCloseTo(1, 9);
  });

  it("have a predictive_information between 0 and 1, and null weighted metrics without affinity", async () => {
    const { body } = await asked(kato);
    for (const p of body.predictions) {
      expect(p.predictive_information).toBeGreaterThanOrEqual(0);
      expect(p.predictive_information).toBeLessThanOrEqual(1);
      expect([p.weighted_similarity, p.weighted_evidence, p.weighted_confidence, p.weighted_snr]).toEqual([null, null, null, null]);
    }
  });

  it("at threshold 0 return all, else those of that similarity at least", async () => {
    const all = await asked(kato);
    expect(all.body.predictions.map((p: { similarity: number }) => p.similarity).filter((s: number) => s === 0).length).toBeLessThanOrEqual(
      1,
    );
    const some = await asked(kato, { recall_threshold: 0.5 });
    for (const p of some.body.predictions) expect(p.similarity).toBeGreaterThanOrEqual(0.5);
    expect(some.body.predictions.length).toBeLessThan(all.body.predictions.length);
  });

  it("are cut to max_predictions", async () => {
    const { body } = await asked(kato, { max_predictions: 1 });
    expect(body.predictions).toHaveLength(1);
  });

  it("of a single symbol are the patterns that begin with it, in flat lists", async () => {
    const { body } = await asked(kato, { recall_threshold: 1 }, [["a"]]);
    expect(body.predictions.map((p: { pattern_data: string[][] }) => p.pattern_data[0]![0])).toEqual(["a", "a"]);
    for (const p of body.predictions) {
      expect("type" in p || "sequence" in p || "bayesian_posterior" in p).toBe(false);
      expect(p.length).toBe(p.pattern_data.flat().length);
      for (const list of [p.present, p.missing, p.extras, p.future])
        expect(list.every((item: unknown) => typeof item === "string")).toBe(true);
    }
  });

  it("give future potentials, best first", async () => {
    const { body } = await asked(kato, { recall_threshold: 0.1 });
    const potentials = body.future_potentials.map((p: { aggregate_potential: number }) => p.aggregate_potential);
    expect(potentials.length).toBeGreaterThan(0);
    expect(potentials).toEqual([...potentials].sort((a: number, b: number) => b - a));
    expect(Object.keys(body.future_potentials[0])).toEqual([
      "future",
      "aggregate_potential",
      "supporting_patterns",
      "total_weighted_frequency",
    ]);
  });
});
