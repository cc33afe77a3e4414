/**
 * The configuration, read and checked once at start: defaults < file < environment < flags. Everything else is handed the frozen
 * result. Errors are ENGRAM_SETTINGS_INVALID and name the key, where the value came from and what is allowed; values of secret
 * settings (passwords, addresses that may hold one) never stand in a message.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Setting } from "./config-kinds.ts";
import { environmentName, type Settings, settingRows } from "./config-schema.ts";
import { EngineError } from "./errors.ts";
import { type EffectiveConfig, SESSION_DEFAULTS } from "./model/session-config.ts";

type Values<S> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : Values<S[K]> };

export type Config = Omit<Values<Settings>, "sessionDefaults"> & {
  /** What a session has until it sets its own. */
  readonly sessionDefaults: EffectiveConfig;
};

/** Some settings, in the shape of `Config` and of the JSON file. */
export type ConfigInput = { readonly [K in keyof Config]?: Config[K] extends object ? Partial<Config[K]> : Config[K] };

export interface ConfigSources {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Path of a JSON file; wins over ENGRAM_CONFIG. */
  readonly file?: string | undefined;
  /** Dotted key → text. */
  readonly flags?: Readonly<Record<string, string | undefined>>;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Dotted key → where its value came from; keys left at their default are absent. */
  readonly sources: ReadonlyMap<string, string>;
  /** Names in the environment that begin with ENGRAM_ and mean nothing: most likely misspelt. */
  readonly warnings: readonly string[];
}

/** Names that belong to the configuration's reading or to the tests, not to a setting. */
const OTHER_NAMES = /^ENGRAM_(CONFIG$|TEST_|SERVICE_|PORT_\d)/;

const invalid = (message: string, details: Record<string, unknown>, cause?: unknown): EngineError =>
  new EngineError("ENGRAM_SETTINGS_INVALID", message, { details, ...(cause !== undefined && { cause }) });

function refuse(key: string, setting: Setting<unknown>, value: unknown, source: string): never {
  const shown = setting.secret ? "The value" : `The value ${(JSON.stringify(value) ?? String(value)).slice(0, 80)}`;
  throw invalid(`${shown} of the setting ${key} (${source}) is not allowed: it must be ${setting.allowed}.`, { key, source });
}

/** Reads all sources. The working directory is where a relative `dataDir` starts. */
export function readConfig(sources: ConfigSources = {}): LoadedConfig {
  const env = sources.env ?? {};
  const path = sources.file ?? (env.ENGRAM_CONFIG || undefined);
  const fromFile = path === undefined ? new Map<string, unknown>() : flattenInput(readFile(path), `file ${path}`);
  const flags = sources.flags ?? {};
  const rows = settingRows();
  for (const key of Object.keys(flags)) requireKnown(key, "flag");

  const values = new Map<string, unknown>();
  const origins = new Map<string, string>();
  for (const { key, setting } of rows) {
    const found = findValue(key, setting, env, flags, fromFile, path);
    if (found === undefined) {
      values.set(key, setting.fallback);
      continue;
    }
    if (!setting.accepts(found.value)) refuse(key, setting, found.value, found.source);
    values.set(key, found.value);
    origins.set(key, found.source);
  }
  const known = new Set(rows.map(({ key }) => environmentName(key)));
  const warnings = Object.keys(env).filter((name) => name.startsWith("ENGRAM_") && !known.has(name) && !OTHER_NAMES.test(name));
  return { config: assemble(values), sources: origins, warnings: warnings.sort() };
}

/** A configuration from values in code, without file and environment: for library use and tests. */
export function configOf(input: ConfigInput = {}): Config {
  const given = flattenInput(input as Record<string, unknown>, "argument");
  const values = new Map<string, unknown>();
  for (const { key, setting } of settingRows()) {
    const value = given.get(key);
    if (value !== undefined && !setting.accepts(value)) refuse(key, setting, value, "argument");
    values.set(key, value ?? setting.fallback);
  }
  return assemble(values);
}

/** An address without its user and password: fit to be printed. */
export function addressForPrint(url: string): string {
  // By hand: several hosts, as Sentinels and clusters have them, are no URL to the parser. What comes after the path is left out.
  const parts = /^([a-z+]+:\/\/)(?:[^/]*@)?([^/@?#\s]+)([^@?#\s]*)$/.exec(url.replace(/[?#].*$/, ""));
  // Not an address that can be taken apart: nothing of it is safe to print.
  return parts === null ? "(address)" : `${parts[1]}${parts[2]}${parts[3] === "/" ? "" : parts[3]}`;
}

/** True when this process keeps something in the data folder itself, so that no second process may open it. */
export const usesDataFolder = (config: Config): boolean => config.clickhouse.url === undefined || config.redis.url === undefined;

function findValue(
  key: string,
  setting: Setting<unknown>,
  env: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Record<string, string | undefined>>,
  fromFile: ReadonlyMap<string, unknown>,
  path: string | undefined,
): { value: unknown; source: string } | undefined {
  const flag = flags[key];
  if (flag !== undefined) return { value: setting.fromText(flag), source: "flag" };
  // An empty variable counts as not set: compose files pass `NAME=` for what was left out.
  const name = environmentName(key);
  if (env[name]) return { value: setting.fromText(env[name]), source: `environment ${name}` };
  const katoName = setting.katoNames.find((candidate) => env[candidate]);
  const kato = setting.fromKato ? setting.fromKato(env) : katoName && env[katoName];
  if (kato) return { value: setting.fromText(kato), source: `environment ${katoName}` };
  if (fromFile.has(key)) return { value: fromFile.get(key), source: `file ${path}` };
  return undefined;
}

function readFile(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw invalid(`The configuration file ${path} cannot be read. Check the path and its permissions.`, { file: path }, error);
  }
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  } catch {
    // The parser's own error quotes the file, and the file may hold a password: it is not passed on, not even as a cause.
    throw invalid(`The configuration file ${path} is not JSON.`, { file: path });
  }
  throw invalid(`The configuration file ${path} must hold one JSON object.`, { file: path });
}

function flattenInput(input: Record<string, unknown>, source: string): Map<string, unknown> {
  const groups = new Set(settingRows().flatMap(({ key }) => (key.includes(".") ? [key.split(".")[0]!] : [])));
  const flat = new Map<string, unknown>();
  for (const [name, value] of Object.entries(input)) {
    if (!groups.has(name)) {
      requireKnown(name, source);
      flat.set(name, value);
      continue;
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw invalid(`The setting ${name} (${source}) must be an object of settings.`, { key: name, source });
    }
    for (const [inner, innerValue] of Object.entries(value)) {
      if (innerValue === undefined) continue;
      requireKnown(`${name}.${inner}`, source);
      flat.set(`${name}.${inner}`, innerValue);
    }
  }
  return flat;
}

function requireKnown(key: string, source: string): void {
  if (settingRows().some((row) => row.key === key)) return;
  throw invalid(`There is no setting ${key} (${source}). \`engram config\` lists all settings.`, { key, source });
}

function assemble(values: ReadonlyMap<string, unknown>): Config {
  const config: Record<string, unknown> = {};
  for (const [key, value] of values) {
    const [name, inner] = key.split(".") as [string, string | undefined];
    if (inner === undefined) config[name] = value;
    else {
      const group = (config[name] ??= {}) as Record<string, unknown>;
      // A session default that is off is absent, as in a session's own settings.
      if (value !== undefined || name !== "sessionDefaults") group[inner] = value;
    }
  }
  config.dataDir = resolve(config.dataDir as string);
  config.sessionDefaults = { ...SESSION_DEFAULTS, ...(config.sessionDefaults as object) };
  for (const value of Object.values(config)) if (typeof value === "object") Object.freeze(value);
  return Object.freeze(config) as unknown as Config;
}
