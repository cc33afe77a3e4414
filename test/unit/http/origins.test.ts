/** Web pages of other origins: refused unless the settings name them. */
import { describe, expect, it } from "vitest";
import { buildApp } from "../../../src/http/app.ts";
import { silentLogger } from "../../../src/log.ts";
import { FakeEngine } from "../../support/fake-engine.ts";

const PAGE = "https://page.example";

function appFor(corsOrigins: readonly string[]) {
  const engine = new FakeEngine();
  return { engine, app: buildApp({ engine, log: silentLogger, serviceName: "kato", version: "0", corsOrigins }) };
}

const create = (origin: string | undefined, host = "127.0.0.1:8000") => ({
  method: "POST" as const,
  url: "/sessions",
  headers: { ...(origin !== undefined && { origin }), host },
  payload: { node_id: "n" },
});

describe("pages of other origins", () => {
  it("change nothing and read nothing by default", async () => {
    const { app, engine } = appFor([]);
    const refused = await app.inject(create(PAGE));
    expect(refused.statusCode).toBe(403);
    expect(refused.json().detail).toContain("corsOrigins");
    expect(engine.sessions.size).toBe(0);
    const read = await app.inject({ url: "/health", headers: { origin: PAGE } });
    expect(read.statusCode).toBe(200);
    expect(read.headers["access-control-allow-origin"]).toBeUndefined();
    const preflight = await app.inject({
      method: "OPTIONS",
      url: "/sessions",
      headers: { origin: PAGE, "access-control-request-method": "POST" },
    });
    expect(preflight.statusCode).toBe(405);
    expect((await app.inject(create("null"))).statusCode).toBe(403);
    const socket = await app.inject({ url: "/ws/events", headers: { origin: PAGE, upgrade: "websocket" } });
    expect(socket.statusCode).toBe(403);
  });

  it("are welcome where they are named, with credentials and preflight", async () => {
    const { app } = appFor([PAGE]);
    const answer = await app.inject(create(PAGE));
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      "access-control-allow-origin": PAGE,
      "access-control-allow-credentials": "true",
      vary: "origin",
    });
    const preflight = await app.inject({
      method: "OPTIONS",
      url: "/sessions",
      headers: { origin: PAGE, "access-control-request-method": "POST", "access-control-request-headers": "content-type,x-node-id" },
    });
    expect(preflight.statusCode).toBe(200);
    expect(preflight.headers["access-control-allow-headers"]).toBe("content-type,x-node-id");
    expect(preflight.headers["access-control-allow-methods"]).toContain("DELETE");
    expect((await app.inject(create("https://other.example"))).statusCode).toBe(403);
  });

  it("are all welcome under *", async () => {
    const { app } = appFor(["*"]);
    const answer = await app.inject(create(PAGE));
    expect(answer.headers["access-control-allow-origin"]).toBe(PAGE);
  });
});

describe("who is no stranger", () => {
  it("a program, which sends no origin, and a page that this server served", async () => {
    const { app } = appFor([]);
    expect((await app.inject(create(undefined))).statusCode).toBe(200);
    expect((await app.inject(create("http://127.0.0.1:8000"))).statusCode).toBe(200);
    expect((await app.inject(create("https://engram.example", "engram.example"))).statusCode).toBe(200);
  });
});
