/**
 * Predictions as JSON text, in one pass and in chunks: an answer may hold 10,000 predictions of patterns of 4,096 symbols, more than one
 * string can, so a chunk ends at about CHUNK_CHARS and whoever sends may let other requests run in between. Strings and events go
 * through JSON.stringify; floats keep their point. Cost: about what JSON.stringify of the objects costs (test/unit/http/prediction-json.test.ts).
 */
import type { FuturePotential, OneSymbolPrediction, Prediction, PredictResult } from "../engine-types.ts";
import { emotivesText, float, floatOrNull } from "./json-text.ts";

/** About a millisecond's work, and far more than a typical answer, which therefore is one chunk. */
const CHUNK_CHARS = 262_144;

/**
 * `head`, the members `predictions` and `future_potentials`, `tail`: the text of one answer object. `head` opens the object and may hold
 * members with a comma after each; `tail` begins with a comma or closes the object.
 */
export function* answerChunks(
  head: string,
  result: Pick<PredictResult, "predictions" | "futurePotentials">,
  tail: string,
): Generator<string> {
  const text = yield* listChunks(`${head}"predictions":[`, result.predictions, predictionText);
  yield `${yield* listChunks(`${text},"future_potentials":[`, result.futurePotentials, potentialText)}${tail}`;
}

/** `head`, the member `predictions`, `tail`. */
export function* predictionChunks(head: string, predictions: PredictResult["predictions"], tail: string): Generator<string> {
  yield `${yield* listChunks(`${head}"predictions":[`, predictions, predictionText)}${tail}`;
}

/** Yields full chunks of `text` and the list; returns what is left, with the list closed. */
function* listChunks<T>(text: string, list: readonly T[], write: (item: T) => string): Generator<string, string> {
  let chunk = text;
  let separator = "";
  for (const item of list) {
    chunk += separator;
    chunk += write(item);
    separator = ",";
    if (chunk.length < CHUNK_CHARS) continue;
    yield chunk;
    chunk = "";
  }
  return `${chunk}]`;
}

function predictionText(prediction: Prediction | OneSymbolPrediction): string {
  return "type" in prediction ? generalText(prediction) : oneSymbolText(prediction);
}

function generalText(p: Prediction): string {
  return `{"type":"prototypical","name":${JSON.stringify(p.name)},"frequency":${p.frequency},"emotives":${emotivesText(p.emotives)},"matches":${JSON.stringify(p.matches)},"past":${JSON.stringify(p.past)},"present":${JSON.stringify(p.present)},"future":${JSON.stringify(p.future)},"missing":${JSON.stringify(p.missing)},"extras":${JSON.stringify(p.extras)},"anomalies":${anomaliesText(p.anomalies)},"sequence":${JSON.stringify(p.sequence)},"evidence":${float(p.evidence)},"confidence":${float(p.confidence)},"similarity":${float(p.similarity)},"fragmentation":${float(p.fragmentation)},"snr":${float(p.snr)},"confluence":${float(p.confluence)},"potential":${float(p.potential)},"predictive_information":${float(p.predictive_information)},"entropy":${float(p.entropy)},"normalized_entropy":${float(p.normalized_entropy)},"global_normalized_entropy":${float(p.global_normalized_entropy)},"itfdf_similarity":${float(p.itfdf_similarity)},"tfidf_score":${float(p.tfidf_score)},"pattern_probability":${float(p.pattern_probability)},"weighted_strength":${float(p.weighted_strength)},"bayesian_posterior":${float(p.bayesian_posterior)},"bayesian_prior":${float(p.bayesian_prior)},"bayesian_likelihood":${float(p.bayesian_likelihood)},${weightedText(p)}}`;
}

function oneSymbolText(p: OneSymbolPrediction): string {
  return `{"name":${JSON.stringify(p.name)},"frequency":${p.frequency},"emotives":${emotivesText(p.emotives)},"pattern_data":${JSON.stringify(p.pattern_data)},"length":${p.length},"matches":${JSON.stringify(p.matches)},"past":${JSON.stringify(p.past)},"present":${JSON.stringify(p.present)},"future":${JSON.stringify(p.future)},"missing":${JSON.stringify(p.missing)},"extras":${JSON.stringify(p.extras)},"anomalies":${anomaliesText(p.anomalies)},"evidence":${float(p.evidence)},"confidence":${float(p.confidence)},"similarity":${float(p.similarity)},"fragmentation":${float(p.fragmentation)},"snr":${float(p.snr)},"potential":${float(p.potential)},${weightedText(p)}}`;
}

function weightedText(p: Prediction | OneSymbolPrediction): string {
  return `"weighted_similarity":${floatOrNull(p.weighted_similarity)},"weighted_evidence":${floatOrNull(p.weighted_evidence)},"weighted_confidence":${floatOrNull(p.weighted_confidence)},"weighted_snr":${floatOrNull(p.weighted_snr)}`;
}

function anomaliesText(anomalies: Prediction["anomalies"]): string {
  if (anomalies.length === 0) return "[]";
  return `[${anomalies
    .map((a) => `{"observed":${JSON.stringify(a.observed)},"expected":${JSON.stringify(a.expected)},"similarity":${float(a.similarity)}}`)
    .join(",")}]`;
}

function potentialText(p: FuturePotential): string {
  return `{"future":${JSON.stringify(p.future)},"aggregate_potential":${float(p.aggregate_potential)},"supporting_patterns":${p.supporting_patterns},"total_weighted_frequency":${float(p.total_weighted_frequency)}}`;
}
