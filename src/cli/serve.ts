/**
 * `engram serve`: opens the engine, answers HTTP, and closes in order on a signal: no new connections, requests finished, outbox
 * flushed, stores closed, folder given free.
 */
import type { AddressInfo } from "node:net";
import closeWithGrace from "close-with-grace";
import type { Command } from "commander";
import { addressForPrint, type Config, usesDataFolder } from "../config.ts";
import { EngineError } from "../errors.ts";
import { lockDataFolder } from "../store/data-lock.ts";
import { loadSettings, logOf, type SettingOptions, withSettings } from "./settings.ts";
import { programVersion } from "./version.ts";

/** A flush of a full outbox of 100,000 entries takes some seconds; orchestrators send SIGKILL after 30 s as a rule. */
const CLOSE_MS = 25_000;

/** What the server prints when it listens. Pure, so that a test can paste the lines. */
export function welcome(url: string, config: Config): string {
  const json = "-H 'content-type: application/json'";
  const patterns = config.clickhouse.url === undefined ? `${config.dataDir}/clickhouse` : addressForPrint(config.clickhouse.url);
  const state = config.redis.url === undefined ? `${config.dataDir}/state` : addressForPrint(config.redis.url);
  return `Engram answers at ${url}
  patterns: ${patterns}
  sessions: ${state}
  Ctrl-C stops it. Nothing is asked of callers: keep it on an address that only friends reach.

Three lines to paste: make a session; learn a sequence; show its beginning and ask what comes next.

S=$(curl -s ${url}/sessions ${json} -d '{"node_id":"weather"}' | sed 's/.*"session_id": *"\\([^"]*\\)".*/\\1/')
curl -s ${url}/sessions/$S/observe-sequence ${json} -d '{"observations":[{"strings":["cold"]},{"strings":["clouds"]},{"strings":["snow"]}],"learn_at_end":true}'; echo
curl -s ${url}/sessions/$S/observe-sequence ${json} -d '{"observations":[{"strings":["cold"]},{"strings":["clouds"]}]}' >/dev/null; curl -s ${url}/sessions/$S/predictions; echo
`;
}

/** The address under which this machine reaches the server. */
export function ownUrl(host: string, port: number): string {
  const reachable = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}

function listenError(error: unknown, config: Config): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const reasons = new Map([
    ["EADDRINUSE", `Port ${config.port} of ${config.host} is in use. Choose another with --port (0 takes any free one).`],
    ["EACCES", `Port ${config.port} may not be used by this user. Choose one above 1023 with --port.`],
    ["EADDRNOTAVAIL", `This machine has no address ${config.host}. Choose another with --host.`],
    ["ENOTFOUND", `The host name ${config.host} is unknown. Choose another with --host.`],
  ]);
  const reason = reasons.get(code ?? "");
  return reason === undefined ? error : new EngineError("ENGRAM_SETTINGS_INVALID", reason, { cause: error, details: { key: "port" } });
}

async function serve(options: SettingOptions & { readonly json?: boolean }): Promise<void> {
  const loaded = loadSettings(options);
  const { config } = loaded;
  const log = logOf(loaded, false);
  /** Undone last to first, when the server stops and when it does not come up. */
  const undo: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    // Loaded here, so that the other commands, and help, start without the server's parts.
    const { openEngine } = await import("../engine.ts");
    const { buildApp } = await import("../http/app.ts");
    const lock = usesDataFolder(config) ? await lockDataFolder(config.dataDir) : undefined;
    if (lock) undo.push(() => lock.release());
    const engine = await openEngine(config, log);
    undo.push(() => engine.close());
    const app = buildApp({
      engine,
      log,
      serviceName: config.serviceName,
      version: programVersion(),
      documents: config.documents,
      compressFromBytes: config.compressFromBytes,
      corsOrigins: config.corsOrigins.split(",").flatMap((origin) => origin.trim() || []),
      about: {
        dataDir: config.dataDir,
        redisAddress: config.redis.url === undefined ? null : addressForPrint(config.redis.url),
        sessionTtlSeconds: config.sessionTtlSeconds,
      },
      limits: {
        requestsInFlightMax: config.requestsMax,
        bodyBytesMax: config.bodyBytesMax,
        symbolsPerObservationMax: config.symbolsPerPatternMax,
        symbolsPerSequenceMax: config.symbolsPerPatternMax,
        symbolBytesMax: config.symbolBytesMax,
        vectorsPerObservationMax: config.vectorsPerObservationMax,
        vectorNumbersMax: config.vectorNumbersMax,
        emotivesPerObservationMax: config.emotivesPerObservationMax,
        metadataBytesMax: config.metadataBytesMax,
        observationsPerSequenceMax: config.observationsPerSequenceMax,
      },
    });
    undo.push(() => app.close());
    try {
      await app.listen({ host: config.host, port: config.port });
    } catch (error) {
      throw listenError(error, config);
    }
    const url = ownUrl(config.host, (app.server.address() as AddressInfo).port);
    await lock?.publish(url);
    closeWithGrace({ delay: CLOSE_MS, logger: false }, async ({ err, signal }) => {
      if (err) log.fatal({ err }, "closing after an error that nobody caught");
      else log.info({ signal }, "closing");
      await close();
    });
    process.stdout.write(options.json ? `${JSON.stringify({ url, pid: process.pid })}\n` : welcome(url, config));
  } catch (error) {
    await close();
    throw error;
  }
}

export function registerServe(program: Command): void {
  withSettings(
    program
      .command("serve")
      .description("answer KATO's HTTP interface")
      .option("--host <address>", "address to listen on (default: 127.0.0.1, this machine only)")
      .option("--port <port>", "port to listen on, 0 for any free one (default: 8000)")
      .option("--json", "print address and process id as JSON when it listens"),
  ).action(serve);
}
