/**
 * One HTTP call of the client: JSON in and out, a time limit, and a repeat where a repeat can help. A call that the server did not answer, or
 * answered with 502, 503 or 504, is sent again; calls that would count twice carry an `Idempotency-Key`, the same at every try. Uses `fetch` alone.
 */

export interface ClientOptions {
  /** Where the server is. Default `http://127.0.0.1:8000`. */
  readonly baseUrl?: string;
  /** For one try of a call. Default 120,000. */
  readonly timeoutMs?: number;
  /** Further tries after 502, 503, 504 and after no answer at all. Default 3. */
  readonly retries?: number;
  /** Before the second try; it doubles with every further one. A `Retry-After` of the server's is kept to where it is longer. Default 250. */
  readonly retryDelayMs?: number;
  /** Sent with every call, for instance a proxy's credentials. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of the global `fetch`. */
  readonly fetch?: typeof fetch;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Names the call: sent again with the same key, it counts once. Made where it matters and none is given. */
  readonly idempotencyKey?: string;
}

export interface Call extends CallOptions {
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Instead of `body`: a body that is text or bytes already. */
  readonly content?: { readonly body: string | Uint8Array; readonly type: string };
}

/** The server refused, or could not be reached. */
export class EngramError extends Error {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The server's code, where its answer has one (`SESSION_NOT_FOUND`, or one of docs/errors.md under /v1). */
  readonly code: string | undefined;
  /** The body of the answer. */
  readonly body: unknown;
  /** Names the request in the server's log. */
  readonly traceId: string | undefined;
  constructor(
    message: string,
    facts: { status: number; code?: string | undefined; body?: unknown; traceId?: string | undefined; cause?: unknown },
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = "EngramError";
    this.status = facts.status;
    this.code = facts.code;
    this.body = facts.body;
    this.traceId = facts.traceId;
  }
}

const RETRIED = new Set([502, 503, 504]);
/** A server that asks for more is not waited for silently. */
const WAIT_MS_MAX = 30_000;

export class Transport {
  readonly baseUrl: string;
  readonly #timeoutMs: number;
  readonly #retries: number;
  readonly #retryDelayMs: number;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #fetch: typeof fetch;

  constructor(options: ClientOptions) {
    this.baseUrl = (options.baseUrl ?? "http://127.0.0.1:8000").replace(/\/+$/, "");
    this.#timeoutMs = options.timeoutMs ?? 120_000;
    this.#retries = options.retries ?? 3;
    this.#retryDelayMs = options.retryDelayMs ?? 250;
    this.#headers = options.headers ?? {};
    this.#fetch = options.fetch ?? fetch;
  }

  /** The parsed answer. Errors: EngramError; what `signal` aborts with. */
  async json<T>(method: string, path: string, call: Call = {}): Promise<T> {
    const response = await this.send(method, path, call);
    const body = await bodyOf(response);
    if (typeof body === "object") return body as T;
    throw new EngramError(`The server answered ${response.status} to ${path}, but with no JSON object. Is it an Engram?`, {
      status: response.status,
      body,
    });
  }

  /** The answer, which is 2xx; its body is the caller's to read. Errors: EngramError. */
  async send(method: string, path: string, call: Call = {}): Promise<Response> {
    for (let attempt = 0; ; attempt++) {
      const last = attempt >= this.#retries;
      let response: Response;
      try {
        response = await this.#once(method, path, call);
      } catch (error) {
        if (call.signal?.aborted === true) throw error;
        if (last)
          throw new EngramError(`The server at ${this.baseUrl} does not answer. Check the address and that it runs.`, {
            status: 0,
            cause: error,
          });
        await this.#wait(attempt, undefined, call.signal);
        continue;
      }
      if (response.ok) return response;
      if (last || !RETRIED.has(response.status)) throw await refusal(response, path);
      // The connection can be used again only when the body was read.
      await response.arrayBuffer().catch(() => undefined);
      await this.#wait(attempt, response.headers.get("retry-after"), call.signal);
    }
  }

  #once(method: string, path: string, call: Call): Promise<Response> {
    const url = new URL(`${this.baseUrl}${path}`);
    for (const [name, value] of Object.entries(call.query ?? {})) if (value !== undefined) url.searchParams.set(name, String(value));
    const limit = AbortSignal.timeout(this.#timeoutMs);
    const type = call.content?.type ?? (call.body === undefined ? undefined : "application/json");
    const body = call.content?.body ?? (call.body === undefined ? undefined : JSON.stringify(call.body));
    return this.#fetch(url, {
      method,
      headers: {
        ...this.#headers,
        ...(type !== undefined && { "content-type": type }),
        ...(call.idempotencyKey !== undefined && { "idempotency-key": call.idempotencyKey }),
      },
      ...(body !== undefined && { body }),
      signal: call.signal === undefined ? limit : AbortSignal.any([limit, call.signal]),
    });
  }

  async #wait(attempt: number, retryAfter: string | null | undefined, signal: AbortSignal | undefined): Promise<void> {
    const asked = Number(retryAfter ?? 0) * 1_000;
    const ms = Math.min(WAIT_MS_MAX, Math.max(this.#retryDelayMs * 2 ** attempt, Number.isFinite(asked) ? asked : 0));
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", stop);
        resolve();
      }, ms);
      signal?.addEventListener("abort", stop, { once: true });
    });
  }
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    // The status says more than a text that is no JSON.
    return text;
  }
}

async function refusal(response: Response, path: string): Promise<EngramError> {
  const body = await bodyOf(response);
  const { error, detail } = (typeof body === "object" && body !== null ? body : {}) as {
    error?: { code?: string; message?: string };
    detail?: unknown;
  };
  const said = error?.message ?? (typeof detail === "string" ? detail : detail === undefined ? undefined : JSON.stringify(detail));
  return new EngramError(said ?? `The server answered ${response.status} to ${path}`, {
    status: response.status,
    code: error?.code,
    body,
    traceId: response.headers.get("x-trace-id") ?? undefined,
  });
}

/** A key that no other call has. */
export const newKey = (): string => crypto.randomUUID();
