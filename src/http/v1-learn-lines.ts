/**
 * `POST /v1/kbs/{node}/patterns`: learns patterns that come as JSON lines, and answers with a line for each while more arrive. docs/wire.md.
 * The next batch is read, by another thread, while one is being committed; no more than four are in memory, however long the body.
 */
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { LearnedPattern, PackedLines } from "../bulk-types.ts";
import type { CallOptions, Engine } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import { ahead } from "./ahead.ts";
import { callOptions, type RouteContext } from "./context.ts";
import type { HttpLimits } from "./limits.ts";
import { type LineBatch, lineBatches } from "./line-batches.ts";
import { patternLines } from "./pattern-lines.ts";
import { UNREAD } from "./unread-body.ts";

/** Lines a commit; with the idempotency key, what counts once. */
const BATCH_LINES = 1_000;
/** Batches under way at a time: one is committed while the next is read, and one more arrives. */
const BATCHES_AHEAD = 3;
/** A batch of this size and above is read by another thread; a smaller one sooner than a thread would have it. */
const THREAD_FROM_BYTES = 16_384;

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

/** A batch that was read, and how to learn it. */
interface ReadBatch {
  readonly lines: ArrayLike<number>;
  readonly errors: PackedLines["errors"];
  learn(options: CallOptions): Promise<readonly (LearnedPattern | "tooShort")[]>;
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
  let last: Promise<unknown> = Promise.resolve();
  const begin = (batch: LineBatch): Promise<string> => {
    lines += batch.lines;
    if (lines > limits.patternLinesMax) {
      throw new EngineError(
        "ENGRAM_LIMIT_EXCEEDED",
        `At most ${limits.patternLinesMax} patterns in one request. Send the rest in another.`,
      );
    }
    const options = key === undefined ? {} : { idempotencyKey: `${key} ${batches}` };
    batches += 1;
    // In order, and none behind one that failed.
    const learned = Promise.all([readBatch(engine, kb, batch, limits), last]).then(async ([read]) =>
      report(read, await read.learn(options), totals),
    );
    last = learned;
    return learned;
  };
  yield* ahead(lineBatches(request.raw, BATCH_LINES, limits.bodyBytesMax), begin, BATCHES_AHEAD);
  yield `${JSON.stringify({ done: true, ...totals })}\n`;
}

async function readBatch(engine: Engine, kb: string, { bytes, firstLine }: LineBatch, limits: HttpLimits): Promise<ReadBatch> {
  if (bytes.length >= THREAD_FROM_BYTES) {
    const { lines, errors, patterns } = await engine.packLines(bytes, firstLine, { ...limits });
    return { lines, errors, learn: (options) => engine.learnPacked(kb, patterns, options) };
  }
  const read = [...patternLines(bytes, firstLine, limits)];
  const patterns = read.flatMap(({ item }) => (item instanceof EngineError ? [] : [item]));
  return {
    lines: read.map(({ line }) => line),
    errors: new Map(read.flatMap(({ item }, at) => (item instanceof EngineError ? [[at, item] as const] : []))),
    learn: (options) => engine.learnPatterns(kb, patterns, options),
  };
}

function report({ lines, errors }: ReadBatch, learned: readonly (LearnedPattern | "tooShort")[], totals: Totals): string {
  let text = "";
  let next = 0;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    const error = errors.get(at);
    if (error !== undefined) {
      totals.failed += 1;
      text += `${JSON.stringify({ line, error: { code: error.code, message: error.message } })}\n`;
      continue;
    }
    const result = learned[next++]!;
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
