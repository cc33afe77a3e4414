/**
 * Bodies of `observe` and `observe-sequence`: checked, coerced where KATO coerces, and otherwise passed on as they were parsed, without
 * a copy. Errors: RequestRefused with every issue found. An object's own keys are data, `__proto__` and `constructor` among them.
 */
import type { Observation } from "../engine-types.ts";
import { isObject, readFlag, toFloat } from "./coercion.ts";
import { Issues, type Loc } from "./issues.ts";
import type { HttpLimits } from "./limits.ts";
import { readMetadata } from "./metadata-body.ts";
import { addSymbolFault, readSymbols, symbolFault } from "./strings.ts";

export interface SequenceBody {
  readonly observations: readonly Observation[];
  readonly flags: { readonly learnAfterEach: boolean; readonly learnAtEnd: boolean; readonly clearStmBetween: boolean };
}

const BODY: Loc = ["body"];
const NO_STRINGS: readonly string[] = Object.freeze([]) as readonly string[];
const NO_VECTORS: readonly (readonly number[])[] = Object.freeze([]) as readonly (readonly number[])[];
const NO_EMOTIVES: Readonly<Record<string, number>> = Object.freeze({});
const NO_OBSERVATION: Observation = { strings: NO_STRINGS, vectors: NO_VECTORS, emotives: NO_EMOTIVES, metadata: NO_EMOTIVES };

/** The body as an object, or an issue: an absent body is a missing field, as KATO has it. */
export function bodyObject(body: unknown, issues: Issues): Readonly<Record<string, unknown>> {
  if (isObject(body)) return body;
  if (body === undefined || body === null) return issues.refuse("missing", BODY, null);
  return issues.refuse("model_attributes_type", BODY, body);
}

export function readObserveBody(body: unknown, limits: HttpLimits): Observation {
  const issues = new Issues();
  const observation = readObservation(bodyObject(body, issues), BODY, limits, issues);
  issues.assertNone();
  return observation;
}

export function readSequenceBody(body: unknown, limits: HttpLimits): SequenceBody {
  const issues = new Issues();
  const given = bodyObject(body, issues);
  const observations = readObservations(given, limits, issues);
  const flags = {
    learnAfterEach: readFlag(given.learn_after_each, ["body", "learn_after_each"], issues),
    learnAtEnd: readFlag(given.learn_at_end, ["body", "learn_at_end"], issues),
    clearStmBetween: readFlag(given.clear_stm_between, ["body", "clear_stm_between"], issues),
  };
  issues.assertNone();
  return { observations, flags };
}

function readObservations(body: Readonly<Record<string, unknown>>, limits: HttpLimits, issues: Issues): readonly Observation[] {
  const list = body.observations;
  const loc = ["body", "observations"];
  if (list === undefined) issues.add("missing", loc, body);
  else if (!Array.isArray(list)) issues.add("list_type", loc, list);
  else if (list.length > limits.observationsPerSequenceMax) {
    issues.addLimit(loc, "observations in one sequence", limits.observationsPerSequenceMax, list.length);
  } else {
    const observations: Observation[] = [];
    for (let i = 0; i < list.length && !issues.full; i++) observations.push(readItem(list[i], ["body", "observations", i], limits, issues));
    return observations;
  }
  return [];
}

function readItem(item: unknown, loc: Loc, limits: HttpLimits, issues: Issues): Observation {
  if (!isObject(item)) {
    issues.add("model_attributes_type", loc, item);
    return NO_OBSERVATION;
  }
  const observation = readObservation(item, loc, limits, issues);
  const uniqueId = item.unique_id;
  // Absent, null and the empty text all leave the naming to the engine.
  if (uniqueId === undefined || uniqueId === null || uniqueId === "") return observation;
  const fault = symbolFault(uniqueId, limits.uniqueIdBytesMax);
  if (fault !== undefined) {
    addSymbolFault(fault, uniqueId, limits.uniqueIdBytesMax, [...loc, "unique_id"], issues);
    return observation;
  }
  return { ...observation, uniqueId: uniqueId as string };
}

function readObservation(body: Readonly<Record<string, unknown>>, loc: Loc, limits: HttpLimits, issues: Issues): Observation {
  const { strings, vectors, emotives, metadata } = body;
  return {
    strings: strings === undefined ? NO_STRINGS : readSymbols(strings, [...loc, "strings"], "strings in one observation", limits, issues),
    vectors: vectors === undefined ? NO_VECTORS : readVectors(vectors, [...loc, "vectors"], limits, issues),
    emotives: emotives === undefined ? NO_EMOTIVES : readEmotives(emotives, [...loc, "emotives"], limits, issues),
    metadata: readMetadata(metadata, [...loc, "metadata"], limits, issues),
  };
}

function readVectors(value: unknown, loc: Loc, limits: HttpLimits, issues: Issues): readonly (readonly number[])[] {
  if (!Array.isArray(value)) {
    issues.add("list_type", loc, value);
    return NO_VECTORS;
  }
  if (value.length > limits.vectorsPerObservationMax) {
    issues.addLimit(loc, "vectors in one observation", limits.vectorsPerObservationMax, value.length);
    return NO_VECTORS;
  }
  let numbers = 0;
  for (const vector of value) numbers += Array.isArray(vector) ? vector.length : 0;
  if (numbers > limits.vectorNumbersMax) {
    issues.addLimit(loc, "numbers in the vectors of one observation", limits.vectorNumbersMax, numbers);
    return NO_VECTORS;
  }
  return value.map((vector: unknown, i) => readVector(vector, [...loc, i], issues));
}

function readVector(value: unknown, loc: Loc, issues: Issues): readonly number[] {
  if (!Array.isArray(value)) {
    issues.add("list_type", loc, value);
    return [];
  }
  let coerced: number[] | undefined;
  for (let i = 0; i < value.length && !issues.full; i++) {
    const given: unknown = value[i];
    const number = toFloat(given);
    if (typeof number === "string") issues.add(number, [...loc, i], given);
    else if (number !== given) (coerced ??= value.slice())[i] = number;
  }
  return coerced ?? value;
}

export function readEmotives(value: unknown, loc: Loc, limits: HttpLimits, issues: Issues): Readonly<Record<string, number>> {
  if (!isObject(value)) {
    issues.add("dict_type", loc, value);
    return NO_EMOTIVES;
  }
  const names = Object.keys(value);
  if (names.length > limits.emotivesPerObservationMax) {
    issues.addLimit(loc, "emotives in one observation", limits.emotivesPerObservationMax, names.length);
    return NO_EMOTIVES;
  }
  let coerced: Record<string, number> | undefined;
  for (const name of names) {
    if (issues.full) break;
    const fault = symbolFault(name, limits.symbolBytesMax);
    if (fault !== undefined) addSymbolFault(fault, name, limits.symbolBytesMax, [...loc, "emotive name"], issues);
    const given = value[name];
    const number = toFloat(given);
    if (typeof number === "string") issues.add(number, [...loc, fault === undefined ? name : "emotive"], given);
    // Without a prototype `__proto__` is a name like any other.
    else if (number !== given) (coerced ??= Object.assign(Object.create(null), value) as Record<string, number>)[name] = number;
  }
  return coerced ?? (value as Readonly<Record<string, number>>);
}
