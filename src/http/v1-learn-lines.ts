/**
 * `POST /v1/kbs/{node}/patterns`: learns patterns that come as JSON lines, and answers with a line for each while more arrive. docs/wire.md.
 * The next batch is read while one is being committed; no more than two are in memory, however long the body.
 */
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Engine, LearnedPattern } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import { callOptions, type RouteContext } from "./context.ts";
import type { HttpLimits } from "./limits.ts";
import { type PatternLine, patternBatches } from "./pattern-lines.ts";
import { UNREAD } from "./unread-body.ts";

/** Lines a commit; with the idempotency key, what counts once. */
const BATCH_LINES = 1_000;

export function addLearnLinesRoute(app: FastifyInstance, { engine, limits }: RouteContext): void {
  app.post<{ Params: { node: string } }>("/v1/kbs/:node/patterns", UNREAD, (request, reply) => {
    const key = callOptions(request, limits).idempotencyKey;
    return answer(reply, learnLines(engine, engine.kbOf(request.params.node), request, key, limits));
  });
}

/** What goes wrong before the first line of the answer is an error reply; later, it is the last line, which says that not all was done. */
async function answer(reply: FastifyReply, lines: AsyncGenerator<string>): Promise<FastifyReply> {
  const first = await lines.next();
  async function* all(): AsyncIterable<string> {
    if (first.done !== true) yield first.value;
    try {
      yield* lines;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      yield `${JSON.stringify({ done: false, error: { code: error.code, message: error.message } })}\n`;
    }
  }
  return reply.header("content-type", "application/x-ndjson").send(Readable.from(all()));
}

interface Totals {
  stored: number;
  created: number;
  too_short: number;
  failed: number;
}

async function* learnLines(
  engine: Engine,
  kb: string,
  request: FastifyRequest,
  key: string | undefined,
  limits: HttpLimits,
): AsyncGenerator<string> {
  const totals: Totals = { stored: 0, created: 0, too_short: 0, failed: 0 };
  let batches = 0;
  let lines = 0;
  let running: { batch: PatternLine[]; learned: Promise<readonly (LearnedPattern | "tooShort")[]> } | undefined;
  for await (const batch of patternBatches(request.raw, BATCH_LINES, limits)) {
    if (running !== undefined) yield report(running.batch, await running.learned, totals);
    running = undefined;
    lines += batch.length;
    if (lines > limits.patternLinesMax) {
      throw new EngineError(
        "ENGRAM_LIMIT_EXCEEDED",
        `At most ${limits.patternLinesMax} patterns in one request. Send the rest in another.`,
      );
    }
    const patterns = batch.flatMap(({ item }) => (item instanceof EngineError ? [] : [item]));
    const options = key === undefined ? {} : { idempotencyKey: `${key} ${batches}` };
    running = { batch, learned: engine.learnPatterns(kb, patterns, options) };
    // Awaited above or below; a failure in between is no unhandled one.
    running.learned.catch(() => undefined);
    batches += 1;
  }
  if (running !== undefined) yield report(running.batch, await running.learned, totals);
  yield `${JSON.stringify({ done: true, ...totals })}\n`;
}

function report(batch: readonly PatternLine[], learned: readonly (LearnedPattern | "tooShort")[], totals: Totals): string {
  let text = "";
  let at = 0;
  for (const { line, item } of batch) {
    if (item instanceof EngineError) {
      totals.failed += 1;
      text += `${JSON.stringify({ line, error: { code: item.code, message: item.message } })}\n`;
      continue;
    }
    const result = learned[at++]!;
    if (result === "tooShort") {
      totals.too_short += 1;
      text += `{"line":${line},"too_short":true}\n`;
      continue;
    }
    totals.stored += 1;
    if (result.isNew) totals.created += 1;
    // A name is hexadecimal: nothing in it needs escaping.
    text += `{"line":${line},"name":"${result.name}","new":${result.isNew},"frequency":${result.frequency}}\n`;
  }
  return text;
}
