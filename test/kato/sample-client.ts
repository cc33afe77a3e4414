/**
 * A client that behaves as KATO's own sample client is described to (reference section 13), for tests: settings are sent right after creation
 * and only where they differ from KATO's; any 404 is taken for a lost session; 502, 503 and 504 are tried three times more; no idempotency keys.
 */

// biome-ignore lint/suspicious/noExplicitAny: tests read bodies of every form
type Body = any;

const TRIES = 3;
const RETRIED = [502, 503, 504];

export class SampleClient {
  readonly #url: string;
  readonly #node: string;
  readonly #config: Readonly<Record<string, unknown>>;
  readonly #fetch: typeof fetch;
  sessionId = "";
  /** Calls in the order in which they were sent: "POST /sessions". Session ids are left out. */
  readonly sent: string[] = [];

  constructor(url: string, node: string, config: Readonly<Record<string, unknown>> = {}, send: typeof fetch = fetch) {
    this.#url = url;
    this.#node = node;
    this.#config = config;
    this.#fetch = send;
  }

  async create(): Promise<void> {
    const answer = await this.#try("POST", "/sessions", { node_id: this.#node, config: {}, metadata: {}, ttl_seconds: 3600 });
    this.sessionId = answer.body.session_id;
    if (Object.keys(this.#config).length > 0) await this.#try("POST", `/sessions/${this.sessionId}/config`, { config: this.#config });
  }

  /** A call of the session, made again on a new one when it meets a 404. */
  async session(method: string, path: string, body?: object): Promise<Body> {
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#try(method, `/sessions/${this.sessionId}${path}`, body);
      if (answer.status !== 404 || attempt === TRIES) return answer;
      const stm = await this.#try("GET", `/sessions/${this.sessionId}/stm`);
      await this.create();
      for (const strings of stm.status === 200 ? stm.body.stm : []) {
        await this.#try("POST", `/sessions/${this.sessionId}/observe`, { strings, vectors: [], emotives: {}, metadata: {} });
      }
    }
  }

  /** A call of the node or the server. */
  async get(path: string): Promise<Body> {
    return this.#try("GET", path);
  }

  async post(path: string): Promise<Body> {
    return this.#try("POST", path);
  }

  async #try(method: string, path: string, body?: object): Promise<{ status: number; body: Body }> {
    for (let attempt = 0; ; attempt++) {
      this.sent.push(`${method} ${path.replace(/\/session-[^/?]+/, "/{id}")}`);
      const response = await this.#fetch(`${this.#url}${path}`, {
        method,
        headers: { "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      if (RETRIED.includes(response.status) && attempt < TRIES) {
        await response.text();
        continue;
      }
      return { status: response.status, body: await response.json() };
    }
  }
}
