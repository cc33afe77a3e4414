import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openMemory, withPatience } from "../../../src/cli/memory.ts";
import { configOf } from "../../../src/config.ts";
import { EngineError } from "../../../src/errors.ts";
import { silentLogger } from "../../../src/log.ts";
import { lockDataFolder } from "../../../src/store/data-lock.ts";

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

let folder: string;
let server: Server;
let url: string;
let calls: Call[];
let reply: { status: number; body: string };
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "engram-memory-"));
  calls = [];
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const text = Buffer.concat(parts).toString("utf8");
      calls.push({ method: request.method!, path: request.url!, body: text === "" ? undefined : JSON.parse(text) });
      response.writeHead(reply.status, { "content-type": "application/json" }).end(reply.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

const open = (overUrl: string | undefined = url) =>
  openMemory({ config: configOf({ dataDir: folder }), log: silentLogger, node: "a/b c", url: overUrl });

describe("a memory in a server", () => {
  it("learns, predicts and counts by the server's own calls", async () => {
    const memory = await open();
    reply = { status: 200, body: '{"stored":2,"too_short":1}' };
    expect(await memory.learn([[["a"], ["b"]], [["c", "d"]], [["e"]]], "key")).toEqual({ stored: 2, tooShort: 1 });
    reply = { status: 200, body: '{"predictions":[{"name":"x"}]}' };
    expect(await memory.predict([["a"]], { max_predictions: 3 })).toEqual([{ name: "x" }]);
    reply = { status: 200, body: '{"patterns":7}' };
    expect(await memory.patternCount()).toBe(7);
    expect(calls).toEqual([
      { method: "POST", path: "/v1/kbs/a%2Fb%20c/learn", body: { sequences: [[["a"], ["b"]], [["c", "d"]], [["e"]]] } },
      { method: "POST", path: "/v1/kbs/a%2Fb%20c/predict", body: { state: [["a"]], config: { max_predictions: 3 } } },
      { method: "GET", path: "/v1/kbs/a%2Fb%20c/stats", body: undefined },
    ]);
  });

  it("passes on the server's error with its code", async () => {
    reply = { status: 422, body: '{"error":{"code":"ENGRAM_LIMIT_EXCEEDED","message":"too long"}}' };
    await expect((await open()).patternCount()).rejects.toMatchObject({ code: "ENGRAM_LIMIT_EXCEEDED", message: "too long" });
  });

  it("says when the answer is no Engram's, or none comes", async () => {
    reply = { status: 404, body: "<html>" };
    await expect((await open()).patternCount()).rejects.toMatchObject({
      code: "ENGRAM_STORE_REPLY",
      message: expect.stringContaining("404"),
    });
    reply = { status: 200, body: "<html>" };
    await expect((await open()).patternCount()).rejects.toMatchObject({ code: "ENGRAM_STORE_REPLY" });
    await expect((await open("http://127.0.0.1:1")).patternCount()).rejects.toMatchObject({ code: "ENGRAM_STORE_UNREACHABLE" });
  });

  it("is found by the data folder's lock", async () => {
    const lock = await lockDataFolder(folder);
    await lock.publish(url);
    reply = { status: 200, body: '{"patterns":1}' };
    const memory = await openMemory({ config: configOf({ dataDir: folder }), log: silentLogger, node: "n" });
    expect(memory.where).toBe(`the server at ${url}`);
    expect(await memory.patternCount()).toBe(1);
    await lock.release();
  });

  it("is refused while another command has the folder", async () => {
    const lock = await lockDataFolder(folder);
    await expect(openMemory({ config: configOf({ dataDir: folder }), log: silentLogger, node: "n" })).rejects.toMatchObject({
      code: "ENGRAM_DATA_LOCKED",
      details: { pid: process.pid },
    });
    await lock.release();
  });
});

describe("patience", () => {
  const failing = (code: ConstructorParameters<typeof EngineError>[0], times: number) => {
    let calls = 0;
    return { attempt: async () => (++calls <= times ? Promise.reject(new EngineError(code, code)) : calls), calls: () => calls };
  };
  it("repeats what was refused for load", async () => {
    expect(await withPatience(failing("ENGRAM_OVERLOADED", 3).attempt, 1, 1_000)).toBe(4);
  });
  it("ends, and repeats nothing that may have been done", async () => {
    await expect(withPatience(failing("ENGRAM_OUTBOX_FULL", 1e9).attempt, 1, 20)).rejects.toMatchObject({ code: "ENGRAM_OUTBOX_FULL" });
    const unreachable = failing("ENGRAM_STORE_UNREACHABLE", 1);
    await expect(withPatience(unreachable.attempt, 1, 1_000)).rejects.toMatchObject({ code: "ENGRAM_STORE_UNREACHABLE" });
    expect(unreachable.calls()).toBe(1);
  });
});
