/**
 * The documents: OpenAPI 3.1 for every call, with examples that are right, and answers of a running server as they are described there.
 */
import { Compile, type XSchema } from "typebox/schema";
import { describe, expect, it } from "vitest";
import { buildApp } from "../../src/http/app.ts";
import { silentLogger } from "../../src/log.ts";
import { FakeEngine } from "../support/fake-engine.ts";
import { type Answer, onEveryServer } from "./servers.ts";

interface Media {
  readonly content: Readonly<Record<string, Content>>;
}
interface Content {
  readonly schema: XSchema & { readonly examples?: readonly unknown[] };
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}
interface Operation {
  readonly summary: string;
  readonly tags: readonly string[];
  readonly requestBody?: Media;
  readonly responses: Readonly<Record<string, Media & { readonly description: string }>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** Calls that are no JSON over HTTP, or that show the documents. */
const UNDOCUMENTED = new Set(["GET /ws/events", "GET /openapi.json", "GET /redoc"]);

/** Of its one media type: JSON, or JSON lines. */
const contentOf = (media: Media): Content => Object.values(media.content)[0]!;
const schemaOf = (media: Media) => contentOf(media).schema;

function examplesOf(media: Media): unknown[] {
  const { example, examples = {}, schema } = contentOf(media);
  return [...(schema.examples ?? []), ...(example === undefined ? [] : [example]), ...Object.values(examples).map((entry) => entry.value)];
}

function complaints(schema: XSchema, value: unknown): string[] {
  const check = Compile(schema);
  if (check.Check(value)) return [];
  return check.Errors(value)[1].map((error) => `${error.instancePath} ${error.message}`);
}

const routeOf = (path: string, method: string): string => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`;

function operations(document: Document): [route: string, operation: Operation][] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [routeOf(path, method), operation]),
  );
}

describe("the document", () => {
  const offered: string[] = [];
  const app = buildApp({ engine: new FakeEngine(), log: silentLogger, serviceName: "kato", version: "1.2.3", documents: true });
  app.addHook("onRoute", ({ method, url, config }) => {
    // Refusals of other methods carry what is allowed; pages of /docs are their package's.
    if ((config as { allow?: string } | undefined)?.allow !== undefined || url.startsWith("/docs")) return;
    for (const name of [method].flat()) if (name !== "HEAD") offered.push(`${name} ${url}`);
  });
  const read = async () => (await app.inject("/openapi.json")).json() as Document;

  it("is OpenAPI 3.1 and describes every call that is offered, and no other", async () => {
    const document = await read();
    expect(document.openapi).toBe("3.1.0");
    expect(document).toMatchObject({ info: { title: "Engram", version: "1.2.3" } });
    const described = operations(document).map(([route]) => route);
    expect(described.sort()).toEqual(offered.filter((route) => !UNDOCUMENTED.has(route)).sort());
    expect(described.length).toBeGreaterThan(35);
  });

  it("has an example, which is right, for every body and every answer", async () => {
    for (const [route, { summary, tags, requestBody, responses }] of operations(await read())) {
      expect(summary, route).toBeTruthy();
      expect(tags, route).toHaveLength(1);
      const all = [...(requestBody === undefined ? [] : [["body", requestBody] as const]), ...Object.entries(responses)];
      for (const [what, media] of all) {
        const examples = examplesOf(media);
        expect(examples.length, `${route} ${what}`).toBeGreaterThan(0);
        for (const example of examples) expect(complaints(schemaOf(media), example), `${route} ${what}`).toEqual([]);
      }
    }
  });

  it("can be read and tried at /docs, without a network", async () => {
    const page = await app.inject("/docs");
    expect(page.statusCode).toBe(200);
    expect(page.body).toContain("Swagger UI");
    expect(page.body).not.toMatch(/(src|href)="https?:/);
    expect(page.headers["content-security-policy"]).not.toContain("http");
    const scripts = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
    expect(scripts.length).toBeGreaterThan(3);
    for (const script of scripts) expect((await app.inject(script)).statusCode, script).toBe(200);
    expect((await app.inject("/redoc")).headers.location).toBe("/docs");
    expect((await app.inject("/")).json().docs).toBe("/docs");
  });

  it("is not there where the settings say so", async () => {
    const without = buildApp({ engine: new FakeEngine(), log: silentLogger, serviceName: "kato", version: "0" });
    for (const path of ["/docs", "/openapi.json", "/redoc"]) expect((await without.inject(path)).statusCode).toBe(404);
    expect((await without.inject("/")).json().docs).toBeNull();
  });
});

onEveryServer("answers", (kato) => {
  it("are what the document says, call by call", { timeout: 120_000 }, async () => {
    const document = (await kato.call("GET", "/openapi.json")).body as Document;
    const byRoute = new Map(operations(document));
    const seen = new Set<string>();
    /** Makes a call and compares its answer, whatever its status. */
    const ask = async (route: string, path: string, body?: unknown): Promise<Answer> => {
      const answer = await kato.call(route.split(" ")[0]!, path, body);
      const described = byRoute.get(route)?.responses[answer.status];
      expect(described, `${route} answered ${answer.status}: ${answer.text.slice(0, 200)}`).toBeDefined();
      expect(complaints(schemaOf(described!), answer.body), `${route} ${answer.status}: ${answer.text.slice(0, 300)}`).toEqual([]);
      seen.add(`${route} ${answer.status}`);
      return answer;
    };
    const node = kato.node();
    const session = await ask("POST /sessions", "/sessions", {
      node_id: node,
      metadata: { any: ["thing"] },
      config: { recall_threshold: 0 },
    });
    const id: string = session.body.session_id;
    await ask("POST /sessions", "/sessions", {});
    await ask("GET /sessions/count", "/sessions/count");
    await ask("GET /sessions/:id", `/sessions/${id}`);
    await ask("GET /sessions/:id", "/sessions/gone");
    await ask("GET /sessions/:id/exists", `/sessions/${id}/exists`);
    await ask("POST /sessions/:id/extend", `/sessions/${id}/extend?ttl_seconds=600`);
    await ask("POST /sessions/:id/extend", "/sessions/gone/extend");
    await ask("GET /sessions/:id/config", `/sessions/${id}/config`);
    await ask("POST /sessions/:id/config", `/sessions/${id}/config`, { config: { fuzzy_token_threshold: 0.9, affinity_emotive: "joy" } });
    await ask("GET /sessions/:id/config", `/sessions/${id}/config`);
    await ask("GET /sessions/:id/percept-data", `/sessions/${id}/percept-data`);
    await ask("POST /sessions/:id/observe-sequence", `/sessions/${id}/observe-sequence`, {
      observations: [{ strings: ["a"], emotives: { joy: 1 }, metadata: { m: 1 } }, { strings: ["b"] }, { strings: ["c"] }],
      learn_at_end: true,
    });
    await ask("POST /sessions/:id/observe-sequence", `/sessions/${id}/observe-sequence`, { observations: 7 });
    await ask("POST /sessions/:id/observe", `/sessions/${id}/observe`, { strings: ["a"], vectors: [[1, 2]], emotives: { joy: 1 } });
    await ask("POST /sessions/:id/observe", `/sessions/${id}/observe`, { strings: "a" });
    const learned = await ask("POST /sessions/:id/learn", `/sessions/${id}/learn`);
    expect(learned.body.pattern_name).toMatch(/^PTRN\|/);
    await ask("POST /sessions/:id/observe", `/sessions/${id}/observe`, { strings: ["a"] });
    const one = await ask("GET /sessions/:id/predictions", `/sessions/${id}/predictions`);
    expect(one.body.predictions[0]).toHaveProperty("pattern_data");
    await ask("POST /sessions/:id/observe", `/sessions/${id}/observe`, { strings: ["b"] });
    const general = await ask("GET /sessions/:id/predictions", `/sessions/${id}/predictions?explain=true`);
    expect(general.body.predictions[0].type).toBe("prototypical");
    await ask("GET /sessions/:id/cognition-data", `/sessions/${id}/cognition-data`);
    await ask("GET /sessions/:id/percept-data", `/sessions/${id}/percept-data`);
    await ask("GET /sessions/:id/stm", `/sessions/${id}/stm`);
    await ask("POST /sessions/:id/finalize-training", `/sessions/${id}/finalize-training`);
    await ask("GET /pattern/:id", `/pattern/${encodeURIComponent(learned.body.pattern_name)}?node_id=${node}`);
    await ask("GET /pattern/:id", `/pattern/unknown?node_id=${node}`);
    for (const path of ["/symbols/stats", "/symbols/affinity", "/percept-data", "/cognition-data"])
      await ask(`GET ${path}`, `${path}?node_id=${node}`);
    await ask("GET /symbols/:symbol/affinity", `/symbols/a/affinity?node_id=${node}`);
    for (const path of [
      "/",
      "/health",
      "/status",
      "/metrics",
      "/stats",
      "/concurrency",
      "/cache/stats",
      "/distributed-stm/stats",
      "/connection-pools",
    ]) {
      await ask(`GET ${path}`, path);
    }
    await ask("GET /metrics/:name", "/metrics/kato_cpu_usage_percent");
    await ask("POST /cache/invalidate", "/cache/invalidate");
    await ask("GET /v1/kbs/:node/stats", `/v1/kbs/${node}/stats`);
    await ask("POST /v1/kbs/:node/learn", `/v1/kbs/${node}/learn`, { sequences: [[["x"], ["y"]], [["z"]]] });
    await ask("POST /v1/kbs/:node/learn", `/v1/kbs/${node}/learn`, {});
    const listed = await ask("GET /v1/kbs/:node/patterns", `/v1/kbs/${node}/patterns?limit=2`);
    const { name } = listed.body.patterns[0];
    const stored = `/v1/kbs/${node}/patterns/${encodeURIComponent(name)}`;
    await ask("POST /v1/kbs/:node/patterns/get", `/v1/kbs/${node}/patterns/get`, { names: [name, "unknown"] });
    await ask("GET /v1/kbs/:node/patterns/:name", stored);
    await ask("PUT /v1/kbs/:node/patterns/:name", stored, { frequency: 2, emotives: [{ joy: 1 }] });
    await ask("POST /v1/kbs/:node/patterns/delete", `/v1/kbs/${node}/patterns/delete`, { names: [name], dry_run: true });
    await ask("DELETE /v1/kbs/:node/patterns/:name", stored);
    await ask("DELETE /v1/kbs/:node/patterns/:name", stored);
    await ask("PUT /v1/kbs/:node/retention", `/v1/kbs/${node}/retention`, { seconds: 3_600 });
    await ask("PUT /v1/kbs/:node/retention", `/v1/kbs/${node}/retention`, { seconds: 1 });
    await ask("GET /v1/kbs/:node/retention", `/v1/kbs/${node}/retention`);
    await ask("DELETE /v1/kbs/:node/retention", `/v1/kbs/${node}/retention`);
    await ask("PUT /v1/kbs/:node/minhash", `/v1/kbs/${node}/minhash`, { bands: 20 });
    await ask("PUT /v1/kbs/:node/minhash", `/v1/kbs/${node}/minhash`, { bands: "many" });
    await ask("GET /v1/kbs/:node/minhash", `/v1/kbs/${node}/minhash`);
    const page = await ask("GET /v1/sessions", `/v1/sessions?limit=5&node_id=${node}`);
    expect(page.body.sessions.map((one: { session_id: string }) => one.session_id)).toContain(id);
    await ask("GET /v1/sessions/:id", `/v1/sessions/${id}`);
    await ask("GET /v1/sessions/:id", "/v1/sessions/gone");
    const clone = await ask("POST /v1/sessions/:id/clone", `/v1/sessions/${id}/clone`, { ttl_seconds: 60 });
    await ask("POST /v1/sessions/delete", "/v1/sessions/delete", { session_ids: [clone.body.session_id, "gone"] });
    await ask("POST /v1/sessions/delete", "/v1/sessions/delete", {});
    await ask("POST /v1/kbs/:node/score", `/v1/kbs/${node}/score`, { queries: [[["a"], ["b"]]], cutoff: 0.1 });
    const lines = await fetch(`${kato.url}/v1/kbs/${node}/patterns`, { method: "POST", body: '[["a"],["b"]]\n[["a"]]\nwrong\n' });
    expect(lines.status).toBe(200);
    const line = schemaOf(byRoute.get("POST /v1/kbs/:node/patterns")!.responses["200"]!);
    const answers = (await lines.text()).trim().split("\n");
    expect(answers).toHaveLength(4);
    for (const answer of answers) expect(complaints(line, JSON.parse(answer)), answer).toEqual([]);
    seen.add("POST /v1/kbs/:node/patterns 200");
    await ask("POST /v1/kbs/:node/predict", `/v1/kbs/${node}/predict`, { state: [["a"], ["b"]], config: { recall_threshold: 0 } });
    const sent = await ask("GET /v1/kbs/:node/archive", `/v1/kbs/${node}/archive`);
    const of = `generation=${sent.body.generation}&until=${sent.body.until}`;
    const part = await fetch(`${kato.url}/v1/kbs/${node}/archive/part?after=0&${of}`);
    expect([part.status, part.headers.get("content-type")]).toEqual([200, "application/octet-stream"]);
    seen.add("GET /v1/kbs/:node/archive/part 200");
    const [copy, twin, other] = [kato.node(), kato.node(), kato.node()];
    const learnedPart = await fetch(`${kato.url}/v1/kbs/${copy}/archive?import=${copy}&part=0&last=true`, {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: await part.arrayBuffer(),
    });
    const archived = byRoute.get("POST /v1/kbs/:node/archive")!.responses["200"]!;
    expect(complaints(schemaOf(archived), await learnedPart.json())).toEqual([]);
    seen.add("POST /v1/kbs/:node/archive 200");
    const pattern = { events: [["a"], ["b"]], frequency: 2, emotives: [[["joy", 1]]], metadata: [["m", ["1"]]] };
    await ask("POST /v1/kbs/:node/imports", `/v1/kbs/${other}/imports?import=${other}&part=0&last=true`, { patterns: [pattern] });
    await ask("POST /v1/kbs/:node/imports", `/v1/kbs/${copy}/imports?import=another&part=0`, { patterns: [pattern] });
    await ask("POST /v1/kbs/:node/affinities", `/v1/kbs/${other}/affinities`, { affinities: [["a", [["joy", 2]]]] });
    await ask("POST /v1/kbs/:node/copy", `/v1/kbs/${copy}/copy`, { to: twin });
    await ask("POST /v1/kbs/:node/copy", `/v1/kbs/${copy}/copy`, { to: twin });
    await ask("POST /v1/kbs/:node/rename", `/v1/kbs/${twin}/rename`, { to: kato.node() });
    await ask("POST /v1/verify", "/v1/verify", { node_id: other });
    await ask("POST /v1/verify", "/v1/verify", {});
    await ask("GET /v1/kbs", "/v1/kbs");
    await ask("GET /v1/imports", "/v1/imports");
    await ask("POST /v1/imports/:id/rollback", `/v1/imports/${copy}/rollback`, {});
    await ask("POST /v1/imports/:id/rollback", "/v1/imports/unknown/rollback", {});
    await ask("DELETE /v1/kbs/:node", `/v1/kbs/${other}?confirm=${other}`);
    await ask("DELETE /v1/kbs/:node", `/v1/kbs/${other}`);
    await ask("POST /sessions/:id/clear-stm", `/sessions/${id}/clear-stm`);
    await ask("POST /sessions/:id/clear-all", `/sessions/${id}/clear-all`);
    await ask("DELETE /sessions/:id", `/sessions/${id}`);
    await ask("DELETE /sessions/:id", `/sessions/${id}`);

    const never = [...byRoute].filter(([route]) => !seen.has(`${route} 200`));
    expect(never).toEqual([]);
  });
});
