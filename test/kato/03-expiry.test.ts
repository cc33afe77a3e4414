/** Section 3 of KATO's interface: sliding expiry, with KATO's own times. The tests mostly wait, so they wait together. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { onEveryServer } from "./servers.ts";

onEveryServer("expiry", (kato) => {
  it.concurrent("[T] a session of 5 s touched every 2 s outlives 12 s, and is gone 6 s after the last touch", async () => {
    const id = await kato.session({ ttl_seconds: 5 });
    for (let i = 0; i < 6; i++) {
      await sleep(2_000);
      expect((await kato.observe(id, `s${i}`)).status).toBe(200);
    }
    // exists must not slide.
    await sleep(3_000);
    expect((await kato.call("GET", `/sessions/${id}/exists`)).body.exists).toBe(true);
    await sleep(3_000);
    expect((await kato.call("GET", `/sessions/${id}`)).status).toBe(404);
  });

  it.concurrent("[T] a session of 1 s is gone after 2 s", async () => {
    const id = await kato.session({ ttl_seconds: 1 });
    await sleep(2_000);
    expect((await kato.call("GET", `/sessions/${id}/stm`)).status).toBe(404);
    expect((await kato.call("GET", `/sessions/${id}/exists`)).body).toMatchObject({ exists: false });
  });

  it.concurrent("a session that is only read slides too", async () => {
    const id = await kato.session({ ttl_seconds: 3 });
    for (let i = 0; i < 3; i++) {
      await sleep(1_500);
      expect((await kato.call("GET", `/sessions/${id}/stm`)).status).toBe(200);
    }
  });
});
