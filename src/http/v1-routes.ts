/** Our own calls, under `/v1/kbs/{node}`: counters of a kb, bulk learning, prediction for a state that is no session's. docs/wire.md. */
import type { FastifyInstance } from "fastify";
import { callOptions, clientSignal, type RouteContext } from "./context.ts";
import { readLearnBody, readPredictBody } from "./kb-body.ts";
import { answerChunks } from "./prediction-json.ts";
import { readScoreBody } from "./score-body.ts";
import { sendChunks, sendStream } from "./send.ts";
import { readSource, type SourceQuery } from "./source-query.ts";
import { addImportRoutes } from "./v1-import-routes.ts";
import { addKbRoutes } from "./v1-kb-routes.ts";
import { addLearnLinesRoute } from "./v1-learn-lines.ts";
import { addMinhashRoutes } from "./v1-minhash-routes.ts";
import { addPatternRoutes } from "./v1-pattern-routes.ts";
import { addRetentionRoutes } from "./v1-retention-routes.ts";
import { addV1SessionRoutes } from "./v1-session-routes.ts";

interface KbRoute {
  Params: { node: string };
}

export function addV1Routes(app: FastifyInstance, context: RouteContext): void {
  const { engine, limits } = context;
  addLearnLinesRoute(app, context);
  addPatternRoutes(app, context);
  addImportRoutes(app, context);
  addKbRoutes(app, context);
  addRetentionRoutes(app, context);
  addMinhashRoutes(app, context);
  addV1SessionRoutes(app, context);
  app.get<KbRoute>("/v1/kbs/:node/stats", async (request) => {
    const { node } = request.params;
    const kb = engine.kbOf(node);
    const head = await engine.kbHead(kb);
    return {
      node_id: node,
      kb_id: kb,
      patterns: head.totals.total_unique_patterns,
      symbols: head.symbolCount - head.goneSymbols,
      totals: head.totals,
    };
  });

  app.post<KbRoute>("/v1/kbs/:node/learn", async (request) => {
    const { stored, tooShort } = await engine.learnSequences(
      engine.kbOf(request.params.node),
      readLearnBody(request.body, limits),
      callOptions(request, limits),
    );
    return { stored, too_short: tooShort };
  });

  app.post<KbRoute & { Querystring: SourceQuery }>("/v1/kbs/:node/predict", async (request, reply) => {
    const { node } = request.params;
    const { state, config } = readPredictBody(request.body, limits);
    const kb = engine.kbOf(node);
    const result = await engine.predictState(kb, state, config, { signal: clientSignal(reply), ...readSource(request.query) });
    const tail = `,"node_id":${JSON.stringify(node)},"kb_id":${JSON.stringify(kb)},"count":${result.predictions.length},"trace":${JSON.stringify(result.trace)}}`;
    return sendChunks(reply, answerChunks("{", result, tail));
  });

  app.post<KbRoute>("/v1/kbs/:node/score", async (request, reply) => {
    const { node } = request.params;
    const kb = engine.kbOf(node);
    const signal = clientSignal(reply);
    const answers = engine.scoreAll({ kb, ...readScoreBody(request.body, limits), ...(signal && { signal }) })[Symbol.asyncIterator]();
    // The first answer is there when the whole group is scored: what fails before is an error reply.
    const first = await answers.next();
    return sendStream(
      reply,
      (async function* () {
        yield `{"node_id":${JSON.stringify(node)},"kb_id":${JSON.stringify(kb)},"results":[`;
        let separator = "";
        for (let answer = first; answer.done !== true; answer = await answers.next()) {
          yield separator + JSON.stringify(answer.value);
          separator = ",";
        }
        yield "]}";
      })(),
    );
  });
}
