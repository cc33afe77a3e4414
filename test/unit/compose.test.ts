/** docker-compose.yml and Dockerfile, as far as they can be checked where no container engine is: names, values, flags, paths. */
import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { readConfig } from "../../src/config.ts";
import { environmentName, settingRows } from "../../src/config-schema.ts";
import { redisAvailable, startRedis } from "../support/redis-server.ts";

const root = new URL("../../", import.meta.url);
const text = (path: string): string => readFileSync(new URL(path, root), "utf8");

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
}

/** With the password put in, as compose does it. */
const compose = parse(text("docker-compose.yml").replace(/\$\{ENGRAM_PASSWORD:\?[^}]*\}/g, "the-password"), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const service = (name: string): Service => {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
};
const apis = Object.entries(compose.services).filter(([, { build }]) => build !== undefined);

it("starts ClickHouse, Redis and two API processes that wait for both", () => {
  expect(Object.keys(compose.services)).toEqual(["clickhouse", "redis", "api-1", "api-2"]);
  expect(apis).toHaveLength(2);
  for (const [, api] of apis)
    expect(api.depends_on).toEqual({ clickhouse: { condition: "service_healthy" }, redis: { condition: "service_healthy" } });
  // A port each, on this machine only.
  expect(new Set(apis.flatMap(([, { ports = [] }]) => ports)).size).toBe(2);
  for (const [, { ports = [] }] of apis) for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:8000$/);
  for (const { healthcheck } of Object.values(compose.services)) expect(healthcheck?.test.length).toBeGreaterThan(1);
  for (const { volumes = [] } of Object.values(compose.services))
    for (const volume of volumes) expect(compose.volumes).toHaveProperty(volume.split(":")[0] as string);
});

it("sets what our configuration knows, to values that it takes, and asks no secret to be written down", () => {
  const known = new Set(settingRows().map(({ key }) => environmentName(key)));
  for (const [, { environment = {} }] of apis) {
    for (const name of Object.keys(environment)) expect(known).toContain(name);
    const { config, warnings } = readConfig({ env: environment });
    expect(warnings).toEqual([]);
    expect(config.clickhouse).toMatchObject({ url: "http://clickhouse:8123", user: service("clickhouse").environment?.CLICKHOUSE_USER });
    expect(config.clickhouse.password).toBe(service("clickhouse").environment?.CLICKHOUSE_PASSWORD);
    expect(config.redis).toMatchObject({ url: "redis://redis:6379", password: "the-password", layout: "kato" });
  }
  expect(text("docker-compose.yml")).not.toMatch(/PASSWORD: (?!\$\{ENGRAM_PASSWORD)/);
});

it.skipIf(!redisAvailable())("gives Redis flags that it takes: both kinds of persistence, and no eviction", async () => {
  const [program, ...flags] = service("redis").command ?? [];
  expect(program).toBe("redis-server");
  const redis = await startRedis(flags);
  try {
    const password = flags[flags.indexOf("--requirepass") + 1];
    const { Redis } = await import("ioredis");
    const client = new Redis(redis.url, { password: password as string, protocol: 2 });
    const setting = async (name: string): Promise<unknown> => ((await client.config("GET", name)) as string[])[1];
    expect(await setting("appendonly")).toBe("yes");
    expect(await setting("appendfsync")).toBe("everysec");
    expect(await setting("maxmemory-policy")).toBe("noeviction");
    expect(await setting("save")).toBe("900 1 300 100");
    client.disconnect();
  } finally {
    await redis.stop();
  }
});

it("builds from paths and commands that exist, and starts what the build makes", () => {
  const lines = text("Dockerfile").split("\n");
  const { scripts, bin } = JSON.parse(text("package.json")) as { scripts: object; bin: { engram: string } };
  for (const line of lines.filter((one) => one.startsWith("COPY package"))) {
    for (const path of line.split(" ").slice(1, -1)) expect(existsSync(new URL(path, root)), path).toBe(true);
  }
  for (const [, script] of text("Dockerfile").matchAll(/npm run ([\w:]+)/g)) expect(scripts).toHaveProperty(script as string);
  const command = JSON.parse(lines.findLast((line) => line.startsWith("CMD "))?.slice(4) ?? "[]") as string[];
  expect(command).toContain(bin.engram);
  expect(command.at(-1)).toBe("serve");
  // What is copied out of the build stage is what package.json says a package needs.
  const copied = [...text("Dockerfile").matchAll(/COPY --from=build \/engram\/(\S+) /g)].map(([, path]) => path);
  expect(copied).toEqual(["package.json", "node_modules", "build", "dist"]);
});
