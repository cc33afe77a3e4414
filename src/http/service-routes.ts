/** What the server is and how it is: `/` and `/health`. Both are answered however busy the server is. docs/wire.md. */
import type { FastifyInstance } from "fastify";
import type { RouteContext } from "./context.ts";
import { examine } from "./health.ts";
import { float, offsetDate } from "./json-text.ts";
import { sendText } from "./send.ts";

const ALWAYS = { config: { alwaysAdmitted: true } } as const;

export function addServiceRoutes(app: FastifyInstance, context: RouteContext): void {
  const uptime = (): string => float((Date.now() - context.startedAtMs) / 1000);

  app.get("/", ALWAYS, async (_request, reply) =>
    sendText(
      reply,
      `{"service":"KATO API","version":${JSON.stringify(context.version)},"description":"Engram: pattern memory with KATO's interface","docs":${JSON.stringify(context.docs)},"health":"/health","status":"running","uptime_seconds":${uptime()},"architecture":"modular","session_support":true}`,
    ),
  );

  app.get("/health", ALWAYS, async (_request, reply) => {
    const { status, issues, outbox, threads, sessions } = await examine(context.engine, context.log);
    return sendText(
      reply,
      `{"status":"${status}","processor_status":"${status === "unhealthy" ? "unhealthy" : "healthy"}","service_name":${JSON.stringify(context.serviceName)},"uptime_seconds":${uptime()},"issues":${JSON.stringify(issues)},"metrics_collected":0,"last_collection":${float(context.startedAtMs / 1000)},"active_sessions":${sessions},"timestamp":"${offsetDate(Date.now())}","outbox":${outbox},"threads":${threads}}`,
    );
  });
}
