/** Compressed answers: large ones, to clients that ask for it, and the same when they are read. */
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { NO_TRACE } from "../../support/fake-engine.ts";
import { fakeApp, newSession } from "../../support/http-app.ts";
import { GENERAL } from "../../support/predictions.ts";

async function asked(predictions: number, accept: string | undefined) {
  const fake = fakeApp();
  const id = await newSession(fake);
  fake.engine.answer = { predictions: Array.from({ length: predictions }, () => GENERAL), futurePotentials: [], trace: NO_TRACE };
  return fake.app.inject({
    url: `/sessions/${id}/predictions`,
    headers: { ...(accept !== undefined && { "accept-encoding": accept }) },
  });
}

describe("answers", () => {
  it("above the limit are compressed as the client prefers", async () => {
    const plain = await asked(200, undefined);
    expect(plain.headers["content-encoding"]).toBeUndefined();
    for (const [accept, coding, decode] of [
      ["gzip, deflate", "gzip", gunzipSync],
      ["gzip, deflate, br, zstd", "br", brotliDecompressSync],
      ["br;q=0.1, gzip", "gzip", gunzipSync],
    ] as const) {
      const answer = await asked(200, accept);
      expect(answer.headers).toMatchObject({ "content-encoding": coding, vary: "accept-encoding" });
      expect(answer.rawPayload.length).toBeLessThan(plain.rawPayload.length / 2);
      expect(JSON.parse(decode(answer.rawPayload).toString("utf8")).predictions).toEqual(plain.json().predictions);
    }
  });

  it("in chunks are compressed as well", async () => {
    const answer = await asked(2_000, "gzip");
    expect(answer.headers["content-encoding"]).toBe("gzip");
    expect(JSON.parse(gunzipSync(answer.rawPayload).toString("utf8")).predictions).toHaveLength(2_000);
  });

  it("below the limit, or for a client that does not ask, leave as they are", async () => {
    const small = await asked(1, "gzip, br");
    expect(small.headers["content-encoding"]).toBeUndefined();
    expect(Number(small.headers["content-length"])).toBe(small.rawPayload.length);
    for (const accept of ["identity", "deflate", undefined]) {
      const answer = await asked(200, accept);
      expect(answer.headers["content-encoding"], accept).toBeUndefined();
      expect(answer.json().predictions).toHaveLength(200);
    }
  });
});
