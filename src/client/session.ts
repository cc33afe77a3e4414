/**
 * A session, kept alive over the server's forgetting: when the server says that the session is gone, a new one is made with the same
 * settings, what had been observed and not learned yet is observed again, and the call is repeated. KATO's sample client does the same, with
 * two differences. It takes any 404 for a lost session; this one reads the answer. It asks the lost session for its short-term memory; this one
 * has kept it. What a lost session had accumulated (emotives, metadata, clock) comes back as far as it belongs to those observations.
 */
import { type Call, type CallOptions, EngramError, newKey, type Transport } from "./transport.ts";
import type {
  CognitionData,
  EffectiveSettings,
  Events,
  Finalized,
  Learned,
  NewSession,
  Observation,
  Observed,
  PerceptData,
  Predictions,
  SequenceObserved,
  SequenceRequest,
  SessionInfo,
  SettingsUpdate,
} from "./types.ts";

export interface SessionOptions extends CallOptions {
  /** Times one call may make a new session. Default 3; 0 leaves a lost session to the caller. */
  readonly recreations?: number;
}

/** As many events as the server keeps of a short-term memory. */
const EVENTS_MAX = 1_000;

export class EngramSession {
  readonly #transport: Transport;
  readonly #request: NewSession;
  readonly #recreations: number;
  #info: SessionInfo;
  /** Settings changed since creation; a new session gets them too. */
  #settings: Record<string, unknown> = {};
  /** Observations of the events in short-term memory, oldest first. */
  #events: Observation[] = [];
  /** Calls that found the session lost share one new session. */
  #recreating: Promise<void> | undefined;

  constructor(transport: Transport, request: NewSession, info: SessionInfo, options: SessionOptions) {
    this.#transport = transport;
    this.#request = request;
    this.#info = info;
    this.#recreations = options.recreations ?? 3;
  }

  /** Another one after a recreation. */
  get id(): string {
    return this.#info.session_id;
  }

  get nodeId(): string {
    return this.#info.node_id;
  }

  async info(options: CallOptions = {}): Promise<SessionInfo> {
    return this.#call("GET", "", options);
  }

  async exists(options: CallOptions = {}): Promise<boolean> {
    const { exists } = await this.#transport.json<{ exists: boolean }>("GET", `${this.#path()}/exists`, options);
    return exists;
  }

  /** Ends the session. False when it was over already. */
  async delete(options: CallOptions = {}): Promise<boolean> {
    try {
      await this.#transport.json("DELETE", this.#path(), options);
      return true;
    } catch (error) {
      if (isLost(error)) return false;
      throw error;
    }
  }

  /** The session's time to live from now on. */
  async extend(ttlSeconds = 3_600, options: CallOptions = {}): Promise<void> {
    await this.#call("POST", "/extend", { ...options, query: { ttl_seconds: ttlSeconds } });
  }

  async config(options: CallOptions = {}): Promise<EffectiveSettings> {
    return (await this.#call<{ config: EffectiveSettings }>("GET", "/config", options)).config;
  }

  async configure(settings: SettingsUpdate, options: CallOptions = {}): Promise<void> {
    await this.#call("POST", "/config", { ...options, body: { config: settings } });
    this.#settings = { ...this.#settings, ...settings };
  }

  /** Counts once, whatever had to be sent again. */
  async observe(observation: Observation, options: CallOptions = {}): Promise<Observed> {
    const observed = await this.#call<Observed>("POST", "/observe", { idempotencyKey: newKey(), ...options, body: observation });
    this.#remember([observation], observed.auto_learned_pattern === null ? EVENTS_MAX : observed.stm_length);
    return observed;
  }

  /** Counts once, whatever had to be sent again. */
  async observeSequence(
    observations: SequenceRequest["observations"],
    flags: Omit<SequenceRequest, "observations"> = {},
    options: CallOptions = {},
  ): Promise<SequenceObserved> {
    const body = { observations, ...flags };
    const observed = await this.#call<SequenceObserved>("POST", "/observe-sequence", { idempotencyKey: newKey(), ...options, body });
    const emptied = observed.auto_learned_patterns.length > 0 || observed.final_learned_pattern !== null || observed.isolated;
    this.#remember(observations, emptied ? observed.final_stm_length : EVENTS_MAX);
    return observed;
  }

  async stm(options: CallOptions = {}): Promise<Events> {
    return (await this.#call<{ stm: Events }>("GET", "/stm", options)).stm;
  }

  /** `pattern_name` is empty when a single symbol made no pattern. Counts once, whatever had to be sent again. */
  async learn(options: CallOptions = {}): Promise<Learned> {
    const learned = await this.#call<Learned>("POST", "/learn", { idempotencyKey: newKey(), ...options });
    this.#events = [];
    return learned;
  }

  async clearStm(options: CallOptions = {}): Promise<void> {
    await this.#call("POST", "/clear-stm", options);
    this.#events = [];
  }

  /** Everything the node has learned, for all its sessions. */
  async clearAll(options: CallOptions = {}): Promise<void> {
    await this.#call("POST", "/clear-all", options);
    this.#events = [];
  }

  finalizeTraining(options: CallOptions = {}): Promise<Finalized> {
    return this.#call("POST", "/finalize-training", options);
  }

  async perceptData(options: CallOptions = {}): Promise<PerceptData> {
    return (await this.#call<{ percept_data: PerceptData }>("GET", "/percept-data", options)).percept_data;
  }

  async cognitionData(options: CallOptions = {}): Promise<CognitionData> {
    return (await this.#call<{ cognition_data: CognitionData }>("GET", "/cognition-data", options)).cognition_data;
  }

  /** `explain` adds how the answer came about. */
  predictions(options: CallOptions & { readonly explain?: boolean } = {}): Promise<Predictions> {
    const { explain, ...rest } = options;
    return this.#call("GET", "/predictions", { ...rest, query: { explain } });
  }

  #path(): string {
    return `/sessions/${encodeURIComponent(this.id)}`;
  }

  async #call<T>(method: string, path: string, call: Call): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const { id } = this;
      try {
        return await this.#transport.json<T>(method, `${this.#path()}${path}`, call);
      } catch (error) {
        if (!isLost(error) || attempt >= this.#recreations) throw error;
        await this.#recreate(id, call.signal);
      }
    }
  }

  /** Once for all calls that lost the session of that id. */
  async #recreate(lost: string, signal: AbortSignal | undefined): Promise<void> {
    while (this.#recreating !== undefined) await this.#recreating;
    if (this.id !== lost) return;
    this.#recreating = this.#replaced(signal === undefined ? {} : { signal }).finally(() => {
      this.#recreating = undefined;
    });
    await this.#recreating;
  }

  async #replaced(options: CallOptions): Promise<void> {
    const info = await this.#transport.json<SessionInfo>("POST", "/sessions", { ...options, body: this.#request });
    const path = `/sessions/${encodeURIComponent(info.session_id)}`;
    if (Object.keys(this.#settings).length > 0) {
      await this.#transport.json("POST", `${path}/config`, { ...options, body: { config: this.#settings } });
    }
    if (this.#events.length > 0) {
      const body = { observations: this.#events };
      await this.#transport.json("POST", `${path}/observe-sequence`, { ...options, idempotencyKey: newKey(), body });
    }
    this.#info = info;
  }

  /** Only observations with strings or vectors are events; of those the newest `kept` are in short-term memory. */
  #remember(observations: readonly Observation[], kept: number): void {
    const events = observations.filter(({ strings = [], vectors = [] }) => strings.length > 0 || vectors.length > 0);
    this.#events = kept === 0 ? [] : [...this.#events, ...events].slice(-kept);
  }
}

/** The server knows no such session; another 404 is no reason to make a new one. */
function isLost(error: unknown): boolean {
  if (!(error instanceof EngramError) || error.status !== 404) return false;
  if (error.code === "SESSION_NOT_FOUND") return true;
  return /^Session .* not found or expired$/.test((error.body as { detail?: string } | undefined)?.detail ?? "");
}
