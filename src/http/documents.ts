/**
 * The documents: `/openapi.json` (OpenAPI 3.1) out of the schemas that requests are read by, and `/docs`, where they can be tried; served from
 * this machine, so it works without a network. The document is made when it is first asked for. Cost for a request that is no document: none.
 */
import swagger from "@fastify/swagger";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { BODYLESS } from "./context.ts";
import type { HttpLimits } from "./limits.ts";
import { type Operation, operationsOf, tagsOf } from "./schema/operations.ts";

const ABOUT = `Pattern memory with KATO's interface: observe events, learn sequences, ask what the present resembles and what comes next.

Numbers that are floats leave with their point (\`1.0\`). \`X-Trace-ID\` is taken over or made and stands on every answer. Answers of 503 carry \`Retry-After\`.
\`/ws/events\` is a WebSocket that tells of sessions made and deleted; OpenAPI has no words for it.`;

const CONTENT_POLICY =
  "default-src 'self'; base-uri 'self'; frame-ancestors 'self'; img-src 'self' data:; object-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'";

/** Before any route: lays the schemas over the routes that follow. What the table does not know is left out, and a test says so. */
export function prepareDocuments(app: FastifyInstance, version: string, limits: HttpLimits): void {
  // Schemas describe here. Bodies are read, coerced and refused by the handlers' own readers, which are made of the same schemas.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  app.register(swagger, {
    openapi: { openapi: "3.1.0", info: { title: "Engram", version, description: ABOUT }, tags: [...tagsOf(limits)] },
  });
  const operations = operationsOf(limits);
  app.addHook("onRoute", (route) => {
    const name = `${[route.method].flat()[0]} ${route.url}`;
    const operation: Operation = operations.get(name) ?? { hide: true };
    route.schema = { ...operation, ...route.schema };
  });
}

/** After the routes. */
export function addDocumentRoutes(app: FastifyInstance): void {
  app.get("/openapi.json", async (_request, reply) => reply.send(app.swagger()));
  // KATO's second reader of the same document.
  app.get("/redoc", BODYLESS, (_request: FastifyRequest, reply: FastifyReply) => reply.redirect("/docs"));
  // In a scope of its own, and loaded when the server starts: it brings a server of static files along.
  app.register(async (scope) => {
    const { default: swaggerUi } = await import("@fastify/swagger-ui");
    await scope.register(swaggerUi, {
      routePrefix: "/docs",
      // Nothing from elsewhere, and no upgrade to TLS, which this server does not speak.
      staticCSP: CONTENT_POLICY,
      // The base layout: no bar with another project's mark on top.
      uiConfig: { layout: "BaseLayout", docExpansion: "list", tryItOutEnabled: true, validatorUrl: null },
    });
  });
}
