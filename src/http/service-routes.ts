/** What the server is and how it is: `/` and `/health`. Both are answered however busy the server is. docs/wire.md. */
import type { FastifyInstance } from "fastify";
import type { Engine } from "../engine-types.ts";
import type { RouteContext } from "./context.ts";
import { float, offsetDate } from "./json-text.ts";
import { sendText } from "./send.ts";

const ALWAYS = { config: { alwaysAdmitted: true } } as const;

export function addServiceRoutes(app: FastifyInstance, context: RouteContext): void {
  const uptime = (): string => float((Date.now() - context.startedAtMs) / 1000);

  app.get("/", ALWAYS, async (_request, reply) =>
    sendText(
      reply,
      `{"service":"KATO API","version":${JSON.stringify(context.version)},"description":"Engram: pattern memory with KATO's interface","docs":null,"health":"/health","status":"running","uptime_seconds":${uptime()},"architecture":"modular","session_support":true}`,
    ),
  );

  app.get("/health", ALWAYS, async (_request, reply) => {
    const { status, issues, outbox, threads, sessions } = await examine(context.engine, context);
    return sendText(
      reply,
      `{"status":"${status}","processor_status":"${status === "unhealthy" ? "unhealthy" : "healthy"}","service_name":${JSON.stringify(context.serviceName)},"uptime_seconds":${uptime()},"issues":${JSON.stringify(issues)},"metrics_collected":0,"last_collection":${float(context.startedAtMs / 1000)},"active_sessions":${sessions},"timestamp":"${offsetDate(Date.now())}","outbox":${outbox},"threads":${threads}}`,
    );
  });
}

interface Health {
  readonly status: "healthy" | "degraded" | "unhealthy";
  readonly issues: readonly string[];
  readonly outbox: number;
  readonly threads: number;
  readonly sessions: number;
}

/** Unhealthy: nothing can be observed or learned. Degraded: learning goes on, predictions may not. A failing check is an answer, not an error. */
async function examine(engine: Engine, { log }: RouteContext): Promise<Health> {
  try {
    const { stateStore, patternStore, outbox, threads } = await engine.health();
    const issues: string[] = [];
    if (!stateStore) issues.push("The state store does not answer: sessions and learning are refused");
    if (!patternStore) issues.push("The pattern store does not answer: learned patterns wait, predictions may be refused");
    const status = stateStore ? (patternStore ? "healthy" : "degraded") : "unhealthy";
    return { status, issues, outbox, threads, sessions: stateStore ? await engine.countSessions() : 0 };
  } catch (error) {
    log.error({ err: error }, "health check failed");
    return { status: "unhealthy", issues: [`Health check failed: ${(error as Error).message}`], outbox: 0, threads: 0, sessions: 0 };
  }
}
