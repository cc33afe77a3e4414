/** A Redis Cluster of three masters for tests, and a master with a replica under three Sentinels: real processes on free ports. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, type RedisServer, startRedis } from "./redis-server.ts";

/** A cluster is up in a second; a busy machine takes longer. */
const START_MS = 30_000;

export interface RedisClusterServers {
  readonly url: string;
  readonly nodes: readonly RedisServer[];
  start(): Promise<void>;
  stopProcess(): Promise<void>;
  stop(): Promise<void>;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + START_MS;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`${what} did not come about in ${START_MS} ms.`);
    await sleep(50);
  }
}

export async function startCluster(): Promise<RedisClusterServers> {
  const nodes: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  const ready = (): Promise<void> =>
    until("The cluster", async () => {
      const states = await Promise.all(nodes.map((node) => node.text("CLUSTER INFO")));
      return states.every((state) => state.includes("cluster_state:ok"));
    });
  try {
    for (let i = 0; i < 3; i++) {
      const bus = String(await freePort());
      nodes.push(await startRedis(["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port", bus]));
    }
    const places = nodes.map(({ port }) => `127.0.0.1:${port}`);
    const made = spawnSync("redis-cli", ["--cluster", "create", ...places, "--cluster-yes"], { encoding: "utf8" });
    if (made.status !== 0) throw new Error(`redis-cli could not make the cluster: ${made.stdout}${made.stderr}`);
    await ready();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
    nodes,
    start: async () => {
      await Promise.all(nodes.map((node) => node.start()));
      await ready();
    },
    stopProcess: async () => {
      await Promise.all(nodes.map((node) => node.stopProcess()));
    },
    stop,
  };
}

export interface SentinelServers {
  readonly url: string;
  readonly master: RedisServer;
  readonly replica: RedisServer;
  /** Resolves when the replica is the master. */
  promoted(): Promise<void>;
  stop(): Promise<void>;
}

export async function startSentinels(): Promise<SentinelServers> {
  const folder = mkdtempSync(join(tmpdir(), "engram-sentinel-"));
  const sentinels: ChildProcess[] = [];
  const servers: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(
      sentinels.map(
        (sentinel) =>
          new Promise<void>((resolve) => {
            if (sentinel.exitCode !== null) return resolve();
            sentinel.once("exit", () => resolve());
            sentinel.kill("SIGKILL");
          }),
      ),
    );
    await Promise.all(servers.map((server) => server.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const master = await startRedis();
    servers.push(master);
    const replica = await startRedis(["--replicaof", "127.0.0.1", String(master.port)]);
    servers.push(replica);
    await until("The replica's first copy", async () => (await replica.text("INFO replication")).includes("master_link_status:up"));
    const ports: number[] = [];
    for (let i = 0; i < 3; i++) {
      const port = await freePort();
      const file = join(folder, `sentinel-${i}.conf`);
      const watched = `sentinel monitor engram 127.0.0.1 ${master.port} 2`;
      const patience = "sentinel down-after-milliseconds engram 1000\nsentinel failover-timeout engram 5000";
      writeFileSync(file, `port ${port}\nbind 127.0.0.1\ndir ${folder}\n${watched}\n${patience}\n`);
      sentinels.push(spawn("redis-server", [file, "--sentinel"], { stdio: "ignore" }));
      ports.push(port);
    }
    await until("The Sentinels", async () => {
      const known = spawnSync("redis-cli", ["-p", String(ports[0]), "sentinel", "master", "engram"], { encoding: "utf8" }).stdout;
      return /num-other-sentinels\n2\n/.test(known) && /num-slaves\n1\n/.test(known);
    });
    return {
      url: `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(",")}/engram`,
      master,
      replica,
      promoted: () => until("The failover", async () => (await replica.text("INFO replication")).includes("role:master")),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
