/**
 * Knowledge bases as wholes under `/v1/kbs`: list, copy, rename, delete, archives in parts, imports and taking them back. docs/knowledge-bases.md.
 */
import type { FastifyInstance } from "fastify";
import type { Engine, KbSize } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import { nodeOf } from "../model/kb-id.ts";
import { isObject, readFlag } from "./coercion.ts";
import { BODYLESS, type RouteContext } from "./context.ts";
import { readCount, readImportRequest } from "./import-request.ts";
import { Issues } from "./issues.ts";
import { bodyObject } from "./observation-body.ts";
import { symbolFault } from "./strings.ts";
import { readWhole, UNREAD } from "./unread-body.ts";

interface KbRoute {
  Params: { node: string };
  Querystring: Readonly<Record<string, string | undefined>>;
}
type Given = Readonly<Record<string, unknown>>;

export function addKbRoutes(app: FastifyInstance, { engine, limits, serviceName }: RouteContext): void {
  app.get("/v1/kbs", async () => ({
    kbs: (await engine.listKbs()).map((size) => ({ ...sizeJson(size), node_id: nodeOf(size.kb, serviceName) ?? null })),
  }));

  app.delete<KbRoute>("/v1/kbs/:node", BODYLESS, async (request) => {
    const { node } = request.params;
    assertConfirmed(node, request.query.confirm);
    return { deleted: node, patterns: await engine.deleteKb(engine.kbOf(node)) };
  });

  for (const call of ["copy", "rename"] as const) {
    app.post<KbRoute>(`/v1/kbs/:node/${call}`, async (request) => {
      const { node } = request.params;
      const to = readTarget(request.body, limits.nodeIdBytesMax);
      if (engine.kbOf(to) === engine.kbOf(node))
        throw new EngineError("ENGRAM_BAD_REQUEST", "Both names stand for the same knowledge base.");
      const copied = await engine.copyKb(engine.kbOf(node), engine.kbOf(to));
      if (call === "rename") await rename(engine, engine.kbOf(node), engine.kbOf(to));
      return { from: node, to, import: copied.id, patterns: copied.patterns };
    });
  }

  app.get<KbRoute>("/v1/kbs/:node/archive", async (request) => {
    const { node } = request.params;
    const { kb, generation, untilSeq, patterns, symbols, totals } = await engine.beginArchive(engine.kbOf(node));
    return { node_id: node, kb_id: kb, generation, until: untilSeq, patterns, symbols, totals };
  });

  app.get<KbRoute>("/v1/kbs/:node/archive/part", async (request, reply) => {
    const issues = new Issues();
    const [generation, after, until] = ["generation", "after", "until"].map((name) => readCount(request.query, name, issues));
    const changes = request.query.changes === undefined ? undefined : Math.max(1, readCount(request.query, "changes", issues));
    issues.assertNone();
    const part = await engine.archivePart(engine.kbOf(request.params.node), generation!, after!, until!, changes);
    if (part === undefined) return reply.code(204).send();
    return reply
      .header("content-type", "application/octet-stream")
      .header("x-engram-events", part.events)
      .header("x-engram-first", part.firstSeq)
      .header("x-engram-last", part.lastSeq)
      .send(part.bytes);
  });

  app.post<KbRoute>("/v1/kbs/:node/archive", UNREAD, async (request) => {
    const issues = new Issues();
    const part = readImportRequest(request.query, issues);
    const bytes = await readWhole(request.raw, limits.bodyBytesMax);
    return engine.importPart(engine.kbOf(request.params.node), part, bytes);
  });

  app.post("/v1/verify", async (request) => {
    const issues = new Issues();
    const { kb_id: given, node_id: node, repair } = bodyObject(request.body, issues);
    for (const [name, value] of Object.entries({ kb_id: given, node_id: node }))
      if (value !== undefined && typeof value !== "string") issues.add("string_type", ["body", name], value);
    if ((given === undefined) === (node === undefined)) issues.addValue(["body"], "Either kb_id or node_id", null);
    const mends = readFlag(repair, ["body", "repair"], issues);
    issues.assertNone();
    const { kb, patterns, changes, checksum, countersCompared, findings } = await engine.verifyKb(
      typeof given === "string" ? given : engine.kbOf(node as string),
      mends,
    );
    return { kb_id: kb, patterns, changes, checksum, counters_compared: countersCompared, findings };
  });

  app.get("/v1/imports", async () => ({
    imports: (await engine.imports()).map(({ id, kb, state, merged, atMs }) => ({
      id,
      kb_id: kb,
      state,
      merged,
      at: new Date(atMs).toISOString(),
    })),
  }));

  app.post<{ Params: { id: string } }>("/v1/imports/:id/rollback", async (request) => {
    const issues = new Issues();
    const body: Given = isObject(request.body) ? request.body : {};
    const discardNewer = readFlag(body.discard_newer, ["body", "discard_newer"], issues);
    issues.assertNone();
    const { id, kb } = await engine.rollbackImport(request.params.id, discardNewer);
    return { id, kb_id: kb, state: "rolledBack" };
  });
}

/** Once the copy is whole: what was decided for it goes with it. */
async function rename(engine: Engine, from: string, to: string): Promise<void> {
  const seconds = await engine.retention(from);
  if (seconds !== undefined) await engine.setRetention(to, seconds);
  await engine.deleteKb(from);
}

/** A knowledge base is deleted only by who says its name a second time. */
function assertConfirmed(node: string, confirm: string | undefined): void {
  if (confirm === node) return;
  throw new EngineError(
    "ENGRAM_NOT_CONFIRMED",
    `Deleting a knowledge base cannot be undone. Say its name again: ?confirm=${encodeURIComponent(node)}.`,
  );
}

function readTarget(body: unknown, bytesMax: number): string {
  const issues = new Issues();
  const { to } = bodyObject(body, issues);
  if (to === undefined) issues.add("missing", ["body", "to"], body);
  else if (to === "" || symbolFault(to, bytesMax) !== undefined) issues.addValue(["body", "to"], "A node id", to);
  issues.assertNone();
  return to as string;
}

const sizeJson = ({ kb, patterns, symbols, totals, changes, deleted, minhash }: KbSize): object => ({
  kb_id: kb,
  patterns,
  symbols,
  totals,
  changes,
  deleted,
  minhash: minhash ?? null,
});
