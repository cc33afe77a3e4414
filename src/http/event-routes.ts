/** `/ws/events`: what happens to sessions, told over a WebSocket. docs/wire.md. */
import type { FastifyInstance } from "fastify";
import { EngineError } from "../errors.ts";
import type { RouteContext } from "./context.ts";
import { EventClients, snapshotText } from "./event-clients.ts";
import { examine } from "./health.ts";

export function addEventRoutes(app: FastifyInstance, { engine, log }: RouteContext): void {
  const clients = new EventClients();
  const unsubscribe = engine.subscribe((event) => clients.send(event));
  app.addHook("preClose", (done) => {
    clients.close();
    done();
  });
  app.addHook("onClose", (_app, done) => {
    unsubscribe();
    done();
  });

  app.route({
    method: "GET",
    url: "/ws/events",
    // A line that stays open is no request under way: it has a limit of its own.
    config: { uncounted: true },
    onRequest: (_request, _reply, done) => {
      done(clients.full ? new EngineError("ENGRAM_OVERLOADED", "As many clients listen to events as may. Try again later.") : undefined);
    },
    handler: () => {
      throw new EngineError("ENGRAM_PATH_UNKNOWN", "This path speaks WebSocket only: connect with ws://");
    },
    wsHandler: async (socket) => {
      try {
        await clients.add(socket, async () => {
          const { sessions, status } = await examine(engine, log);
          return snapshotText(sessions, status);
        });
      } catch (error) {
        log.warn({ err: error }, "a client of events was sent away before its first frame");
      }
    },
  });
}
