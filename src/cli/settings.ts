/**
 * The settings a command runs with: options every command shares, turned into the flags of `readConfig`. A setting that has no option
 * of its own is reached by `--set key=value`.
 */
import type { Command } from "commander";
import { type Config, type LoadedConfig, readConfig } from "../config.ts";
import { EngineError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { jsonLog } from "./json-log.ts";

export interface SettingOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly clickhouseUrl?: string;
  readonly redisUrl?: string;
  readonly threads?: string;
  readonly logLevel?: string;
  readonly host?: string;
  readonly port?: string;
  readonly set?: readonly string[];
}

/** Adds the shared options to a command. */
export function withSettings(command: Command): Command {
  return command
    .option("--config <file>", "JSON file with settings (also: ENGRAM_CONFIG)")
    .option("--data-dir <folder>", "folder of everything that is kept (default: ./data)")
    .option("--clickhouse-url <url>", "ClickHouse server for the patterns (default: embedded)")
    .option("--redis-url <url>", "Redis server for sessions and counters (default: embedded)")
    .option("--threads <n>", "scoring threads (default: one a core)")
    .option("--log-level <level>", "debug, info, warn, error, fatal or silent")
    .option("--set <key=value>", "any other setting; may be repeated", (value: string, before: string[] = []) => [...before, value]);
}

/** Reads the settings; warns on standard error of names in the environment that mean nothing. */
export function loadSettings(options: SettingOptions, env: Readonly<Record<string, string | undefined>> = process.env): LoadedConfig {
  const flags: Record<string, string | undefined> = {};
  for (const pair of options.set ?? []) {
    const cut = pair.indexOf("=");
    if (cut < 1)
      throw new EngineError("ENGRAM_SETTINGS_INVALID", "--set needs the form key=value, for instance --set sessionTtlSeconds=600.");
    flags[pair.slice(0, cut)] = pair.slice(cut + 1);
  }
  const own = {
    dataDir: options.dataDir,
    "clickhouse.url": options.clickhouseUrl,
    "redis.url": options.redisUrl,
    threads: options.threads,
    logLevel: options.logLevel,
    host: options.host,
    port: options.port,
  };
  for (const [key, value] of Object.entries(own)) if (value !== undefined) flags[key] = value;
  return readConfig({ env, file: options.config, flags });
}

/**
 * The log of a command. Commands that print tables speak up only when something is wrong, unless a level was asked for; the server
 * writes at its configured level.
 */
export function logOf(loaded: LoadedConfig, quiet: boolean): Logger {
  const log = jsonLog(quiet && !loaded.sources.has("logLevel") ? "warn" : loaded.config.logLevel);
  for (const name of loaded.warnings) log.warn({ name }, "this name in the environment is no setting and is ignored");
  return log;
}

/** Settings with another data folder, for commands that keep their data apart. */
export const withDataDir = (config: Config, dataDir: string): Config => Object.freeze({ ...config, dataDir });
