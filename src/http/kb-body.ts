/** Bodies of the calls under `/v1/kbs`: bulk learning and prediction for a state that is no session's. Errors: RequestRefused. */
import type { Event } from "../model/event.ts";
import type { SessionConfig } from "../model/session-config.ts";
import { isObject } from "./coercion.ts";
import { Issues, type Loc } from "./issues.ts";
import type { HttpLimits } from "./limits.ts";
import { bodyObject } from "./observation-body.ts";
import { readNewConfig } from "./session-body.ts";
import { readSymbols } from "./strings.ts";

/** Sequences to learn; events without symbols are left out, as an observation without symbols adds no event. */
export function readLearnBody(body: unknown, limits: HttpLimits): readonly (readonly Event[])[] {
  const issues = new Issues();
  const given = bodyObject(body, issues);
  const loc = ["body", "sequences"];
  const sequences = readList(given.sequences, loc, given, issues);
  if (sequences.length > limits.sequencesPerCallMax) {
    issues.addLimit(loc, "sequences in one call", limits.sequencesPerCallMax, sequences.length);
    issues.assertNone();
  }
  const checked: (readonly Event[])[] = [];
  for (let i = 0; i < sequences.length && !issues.full; i++) {
    checked.push(readEvents(sequences[i], [...loc, i], limits.symbolsPerSequenceMax, limits, issues));
  }
  issues.assertNone();
  return checked;
}

export interface PredictBody {
  readonly state: readonly Event[];
  readonly config?: SessionConfig;
}

export function readPredictBody(body: unknown, limits: HttpLimits): PredictBody {
  const issues = new Issues();
  const given = bodyObject(body, issues);
  const loc = ["body", "state"];
  const list = readList(given.state, loc, given, issues);
  if (list.length > limits.eventsPerStateMax) issues.addLimit(loc, "events in a state", limits.eventsPerStateMax, list.length);
  issues.assertNone();
  // A state may hold more than a pattern can: KATO matches long-lived STMs too.
  const state = readEvents(list, loc, limits.eventsPerStateMax * limits.symbolsPerObservationMax, limits, issues);
  const settings = given.config ?? undefined;
  if (settings !== undefined && !isObject(settings)) issues.add("dict_type", ["body", "config"], settings);
  issues.assertNone();
  return { state, ...(settings !== undefined && { config: readNewConfig(settings as Readonly<Record<string, unknown>>).config }) };
}

export function readList(value: unknown, loc: Loc, body: unknown, issues: Issues): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value === undefined) issues.add("missing", loc, body);
  else issues.add("list_type", loc, value);
  return [];
}

/** Events of symbols, those without symbols left out. */
export function readEvents(value: unknown, loc: Loc, symbolsMax: number, limits: HttpLimits, issues: Issues): readonly Event[] {
  if (!Array.isArray(value)) {
    issues.add("list_type", loc, value);
    return [];
  }
  let symbols = 0;
  let empty = false;
  for (let i = 0; i < value.length && !issues.full; i++) {
    const event = readSymbols(value[i], [...loc, i], "symbols in one event", limits, issues);
    symbols += event.length;
    empty ||= event.length === 0;
  }
  if (symbols > symbolsMax) issues.addLimit(loc, "symbols in one sequence", symbolsMax, symbols);
  return empty ? value.filter((event: Event) => event.length > 0) : value;
}
