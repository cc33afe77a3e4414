/** The HTTP face over a fake engine, and the two calls every HTTP test makes. */
import type { FastifyInstance } from "fastify";
import { buildApp } from "../../src/http/app.ts";
import type { HttpLimits } from "../../src/http/limits.ts";
import { silentLogger } from "../../src/log.ts";
import { FakeEngine } from "./fake-engine.ts";

export interface FakeApp {
  readonly app: FastifyInstance;
  readonly engine: FakeEngine;
}

export function fakeApp(limits?: Partial<HttpLimits>): FakeApp {
  const engine = new FakeEngine();
  const app = buildApp({ engine, log: silentLogger, serviceName: "kato", version: "0.0.0-test", ...(limits && { limits }) });
  return { app, engine };
}

export async function newSession({ app }: FakeApp, body: object = {}): Promise<string> {
  const response = await app.inject({ method: "POST", url: "/sessions", payload: { node_id: "n", ...body } });
  return response.json().session_id;
}

/** Any answer: status, body text, parsed body, headers. */
export async function call(
  { app }: FakeApp,
  method: "GET" | "POST" | "DELETE" | "PUT" | "HEAD" | "OPTIONS",
  url: string,
  payload?: unknown,
  headers: Record<string, string> = {},
) {
  const text = typeof payload === "string";
  const response = await app.inject({
    method,
    url,
    headers: { ...(payload !== undefined && { "content-type": "application/json" }), ...headers },
    ...(payload !== undefined && { payload: text ? payload : JSON.stringify(payload) }),
  });
  return {
    status: response.statusCode,
    text: response.body,
    body: response.body === "" ? undefined : response.json(),
    headers: response.headers,
  };
}

/** A promise that the test resolves when it likes. */
export function openGate(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
