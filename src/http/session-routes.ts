/** Sessions: create, read, probe, count, extend, delete; their settings. docs/wire.md. */
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Session } from "../model/session.ts";
import { BODYLESS, type RouteContext, type SessionRoute } from "./context.ts";
import { configText, sessionDate } from "./json-text.ts";
import { sendText } from "./send.ts";
import { createReader, extendReader, readConfigBody } from "./session-body.ts";
import { unknownSession } from "./session-nodes.ts";

export function addSessionRoutes(app: FastifyInstance, context: RouteContext): void {
  const { engine, limits, nodes } = context;
  const readCreate = createReader(limits);
  const readExtend = extendReader(limits);

  /** A session as creation and `GET` show it. Its metadata is JSON text already. */
  const sessionText = (session: Session, ttlSeconds: number): string =>
    `{"session_id":${JSON.stringify(session.id)},"node_id":${JSON.stringify(session.nodeId)},"created_at":"${sessionDate(session.createdAtMs)}","expires_at":"${sessionDate(session.expiresAtMs)}","ttl_seconds":${ttlSeconds},"metadata":${session.metadata},"session_config":${configText(engine.effectiveConfig(session))}}`;

  app.post("/sessions", async (request, reply) => {
    const { notices, ...wanted } = readCreate(request.body);
    const session = await engine.createSession(wanted);
    nodes.remember(session.id, session.nodeId);
    return sendText(noted(reply, notices), sessionText(session, session.ttlSeconds));
  });

  app.get("/sessions/count", async () => ({ active_session_count: await engine.countSessions() }));

  app.get<SessionRoute>("/sessions/:id", async (request, reply) => {
    const session = await engine.session(request.params.id);
    const left = Math.max(0, Math.floor((session.expiresAtMs - Date.now()) / 1000));
    return sendText(reply, sessionText(session, left));
  });

  app.get<SessionRoute>("/sessions/:id/exists", async (request) => {
    const { id } = request.params;
    // An expired session is forgotten at once, so it is never known as expired.
    return { exists: (await engine.peekSession(id)) !== undefined, expired: false, session_id: id };
  });

  app.delete<SessionRoute>("/sessions/:id", BODYLESS, async (request, reply) => {
    const { id } = request.params;
    nodes.forget(id);
    if (!(await engine.deleteSession(id))) throw unknownSession(id);
    return live(reply, id).send({ status: "deleted", session_id: id });
  });

  app.post<SessionRoute>("/sessions/:id/extend", BODYLESS, async (request, reply) => {
    const { id } = request.params;
    const seconds = readExtend(request.query as Readonly<Record<string, unknown>>);
    await engine.extendSession(id, seconds);
    return live(reply, id).send({ status: "extended", session_id: id, ttl_seconds: seconds });
  });

  app.get<SessionRoute>("/sessions/:id/config", async (request, reply) => {
    const { id } = request.params;
    const session = await engine.session(id);
    return sendText(live(reply, id), `{"session_id":${JSON.stringify(id)},"config":${configText(engine.effectiveConfig(session))}}`);
  });

  app.post<SessionRoute>("/sessions/:id/config", async (request, reply) => {
    const { id } = request.params;
    const { update, notices } = readConfigBody(request.body);
    await engine.configure(id, update);
    const message = ["Configuration updated", ...notices].join("; ");
    return live(noted(reply, notices), id).send({ status: "okay", message, session_id: id });
  });
}

/** Tells what the caller should know, in a header: the bodies are KATO's. */
function noted(reply: FastifyReply, notices: readonly string[]): FastifyReply {
  return notices.length === 0 ? reply : reply.header("x-engram-notice", notices.join("; "));
}

/** Marks the answer of a session call: the session lived. */
export function live(reply: FastifyReply, id: string): FastifyReply {
  return reply.header("x-session-id", id);
}
