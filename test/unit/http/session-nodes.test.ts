/** Remembering the node of a session: once found, not asked again, and never more than so many. */
import { expect, it } from "vitest";
import { SessionNodes } from "../../../src/http/session-nodes.ts";
import type { Session } from "../../../src/model/session.ts";

it("finds once, remembers, and forgets the oldest first", async () => {
  let asked = 0;
  const nodes = new SessionNodes({
    peekSession: async (id) => {
      asked++;
      return id === "gone" ? undefined : ({ nodeId: `node of ${id}` } as Session);
    },
  });
  await expect(nodes.find("gone")).rejects.toMatchObject({ code: "ENGRAM_SESSION_UNKNOWN" });
  expect(nodes.known("a")).toBeUndefined();
  expect(await nodes.find("a")).toBe("node of a");
  expect([nodes.known("a"), asked]).toEqual(["node of a", 2]);
  for (let i = 0; i < 65_535; i++) nodes.remember(`s${i}`, "n");
  expect(nodes.known("a")).toBe("node of a");
  nodes.remember("s3", "m");
  expect([nodes.known("a"), nodes.known("s3")]).toEqual(["node of a", "m"]);
  nodes.remember("one more", "n");
  expect([nodes.known("a"), nodes.known("s0"), nodes.known("one more")]).toEqual([undefined, "n", "n"]);
  nodes.forget("s0");
  expect(nodes.known("s0")).toBeUndefined();
});
