/** Every call with its schemas, for the documents: one table by method and path, laid over the routes when they are made. docs/wire.md. */
import type { FastifySchema } from "fastify";
import Type, { type TSchema } from "typebox";
import type { HttpLimits } from "../limits.ts";
import { ANSWERS, REQUESTS } from "./examples.ts";
import { KB_ANSWERS, KB_REQUESTS, wholeKbCalls } from "./kb-calls.ts";
import { optional } from "./kinds.ts";
import * as requests from "./requests.ts";
import * as responses from "./responses.ts";

/** What @fastify/swagger adds to a route's schema. */
export type Operation = FastifySchema & {
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly description?: string;
  readonly hide?: boolean;
  readonly consumes?: readonly string[];
};

export interface Call {
  readonly summary: string;
  readonly answer: TSchema;
  readonly body?: TSchema;
  readonly query?: TSchema;
  readonly more?: string;
  /** Body and answer are JSON lines; the schemas are those of a line. */
  readonly lines?: true;
  /** Which of the two is bytes. */
  readonly binary?: "body" | "answer";
  /** What else is answered, by status, and when. */
  readonly refusals?: Readonly<Record<number, string>>;
}

const OWN_TAG = "Knowledge bases (/v1)";
const minutes = Type.Object({ minutes: optional(Type.Integer({ minimum: 1, maximum: 1_440, default: 10 })) });
const node = Type.Object({ node_id: optional(Type.String({ description: "Else `X-Test-ID`, `X-Node-ID`, or `default_node`." })) });

function callsOf(limits: HttpLimits): Readonly<Record<string, Readonly<Record<string, Call>>>> {
  return {
    Sessions: {
      "POST /sessions": { summary: "Make a session", body: requests.createBody(limits), answer: responses.session },
      "GET /sessions/count": { summary: "Count living sessions", answer: responses.sessionCount },
      "GET /sessions/:id": { summary: "Read a session; its life begins anew", answer: responses.session },
      "GET /sessions/:id/exists": { summary: "Look whether a session lives; never prolongs it", answer: responses.sessionExists },
      "DELETE /sessions/:id": { summary: "End a session; what it learned stays", answer: responses.sessionDeleted },
      "POST /sessions/:id/extend": {
        summary: "Give a session a new time to live",
        query: requests.extendQuery(limits),
        answer: responses.sessionExtended,
      },
      "GET /sessions/:id/config": { summary: "Effective settings of a session", answer: responses.sessionConfig },
      "POST /sessions/:id/config": {
        summary: "Change settings of a session, key by key",
        body: requests.configBody(),
        answer: responses.configUpdated,
        more: "All of an update is applied, or nothing: a refused value is a 400 that names each key and what it accepts.",
      },
    },
    "Observing and learning": {
      "POST /sessions/:id/observe": { summary: "Observe one event", body: requests.observeBody(limits), answer: responses.observed },
      "POST /sessions/:id/observe-sequence": {
        summary: "Observe many events, and learn",
        body: requests.sequenceBody(limits),
        answer: responses.sequenceObserved,
      },
      "GET /sessions/:id/stm": { summary: "The short-term memory", answer: responses.stm },
      "POST /sessions/:id/learn": {
        summary: "Learn the short-term memory as a pattern",
        answer: responses.learned,
        more: "With an `Idempotency-Key` a call that is repeated counts once.",
      },
      "POST /sessions/:id/clear-stm": { summary: "Empty the short-term memory", answer: responses.cleared },
      "POST /sessions/:id/clear-all": { summary: "Forget everything the node has learned", answer: responses.allCleared },
      "POST /sessions/:id/finalize-training": { summary: "Settle the statistics of what was learned", answer: responses.finalized },
      "GET /sessions/:id/percept-data": { summary: "What the last observation was", answer: responses.perceptData },
    },
    Predictions: {
      "GET /sessions/:id/predictions": {
        summary: "What the short-term memory resembles, and what comes next",
        query: Type.Object({ explain: optional(Type.String({ description: "`true` adds how the answer came about." })) }),
        answer: responses.predictions,
      },
      "GET /sessions/:id/cognition-data": { summary: "Predictions and state of the last observation", answer: responses.cognitionData },
    },
    Nodes: {
      "GET /pattern/:id": {
        summary: "A pattern by its name",
        query: node,
        answer: responses.pattern,
        more: "An unknown name is a 200 with `status` `error` inside, as KATO's clients expect.",
      },
      "GET /symbols/stats": { summary: "All symbols with their counters", query: node, answer: responses.symbolStats },
      "GET /symbols/affinity": { summary: "Symbols that emotives were learned with", query: node, answer: responses.affinities },
      "GET /symbols/:symbol/affinity": { summary: "One symbol's emotives", query: node, answer: responses.symbolAffinity },
      "GET /percept-data": { summary: "Empty: state belongs to sessions", query: node, answer: responses.nodePercept },
      "GET /cognition-data": { summary: "Empty: state belongs to sessions", query: node, answer: responses.nodeCognition },
    },
    Server: {
      "GET /": { summary: "What this is", answer: responses.root },
      "GET /health": { summary: "Whether it can do its work", answer: responses.health },
      "GET /status": { summary: "Sessions and nodes in use", answer: responses.status },
      "GET /metrics": { summary: "Figures of this moment", answer: responses.metrics },
      "GET /metrics/:name": { summary: "One series of the last hour", query: minutes, answer: responses.series },
      "GET /stats": { summary: "All series of the last hour", query: minutes, answer: responses.stats },
      "GET /concurrency": { summary: "Requests under way, against the limit", answer: responses.concurrency },
      "GET /cache/stats": { summary: "What memory holds, and how often it sufficed", answer: responses.cacheStats },
      "POST /cache/invalidate": {
        summary: "Forget what memory holds",
        query: Type.Object({ session_id: optional(Type.String({ description: "Only of this session's knowledge base." })) }),
        answer: responses.cacheInvalidated,
      },
      "GET /distributed-stm/stats": { summary: "Whether processes share sessions", answer: responses.distributedStm },
      "GET /connection-pools": { summary: "How the stores answer", answer: responses.connectionPools },
    },
    [OWN_TAG]: {
      ...wholeKbCalls(limits),
      "GET /v1/kbs/:node/stats": { summary: "Counters of a knowledge base", answer: responses.kbStats },
      "POST /v1/kbs/:node/learn": { summary: "Learn many sequences", body: requests.kbLearnBody(limits), answer: responses.kbLearned },
      "POST /v1/kbs/:node/patterns": {
        summary: "Learn many patterns that come as JSON lines",
        body: requests.patternLine(),
        answer: responses.learnedLine,
        lines: true,
        more: "Answers with a line for each while more arrive, and with one that sums up.",
      },
      "GET /v1/kbs/:node/patterns": {
        summary: "List patterns, page by page",
        query: requests.patternListQuery(limits),
        answer: responses.patternPage,
      },
      "POST /v1/kbs/:node/patterns/get": {
        summary: "Patterns by their names",
        body: requests.patternNames(limits),
        answer: responses.patternsFound,
      },
      "POST /v1/kbs/:node/patterns/delete": {
        summary: "Delete patterns by name or by filter, or say what would go",
        body: requests.patternDelete(),
        answer: responses.patternsDeleted,
      },
      "GET /v1/kbs/:node/patterns/:name": { summary: "One pattern", answer: responses.storedPattern },
      "PUT /v1/kbs/:node/patterns/:name": {
        summary: "Change a pattern",
        body: requests.patternUpdate(),
        answer: responses.storedPattern,
        more: "Other `events` make it another pattern, which takes the figures over.",
      },
      "DELETE /v1/kbs/:node/patterns/:name": { summary: "Delete a pattern", answer: responses.patternDeleted },
      "GET /v1/kbs/:node/retention": { summary: "How long patterns stay that are not learned again", answer: responses.retention },
      "PUT /v1/kbs/:node/retention": {
        summary: "Let patterns go that are not learned again in so many seconds",
        body: requests.retentionBody(),
        answer: responses.retention,
        more: "They are deleted in the background, as a call would delete them. A setting outlives a clear, and goes with the knowledge base.",
      },
      "DELETE /v1/kbs/:node/retention": { summary: "Keep patterns for good again", answer: responses.retention },
      "GET /v1/kbs/:node/minhash": { summary: "Whether patterns are indexed by MinHash, and how", answer: responses.minhash },
      "PUT /v1/kbs/:node/minhash": {
        summary: "Index patterns by MinHash, for the source buckets",
        body: requests.minhashBody(),
        answer: responses.minhash,
        more: "Patterns that are there are indexed in the background. A setting is kept until the knowledge base is cleared: another one is 409.",
      },
      "GET /v1/sessions": {
        summary: "List living sessions, page by page; prolongs none",
        query: requests.sessionListQuery(limits),
        answer: responses.sessionPage,
        more: "A page of one node's sessions may be short and yet have a cursor. A session that is used between two pages may come twice.",
      },
      "GET /v1/sessions/:id": { summary: "Everything a session holds; does not prolong it", answer: responses.wholeSession },
      "POST /v1/sessions/:id/clone": {
        summary: "Make a session that stands where another one does",
        body: requests.sessionClone(limits),
        answer: responses.sessionSummary,
      },
      "POST /v1/sessions/delete": {
        summary: "End sessions by id or of a node, or say which would end",
        body: requests.sessionDelete(limits),
        answer: responses.sessionsDeleted,
      },
      "POST /v1/kbs/:node/score": {
        summary: "Compare many states with every pattern",
        body: requests.kbScoreBody(),
        answer: responses.kbScores,
      },
      "POST /v1/kbs/:node/predict": {
        summary: "Predict for a state that is no session's",
        body: requests.kbPredictBody(),
        answer: responses.kbPredictions,
      },
    },
  };
}

const described = (schema: TSchema, description: string, example?: object | string): TSchema => ({
  ...schema,
  description,
  ...(example !== undefined && { examples: [example] }),
});

const LINES = "application/x-ndjson";
const BYTES = "application/octet-stream";
const SESSION_ERROR = { error: { code: "SESSION_NOT_FOUND", message: "Session gone not found or expired", session_id: "gone" } };
const ISSUES = { detail: [{ type: "list_type", loc: ["body", "strings"], msg: "Input should be a valid list", input: "cold" }] };
const OWN = { error: { code: "ENGRAM_BAD_REQUEST", message: "body.state: Field required", details: {} } };
const BUSY = { detail: "The server is working on 1024 requests, as many as it may. Try again shortly." };

/** Groups of calls in the order in which they are shown. */
export const tagsOf = (limits: HttpLimits): readonly { readonly name: string }[] => Object.keys(callsOf(limits)).map((name) => ({ name }));

/** Schemas by `METHOD /path`, for this server's limits. */
export function operationsOf(limits: HttpLimits): ReadonlyMap<string, Operation> {
  const operations = new Map<string, Operation>();
  for (const [tag, calls] of Object.entries(callsOf(limits))) {
    for (const [route, call] of Object.entries(calls)) operations.set(route, operationOf(tag, route, call));
  }
  return operations;
}

function paramsOf(route: string): TSchema | undefined {
  const names = [...route.matchAll(/:(\w+)/g)].map((match) => match[1]!);
  return names.length === 0 ? undefined : Type.Object(Object.fromEntries(names.map((name) => [name, Type.String()])));
}

const EXAMPLES = { requests: { ...REQUESTS, ...KB_REQUESTS }, answers: { ...ANSWERS, ...KB_ANSWERS } };

/** The schema of an answer: JSON, JSON lines or bytes. */
function answered({ answer, lines, binary }: Call, example: object | string | undefined): object {
  if (lines) return { description: "Done.", content: { [LINES]: { schema: described(answer, "A line.", example) } } };
  if (binary === "answer") return { description: "Done.", content: { [BYTES]: { schema: described(answer, "Bytes.", example) } } };
  return described(answer, "Done.", example);
}

function operationOf(tag: string, route: string, call: Call): Operation {
  const { summary, body, query, more, lines, binary, refusals = {} } = call;
  const params = paramsOf(route);
  const own = route.includes(" /v1/");
  const ofSession = /\/sessions\/:id/.test(route) && !route.endsWith("/exists") && !own;
  return {
    tags: [tag],
    summary,
    ...(more !== undefined && { description: more }),
    ...(params !== undefined && { params }),
    ...(query !== undefined && { querystring: query }),
    ...(body !== undefined && {
      body: described(body, binary === "body" ? "Bytes." : "JSON; unknown keys are ignored.", EXAMPLES.requests[route]),
    }),
    ...(lines && { consumes: [LINES] }),
    ...(binary === "body" && { consumes: [BYTES] }),
    response: {
      200: answered(call, EXAMPLES.answers[route]),
      ...(ofSession && {
        404: described(Type.Union([responses.sessionError, responses.detailError]), "The session is unknown or over.", SESSION_ERROR),
      }),
      ...(own && route.includes("/sessions/:id") && { 404: described(responses.ownError, "The session is unknown or over.", OWN) }),
      ...(own && params !== undefined && route.endsWith(":name") && { 404: described(responses.ownError, "No such pattern.", OWN) }),
      ...Object.fromEntries(Object.entries(refusals).map(([status, why]) => [status, described(responses.ownError, why, OWN)])),
      ...((body !== undefined || binary !== undefined) && {
        422: own
          ? described(responses.ownError, "The request has the wrong form, or is beyond a limit.", OWN)
          : described(responses.issuesError, "The request has the wrong form, or is beyond a limit.", ISSUES),
      }),
      ...(own
        ? { 503: described(responses.ownError, "A limit holds or a store is away; `Retry-After` says when to try again.", OWN) }
        : { 503: described(responses.detailError, "A limit holds or a store is away; `Retry-After` says when to try again.", BUSY) }),
    },
  };
}
