/**
 * Paths that KATO had once and dropped: still 404, with the call that took their place. A map look-up, made only for paths that nobody
 * answers. Source: docs/wire.md.
 */
const SESSION_CALLS: Readonly<Record<string, string>> = {
  "/observe": "POST /sessions/{session_id}/observe",
  "/observe-sequence": "POST /sessions/{session_id}/observe-sequence",
  "/stm": "GET /sessions/{session_id}/stm",
  "/short-term-memory": "GET /sessions/{session_id}/stm",
  "/learn": "POST /sessions/{session_id}/learn",
  "/clear-stm": "POST /sessions/{session_id}/clear-stm",
  "/clear-short-term-memory": "POST /sessions/{session_id}/clear-stm",
  "/clear-all": "POST /sessions/{session_id}/clear-all",
  "/clear-all-memory": "POST /sessions/{session_id}/clear-all",
  "/predictions": "GET /sessions/{session_id}/predictions",
  "/genes/update": "POST /sessions/{session_id}/config",
};

/** "Not Found", and where to go instead when the path is one of KATO's past. */
export function notFoundText(url: string): string {
  const path = url.split("?", 1)[0]!.replace(/\/$/, "");
  const call = Object.hasOwn(SESSION_CALLS, path)
    ? SESSION_CALLS[path]
    : /^\/gene\/[^/]+$/.test(path)
      ? "GET /sessions/{session_id}/config"
      : undefined;
  return call === undefined
    ? "Not Found"
    : `Not Found: ${path} is gone, state belongs to sessions. Make one with POST /sessions, then use ${call}.`;
}
