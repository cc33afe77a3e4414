/** Observing, the short-term memory, learning, clearing. docs/wire.md. Handlers read the request, call the engine, shape the answer. */
import type { FastifyInstance } from "fastify";
import type { ObserveResult } from "../engine-types.ts";
import { BODYLESS, callOptions, type RouteContext, type SessionRoute } from "./context.ts";
import { emotivesText, float, vectorsText } from "./json-text.ts";
import { observeReader, sequenceReader } from "./observation-body.ts";
import { sendText } from "./send.ts";
import { live } from "./session-routes.ts";

export function addMemoryRoutes(app: FastifyInstance, { engine, limits, nodes }: RouteContext): void {
  const readObserve = observeReader(limits);
  const readSequence = sequenceReader(limits);

  app.post<SessionRoute>("/sessions/:id/observe", async (request, reply) => {
    const { id } = request.params;
    const observation = readObserve(request.body);
    const options = callOptions(request, limits);
    const nodeId = nodes.known(id) ?? (await nodes.find(id));
    const result = await engine.observe(id, observation, options);
    return live(reply, id).send({
      status: "okay",
      session_id: id,
      processor_id: nodeId,
      stm_length: result.stmLength,
      time: result.time,
      unique_id: result.uniqueId,
      auto_learned_pattern: result.autoLearnedPattern,
    });
  });

  app.post<SessionRoute>("/sessions/:id/observe-sequence", async (request, reply) => {
    const { id } = request.params;
    const { observations, flags } = readSequence(request.body);
    const options = callOptions(request, limits);
    const nodeId = nodes.known(id) ?? (await nodes.find(id));
    const result = await engine.observeSequence(id, observations, flags, options);
    return live(reply, id).send({
      status: "completed",
      processor_id: nodeId,
      observations_processed: result.results.length,
      initial_stm_length: result.initialStmLength,
      final_stm_length: result.finalStmLength,
      results: result.results.map(sequenceItem),
      auto_learned_patterns: result.autoLearnedPatterns,
      final_learned_pattern: result.finalLearnedPattern,
      isolated: flags.clearStmBetween,
    });
  });

  app.get<SessionRoute>("/sessions/:id/stm", async (request, reply) => {
    const { id } = request.params;
    const { stm } = await engine.session(id);
    return live(reply, id).send({ stm, session_id: id, length: stm.length });
  });

  app.post<SessionRoute>("/sessions/:id/learn", BODYLESS, async (request, reply) => {
    const { id } = request.params;
    const { patternName } = await engine.learn(id, callOptions(request, limits));
    return live(reply, id).send({
      status: "learned",
      pattern_name: patternName,
      session_id: id,
      processor_id: null,
      message: patternName === "" ? "A single symbol makes no pattern: nothing was stored" : `Learned pattern ${patternName}`,
    });
  });

  app.post<SessionRoute>("/sessions/:id/clear-stm", BODYLESS, async (request, reply) => {
    const { id } = request.params;
    await engine.clearStm(id);
    return live(reply, id).send({ status: "cleared", session_id: id });
  });

  app.post<SessionRoute>("/sessions/:id/clear-all", BODYLESS, async (request, reply) => {
    const { id } = request.params;
    await engine.clearAll(id);
    return live(reply, id).send({ status: "cleared", session_id: id, scope: "all" });
  });

  app.post<SessionRoute>("/sessions/:id/finalize-training", BODYLESS, async (request, reply) => {
    const { id } = request.params;
    const nodeId = nodes.known(id) ?? (await nodes.find(id));
    const { patternsProcessed, timeMs } = await engine.finalizeTraining(id);
    return sendText(
      live(reply, id),
      `{"status":"completed","patterns_processed":${patternsProcessed},"time_ms":${float(timeMs)},"session_id":${JSON.stringify(id)},"node_id":${JSON.stringify(nodeId)},"message":"Finalized ${patternsProcessed} patterns"}`,
    );
  });

  app.get<SessionRoute>("/sessions/:id/percept-data", async (request, reply) => {
    const { id } = request.params;
    const { percept, nodeId } = await engine.session(id);
    // The metadata of a percept is JSON text already.
    const data =
      percept === null
        ? "{}"
        : `{"strings":${JSON.stringify(percept.strings)},"vectors":${vectorsText(percept.vectors)},"emotives":${emotivesText(percept.emotives)},"path":[],"metadata":${percept.metadata}}`;
    return sendText(live(reply, id), `{"percept_data":${data},"session_id":${JSON.stringify(id)},"node_id":${JSON.stringify(nodeId)}}`);
  });
}

function sequenceItem(result: ObserveResult, position: number): object {
  return {
    status: "okay",
    sequence_position: position,
    stm_length: result.stmLength,
    time: result.time,
    unique_id: result.uniqueId,
    auto_learned_pattern: result.autoLearnedPattern,
  };
}
