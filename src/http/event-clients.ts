/**
 * Clients of `/ws/events`: each gets the state of the moment, then every event, and nothing that it did not ask for: KATO's clients take
 * the next frame for the event they wait for. An event is written once and sent to all. Bounded: so many clients, so many bytes that one
 * may leave unread (then it is cut off: it could not catch up), and dead lines are found by pings of the protocol, which no client sees.
 */
import type { WebSocket } from "@fastify/websocket";
import type { SessionEvent } from "../model/session-event.ts";
import { offsetDate, sessionDate } from "./json-text.ts";

const CLIENTS_MAX = 1_024;
/** About 4,000 events. */
const UNREAD_BYTES_MAX = 1024 * 1024;
/** Events that may come while the first frame is being made. */
const EARLY_EVENTS_MAX = 1_024;
/** A line that answered no ping for so long is dead; proxies give up idle lines after 60 s as a rule. */
const PING_MS = 30_000;
/** A client that does not answer the closing is not waited for. */
const CLOSE_MS = 1_000;
/** "Going away", RFC 6455 §7.4.1. */
const GOING_AWAY = 1_001;

interface Client {
  readonly socket: WebSocket;
  /** Frames that must not overtake the first one; undefined once that is sent. */
  early: string[] | undefined;
  answered: boolean;
}

export class EventClients {
  readonly #clients = new Set<Client>();
  #pings: NodeJS.Timeout | undefined;

  get full(): boolean {
    return this.#clients.size >= CLIENTS_MAX;
  }

  /** Takes over a socket. `snapshot` makes the text of its first frame; when that fails the client is sent away, and the error is the caller's. */
  async add(socket: WebSocket, snapshot: () => Promise<string>): Promise<void> {
    const client: Client = { socket, early: [], answered: true };
    this.#clients.add(client);
    this.#pings ??= setInterval(() => this.#ping(), PING_MS).unref();
    socket.on("close", () => {
      this.#clients.delete(client);
      if (this.#clients.size > 0) return;
      clearInterval(this.#pings);
      this.#pings = undefined;
    });
    socket.on("pong", () => {
      client.answered = true;
    });
    socket.on("message", (data, isBinary) => {
      if (!isBinary && data.toString() === "ping") socket.send("pong");
    });
    try {
      socket.send(await snapshot());
    } catch (error) {
      socket.terminate();
      throw error;
    }
    for (const frame of client.early ?? []) socket.send(frame);
    client.early = undefined;
  }

  send(event: SessionEvent): void {
    if (this.#clients.size === 0) return;
    const frame = eventText(event);
    for (const { socket, early } of this.#clients) {
      if (early === undefined) {
        if (socket.bufferedAmount > UNREAD_BYTES_MAX) socket.terminate();
        else socket.send(frame);
      } else if (early.length < EARLY_EVENTS_MAX) early.push(frame);
      else socket.terminate();
    }
  }

  /** Sends all clients away; those that do not go at once are cut off. */
  close(): void {
    clearInterval(this.#pings);
    for (const { socket } of this.#clients) {
      socket.close(GOING_AWAY, "the server is shutting down");
      setTimeout(() => socket.terminate(), CLOSE_MS).unref();
    }
  }

  #ping(): void {
    for (const client of this.#clients) {
      if (!client.answered) {
        client.socket.terminate();
        continue;
      }
      client.answered = false;
      client.socket.ping();
    }
  }
}

/** The first frame. */
export function snapshotText(activeSessions: number, status: string): string {
  return JSON.stringify({
    event_type: "state.snapshot",
    timestamp: offsetDate(Date.now()),
    data: { active_sessions: activeSessions, system_status: status },
  });
}

function eventText(event: SessionEvent): string {
  const date = sessionDate(event.atMs);
  const data =
    event.type === "session.created"
      ? { session_id: event.sessionId, node_id: event.nodeId, created_at: date }
      : { session_id: event.sessionId, destroyed_at: date, reason: event.reason };
  return JSON.stringify({ event_type: event.type, timestamp: offsetDate(event.atMs), data });
}
