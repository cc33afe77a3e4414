/**
 * The log of the command line: one JSON object a line on standard error, pino's fields and level numbers. Standard output is left to
 * what the command was asked for.
 */
import type { Config } from "../config.ts";
import type { Logger } from "../log.ts";

/** Pino's numbers, so that its tools read these lines; `silent` is above all. */
const LEVELS = { debug: 20, info: 30, warn: 40, error: 50, fatal: 60, silent: Number.POSITIVE_INFINITY } as const;

/** An error as plain data: it has no own enumerable fields and would print as `{}`. */
function plain(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { code } = value as { code?: unknown };
  return {
    type: value.name,
    message: value.message,
    stack: value.stack,
    ...(code !== undefined && { code }),
    ...(value.cause !== undefined && { cause: plain(value.cause) }),
  };
}

export function jsonLog(level: Config["logLevel"], write: (line: string) => void = (line) => process.stderr.write(line)): Logger {
  const at = (name: Exclude<keyof typeof LEVELS, "silent">) => {
    if (LEVELS[name] < LEVELS[level]) return (): void => undefined;
    return (fields: object, message: string): void => {
      const shown = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, plain(value)]));
      write(`${JSON.stringify({ level: LEVELS[name], time: Date.now(), ...shown, msg: message })}\n`);
    };
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error"), fatal: at("fatal") };
}
