/**
 * The event bus of a process that shares its stores with none: listeners are called one after the other before `publish` returns.
 * Cost: a call a listener. Not for several processes; they need one that goes through their common store.
 */
import type { Logger } from "../log.ts";
import type { EventBus, SessionListener } from "./event-bus.ts";

/** Who listens is a server's parts, not its clients: more means that somebody forgets to stop. */
const LISTENERS_MAX = 64;

export function openLocalEvents(log: Logger): EventBus {
  const listeners = new Set<SessionListener>();
  return {
    publish(event) {
      for (const listener of listeners) {
        try {
          listener(event);
        } catch (error) {
          log.error({ err: error, event: event.type }, "a listener of session events failed");
        }
      }
    },
    subscribe(listener) {
      if (listeners.size >= LISTENERS_MAX) throw new Error(`more than ${LISTENERS_MAX} listeners of session events`);
      // A function of its own, so that one listener given twice is called twice and removed once.
      const own: SessionListener = (event) => listener(event);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    async close() {
      listeners.clear();
    },
  };
}
