/** What happened to a session, as every process that shares its store is told. Values that JSON carries unchanged. */
export type SessionEvent =
  | { readonly type: "session.created"; readonly sessionId: string; readonly nodeId: string; readonly atMs: number }
  /** Only an asked-for end is told; a session that runs out is found missing by whoever looks. */
  | { readonly type: "session.destroyed"; readonly sessionId: string; readonly reason: "explicit_delete"; readonly atMs: number };
