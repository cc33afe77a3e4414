/** Sessions as wholes under `/v1/sessions`: list, inspect, clone, end many. None of them prolongs a session. docs/wire.md. */
import type { FastifyInstance } from "fastify";
import type { SessionChoice } from "../engine-types.ts";
import type { Session } from "../model/session.ts";
import type { RouteContext, SessionRoute } from "./context.ts";
import { Issues } from "./issues.ts";
import { configText, emotivesText, sessionDate, vectorsText } from "./json-text.ts";
import type { HttpLimits } from "./limits.ts";
import { bodyObject } from "./observation-body.ts";
import { readerOf } from "./schema/reader.ts";
import { sessionClone, sessionDelete, sessionListQuery } from "./schema/requests.ts";
import { sendText } from "./send.ts";
import { unknownSession } from "./session-nodes.ts";

export function addV1SessionRoutes(app: FastifyInstance, { engine, limits, nodes }: RouteContext): void {
  const read = readersOf(limits);

  app.get("/v1/sessions", async (request, reply) => {
    const { limit, ...query } = read.list(request.query);
    const { sessions, cursor } = await engine.listSessions(limit, query);
    return sendText(reply, `{"sessions":[${sessions.map(summaryText).join(",")}],"cursor":${JSON.stringify(cursor ?? null)}}`);
  });

  app.get<SessionRoute>("/v1/sessions/:id", async (request, reply) => {
    const { id } = request.params;
    const session = await engine.peekSession(id);
    if (session === undefined) throw unknownSession(id);
    return sendText(reply, wholeText(session, configText(engine.effectiveConfig(session))));
  });

  app.post<SessionRoute>("/v1/sessions/:id/clone", async (request, reply) => {
    const session = await engine.cloneSession(request.params.id, read.clone(request.body));
    nodes.remember(session.id, session.nodeId);
    return sendText(reply, summaryText(session));
  });

  app.post("/v1/sessions/delete", async (request) => {
    const { which, dryRun } = read.delete(request.body);
    const report = await engine.deleteSessions(which, { dryRun });
    if (!dryRun) for (const id of report.sessions) nodes.forget(id);
    return { dry_run: dryRun, ...report };
  });
}

function readersOf(limits: HttpLimits) {
  const [list, clone, remove] = [sessionListQuery, sessionClone, sessionDelete].map((schema) => readerOf(schema(limits)));
  const reading = <T>(use: (issues: Issues) => unknown): T => {
    const issues = new Issues();
    const given = use(issues) as T;
    issues.assertNone();
    return given;
  };
  return {
    list: (query: unknown) => {
      const { limit, cursor, node_id } = reading<{ limit?: number; cursor?: string; node_id?: string }>((issues) =>
        list!(query, ["query"], issues),
      );
      return { limit: limit ?? limits.pageDefault, ...(cursor && { cursor }), ...(node_id !== undefined && { nodeId: node_id }) };
    },
    clone: (body: unknown) => {
      const { node_id, ttl_seconds } = reading<{ node_id?: string | null; ttl_seconds?: number | null }>((issues) =>
        clone!(body === undefined || body === null ? {} : bodyObject(body, issues), ["body"], issues),
      );
      return { ...(node_id && { nodeId: node_id }), ...(ttl_seconds && { ttlSeconds: ttl_seconds }) };
    },
    delete: (body: unknown): { which: SessionChoice; dryRun: boolean } => {
      let isByNode = false;
      const given = reading<{ session_ids: string[]; node_id: string; dry_run?: boolean }>((issues) => {
        const object = bodyObject(body, issues);
        isByNode = object.node_id !== undefined;
        // Neither would be all of them, and both is not what anybody means.
        if (isByNode === (object.session_ids !== undefined)) {
          issues.addValue(["body"], "Either session_ids or node_id", Object.keys(object));
        }
        return remove!(object, ["body"], issues);
      });
      return { which: isByNode ? { nodeId: given.node_id } : { ids: given.session_ids }, dryRun: given.dry_run ?? false };
    },
  };
}

const membersText = (session: Session): string =>
  `"session_id":${JSON.stringify(session.id)},"node_id":${JSON.stringify(session.nodeId)},"kb_id":${JSON.stringify(session.kb)},"created_at":"${sessionDate(session.createdAtMs)}","expires_at":"${sessionDate(session.expiresAtMs)}","ttl_seconds":${session.ttlSeconds},"time":${session.time},"stm_length":${session.stm.length},"saves":${session.version},"metadata":${session.metadata}`;

const summaryText = (session: Session): string => `{${membersText(session)}}`;

/** Everything a session holds. Its metadata, and those observed, are JSON text already. */
function wholeText(session: Session, config: string): string {
  const { percept } = session;
  const last =
    percept === null
      ? "null"
      : `{"strings":${JSON.stringify(percept.strings)},"vectors":${vectorsText(percept.vectors)},"emotives":${emotivesText(percept.emotives)},"metadata":${percept.metadata}}`;
  return `{${membersText(session)},"session_config":${config},"stm":${JSON.stringify(session.stm)},"emotives":[${session.emotives.map(emotivesText).join(",")}],"observed_metadata":[${session.observedMetadata.join(",")}],"percept":${last},"vectors_to_learn":${session.pendingVectors.length}}`;
}
