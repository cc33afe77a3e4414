/**
 * Bodies of `observe` and `observe-sequence`: read by their schemas (schema/requests.ts), otherwise passed on as they were parsed. Errors:
 * RequestRefused with every issue found.
 */
import type { Observation } from "../engine-types.ts";
import { isObject } from "./coercion.ts";
import { Issues, type Loc } from "./issues.ts";
import type { HttpLimits } from "./limits.ts";
import { readerOf } from "./schema/reader.ts";
import { observeBody, sequenceBody } from "./schema/requests.ts";

export interface SequenceBody {
  readonly observations: readonly Observation[];
  readonly flags: { readonly learnAfterEach: boolean; readonly learnAtEnd: boolean; readonly clearStmBetween: boolean };
}

interface SequenceItem extends Omit<Observation, "uniqueId"> {
  readonly unique_id?: string | null;
}

const BODY: Loc = ["body"];

/** The body as an object, or an issue: an absent body is a missing field, as KATO has it. */
export function bodyObject(body: unknown, issues: Issues): Readonly<Record<string, unknown>> {
  if (isObject(body)) return body;
  if (body === undefined || body === null) return issues.refuse("missing", BODY, null);
  return issues.refuse("model_attributes_type", BODY, body);
}

export function observeReader(limits: HttpLimits): (body: unknown) => Observation {
  const read = readerOf(observeBody(limits));
  return (body) => {
    const issues = new Issues();
    const observation = read(bodyObject(body, issues), BODY, issues) as Observation;
    issues.assertNone();
    return observation;
  };
}

export function sequenceReader(limits: HttpLimits): (body: unknown) => SequenceBody {
  const read = readerOf(sequenceBody(limits));
  return (body) => {
    const issues = new Issues();
    const given = read(bodyObject(body, issues), BODY, issues) as {
      observations: readonly SequenceItem[];
      learn_after_each: boolean;
      learn_at_end: boolean;
      clear_stm_between: boolean;
    };
    issues.assertNone();
    return {
      observations: given.observations.map(named),
      flags: { learnAfterEach: given.learn_after_each, learnAtEnd: given.learn_at_end, clearStmBetween: given.clear_stm_between },
    };
  };
}

/** Absent, null and the empty text all leave the naming to the engine. */
function named({ unique_id: uniqueId, ...observation }: SequenceItem): Observation {
  return uniqueId ? { ...observation, uniqueId } : observation;
}
