/**
 * Addresses of Redis, in the forms that the setting takes:
 *
 *   redis://[user:password@]host[:port][/database]                               one server
 *   redis+sentinel://[user:password@]host[:port],host[:port]…/name[/database]    the master that Sentinels call `name`
 *   redis+cluster://[user:password@]host[:port],host[:port]…                     a cluster; some of its nodes
 *
 * `rediss` instead of `redis` is TLS. User and password are those of the data servers; what the settings name apart stands in where the
 * address has none.
 */
import { EngineError } from "../errors.ts";

export interface RedisHost {
  readonly host: string;
  readonly port: number;
}

export interface RedisAddress {
  readonly kind: "server" | "sentinel" | "cluster";
  readonly tls: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly hosts: readonly RedisHost[];
  /** Name of the master, with Sentinels. */
  readonly master: string | undefined;
  readonly database: number;
}

const PORTS = { server: 6379, sentinel: 26_379, cluster: 6379 } as const;

const invalid = (): EngineError =>
  new EngineError(
    "ENGRAM_SETTINGS_INVALID",
    "The address of Redis must have the form redis://host:port/database, redis+sentinel://host:port,host:port/master-name or " +
      "redis+cluster://host:port,host:port (rediss for TLS; user:password@ before the hosts).",
  );

const decoded = (text: string | undefined): string | undefined => {
  if (text === undefined || text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    // A bare percent sign in a password: it is meant as it stands.
    return text;
  }
};

/** Errors: ENGRAM_SETTINGS_INVALID, which repeats nothing of the address. */
export function parseRedisAddress(url: string): RedisAddress {
  const parts = /^redis(s?)(?:\+(sentinel|cluster))?:\/\/(?:([^/]*)@)?([^/@]+)(?:\/([^/?]*))?(?:\/(\d+))?\/?$/.exec(url);
  if (parts === null) throw invalid();
  const [, secure, form, login, places = "", path, more] = parts;
  const kind = (form ?? "server") as RedisAddress["kind"];
  const hosts = places.split(",").map((place): RedisHost => {
    const found = /^(\[[0-9a-f:.]+\]|[^:]+)(?::(\d{1,5}))?$/i.exec(place);
    const port = Number(found?.[2] ?? PORTS[kind]);
    if (found === null || port < 1 || port > 65_535) throw invalid();
    return { host: (found[1] as string).replace(/^\[|\]$/g, ""), port };
  });
  const database = (kind === "sentinel" ? more : path) || "0";
  const master = kind === "sentinel" ? path : undefined;
  if (!/^\d{1,5}$/.test(database) || (kind === "sentinel" && !master) || (kind === "cluster" && (path || more))) throw invalid();
  if (kind === "server" && (hosts.length > 1 || more !== undefined)) throw invalid();
  const at = login?.indexOf(":") ?? -1;
  return {
    kind,
    tls: secure === "s",
    user: decoded(at < 0 ? login : login?.slice(0, at)),
    password: decoded(at < 0 ? undefined : login?.slice(at + 1)),
    hosts,
    master,
    database: Number(database),
  };
}
