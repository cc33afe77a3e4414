/** How long patterns of a knowledge base stay: `/v1/kbs/{node}/retention`. docs/knowledge-bases.md. */
import type { FastifyInstance } from "fastify";
import { BODYLESS, type RouteContext } from "./context.ts";
import { Issues } from "./issues.ts";
import { bodyObject } from "./observation-body.ts";
import { readerOf } from "./schema/reader.ts";
import { retentionBody } from "./schema/requests.ts";

interface KbRoute {
  Params: { node: string };
}

export function addRetentionRoutes(app: FastifyInstance, { engine }: RouteContext): void {
  const read = readerOf(retentionBody());
  const shown = async (node: string) => {
    const kb = engine.kbOf(node);
    return { node_id: node, kb_id: kb, seconds: (await engine.retention(kb)) ?? null };
  };

  app.get<KbRoute>("/v1/kbs/:node/retention", (request) => shown(request.params.node));

  app.put<KbRoute>("/v1/kbs/:node/retention", async (request) => {
    const issues = new Issues();
    const { seconds } = read(bodyObject(request.body, issues), ["body"], issues) as { seconds: number };
    issues.assertNone();
    await engine.setRetention(engine.kbOf(request.params.node), seconds);
    return shown(request.params.node);
  });

  app.delete<KbRoute>("/v1/kbs/:node/retention", BODYLESS, async (request) => {
    await engine.setRetention(engine.kbOf(request.params.node), undefined);
    return shown(request.params.node);
  });
}
