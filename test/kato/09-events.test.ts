/** Section 9 of KATO's interface: the WebSocket `/ws/events`. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { WebSocket } from "ws";
import { type Kato, onEveryServer } from "./servers.ts";

/** A client that reads frame by frame, as KATO's tests do. */
class Listener {
  readonly socket: WebSocket;
  readonly frames: string[] = [];
  #wake: () => void = () => {};

  constructor(kato: Kato) {
    this.socket = new WebSocket(`${kato.url.replace("http", "ws")}/ws/events`);
    this.socket.on("message", (data) => {
      this.frames.push(String(data));
      this.#wake();
    });
  }

  async next(): Promise<string> {
    while (this.frames.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.frames.shift()!;
  }

  async close(): Promise<void> {
    this.socket.close();
    await once(this.socket, "close");
  }
}

onEveryServer("events", (kato) => {
  it("begins with one snapshot of the state", async () => {
    await kato.session();
    const listener = new Listener(kato);
    const { event_type, timestamp, data } = JSON.parse(await listener.next());
    expect(event_type).toBe("state.snapshot");
    expect(Date.parse(timestamp)).not.toBeNaN();
    expect(data).toEqual({ active_sessions: expect.any(Number), system_status: "healthy" });
    expect(data.active_sessions).toBeGreaterThan(0);
    await listener.close();
  });

  it("tells a creation and a deletion in the very next frames", async () => {
    const listener = new Listener(kato);
    await listener.next();
    const node = kato.node();
    const { body: session } = await kato.call("POST", "/sessions", { node_id: node });
    const created = JSON.parse(await listener.next());
    expect(created).toMatchObject({
      event_type: "session.created",
      data: { session_id: session.session_id, node_id: node, created_at: session.created_at },
    });
    await kato.call("DELETE", `/sessions/${session.session_id}`);
    const destroyed = JSON.parse(await listener.next());
    expect(destroyed).toMatchObject({
      event_type: "session.destroyed",
      data: { session_id: session.session_id, reason: "explicit_delete", destroyed_at: expect.any(String) },
    });
    expect(Date.parse(destroyed.timestamp)).not.toBeNaN();
    await listener.close();
  });

  it("tells every listener", async () => {
    const listeners = [new Listener(kato), new Listener(kato), new Listener(kato)];
    for (const listener of listeners) await listener.next();
    const id = await kato.session();
    for (const listener of listeners) expect(JSON.parse(await listener.next()).data.session_id).toBe(id);
    for (const listener of listeners) await listener.close();
  });

  it("answers the bare text ping with the bare text pong, and other input not at all", async () => {
    const listener = new Listener(kato);
    await listener.next();
    listener.socket.send("hello");
    listener.socket.send(JSON.stringify({ type: "ping" }));
    listener.socket.send("ping");
    expect(await listener.next()).toBe("pong");
    expect(listener.frames).toEqual([]);
    await listener.close();
  });

  it("sends nothing unasked: no observe, learn, prediction or expiry is told", async () => {
    const id = await kato.session();
    const short = await kato.session({ ttl_seconds: 1 });
    const listener = new Listener(kato);
    await listener.next();
    await kato.learn(id, ["a"], ["b"]);
    await kato.call("GET", `/sessions/${id}/predictions`);
    await sleep(1_200);
    expect((await kato.call("GET", `/sessions/${short}`)).status).toBe(404);
    expect((await kato.call("DELETE", `/sessions/${short}`)).status).toBe(404);
    expect(listener.frames).toEqual([]);
    await listener.close();
  });

  it("is at /ws/events alone, and no page", async () => {
    const other = new WebSocket(`${kato.url.replace("http", "ws")}/ws`);
    await expect(once(other, "open")).rejects.toThrow("404");
    const { status, body } = await kato.call("GET", "/ws/events");
    expect(status).toBe(404);
    expect(body.detail).toContain("WebSocket");
  });
});
