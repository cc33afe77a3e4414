/**
 * Observe-and-learn rounds by several clients against a server that may die at any moment. Each client notes what was acknowledged; what
 * was not answered is sent again under the same Idempotency-Key after the restart. So at the end every count is known exactly: nothing
 * acknowledged may be missing and nothing may count twice.
 */
import { setTimeout as sleep } from "node:timers/promises";

export { seeded } from "../../bench/zipf-corpus.ts";

export interface Tally {
  /** Pattern text → times learned. */
  readonly learned: Map<string, number>;
  /** Learns that were acknowledged: name → at least so many. */
  readonly acknowledged: Map<string, number>;
  observes: number;
}

export interface RoundsOptions {
  /** Where the server is now; changes when it is restarted. */
  readonly url: () => string;
  readonly node: string;
  readonly rounds: number;
  readonly clients: number;
  readonly random: () => number;
}

class Client {
  #session = "";
  #calls = 0;
  readonly #options: RoundsOptions;
  readonly #name: string;
  constructor(options: RoundsOptions, name: string) {
    this.#options = options;
    this.#name = name;
  }

  /** Sends until it is answered: a dead or refusing server is asked again, under the same key. */
  async send(method: string, path: string, body: unknown, key?: string): Promise<Record<string, unknown>> {
    for (let tries = 0; tries < 600; tries++) {
      try {
        const response = await fetch(this.#options.url() + path, {
          method,
          headers: { "content-type": "application/json", ...(key !== undefined && { "idempotency-key": key }) },
          ...(body !== undefined && { body: JSON.stringify(body) }),
          signal: AbortSignal.timeout(10_000),
        });
        const answer = (await response.json()) as Record<string, unknown>;
        if (response.status === 200) return answer;
        if (response.status < 500) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
      } catch (error) {
        if (error instanceof Error && / 4\d\d /.test(error.message)) throw error;
      }
      await sleep(50);
    }
    throw new Error(`${method} ${path} was not answered in 30 s`);
  }

  async open(): Promise<void> {
    const answer = await this.send("POST", "/sessions", {
      node_id: this.#options.node,
      ttl_seconds: 86_400,
      config: { process_predictions: false },
    });
    this.#session = answer.session_id as string;
  }

  async round(tally: Tally): Promise<void> {
    const { random } = this.#options;
    const events: string[][] = [];
    const length = 2 + Math.floor(random() * 4);
    for (let i = 0; i < length; i++) {
      const event = [`s${Math.floor(random() * random() * 60)}`];
      events.push(event);
      const answer = await this.send(
        "POST",
        `/sessions/${this.#session}/observe`,
        { strings: event, emotives: i === 0 ? { joy: 0.1 + random() } : {} },
        this.#key(),
      );
      tally.observes++;
      if (answer.stm_length !== i + 1) throw new Error(`stm_length ${String(answer.stm_length)} after observe ${i + 1} of a round`);
    }
    const text = JSON.stringify(events);
    const answer = await this.send("POST", `/sessions/${this.#session}/learn`, undefined, this.#key());
    const name = answer.pattern_name as string;
    if (!/^PTRN\|[0-9a-f]{40}$/.test(name)) throw new Error(`learn answered ${JSON.stringify(answer)}`);
    tally.learned.set(text, (tally.learned.get(text) ?? 0) + 1);
    tally.acknowledged.set(name, (tally.acknowledged.get(name) ?? 0) + 1);
  }

  async time(): Promise<number> {
    const answer = await this.send("POST", `/sessions/${this.#session}/observe`, { strings: [] }, this.#key());
    return (answer.time as number) - 1;
  }

  #key(): string {
    return `${this.#name}-${++this.#calls}`;
  }
}

/** Runs the rounds; answers the tally, and how many observes the sessions themselves count. */
export async function runRounds(options: RoundsOptions): Promise<{ tally: Tally; counted: number }> {
  const tally: Tally = { learned: new Map(), acknowledged: new Map(), observes: 0 };
  let left = options.rounds;
  const clients = Array.from({ length: options.clients }, (_, i) => new Client(options, `c${i}`));
  await Promise.all(
    clients.map(async (client) => {
      await client.open();
      while (left > 0) {
        left--;
        await client.round(tally);
      }
    }),
  );
  let counted = 0;
  for (const client of clients) counted += await client.time();
  return { tally, counted };
}

/** What the counters of the kb must be after these learns. Reference semantics §4.2. */
export function expectedCounters(tally: Tally): {
  symbols: Record<string, { name: string; frequency: number; pattern_member_frequency: number }>;
  totals: Record<string, number>;
} {
  const symbols: Record<string, { name: string; frequency: number; pattern_member_frequency: number }> = {};
  let all = 0;
  for (const [text, times] of tally.learned) {
    const flat = (JSON.parse(text) as string[][]).flat();
    all += flat.length * times;
    for (const symbol of flat) {
      symbols[symbol] ??= { name: symbol, frequency: 0, pattern_member_frequency: 0 };
      symbols[symbol].frequency += times;
    }
    for (const symbol of new Set(flat)) symbols[symbol]!.pattern_member_frequency += 1;
  }
  return {
    symbols,
    totals: {
      total_symbols_in_patterns_frequencies: all,
      total_pattern_frequencies: tally.learned.size,
      total_unique_patterns: tally.learned.size,
    },
  };
}
