/**
 * The HTTP face: KATO's interface and our own calls over one engine. Builds and does not listen; whoever listens should choose 127.0.0.1
 * unless the network is trusted, for there is no authentication here, and pages of other web origins are refused unless they are named. Closing the app
 * refuses what is new and waits for what runs; it does not close the engine.
 */
import { randomUUID } from "node:crypto";
import websocket from "@fastify/websocket";
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, type HTTPMethods } from "fastify";
import type { Engine } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { Monitor } from "../monitor/monitor.ts";
import { Admission } from "./admission.ts";
import { addCompression, COMPRESS_FROM_BYTES } from "./compression.ts";
import type { About, RouteContext } from "./context.ts";
import { addDocumentRoutes, prepareDocuments } from "./documents.ts";
import { ErrorReplies } from "./error-replies.ts";
import { addEventRoutes } from "./event-routes.ts";
import { notFoundText } from "./gone-paths.ts";
import { addBodyParsers } from "./json-body.ts";
import { HTTP_LIMITS, type HttpLimits } from "./limits.ts";
import { addMemoryRoutes } from "./memory-routes.ts";
import { addMonitorRoutes } from "./monitor-routes.ts";
import { addNodeRoutes } from "./node-routes.ts";
import { guardOrigins } from "./origins.ts";
import { addPredictionRoutes } from "./prediction-routes.ts";
import { addServiceRoutes } from "./service-routes.ts";
import { SessionNodes } from "./session-nodes.ts";
import { addSessionRoutes } from "./session-routes.ts";
import { slideNamedSession } from "./session-slide.ts";
import { addV1Routes } from "./v1-routes.ts";

export interface AppOptions {
  readonly engine: Engine;
  readonly log: Logger;
  readonly serviceName: string;
  readonly version: string;
  readonly limits?: Partial<HttpLimits>;
  readonly about?: Partial<About>;
  /** Web origins that may use the server beside its own; `*` for all. None when left out. */
  readonly corsOrigins?: readonly string[];
  /** Whether `/docs` and `/openapi.json` are there. False when left out. */
  readonly documents?: boolean;
  /** Answers of this size and above are compressed where the client reads it; 0 for none. */
  readonly compressFromBytes?: number;
}

/** Symbols stand in paths, percent-encoded; Node bounds the whole head of a request at 16 KiB. */
const PARAM_CHARS_MAX = 8_192;
/** KATO's default, for whoever does not say. */
const SESSION_TTL_SECONDS = 3_600;
/** Bytes of a WebSocket frame from a client. */
const FRAME_BYTES_MAX = 1_024;
/** Methods a path answers with 405 when it does not offer them. */
const METHODS: readonly HTTPMethods[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

export function buildApp(options: AppOptions): FastifyInstance {
  const { engine, log } = options;
  const limits = { ...HTTP_LIMITS, ...options.limits };
  const about: About = { dataDir: ".", redisAddress: null, sessionTtlSeconds: SESSION_TTL_SECONDS, ...options.about };
  const replies = new ErrorReplies(engine, log);
  const admission = new Admission(limits);
  const onError = (error: FastifyError, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
    replies.handle(error, request, reply);
  const app = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: limits.requestTimeoutMs,
    // While closing we answer for ourselves, in our own form.
    return503OnClosing: false,
    routerOptions: { maxParamLength: PARAM_CHARS_MAX, ignoreTrailingSlash: true },
    genReqId: (request) => {
      const given = request.headers["x-trace-id"];
      return typeof given === "string" && given !== "" ? given : `kato-${randomUUID().replaceAll("-", "")}`;
    },
    frameworkErrors: (error, request, reply) => {
      void onError(error, request, reply);
    },
  });
  const context: RouteContext = {
    engine,
    log,
    limits,
    nodes: new SessionNodes(engine),
    serviceName: options.serviceName,
    version: options.version,
    startedAtMs: Date.now(),
    monitor: new Monitor({ engine, log, folder: about.dataDir, concurrent: () => admission.load().current }),
    about,
    docs: options.documents === true ? "/docs" : null,
  };
  const { monitor, nodes } = context;

  addBodyParsers(app);
  app.setErrorHandler(onError);
  app.setNotFoundHandler((request) => {
    throw new EngineError("ENGRAM_PATH_UNKNOWN", notFoundText(request.url));
  });
  app.addHook("onRequest", (request, reply, done) => {
    reply.header("x-trace-id", request.id);
    monitor.requests.came();
    done(admission.enter(request, reply));
  });
  app.addHook("onRequest", guardOrigins(options.corsOrigins ?? []));
  app.addHook("onRequest", slideNamedSession(context));
  app.addHook("onResponse", (request, reply, done) => {
    const { id } = (request.params ?? {}) as { id?: string };
    const ofSession = request.routeOptions.url?.startsWith("/sessions/:id") === true;
    monitor.requests.answered(reply.statusCode, reply.elapsedTime, ofSession);
    const node = ofSession && id !== undefined ? nodes.known(id) : undefined;
    if (node !== undefined) monitor.nodes.used(node, engine.kbOf);
    log.info(
      { method: request.method, route: request.routeOptions.url, status: reply.statusCode, ms: reply.elapsedTime, trace: request.id },
      "request",
    );
    done();
  });
  app.addHook("onSend", (_request, reply, payload, done) => {
    // A connection kept alive after this answer would hold up the closing until it times out.
    if (admission.closing) reply.header("connection", "close");
    done(null, payload);
  });
  app.addHook("onListen", (done) => {
    monitor.start();
    done();
  });
  app.addHook("preClose", (done) => {
    monitor.stop();
    admission.close();
    // For answers whose head is already sent.
    app.server.keepAliveTimeout = 1;
    done();
  });

  // Clients have nothing to say but "ping". Who breaks the protocol is cut off; our own close hook sends the others away.
  app.register(websocket, {
    options: { maxPayload: FRAME_BYTES_MAX },
    errorHandler: (error, socket) => {
      log.debug({ err: error }, "a WebSocket client was cut off");
      socket.terminate();
    },
    preClose: (done) => done(),
  });
  addCompression(app, options.compressFromBytes ?? COMPRESS_FROM_BYTES);
  if (options.documents === true) prepareDocuments(app, options.version, limits);
  // After what routes are made with.
  app.after(() => {
    const offered = collectMethods(app);
    addServiceRoutes(app, context);
    addMonitorRoutes(app, context, admission);
    addSessionRoutes(app, context);
    addMemoryRoutes(app, context);
    addPredictionRoutes(app, context);
    addNodeRoutes(app, context);
    addEventRoutes(app, context);
    addV1Routes(app, context);
    if (options.documents === true) addDocumentRoutes(app);
    addMethodRefusals(app, new Map(offered));
  });
  return app;
}

/** Per path the methods of the routes added from now on. */
function collectMethods(app: FastifyInstance): ReadonlyMap<string, Set<string>> {
  const offered = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ url, method }) => {
    const methods = offered.get(url) ?? new Set();
    offered.set(url, methods);
    for (const name of [method].flat()) methods.add(name);
  });
  return offered;
}

/** The router knows a path only together with a method, so every other method of a known path gets a route that answers 405. */
function addMethodRefusals(app: FastifyInstance, offered: ReadonlyMap<string, ReadonlySet<string>>): void {
  for (const [url, methods] of offered) {
    const allow = [...methods].join(", ");
    const refused = METHODS.filter((method) => !methods.has(method));
    app.route({
      url,
      method: refused,
      exposeHeadRoute: false,
      config: { bodyless: true, allow },
      handler: (_request, reply) => {
        reply.header("allow", allow);
        throw new EngineError("ENGRAM_METHOD_NOT_ALLOWED", "Method Not Allowed");
      },
    });
  }
}
