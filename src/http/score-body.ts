/** The body of bulk scoring under `/v1/kbs/{node}/score`. Errors: RequestRefused. */
import type { ScoreAllRequest } from "../engine-types.ts";
import { toFloat, toInteger } from "./coercion.ts";
import { Issues } from "./issues.ts";
import { readEvents, readList } from "./kb-body.ts";
import type { HttpLimits } from "./limits.ts";
import { bodyObject } from "./observation-body.ts";

/** States of one call: the engine scores as many in one pass over the kb. */
const STATES_MAX = 512;
/** Matches of one answer at most, over all its states: about 80 MB of JSON. */
const MATCHES_MAX = 1_000_000;
const KEEP_DEFAULT = 100;

export function readScoreBody(body: unknown, limits: HttpLimits): Omit<ScoreAllRequest, "kb" | "signal"> {
  const issues = new Issues();
  const given = bodyObject(body, issues);
  const loc = ["body", "queries"];
  const list = readList(given.queries, loc, given, issues);
  if (list.length > STATES_MAX) issues.addLimit(loc, "queries in one call", STATES_MAX, list.length);
  issues.assertNone();
  const symbolsMax = limits.eventsPerStateMax * limits.symbolsPerObservationMax;
  const queries = list.map((state, i) => {
    if (Array.isArray(state) && state.length > limits.eventsPerStateMax)
      issues.addLimit([...loc, i], "events in a state", limits.eventsPerStateMax, state.length);
    return issues.full ? [] : readEvents(state, [...loc, i], symbolsMax, limits, issues);
  });
  const number = (name: "cutoff" | "keep", read: typeof toFloat, fallback: number): number => {
    const value = given[name];
    if (value === undefined || value === null) return fallback;
    const result = read(value);
    if (typeof result === "number") return result;
    issues.add(result, ["body", name], value);
    return fallback;
  };
  const cutoff = number("cutoff", toFloat, 0.5);
  const keep = number("keep", toInteger, KEEP_DEFAULT);
  if (cutoff < 0 || cutoff > 1) issues.addValue(["body", "cutoff"], "Must be from 0 to 1", cutoff);
  if (keep < 1) issues.addValue(["body", "keep"], "Must be 1 or more", keep);
  if (keep * queries.length > MATCHES_MAX)
    issues.addLimit(["body", "keep"], "matches in one answer (keep times queries)", MATCHES_MAX, keep * queries.length);
  const similarity = given.similarity ?? "token";
  if (similarity !== "token" && similarity !== "character")
    issues.addValue(["body", "similarity"], 'Must be "token" or "character"', similarity);
  issues.assertNone();
  return { queries, cutoff, keep, similarity: similarity as "token" | "character" };
}
