/** Section 2 of KATO's interface: errors. */
import { expect, it } from "vitest";
import { onEveryServer } from "./servers.ts";

const SESSION_CALLS = [
  ["DELETE", ""],
  ["POST", "/extend"],
  ["GET", "/config"],
  ["POST", "/config"],
  ["POST", "/observe"],
  ["POST", "/observe-sequence"],
  ["GET", "/stm"],
  ["POST", "/learn"],
  ["POST", "/clear-stm"],
  ["POST", "/clear-all"],
  ["POST", "/finalize-training"],
  ["GET", "/predictions"],
  ["GET", "/percept-data"],
  ["GET", "/cognition-data"],
] as const;

onEveryServer("errors", (kato) => {
  it.each(SESSION_CALLS)("[T] %s /sessions/{unknown}%s is 404, in the session check's own shape", async (method, path) => {
    const { status, body } = await kato.call(method, `/sessions/unknown${path}`, method === "POST" ? { wrong: true } : undefined);
    expect(status).toBe(404);
    expect(body).toEqual({
      error: { code: "SESSION_NOT_FOUND", message: "Session unknown not found or expired", session_id: "unknown" },
    });
  });

  it("[T] GET /sessions/{unknown} is 404 with a detail; exists is always 200", async () => {
    const { status, body } = await kato.call("GET", "/sessions/unknown");
    expect([status, body]).toEqual([404, { detail: "Session unknown not found or expired" }]);
    const exists = await kato.call("GET", "/sessions/unknown/exists");
    expect([exists.status, exists.body]).toEqual([200, { exists: false, expired: false, session_id: "unknown" }]);
  });

  it("[T] wrongly typed observations are 422", async () => {
    const id = await kato.session();
    for (const observations of ["a", 7, {}, null, [1], ["a"]]) {
      const { status, body } = await kato.call("POST", `/sessions/${id}/observe-sequence`, { observations });
      expect([observations, status]).toEqual([observations, 422]);
      expect(body.detail[0]).toMatchObject({ type: expect.any(String), loc: expect.any(Array), msg: expect.any(String) });
    }
    const missing = await kato.call("POST", `/sessions/${id}/observe-sequence`, {});
    expect(missing.body.detail[0]).toMatchObject({ type: "missing", loc: ["body", "observations"] });
  });

  it.each([
    [{ strings: [null] }, ["body", "strings", 0], "string_type"],
    [{ strings: ["a", 7] }, ["body", "strings", 1], "string_type"],
    [{ strings: null }, ["body", "strings"], "list_type"],
    [{ vectors: "v" }, ["body", "vectors"], "list_type"],
    [{ vectors: [["x"]] }, ["body", "vectors", 0, 0], "float_parsing"],
    [{ emotives: "happy" }, ["body", "emotives"], "dict_type"],
    [{ emotives: { joy: null } }, ["body", "emotives", "joy"], "float_type"],
    [{ metadata: [] }, ["body", "metadata"], "dict_type"],
  ])("[T] an observation %j is refused", async (body, loc, type) => {
    const id = await kato.session();
    const answer = await kato.call("POST", `/sessions/${id}/observe`, body);
    expect(answer.status).toBe(422);
    expect(answer.body.detail).toEqual(
      [{ type, loc, msg: expect.any(String), input: expect.anything() }].map((issue) =>
        answer.body.detail[0].input === null ? { ...issue, input: null } : issue,
      ),
    );
    expect((await kato.call("GET", `/sessions/${id}/stm`)).body.stm).toEqual([]);
  });

  it("[T] a missing or null node_id is refused", async () => {
    expect((await kato.call("POST", "/sessions", {})).status).toBe(422);
    expect((await kato.call("POST", "/sessions", { node_id: null })).status).toBe(422);
    expect((await kato.call("POST", "/sessions")).status).toBe(422);
  });

  it("[T] broken JSON is refused, as one item of type json_invalid", async () => {
    const id = await kato.session();
    for (const path of ["/sessions", `/sessions/${id}/observe`, `/sessions/${id}/config`]) {
      const { status, body } = await kato.call("POST", path, '{"strings": [');
      expect([path, status]).toEqual([path, 422]);
      expect(body.detail).toHaveLength(1);
      expect(body.detail[0].type).toBe("json_invalid");
    }
  });

  it("[T] learning an empty STM is 400 with `Cannot learn from empty STM` in a string", async () => {
    const id = await kato.session();
    const { status, body } = await kato.call("POST", `/sessions/${id}/learn`);
    expect(status).toBe(400);
    expect(body.detail).toContain("Cannot learn from empty STM");
  });

  it("[T] every 404 holds detail or error; an unknown path is Not Found, a wrong method 405", async () => {
    for (const path of [
      "/nowhere",
      "/sessions/unknown",
      "/sessions/unknown/stm",
      "/sessions/unknown/nowhere",
      "/metrics/nothing",
      "/sessions/test/x",
    ]) {
      const { status, body } = await kato.call("GET", path);
      expect([path, status]).toEqual([path, 404]);
      expect("detail" in body || "error" in body, path).toBe(true);
    }
    expect((await kato.call("GET", "/nowhere")).body).toEqual({ detail: "Not Found" });
    const wrong = await kato.call("PUT", "/sessions", {});
    expect([wrong.status, wrong.body]).toEqual([405, { detail: "Method Not Allowed" }]);
    expect((await kato.call("GET", "/sessions")).status).toBe(405);
  });
});
