/**
 * How many requests, and how many bytes of bodies, may be inside at once. One beyond is told to come back in a second before anything
 * of it is read. Cost: a counter and one listener a request. Requests that tell how the server is doing are always let in.
 */
import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { EngineError } from "../errors.ts";
import type { HttpLimits } from "./limits.ts";

/** Bytes that an admitted response will give back. */
const HELD_BYTES = Symbol("bytes held by this request");
type Admitted = ServerResponse & { [HELD_BYTES]?: number };

export class Admission {
  readonly #limits: Pick<HttpLimits, "requestsInFlightMax" | "bodyBytesInFlightMax" | "bodyBytesMax">;
  readonly #release: (this: Admitted) => void;
  #requests = 0;
  #peak = 0;
  #bytes = 0;
  #closing = false;

  constructor(limits: Pick<HttpLimits, "requestsInFlightMax" | "bodyBytesInFlightMax" | "bodyBytesMax">) {
    this.#limits = limits;
    const leave = (bytes: number): void => {
      this.#requests--;
      this.#bytes -= bytes;
    };
    // One function for all responses: `this` is the response that closed.
    this.#release = function (this: Admitted): void {
      leave(this[HELD_BYTES] ?? 0);
    };
  }

  /** Requests under way now, and at most since start. */
  load(): { readonly current: number; readonly peak: number } {
    return { current: this.#requests, peak: this.#peak };
  }

  get closing(): boolean {
    return this.#closing;
  }

  /** From now on everything new is refused. */
  close(): void {
    this.#closing = true;
  }

  /** Counts the request until its response closes; or says why it may not come in: ENGRAM_OVERLOADED, ENGRAM_CLOSED. */
  enter(request: FastifyRequest, reply: FastifyReply): EngineError | undefined {
    if (this.#closing) return new EngineError("ENGRAM_CLOSED", "The server is shutting down");
    if (request.routeOptions.config.uncounted === true) return undefined;
    const bytes = this.#announcedBytes(request);
    const always = request.routeOptions.config.alwaysAdmitted === true;
    if (!always && this.#requests >= this.#limits.requestsInFlightMax) {
      return new EngineError(
        "ENGRAM_OVERLOADED",
        `The server is working on ${this.#requests} requests, as many as it may. Try again shortly.`,
      );
    }
    if (this.#bytes > 0 && this.#bytes + bytes > this.#limits.bodyBytesInFlightMax) {
      return new EngineError(
        "ENGRAM_OVERLOADED",
        "The bodies of the requests under way are as large as they may be together. Try again shortly.",
      );
    }
    this.#requests++;
    if (this.#requests > this.#peak) this.#peak = this.#requests;
    this.#bytes += bytes;
    const raw: Admitted = reply.raw;
    raw[HELD_BYTES] = bytes;
    raw.once("close", this.#release);
    return undefined;
  }

  /** A body sent in chunks does not say its size: it may be the largest. */
  #announcedBytes(request: FastifyRequest): number {
    const headers = request.headers;
    if (headers["transfer-encoding"] !== undefined) return this.#limits.bodyBytesMax;
    const length = Number(headers["content-length"] ?? 0);
    // A body that is too large is refused by its length and never read.
    return length > this.#limits.bodyBytesMax ? 0 : length;
  }
}
