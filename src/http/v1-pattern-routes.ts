/** Patterns one by one under `/v1/kbs/{node}/patterns`: list, get, update, delete, by name or by filter. docs/knowledge-bases.md. */
import type { FastifyInstance } from "fastify";
import type { PatternView } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import { BODYLESS, callOptions, type RouteContext } from "./context.ts";
import { emotivesText, pairsText } from "./json-text.ts";
import { readDeleteBody, readListQuery, readNames, readUpdateBody } from "./pattern-body.ts";
import { sendText } from "./send.ts";

interface KbRoute {
  Params: { node: string };
}
interface PatternRoute {
  Params: { node: string; name: string };
}

export function addPatternRoutes(app: FastifyInstance, { engine, limits }: RouteContext): void {
  app.get<KbRoute>("/v1/kbs/:node/patterns", async (request, reply) => {
    const { query, limit, cursor } = readListQuery(request.query as Readonly<Record<string, unknown>>, limits);
    const page = await engine.listPatterns(engine.kbOf(request.params.node), query, limit, cursor);
    return sendText(reply, `{"patterns":${listText(page.patterns)},"cursor":${JSON.stringify(page.cursor ?? null)}}`);
  });

  app.post<KbRoute>("/v1/kbs/:node/patterns/get", async (request, reply) => {
    const names = readNames(request.body, limits.pageMax);
    const found = await engine.patterns(engine.kbOf(request.params.node), names);
    const unknown = names.filter((_, i) => found[i] === undefined);
    return sendText(reply, `{"patterns":${listText(found.filter((one) => one !== undefined))},"unknown":${JSON.stringify(unknown)}}`);
  });

  app.post<KbRoute>("/v1/kbs/:node/patterns/delete", async (request) => {
    const { which, dryRun } = readDeleteBody(request.body, limits);
    const options = { ...callOptions(request, limits), dryRun };
    return { dry_run: dryRun, ...(await engine.deletePatterns(engine.kbOf(request.params.node), which, options)) };
  });

  app.get<PatternRoute>("/v1/kbs/:node/patterns/:name", async (request, reply) => {
    const { node, name } = request.params;
    return sendText(reply, patternText(await known(name, engine.pattern(engine.kbOf(node), name))));
  });

  app.put<PatternRoute>("/v1/kbs/:node/patterns/:name", async (request, reply) => {
    const { node, name } = request.params;
    const change = readUpdateBody(request.body, limits);
    const changed = engine.updatePattern(engine.kbOf(node), name, change, callOptions(request, limits));
    return sendText(reply, patternText(await known(name, changed)));
  });

  app.delete<PatternRoute>("/v1/kbs/:node/patterns/:name", BODYLESS, async (request) => {
    const { node, name } = request.params;
    const report = await engine.deletePatterns(engine.kbOf(node), { names: [name] }, callOptions(request, limits));
    if (report.deleted === 0) throw unknownPattern(name);
    return { deleted: report.names[0] };
  });
}

const unknownPattern = (name: string): EngineError =>
  new EngineError("ENGRAM_PATTERN_UNKNOWN", `The knowledge base has no pattern ${name}. Names are 40 hex digits, with or without PTRN|.`);

async function known(name: string, found: Promise<PatternView | undefined>): Promise<PatternView> {
  const pattern = await found;
  if (pattern === undefined) throw unknownPattern(name);
  return pattern;
}

const listText = (patterns: readonly PatternView[]): string => `[${patterns.map(patternText).join(",")}]`;

const patternText = (pattern: PatternView): string =>
  `{"name":${JSON.stringify(pattern.name)},"events":${JSON.stringify(pattern.patternData)},"length":${pattern.length},` +
  `"frequency":${pattern.frequency},"emotives":[${pattern.emotives.map(emotivesText).join(",")}],"metadata":${pairsText(pattern.metadata)}}`;
