/**
 * Contract of the event bus: news of sessions for every process that shares the stores. News, not state: at most once, in the order in
 * which one process published, and lost where a listener (or the line to it) was away. Nothing may depend on an event to be right.
 */
import type { SessionEvent } from "../model/session-event.ts";

export type SessionListener = (event: SessionEvent) => void;

export interface EventBus {
  /**
   * Hands the event to the listeners of all processes, this one's included. Never throws and never waits: the call that made the news has
   * succeeded already. What cannot be delivered is logged and dropped.
   */
  publish(event: SessionEvent): void;
  /** Calls `listener` with every event from now on, until the returned function is called. A listener that throws is logged. */
  subscribe(listener: SessionListener): () => void;
  close(): Promise<void>;
}
