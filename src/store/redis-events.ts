/**
 * The event bus of processes that share a Redis: publish/subscribe, on a connection of its own for listening. This process's own listeners
 * are called at once; the others' within a round trip, and not at all while Redis is away: news, not state (`event-bus.ts`).
 */
import { randomBytes } from "node:crypto";
import type { Redis } from "ioredis";
import { EngineError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { SessionEvent } from "../model/session-event.ts";
import type { EventBus } from "./event-bus.ts";
import { openLocalEvents } from "./local-events.ts";
import type { RedisConnection } from "./redis-connection.ts";

/** Longest event believed: ids and a node's name. */
const EVENT_BYTES_MAX = 65_536;

export async function openRedisEvents(redis: RedisConnection, log: Logger): Promise<EventBus> {
  const local = openLocalEvents(log);
  const channel = `${redis.prefix}events`;
  // What this process sent comes back to it, and was told already.
  const own = randomBytes(8).toString("hex");
  const listener = redis.listener();
  listener.on("message", (_: string, text: string) => {
    const news = parse(text);
    if (news === undefined) log.warn({ channel, bytes: text.length }, "an event that cannot be read was dropped");
    else if (news.from !== own) local.publish(news.event);
  });
  try {
    await listener.connect();
    await (listener as Redis).subscribe(channel);
  } catch (error) {
    listener.disconnect();
    if (error instanceof EngineError) throw error;
    const told = "Redis does not take a listener for events. Check that its user may subscribe (+subscribe, +publish and the channels).";
    throw new EngineError("ENGRAM_STORE_UNREACHABLE", told, { cause: new Error((error as Error).message) });
  }
  return {
    publish(event) {
      local.publish(event);
      redis.publish(channel, JSON.stringify({ from: own, event })).catch((error: unknown) => {
        log.warn({ err: error, event: event.type }, "an event did not reach the other processes");
      });
    },
    subscribe: (called) => local.subscribe(called),
    async close() {
      listener.disconnect();
      await local.close();
    },
  };
}

/** What came over the channel; anybody who reaches Redis can write there. */
function parse(text: string): { from: string; event: SessionEvent } | undefined {
  if (text.length > EVENT_BYTES_MAX) return undefined;
  try {
    const { from, event } = JSON.parse(text) as { from?: unknown; event?: Record<string, unknown> };
    const known = event?.type === "session.created" ? typeof event.nodeId === "string" : event?.type === "session.destroyed";
    if (typeof from !== "string" || !known || typeof event?.sessionId !== "string" || typeof event.atMs !== "number") return undefined;
    return { from, event: event as unknown as SessionEvent };
  } catch {
    // Not JSON: told by the caller.
    return undefined;
  }
}
