/**
 * Every error a caller can meet: one class, one table. Callers match `code`; the HTTP face maps `kind` (and, on KATO's paths, the
 * bodies of KATO) to a status. Texts say what to do next. Nothing secret belongs in a message: it goes to the client and to the log.
 */

/** Who can mend it: the caller, time, an operator, or us. */
export type ErrorKind = "input" | "busy" | "backend" | "fault";

/** Code → kind and HTTP status. `docs/errors.md` is compared with this table by a test. */
export const ERROR_TABLE = {
  ENGRAM_BAD_REQUEST: { kind: "input", status: 422 },
  ENGRAM_CONFIG_INVALID: { kind: "input", status: 400 },
  ENGRAM_SESSION_UNKNOWN: { kind: "input", status: 404 },
  ENGRAM_PATTERN_UNKNOWN: { kind: "input", status: 404 },
  ENGRAM_IMPORT_UNKNOWN: { kind: "input", status: 404 },
  ENGRAM_KB_NOT_EMPTY: { kind: "input", status: 409 },
  ENGRAM_MINHASH_FIXED: { kind: "input", status: 409 },
  ENGRAM_NEWER_LEARNS: { kind: "input", status: 409 },
  ENGRAM_NOT_CONFIRMED: { kind: "input", status: 409 },
  ENGRAM_ARCHIVE_BROKEN: { kind: "input", status: 422 },
  ENGRAM_STM_EMPTY: { kind: "input", status: 400 },
  ENGRAM_LIMIT_EXCEEDED: { kind: "input", status: 422 },
  ENGRAM_VECTOR_SHAPE: { kind: "input", status: 400 },
  ENGRAM_BODY_TOO_LARGE: { kind: "input", status: 413 },
  ENGRAM_PATH_UNKNOWN: { kind: "input", status: 404 },
  ENGRAM_METHOD_NOT_ALLOWED: { kind: "input", status: 405 },
  ENGRAM_ORIGIN_REFUSED: { kind: "input", status: 403 },
  ENGRAM_SETTINGS_INVALID: { kind: "input", status: 400 },
  ENGRAM_FILE_UNREADABLE: { kind: "input", status: 400 },
  ENGRAM_POOL_FULL: { kind: "busy", status: 503 },
  ENGRAM_OVERLOADED: { kind: "busy", status: 503 },
  ENGRAM_DEADLINE: { kind: "busy", status: 503 },
  ENGRAM_ABORTED: { kind: "busy", status: 503 },
  ENGRAM_OUTBOX_FULL: { kind: "busy", status: 503 },
  ENGRAM_CONFLICT: { kind: "busy", status: 503 },
  ENGRAM_CLOSED: { kind: "busy", status: 503 },
  ENGRAM_STATE_BEHIND: { kind: "backend", status: 503 },
  ENGRAM_STORE_UNREACHABLE: { kind: "backend", status: 503 },
  ENGRAM_STORE_REPLY: { kind: "backend", status: 502 },
  ENGRAM_DATA_LOCKED: { kind: "backend", status: 503 },
  ENGRAM_DATA_FORMAT: { kind: "backend", status: 503 },
  ENGRAM_STORE_FULL: { kind: "backend", status: 503 },
  ENGRAM_DISK_FULL: { kind: "backend", status: 503 },
  ENGRAM_WORKER_LOST: { kind: "fault", status: 500 },
  ENGRAM_LAYOUT_MISMATCH: { kind: "fault", status: 500 },
  ENGRAM_KERNEL_TRAP: { kind: "fault", status: 500 },
  ENGRAM_INTERNAL: { kind: "fault", status: 500 },
} as const satisfies Record<string, { kind: ErrorKind; status: number }>;

export type ErrorCode = keyof typeof ERROR_TABLE;

/** The one error class. `details` is data for the caller (never a secret), for instance which key was refused. */
export class EngineError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; details?: Record<string, unknown> }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = "EngineError";
    this.code = code;
    this.details = options?.details;
  }
  get kind(): ErrorKind {
    return ERROR_TABLE[this.code].kind;
  }
  get status(): number {
    return ERROR_TABLE[this.code].status;
  }
}
