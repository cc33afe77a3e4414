/**
 * Node-level reads: a pattern, the symbols with their counters and affinities. The node comes from the query or a header. Symbols are
 * sent as they are read, slice by slice: a kb may know more of them than fit into memory. docs/wire.md.
 */
import type { FastifyInstance } from "fastify";
import type { PatternView } from "../engine-types.ts";
import type { EmotiveRecord } from "../model/emotives.ts";
import { nodeOf, type RouteContext } from "./context.ts";
import { emotivesText, pairsText } from "./json-text.ts";
import { sendStream, sendText } from "./send.ts";

/** KATO's note on the two calls that lost their meaning when state moved into sessions. */
const warning = (name: string): string => `Node-level ${name} is empty: state belongs to sessions. Use /sessions/{session_id}/${name}`;
const EMPTY_COGNITION = {
  predictions: [],
  emotives: {},
  symbols: [],
  command: "",
  metadata: {},
  path: [],
  strings: [],
  vectors: [],
  short_term_memory: [],
};

export function addNodeRoutes(app: FastifyInstance, context: RouteContext): void {
  const { engine } = context;
  app.get<{ Params: { id: string } }>("/pattern/:id", async (request, reply) => {
    const { id } = request.params;
    const kb = engine.kbOf(nodeOf(request, context));
    const pattern = await engine.pattern(kb, id);
    // A 404 would read as a lost session: KATO's client then makes a new one.
    const text =
      pattern === undefined
        ? JSON.stringify({ status: "error", message: `Pattern ${id} not found` })
        : `{"status":"okay","pattern":${patternText(pattern)}}`;
    return sendText(reply, `{"pattern":${text},"node_id":${JSON.stringify(kb)}}`);
  });

  app.get("/symbols/stats", async (request, reply) => {
    const kb = engine.kbOf(nodeOf(request, context));
    return sendStream(reply, objectChunks('{"symbols":{', engine.symbolRows(kb), symbolText, `},"node_id":${JSON.stringify(kb)}}`));
  });

  app.get("/symbols/affinity", async (request, reply) => {
    const kb = engine.kbOf(nodeOf(request, context));
    return sendStream(reply, objectChunks('{"affinities":{', engine.affinities(kb), affinityText, `},"node_id":${JSON.stringify(kb)}}`));
  });

  app.get<{ Params: { symbol: string } }>("/symbols/:symbol/affinity", async (request, reply) => {
    const { symbol } = request.params;
    const kb = engine.kbOf(nodeOf(request, context));
    const affinity = await engine.symbolAffinity(kb, symbol);
    return sendText(reply, `{"symbol":${JSON.stringify(symbol)},"affinity":${emotivesText(affinity)},"node_id":${JSON.stringify(kb)}}`);
  });

  app.get("/percept-data", async (request) => ({
    percept_data: {},
    node_id: engine.kbOf(nodeOf(request, context)),
    warning: warning("percept-data"),
  }));

  app.get("/cognition-data", async (request) => ({
    cognition_data: EMPTY_COGNITION,
    node_id: engine.kbOf(nodeOf(request, context)),
    warning: warning("cognition-data"),
  }));
}

function patternText(pattern: PatternView): string {
  return `{"name":${JSON.stringify(pattern.name)},"pattern_data":${JSON.stringify(pattern.patternData)},"length":${pattern.length},"frequency":${pattern.frequency},"emotives":[${pattern.emotives.map(emotivesText).join(",")}],"metadata":${pairsText(pattern.metadata)}}`;
}

/** An object whose members come in slices. */
async function* objectChunks<T>(
  open: string,
  slices: AsyncIterable<readonly T[]>,
  member: (row: T) => string,
  close: string,
): AsyncGenerator<string> {
  let text = open;
  let separator = "";
  for await (const rows of slices) {
    for (const row of rows) {
      text += `${separator}${member(row)}`;
      separator = ",";
    }
    yield text;
    text = "";
  }
  yield `${text}${close}`;
}

/** A symbol with its counters, as the engine lists it. */
interface SymbolRow {
  readonly symbol: string;
  readonly frequency: number;
  readonly patternMemberFrequency: number;
}

function symbolText({ symbol, frequency, patternMemberFrequency }: SymbolRow): string {
  const name = JSON.stringify(symbol);
  return `${name}:{"name":${name},"frequency":${frequency},"pattern_member_frequency":${patternMemberFrequency}}`;
}

const affinityText = ([symbol, affinity]: readonly [symbol: string, affinity: EmotiveRecord]): string =>
  `${JSON.stringify(symbol)}:${emotivesText(affinity)}`;
