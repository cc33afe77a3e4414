/** `/ws/events` where a real engine is not needed: what may not overtake the snapshot, clients that misbehave, and closing. */
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { SessionEvent } from "../../../src/model/session-event.ts";
import { openLocalEvents } from "../../../src/store/local-events.ts";
import { fakeApp, openGate } from "../../support/http-app.ts";

async function listening(fake: ReturnType<typeof fakeApp>): Promise<string> {
  await fake.app.listen({ host: "127.0.0.1", port: 0 });
  const address = fake.app.server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `ws://127.0.0.1:${address.port}/ws/events`;
}

const created = (sessionId: string): SessionEvent => ({ type: "session.created", sessionId, nodeId: "n", atMs: 0 });

describe("clients of /ws/events", () => {
  it("get events that come during their snapshot after it, in order", async () => {
    const fake = fakeApp();
    const gate = openGate();
    const count = fake.engine.countSessions.bind(fake.engine);
    const asked = openGate();
    fake.engine.countSessions = async () => {
      asked.resolve();
      await gate.promise;
      return count();
    };
    const socket = new WebSocket(await listening(fake));
    const frames: string[] = [];
    socket.on("message", (data) => frames.push(JSON.parse(String(data)).data.session_id ?? "snapshot"));
    await asked.promise;
    for (const id of ["s1", "s2"]) for (const tell of fake.engine.listeners) tell(created(id));
    gate.resolve();
    while (frames.length < 3) await once(socket, "message");
    expect(frames).toEqual(["snapshot", "s1", "s2"]);
    await fake.app.close();
  });

  it("are cut off when they send more than they have to say", async () => {
    const fake = fakeApp();
    const socket = new WebSocket(await listening(fake));
    await once(socket, "message");
    socket.send("x".repeat(2_000));
    const [code] = await once(socket, "close");
    expect([1_006, 1_009]).toContain(code);
    await fake.app.close();
  });

  it("are sent away when the server closes, and do not hold it up", async () => {
    const fake = fakeApp();
    const socket = new WebSocket(await listening(fake));
    await once(socket, "message");
    const gone = once(socket, "close");
    await fake.app.close();
    expect((await gone)[0]).toBe(1_001);
    expect(fake.engine.listeners.size).toBe(0);
  });

  it("do not count as requests under way", async () => {
    const fake = fakeApp({ requestsInFlightMax: 1 });
    const socket = new WebSocket(await listening(fake));
    await once(socket, "message");
    expect((await fake.app.inject("/sessions/count")).statusCode).toBe(200);
    socket.terminate();
    await fake.app.close();
  });
});

describe("the bus of one process", () => {
  it("calls every listener until it stops listening, whatever another one throws", async () => {
    const errors: unknown[] = [];
    const log = { debug() {}, info() {}, warn() {}, fatal() {}, error: (fields: unknown) => errors.push(fields) };
    const bus = openLocalEvents(log as never);
    const heard: string[] = [];
    bus.subscribe(() => {
      throw new Error("bad listener");
    });
    const stop = bus.subscribe((event) => heard.push(event.sessionId));
    bus.publish(created("a"));
    stop();
    bus.publish(created("b"));
    expect(heard).toEqual(["a"]);
    expect(errors).toHaveLength(2);
    await bus.close();
    bus.publish(created("c"));
    expect(errors).toHaveLength(2);
  });
});
