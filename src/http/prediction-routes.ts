/**
 * Predictions of a session, and its cognition data: the predictions of the last observe, computed when they are read and on the kb as it
 * is then, so an observe does not pay for them. A client that goes away stops the work. docs/wire.md.
 */
import type { FastifyInstance } from "fastify";
import type { Engine, PredictResult } from "../engine-types.ts";
import { flatten } from "../model/event.ts";
import type { Session } from "../model/session.ts";
import { clientSignal, type RouteContext, type SessionRoute } from "./context.ts";
import { explainText } from "./explain-json.ts";
import { emotivesText } from "./json-text.ts";
import { answerChunks, predictionChunks } from "./prediction-json.ts";
import { sendChunks } from "./send.ts";
import { live } from "./session-routes.ts";
import { readSource, type SourceQuery } from "./source-query.ts";

export function addPredictionRoutes(app: FastifyInstance, { engine }: RouteContext): void {
  app.get<SessionRoute & { Querystring: SourceQuery & { explain?: string } }>("/sessions/:id/predictions", async (request, reply) => {
    const { id } = request.params;
    const asked = readExplain(request.query.explain);
    const fate = asked.fateOf === undefined ? {} : { fateOf: asked.fateOf };
    const result = await engine.predict(id, { signal: clientSignal(reply), ...readSource(request.query), ...fate });
    const tail = `,"session_id":${JSON.stringify(id)},"processor_id":null,"count":${result.predictions.length},"time":null,"unique_id":null`;
    // The wire is KATO's unless the caller asks how the answer came about.
    const explain = asked.isWanted ? `,"explain":${explainText(result.trace)}` : "";
    return sendChunks(live(reply, id), answerChunks("{", result, `${tail}${explain}}`));
  });

  app.get<SessionRoute>("/sessions/:id/cognition-data", async (request, reply) => {
    const { id } = request.params;
    const { session, predictions } = await cognition(engine, id, clientSignal(reply));
    const members = `,"emotives":${emotivesText(session.emotives.at(-1) ?? [])},"symbols":${JSON.stringify(flatten(session.stm))},"command":"","metadata":{},"path":[],"strings":[],"vectors":[],"short_term_memory":${JSON.stringify(session.stm)},"time":${session.time}}`;
    const tail = `${members},"session_id":${JSON.stringify(id)},"node_id":${JSON.stringify(session.nodeId)}}`;
    return sendChunks(live(reply, id), predictionChunks('{"cognition_data":{', predictions, tail));
  });
}

/** `true`, or the name of a pattern whose fate is wanted, with or without `PTRN|`; anything else is not asked. */
function readExplain(text: string | undefined): { readonly isWanted: boolean; readonly fateOf?: string } {
  const name = /^(?:PTRN\|)?([0-9a-f]{40})$/.exec(text ?? "")?.[1];
  return name === undefined ? { isWanted: text === "true" } : { isWanted: true, fateOf: name };
}

async function cognition(
  engine: Engine,
  id: string,
  signal: AbortSignal,
): Promise<{ session: Session; predictions: PredictResult["predictions"] }> {
  const session = await engine.session(id);
  if (!engine.effectiveConfig(session).process_predictions || session.stm.length === 0) return { session, predictions: [] };
  return engine.predict(id, { signal });
}
