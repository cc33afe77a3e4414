/** What requests may carry, within the limits of this server: read by `reader.ts`, shown in the documents. docs/wire.md. */
import Type from "typebox";
import { RETENTION_SECONDS_MAX, RETENTION_SECONDS_MIN } from "../../model/retention.ts";
import type { HttpLimits } from "../limits.ts";
import { anyObject, flag, integer, namedNumbers, nullable, numberLists, optional, settings, symbolList, symbolText } from "./kinds.ts";

/** What `extend` sets when its query names no time. KATO's constant. */
export const EXTEND_SECONDS_DEFAULT = 3_600;

const observationMembers = (limits: HttpLimits) => ({
  strings: optional(
    symbolList(limits.symbolBytesMax, limits.symbolsPerObservationMax, "strings in one observation", "Symbols seen together: one event."),
  ),
  vectors: optional(
    numberLists(limits.vectorsPerObservationMax, limits.vectorNumbersMax, "Vectors of one length; several are summed into one."),
  ),
  emotives: optional(namedNumbers(limits.symbolBytesMax, limits.emotivesPerObservationMax, "Feelings by name.")),
  metadata: optional(anyObject(limits.metadataBytesMax, limits.metadataDepthMax, "Any JSON object; united with the pattern's at learn.")),
});

export const observeBody = (limits: HttpLimits) => Type.Object(observationMembers(limits));

export const sequenceBody = (limits: HttpLimits) =>
  Type.Object({
    observations: Type.Array(
      Type.Object({
        ...observationMembers(limits),
        unique_id: optional(
          nullable(symbolText(limits.uniqueIdBytesMax, "Your name for this observation; it comes back with its result.")),
        ),
      }),
      {
        description: "Observations, one after the other; may be empty.",
        maxItems: limits.observationsPerSequenceMax,
        "x-what": "observations in one sequence",
      },
    ),
    learn_after_each: optional(flag("Learn after every observation.")),
    learn_at_end: optional(flag("Learn what is left at the end.")),
    clear_stm_between: optional(flag("Empty the short-term memory before every observation but the first.")),
  });

export const createBody = (limits: HttpLimits) =>
  Type.Object({
    node_id: symbolText(limits.nodeIdBytesMax, "Whose patterns the session learns and asks. Sessions of one node share them."),
    metadata: optional(nullable(anyObject(limits.metadataBytesMax, limits.metadataDepthMax, "Your own; echoed."))),
    ttl_seconds: optional(
      nullable(integer(0, limits.ttlSecondsMax, "seconds", "Life without use; absent, null or 0 for the server's default.")),
    ),
    config: optional(nullable(settings("Settings of the session, as `POST /sessions/{session_id}/config` takes them."))),
  });

export const configBody = () =>
  Type.Object(
    {
      config: optional(settings("Settings to change; may stand here or be the body itself.")),
    },
    { additionalProperties: true },
  );

export const extendQuery = (limits: HttpLimits) =>
  Type.Object({
    ttl_seconds: Type.Integer({
      description: "New time to live, from now on.",
      minimum: 1,
      maximum: limits.ttlSecondsMax,
      "x-unit": "seconds",
      default: EXTEND_SECONDS_DEFAULT,
    }),
  });

const nodeOf = (limits: HttpLimits, about: string) => symbolText(limits.nodeIdBytesMax, about);
export const sessionListQuery = (limits: HttpLimits) =>
  Type.Object({
    limit: optional(integer(1, limits.pageMax, "sessions in one page", "Sessions in a page.")),
    cursor: optional(symbolText(limits.nodeIdBytesMax, "Of the page before.")),
    node_id: optional(nodeOf(limits, "Only sessions of this node.")),
  });
export const sessionClone = (limits: HttpLimits) =>
  Type.Object({
    node_id: optional(nullable(nodeOf(limits, "Another node; absent for the same one."))),
    ttl_seconds: optional(nullable(integer(0, limits.ttlSecondsMax, "seconds", "Life without use; absent for the same one."))),
  });
export const sessionDelete = (limits: HttpLimits) =>
  Type.Object({
    session_ids: optional(symbolList(limits.nodeIdBytesMax, limits.pageMax, "session_ids in one request", "Either these …")),
    node_id: optional(nodeOf(limits, "… or all sessions of this node.")),
    dry_run: optional(flag("Only say what would be ended.")),
  });

const events = Type.Array(Type.Array(Type.String()), { description: "Events: lists of symbols seen together." });

export const kbLearnBody = (limits: HttpLimits) =>
  Type.Object({
    sequences: Type.Array(events, { description: "Each is learned once, in order.", maxItems: limits.sequencesPerCallMax }),
  });

export const retentionBody = () =>
  Type.Object({
    seconds: integer(RETENTION_SECONDS_MIN, RETENTION_SECONDS_MAX, "seconds", "How long a pattern stays that is not learned again."),
  });

export const minhashBody = () =>
  Type.Object({
    bands: optional(integer(1, 128, "bands", "Groups of values of which one must be equal: 20 (default) or 32.")),
    rows: optional(integer(1, 128, "values", "Values a band: 5 (default), or 4 of 32 bands.")),
    permutations: optional(integer(1, 4_096, "values", "Values of a signature: 100 (default), or 128 of 32 bands.")),
    scheme: optional(
      symbolText(64, "datasketch (default), or of 32 bands multiply-add or one-permutation, which cost less and are nobody else's."),
    ),
  });

export const kbPredictBody = () => Type.Object({ state: events, config: optional(nullable(settings("Settings of this prediction."))) });

export const kbScoreBody = () =>
  Type.Object({
    queries: Type.Array(events, { description: "States to compare with every pattern." }),
    cutoff: optional(nullable(Type.Number({ description: "Lowest similarity of a match.", minimum: 0, maximum: 1, default: 0.5 }))),
    keep: optional(nullable(Type.Integer({ description: "Matches given for a state at most.", minimum: 1, default: 100 }))),
    similarity: optional(Type.Union([Type.Literal("token"), Type.Literal("character")])),
  });

/** One line of a bulk learn. */
export const patternLine = () =>
  Type.Union([
    events,
    Type.Object({
      events,
      emotives: optional(Type.Record(Type.String(), Type.Number())),
      metadata: optional(Type.Record(Type.String(), Type.Unknown())),
    }),
  ]);

const filters = {
  length_min: optional(Type.Integer({ description: "Symbols at least.", minimum: 0 })),
  length_max: optional(Type.Integer({ description: "Symbols at most.", minimum: 0 })),
  frequency_min: optional(Type.Integer({ description: "Times learned at least.", minimum: 0 })),
  frequency_max: optional(Type.Integer({ description: "Times learned at most.", minimum: 0 })),
  contains: optional(Type.String({ description: "A symbol." })),
  learned_since: optional(Type.String({ description: "A date: the first learn or any later one.", format: "date-time" })),
  learned_before: optional(Type.String({ description: "A date: not learned since.", format: "date-time" })),
};
export const patternListQuery = (limits: HttpLimits) =>
  Type.Object({
    limit: optional(Type.Integer({ minimum: 1, maximum: limits.pageMax, default: limits.pageDefault })),
    cursor: optional(Type.String({ description: "Of the page before." })),
    ...filters,
  });
export const patternNames = (limits: HttpLimits) => Type.Object({ names: Type.Array(Type.String(), { maxItems: limits.pageMax }) });
export const patternDelete = () =>
  Type.Object({
    names: optional(Type.Array(Type.String(), { description: "Either these …" })),
    filter: optional(Type.Object(filters, { description: "… or those that this passes, with one condition at least." })),
    dry_run: optional(flag("Only say what would be deleted.")),
  });
export const patternUpdate = () =>
  Type.Object(
    {
      frequency: optional(Type.Integer({ minimum: 1 })),
      emotives: optional(Type.Array(Type.Record(Type.String(), Type.Number()), { description: "The new window, oldest first." })),
      metadata: optional(Type.Record(Type.String(), Type.Unknown())),
      events: optional(events),
    },
    { description: "One or more of them." },
  );
