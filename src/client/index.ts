/** `engram/client`: a typed client of an Engram (or KATO) server. `fetch` is all it needs. */
export { EngramClient } from "./client.ts";
export { KnowledgeBases } from "./knowledge-bases.ts";
export { EngramSession, type SessionOptions } from "./session.ts";
export { type CallOptions, type ClientOptions, EngramError } from "./transport.ts";
export type * from "./types.ts";
