/**
 * A typed client of the whole interface: KATO's calls and those under /v1. Needs nothing but `fetch`. Sessions have their own class, which makes
 * a new session when the server has lost one (session.ts). Every call throws EngramError when the server refuses or does not answer.
 */
import { KnowledgeBases } from "./knowledge-bases.ts";
import { EngramSession, type SessionOptions } from "./session.ts";
import { type CallOptions, type ClientOptions, EngramError, newKey, Transport } from "./transport.ts";
import type {
  Affinities,
  Affinity,
  CacheInvalidated,
  CacheStats,
  Concurrency,
  ConnectionPools,
  DistributedStm,
  Health,
  ImportedLine,
  ImportPart,
  KbLearned,
  KbPredictions,
  KbScores,
  KbStats,
  LearnedLine,
  Metrics,
  Minhash,
  MinhashRequest,
  NewSession,
  NodeCognition,
  NodePercept,
  PatternAnswer,
  PatternChange,
  PatternFilter,
  PatternLine,
  PatternPage,
  PatternsDeleted,
  PatternsFound,
  Retention,
  ScoreRequest,
  Series,
  ServerInfo,
  ServerStatus,
  SessionExists,
  SessionInfo,
  SessionPage,
  SessionSummary,
  SessionsDeleted,
  Settings,
  Stats,
  StoredPattern,
  SymbolStats,
  WholeSession,
} from "./types.ts";

export class EngramClient {
  readonly #transport: Transport;
  /** Knowledge bases as wholes. */
  readonly kbs: KnowledgeBases;

  constructor(options: ClientOptions = {}) {
    this.#transport = new Transport(options);
    this.kbs = new KnowledgeBases(this.#transport);
  }

  /** Where session events are told: for a WebSocket of your own. */
  get eventsUrl(): string {
    return `${this.#transport.baseUrl.replace(/^http/, "ws")}/ws/events`;
  }

  // ── sessions ──

  /** Makes a session and gives the object that speaks for it. */
  async openSession(request: NewSession, options: SessionOptions = {}): Promise<EngramSession> {
    return new EngramSession(this.#transport, request, await this.createSession(request, options), options);
  }

  createSession(request: NewSession, options: CallOptions = {}): Promise<SessionInfo> {
    return this.#transport.json("POST", "/sessions", { ...options, body: request });
  }

  session(id: string, options: CallOptions = {}): Promise<SessionInfo> {
    return this.#transport.json("GET", `/sessions/${encodeURIComponent(id)}`, options);
  }

  sessionExists(id: string, options: CallOptions = {}): Promise<SessionExists> {
    return this.#transport.json("GET", `/sessions/${encodeURIComponent(id)}/exists`, options);
  }

  async sessionCount(options: CallOptions = {}): Promise<number> {
    const { active_session_count } = await this.#transport.json<{ active_session_count: number }>("GET", "/sessions/count", options);
    return active_session_count;
  }

  // ── nodes ──

  /** Undefined when the node knows no such pattern. `name` with or without `PTRN|`. */
  async pattern(
    name: string,
    nodeId: string,
    options: CallOptions = {},
  ): Promise<(PatternAnswer & { status: "okay" })["pattern"] | undefined> {
    const { pattern } = await this.#node<{ pattern: PatternAnswer }>(`/pattern/${encodeURIComponent(name)}`, nodeId, options);
    return pattern.status === "okay" ? pattern.pattern : undefined;
  }

  async symbolStats(nodeId: string, options: CallOptions = {}): Promise<SymbolStats> {
    return (await this.#node<{ symbols: SymbolStats }>("/symbols/stats", nodeId, options)).symbols;
  }

  async affinities(nodeId: string, options: CallOptions = {}): Promise<Affinities> {
    return (await this.#node<{ affinities: Affinities }>("/symbols/affinity", nodeId, options)).affinities;
  }

  async symbolAffinity(symbol: string, nodeId: string, options: CallOptions = {}): Promise<Affinity> {
    return (await this.#node<{ affinity: Affinity }>(`/symbols/${encodeURIComponent(symbol)}/affinity`, nodeId, options)).affinity;
  }

  nodePerceptData(nodeId: string, options: CallOptions = {}): Promise<NodePercept> {
    return this.#node("/percept-data", nodeId, options);
  }

  nodeCognitionData(nodeId: string, options: CallOptions = {}): Promise<NodeCognition> {
    return this.#node("/cognition-data", nodeId, options);
  }

  // ── the server ──

  info(options: CallOptions = {}): Promise<ServerInfo> {
    return this.#transport.json("GET", "/", options);
  }

  health(options: CallOptions = {}): Promise<Health> {
    return this.#transport.json("GET", "/health", options);
  }

  status(options: CallOptions = {}): Promise<ServerStatus> {
    return this.#transport.json("GET", "/status", options);
  }

  metrics(options: CallOptions = {}): Promise<Metrics> {
    return this.#transport.json("GET", "/metrics", options);
  }

  /** Undefined when there is no reading under that name in that time. */
  async series(name: string, minutes = 10, options: CallOptions = {}): Promise<Series | undefined> {
    try {
      return await this.#transport.json<Series>("GET", `/metrics/${encodeURIComponent(name)}`, { ...options, query: { minutes } });
    } catch (error) {
      if (error instanceof EngramError && error.status === 404) return undefined;
      throw error;
    }
  }

  stats(minutes = 10, options: CallOptions = {}): Promise<Stats> {
    return this.#transport.json("GET", "/stats", { ...options, query: { minutes } });
  }

  concurrency(options: CallOptions = {}): Promise<Concurrency> {
    return this.#transport.json("GET", "/concurrency", options);
  }

  cacheStats(options: CallOptions = {}): Promise<CacheStats> {
    return this.#transport.json("GET", "/cache/stats", options);
  }

  invalidateCache(sessionId?: string, options: CallOptions = {}): Promise<CacheInvalidated> {
    return this.#transport.json("POST", "/cache/invalidate", { ...options, query: { session_id: sessionId } });
  }

  distributedStm(options: CallOptions = {}): Promise<DistributedStm> {
    return this.#transport.json("GET", "/distributed-stm/stats", options);
  }

  connectionPools(options: CallOptions = {}): Promise<ConnectionPools> {
    return this.#transport.json("GET", "/connection-pools", options);
  }

  // ── knowledge bases, without sessions ──

  kbStats(nodeId: string, options: CallOptions = {}): Promise<KbStats> {
    return this.#transport.json("GET", kbPath(nodeId, "stats"), options);
  }

  /** Learns each sequence once, whatever had to be sent again. */
  learnSequences(nodeId: string, sequences: readonly (readonly (readonly string[])[])[], options: CallOptions = {}): Promise<KbLearned> {
    return this.#transport.json("POST", kbPath(nodeId, "learn"), { idempotencyKey: newKey(), ...options, body: { sequences } });
  }

  /** Adds patterns of another memory with the counters they had there, as a part of an import; a part sent again counts once. */
  importPatterns(
    nodeId: string,
    part: ImportPart,
    patterns: readonly ImportedLine[],
    options: CallOptions = {},
  ): Promise<{ imported: number }> {
    return this.#transport.json("POST", kbPath(nodeId, `imports?${partQuery(part)}`), { ...options, body: { patterns } });
  }

  /** Sets sums of emotives by symbol, perhaps as a part of an import; answers how many of the symbols are known. */
  setAffinities(
    nodeId: string,
    affinities: readonly (readonly [symbol: string, sums: readonly (readonly [emotive: string, sum: number])[]])[],
    part?: ImportPart,
    options: CallOptions = {},
  ): Promise<{ set: number }> {
    const query = part === undefined ? "" : `?${partQuery(part)}`;
    return this.#transport.json("POST", kbPath(nodeId, `affinities${query}`), { ...options, body: { affinities } });
  }

  /** Learns patterns with emotives and metadata; a result for each, and the sums last. The body is one text: send some thousands at a time. */
  async *learnPatterns(nodeId: string, patterns: Iterable<PatternLine>, options: CallOptions = {}): AsyncGenerator<LearnedLine> {
    let body = "";
    for (const pattern of patterns) body += `${JSON.stringify(pattern)}\n`;
    const content = { body, type: "application/x-ndjson" };
    const response = await this.#transport.send("POST", kbPath(nodeId, "patterns"), { idempotencyKey: newKey(), ...options, content });
    for await (const line of linesOf(response)) yield JSON.parse(line) as LearnedLine;
  }

  predictState(
    nodeId: string,
    state: readonly (readonly string[])[],
    config: Settings = {},
    options: CallOptions = {},
  ): Promise<KbPredictions> {
    return this.#transport.json("POST", kbPath(nodeId, "predict"), { ...options, body: { state, config } });
  }

  scoreStates(
    nodeId: string,
    queries: readonly (readonly (readonly string[])[])[],
    settings: Omit<ScoreRequest, "queries"> = {},
    options: CallOptions = {},
  ): Promise<KbScores> {
    return this.#transport.json("POST", kbPath(nodeId, "score"), { ...options, body: { queries, ...settings } });
  }

  // ── how long patterns stay ──

  retention(nodeId: string, options: CallOptions = {}): Promise<Retention> {
    return this.#transport.json("GET", kbPath(nodeId, "retention"), options);
  }

  /** null: for good. */
  setRetention(nodeId: string, seconds: number | null, options: CallOptions = {}): Promise<Retention> {
    const path = kbPath(nodeId, "retention");
    if (seconds === null) return this.#transport.json("DELETE", path, options);
    return this.#transport.json("PUT", path, { ...options, body: { seconds } });
  }

  // ── how patterns are indexed ──

  minhash(nodeId: string, options: CallOptions = {}): Promise<Minhash> {
    return this.#transport.json("GET", kbPath(nodeId, "minhash"), options);
  }

  /** What is left out is the default's. 409 ENGRAM_MINHASH_FIXED for another setting than there is. */
  setMinhash(nodeId: string, setting: MinhashRequest = {}, options: CallOptions = {}): Promise<Minhash> {
    return this.#transport.json("PUT", kbPath(nodeId, "minhash"), { ...options, body: setting });
  }

  // ── sessions as wholes ──

  /** One page of living sessions; ask for the next with its `cursor`. */
  listSessions(
    query: { readonly limit?: number; readonly cursor?: string; readonly node_id?: string } = {},
    options: CallOptions = {},
  ): Promise<SessionPage> {
    return this.#transport.json("GET", "/v1/sessions", { ...options, query: { ...query } });
  }

  /** Everything a session holds; does not prolong it. */
  inspectSession(id: string, options: CallOptions = {}): Promise<WholeSession> {
    return this.#transport.json("GET", `/v1/sessions/${encodeURIComponent(id)}`, options);
  }

  /** A new session that stands where the other one does. Sent again, it makes another one. */
  cloneSession(
    id: string,
    change: { readonly node_id?: string; readonly ttl_seconds?: number } = {},
    options: CallOptions = {},
  ): Promise<SessionSummary> {
    return this.#transport.json("POST", `/v1/sessions/${encodeURIComponent(id)}/clone`, { ...options, body: change });
  }

  /** By ids, or all of a node; with `dryRun` it only says which would end. */
  deleteSessions(
    which: { readonly session_ids: readonly string[] } | { readonly node_id: string },
    options: CallOptions & { readonly dryRun?: boolean } = {},
  ): Promise<SessionsDeleted> {
    const { dryRun = false, ...rest } = options;
    return this.#transport.json("POST", "/v1/sessions/delete", { ...rest, body: { ...which, dry_run: dryRun } });
  }

  // ── patterns of a knowledge base, one by one ──

  /** One page; ask for the next with its `cursor`. */
  listPatterns(
    nodeId: string,
    query: PatternFilter & { readonly limit?: number; readonly cursor?: string } = {},
    options: CallOptions = {},
  ): Promise<PatternPage> {
    return this.#transport.json("GET", kbPath(nodeId, "patterns"), { ...options, query: { ...query } });
  }

  getPatterns(nodeId: string, names: readonly string[], options: CallOptions = {}): Promise<PatternsFound> {
    return this.#transport.json("POST", kbPath(nodeId, "patterns/get"), { ...options, body: { names } });
  }

  /** Errors: EngramError with `ENGRAM_PATTERN_UNKNOWN`. */
  storedPattern(nodeId: string, name: string, options: CallOptions = {}): Promise<StoredPattern> {
    return this.#transport.json("GET", patternPath(nodeId, name), options);
  }

  /** Counts once, whatever had to be sent again. */
  updatePattern(nodeId: string, name: string, change: PatternChange, options: CallOptions = {}): Promise<StoredPattern> {
    return this.#transport.json("PUT", patternPath(nodeId, name), { idempotencyKey: newKey(), ...options, body: change });
  }

  async deletePattern(nodeId: string, name: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.json("DELETE", patternPath(nodeId, name), { idempotencyKey: newKey(), ...options });
  }

  /** By names or by a filter; with `dryRun` it only says what would go. */
  deletePatterns(
    nodeId: string,
    which: { readonly names: readonly string[] } | { readonly filter: PatternFilter },
    options: CallOptions & { readonly dryRun?: boolean } = {},
  ): Promise<PatternsDeleted> {
    const { dryRun = false, ...rest } = options;
    return this.#transport.json("POST", kbPath(nodeId, "patterns/delete"), {
      idempotencyKey: newKey(),
      ...rest,
      body: { ...which, dry_run: dryRun },
    });
  }

  #node<T>(path: string, nodeId: string, options: CallOptions): Promise<T> {
    return this.#transport.json("GET", path, { ...options, query: { node_id: nodeId } });
  }
}

const partQuery = ({ id, part, last, merge }: ImportPart): string =>
  new URLSearchParams({ import: id, part: String(part), last: String(last), merge: String(merge) }).toString();

const kbPath = (nodeId: string, call: string): string => `/v1/kbs/${encodeURIComponent(nodeId)}/${call}`;

const patternPath = (nodeId: string, name: string): string => kbPath(nodeId, `patterns/${encodeURIComponent(name)}`);

async function* linesOf(response: Response): AsyncGenerator<string> {
  if (response.body === null) return;
  const decoder = new TextDecoder();
  let rest = "";
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    const lines = (rest + decoder.decode(part, { stream: true })).split("\n");
    rest = lines.pop() as string;
    for (const line of lines) if (line !== "") yield line;
  }
  if (rest !== "") yield rest;
}
