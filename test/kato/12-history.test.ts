/** Section 12 of KATO's interface: what it had once. */
import { expect, it } from "vitest";
import { onEveryServer } from "./servers.ts";

onEveryServer("calls that are gone", (kato) => {
  it.each([
    ["POST", "/observe?processor_id=p"],
    ["GET", "/stm"],
    ["GET", "/short-term-memory"],
    ["POST", "/learn"],
    ["POST", "/clear-stm"],
    ["POST", "/clear-short-term-memory"],
    ["POST", "/clear-all"],
    ["POST", "/clear-all-memory"],
    ["GET", "/predictions"],
    ["POST", "/predictions"],
    ["POST", "/observe-sequence"],
    ["POST", "/genes/update"],
  ])("answers %s %s with 404 and the call that took its place", async (method, path) => {
    const { status, body } = await kato.call(method, path, method === "POST" ? {} : undefined);
    expect(status).toBe(404);
    expect(body.detail).toContain("/sessions/{session_id}/");
  });

  it("[T] answers GET /gene/{x} with 404", async () => {
    expect((await kato.call("GET", "/gene/recall_threshold")).status).toBe(404);
  });
});
