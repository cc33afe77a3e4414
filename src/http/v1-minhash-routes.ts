/** What a knowledge base asks for of MinHash: `/v1/kbs/{node}/minhash`. docs/knowledge-bases.md. */
import type { FastifyInstance } from "fastify";
import type { AskedMinhash } from "../engine-types.ts";
import type { RouteContext } from "./context.ts";
import { Issues } from "./issues.ts";
import { bodyObject } from "./observation-body.ts";
import { readerOf } from "./schema/reader.ts";
import { minhashBody } from "./schema/requests.ts";

interface KbRoute {
  Params: { node: string };
}

export function addMinhashRoutes(app: FastifyInstance, { engine }: RouteContext): void {
  const read = readerOf(minhashBody());
  const shown = async (node: string) => {
    const kb = engine.kbOf(node);
    const found = await engine.minhash(kb);
    return { node_id: node, kb_id: kb, minhash: found?.setting ?? null, indexed_below: found?.indexedBelow ?? 0 };
  };

  app.get<KbRoute>("/v1/kbs/:node/minhash", (request) => shown(request.params.node));

  app.put<KbRoute>("/v1/kbs/:node/minhash", async (request) => {
    const issues = new Issues();
    const { bands, rows, permutations, scheme } = read(bodyObject(request.body, issues), ["body"], issues) as AskedMinhash;
    issues.assertNone();
    await engine.setMinhash(engine.kbOf(request.params.node), {
      ...(bands !== undefined && { bands }),
      ...(rows !== undefined && { rows }),
      ...(permutations !== undefined && { permutations }),
      ...(scheme !== undefined && { scheme }),
    });
    return shown(request.params.node);
  });
}
