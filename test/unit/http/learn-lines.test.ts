/** Bulk learning as JSON lines: what is read, what a wrong line does, and what the answer says. */
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { EngineError } from "../../../src/errors.ts";
import { fakeApp } from "../../support/http-app.ts";

const URL = "/v1/kbs/n/patterns";
const LINES = { "content-type": "application/x-ndjson" };
let opened: ReturnType<typeof fakeApp> | undefined;
afterEach(async () => {
  await opened?.app.close();
  opened = undefined;
});

async function post(body: string | Buffer, headers: Record<string, string> = {}, limits = {}) {
  opened = fakeApp(limits);
  const { app, engine } = opened;
  const reply = await app.inject({ method: "POST", url: URL, headers: { ...LINES, ...headers }, payload: body });
  const lines = reply.statusCode === 200 ? reply.body.trimEnd().split("\n") : [];
  return {
    engine,
    status: reply.statusCode,
    body: reply.body,
    type: reply.headers["content-type"],
    lines: lines.map((line) => JSON.parse(line)),
  };
}

describe("POST /v1/kbs/{node}/patterns", () => {
  it("learns lists of events and objects with emotives and metadata, and answers a line for each", async () => {
    const { engine, lines, type } = await post(
      '[["a","b"],[],["c"]]\n\n{"events":[["é/€","x"]],"emotives":{"joy":0.5,"__proto__":1},"metadata":{"book":"B","n":[1]}}\r\n[["one"]]',
    );
    expect(type).toBe("application/x-ndjson");
    expect(engine.last("learnPatterns")).toEqual([
      "n_kato",
      [
        { events: [["a", "b"], ["c"]] },
        {
          events: [["é/€", "x"]],
          emotives: [
            [
              ["joy", 0.5],
              ["__proto__", 1],
            ],
          ],
          metadata: [
            ["book", ["B"]],
            ["n", ["[1]"]],
          ],
        },
        { events: [["one"]] },
      ],
      {},
    ]);
    expect(lines).toMatchObject([
      { line: 1, name: expect.stringMatching(/^PTRN\|[0-9a-f]{40}$/), new: true, frequency: 1 },
      { line: 3, new: true },
      { line: 4, too_short: true },
      { done: true, stored: 2, created: 2, too_short: 1, failed: 0 },
    ]);
  });

  it("tells of wrong lines and learns the others", async () => {
    const wrong = Buffer.concat([
      Buffer.from('[["a","b"]]\nnot json\n{"event":[]}\n[["a",1]]\n"text"\n'),
      Buffer.of(0x5b, 0xff, 10),
      Buffer.from(`[${JSON.stringify(new Array(5_000).fill("s"))}]\n{"events":[["a","b"]],"emotives":{"joy":"much"}}\n[["c","d"]]\n`),
    ]);
    const { engine, lines } = await post(wrong);
    expect((engine.last("learnPatterns")[1] as unknown[]).length).toBe(2);
    expect(lines.map((line) => line.error?.code ?? line.new ?? line.done)).toEqual([
      true,
      ...new Array(5).fill("ENGRAM_BAD_REQUEST"),
      "ENGRAM_LIMIT_EXCEEDED",
      "ENGRAM_BAD_REQUEST",
      true,
      true,
    ]);
    expect(lines.at(-1)).toEqual({ done: true, stored: 2, created: 2, too_short: 0, failed: 7 });
  });

  it("commits a thousand lines at a time, each with its own key", async () => {
    const { engine, lines } = await post('[["a","b"]]\n'.repeat(2_500), { "idempotency-key": "load 7" });
    const calls = engine.calls.filter(({ name }) => name === "learnPatterns");
    expect(calls.map(({ args }) => (args[1] as unknown[]).length)).toEqual([1_000, 1_000, 500]);
    expect(calls.map(({ args }) => args[2])).toEqual([0, 1, 2].map((i) => ({ idempotencyKey: `load 7 ${i}` })));
    expect(lines).toHaveLength(2_501);
  });

  it("says where it stopped: an error reply before the first answer, the last line later", async () => {
    const early = await post('[["a","b"]]\n'.repeat(11), {}, { patternLinesMax: 10 });
    expect([early.status, JSON.parse(early.body).error.code]).toEqual([422, "ENGRAM_LIMIT_EXCEEDED"]);
    const late = await post('[["a","b"]]\n'.repeat(1_001), {}, { patternLinesMax: 1_000 });
    expect(late.lines).toHaveLength(1_001);
    expect(late.lines.at(-1)).toMatchObject({ done: false, error: { code: "ENGRAM_LIMIT_EXCEEDED" } });
    const large = await post('[["a","b"]]\n'.repeat(100), {}, { bodyBytesMax: 1_000 });
    expect(large.status).toBe(413);
  });

  it("answers an empty body, and tells a failing store by its status", async () => {
    expect((await post("")).lines).toEqual([{ done: true, stored: 0, created: 0, too_short: 0, failed: 0 }]);
    opened = fakeApp();
    opened.engine.failure = new EngineError("ENGRAM_STORE_UNREACHABLE", "away");
    const reply = await opened.app.inject({ method: "POST", url: URL, headers: LINES, payload: '[["a","b"]]' });
    expect([reply.statusCode, reply.headers["retry-after"]]).toEqual([503, "1"]);
  });

  it("answers over a socket while lines still come", async () => {
    opened = fakeApp();
    const { app } = opened;
    await app.listen({ port: 0, host: "127.0.0.1" });
    const { port } = app.server.address() as AddressInfo;
    const text = await new Promise<string>((resolve, reject) => {
      const upload = request({ port, host: "127.0.0.1", path: URL, method: "POST", headers: LINES }, (reply) => {
        let all = "";
        reply.setEncoding("utf8").on("data", (part: string) => {
          // The first answers are here: now the rest is sent.
          if (all === "") upload.end('[["c","d"]]\n');
          all += part;
        });
        reply.on("end", () => resolve(all));
        reply.on("error", reject);
      });
      upload.on("error", reject);
      // One more than a batch, since a batch is answered for when the next one is complete.
      upload.write('[["a","b"]]\n'.repeat(2_000));
    });
    expect(JSON.parse(text.trimEnd().split("\n").at(-1)!)).toMatchObject({ done: true, stored: 2_001 });
  });
});
