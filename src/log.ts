/** The logger the engine is handed: pino's shape, so pino and Fastify's own logger fit as they are. Never imported as a global. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  fatal(fields: object, message: string): void;
}

const nothing = (): void => {};

/** Says nothing: for tests, and for callers that gave no logger. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, fatal: nothing };
