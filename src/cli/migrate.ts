/**
 * `engram migrate mongo …` and `engram migrate kato …`: takes over the memory of KATO 2 (MongoDB, live or dumped) and KATO 3 (ClickHouse and
 * Redis). Stopped or killed and started again, it goes on where it stood; the source is only read.
 */
import { writeFile } from "node:fs/promises";
import Table from "cli-table3";
import { type Command, InvalidArgumentError, Option } from "commander";
import { EngramClient } from "../client/index.ts";
import type { Config } from "../config.ts";
import { EngineError } from "../errors.ts";
import type { CheckLimits } from "../migrate/pattern-check.ts";
import { MigrationRecords } from "../migrate/record.ts";
import { hasProblems, type MigrationReport, reportOf, reportText } from "../migrate/report.ts";
import { chooseKbs, type MigrationTarget, migrate } from "../migrate/run.ts";
import type { MigrationSource } from "../migrate/source.ts";
import { engineTarget, type ServerCalls, serverTarget } from "../migrate/target.ts";
import { nodeName, urlOption } from "./arguments.ts";
import { asked, withPatience } from "./memory.ts";
import { openOwnEngine, serverOf } from "./place.ts";
import { loadSettings, logOf, type SettingOptions, withSettings } from "./settings.ts";
import { grouped, perSecond, printable, startBar } from "./terminal.ts";

interface MigrateOptions extends SettingOptions {
  readonly kb?: readonly string[];
  readonly into?: string;
  readonly merge?: boolean;
  readonly dryRun?: boolean;
  readonly restart?: boolean;
  readonly assumeFrequency?: number;
  readonly report?: string;
  readonly json?: boolean;
  readonly url?: string;
  readonly sourceClickhouse?: string;
  readonly sourceClickhouseUser?: string;
  readonly sourceClickhousePassword?: string;
  readonly sourceRedis?: string;
}

type OpenSource = (config: Config, limits: CheckLimits) => Promise<MigrationSource>;

async function run(options: MigrateOptions, open: OpenSource): Promise<void> {
  const loaded = loadSettings(options);
  const { config } = loaded;
  const source = await open(config, { ...config, assumedFrequency: options.assumeFrequency });
  let stopping = false;
  const onSignal = (): void => {
    stopping = true;
    console.error("\nStopping after the batch at hand; the same command goes on from there.");
  };
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  try {
    const kbs = await chooseKbs({ source, only: options.kb ?? [], into: options.into });
    const total = kbs.every(({ patterns }) => patterns !== undefined) ? kbs.reduce((sum, kb) => sum + kb.patterns!, 0) : 0;
    const opened = options.dryRun ? NOWHERE : await openTarget(options, config, () => logOf(loaded, true));
    try {
      const records = new MigrationRecords(config.dataDir);
      const key = JSON.stringify([source.description, options.kb ?? [], options.into ?? "", options.url ?? ""]);
      const record = await records.begin(key, source.description, options.restart ?? options.dryRun ?? false);
      const started = Date.now();
      const before = record.kbs.reduce((sum, kb) => sum + kb.entries, 0);
      if (before > 0 && !options.json) console.log(`Going on with ${record.id}: ${grouped(before)} entries are taken over already.`);
      const format =
        total > 0
          ? "{bar} {percentage}% | {entries} entries | {rate} | {eta_formatted} left | {kb}"
          : "{entries} entries | {rate} | {duration_formatted} | {kb}";
      const bar = startBar(format, Math.max(1, total), before, { entries: grouped(before), rate: "0/s", kb: "" });
      const sums = new Map(record.kbs.map((kb) => [kb.source, kb.entries]));
      let report: MigrationReport;
      try {
        const done = await migrate({
          source,
          target: opened.target,
          records,
          record,
          only: options.kb ?? [],
          into: options.into,
          merge: options.merge ?? false,
          dryRun: options.dryRun ?? false,
          stopped: () => stopping,
          onProgress: ({ kb, done }) => {
            sums.set(kb.name, done.entries);
            const entries = [...sums.values()].reduce((sum, count) => sum + count, 0);
            bar.update(entries, {
              entries: grouped(entries),
              rate: perSecond(entries - before, Date.now() - started),
              kb: printable(kb.name),
            });
          },
        });
        report = reportOf(done, opened.target.where, options.dryRun ?? false);
      } finally {
        bar.stop();
      }
      await writeReport(report, options.report);
      if (options.json) console.log(JSON.stringify(report));
      else print(report, perSecond(report.knowledge_bases.reduce((sum, kb) => sum + kb.entries, 0) - before, Date.now() - started));
      if (stopping && !report.finished) process.exitCode = 130;
      else if (hasProblems(report)) process.exitCode = 4;
    } finally {
      await opened.close();
    }
  } finally {
    process.removeListener("SIGINT", onSignal);
    process.removeListener("SIGTERM", onSignal);
    await source.close();
  }
}

/** Of a dry run: there is nothing that could be written to. */
const NOWHERE: OpenedTarget = {
  target: {
    where: "nothing",
    patternCount: async () => 0,
    importPatterns: async () => {
      throw new EngineError("ENGRAM_INTERNAL", "A dry run tried to write.");
    },
    setAffinities: async () => {
      throw new EngineError("ENGRAM_INTERNAL", "A dry run tried to write.");
    },
  },
  close: async () => undefined,
};

interface OpenedTarget {
  readonly target: MigrationTarget;
  close(): Promise<void>;
}

async function openTarget(options: MigrateOptions, config: Config, log: () => ReturnType<typeof logOf>): Promise<OpenedTarget> {
  const url = await serverOf({ config, url: options.url });
  if (url !== undefined) return { target: serverTarget(`the server at ${url}`, serverCalls(url)), close: async () => undefined };
  const { engine, close } = await openOwnEngine({ config, log: log() });
  return { target: engineTarget(engine), close };
}

function serverCalls(url: string): ServerCalls {
  // No tries of the client's own: what was refused for load is repeated for as long as a load may take.
  const client = new EngramClient({ baseUrl: url, retries: 0 });
  const patiently = <T>(call: () => Promise<T>): Promise<T> => withPatience(() => asked(url, call()));
  return {
    patternCount: async (node) => (await patiently(() => client.kbStats(node))).patterns,
    importPatterns: async (node, part, patterns) => void (await patiently(() => client.importPatterns(node, part, patterns))),
    setAffinities: async (node, affinities, part) => (await patiently(() => client.setAffinities(node, affinities, part))).set,
  };
}

async function writeReport(report: MigrationReport, path: string | undefined): Promise<void> {
  if (path === undefined) return;
  await writeFile(path, path.endsWith(".md") ? reportText(report) : `${JSON.stringify(report, null, 2)}\n`);
}

function print(report: MigrationReport, rate: string): void {
  const table = new Table({ head: ["source", "node", "entries", "patterns", "learns", "left out", "checksum"], style: { head: [] } });
  for (const kb of report.knowledge_bases) {
    table.push([
      printable(kb.source),
      printable(kb.node),
      grouped(kb.entries),
      grouped(kb.patterns),
      grouped(kb.learns),
      grouped(kb.left_out),
      kb.checksum,
    ]);
  }
  console.log(table.toString());
  console.log(
    `${report.id}: ${report.finished ? (report.dry_run ? "read and judged, nothing written" : "finished") : "not finished, run the same command again"} (${rate}).`,
  );
  for (const kb of report.knowledge_bases) {
    for (const [kind, count] of Object.entries(kb.problems))
      console.log(`${printable(kb.source)}: ${grouped(count)} × ${kind}. --report FILE tells which.`);
  }
}

const wholeNumber = (text: string): number => {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError("a whole number of at least 1");
  return number;
};

function withMigrateOptions(command: Command): Command {
  return withSettings(command)
    .option("--kb <name>", "only this knowledge base of the source; may be repeated", (value: string, before: string[] = []) => [
      ...before,
      value,
    ])
    .addOption(new Option("--into <node>", "node that receives it (default: the source's own name for it)").argParser(nodeName))
    .option("--merge", "into a node that holds patterns: frequencies add up")
    .option("--dry-run", "read and judge everything, write nothing")
    .option("--restart", "begin a new run although an unfinished one is recorded")
    .option("--assume-frequency <n>", "take patterns whose counter is missing as learned n times (default: leave them out)", wholeNumber)
    .option("--report <file>", "write the report there, as JSON or, for .md, as Markdown")
    .option("--json", "print the report as JSON")
    .addOption(urlOption());
}

export function registerMigrate(program: Command): void {
  const group = program
    .command("migrate")
    .description("take over the memory of KATO; stopped and started again, it goes on where it stood");
  withMigrateOptions(
    group
      .command("mongo")
      .description("from KATO 2: a live MongoDB, or what mongodump or mongoexport wrote")
      .argument("<source>", "mongodb://… , a folder of mongodump, or a file"),
  ).action((source: string, options: MigrateOptions) =>
    run(options, async ({ serviceName }, limits) => {
      // Drivers of other stores are loaded only here: no other command waits for them.
      if (/^mongodb(\+srv)?:/.test(source))
        return (await import("../migrate/mongo-server.ts")).openMongoServer({ url: source, serviceName, limits });
      return (await import("../migrate/mongo-dump.ts")).openMongoDump({ path: source, serviceName, limits });
    }),
  );
  withMigrateOptions(
    group
      .command("kato")
      .description("from KATO 3: its ClickHouse and its Redis")
      .requiredOption("--source-clickhouse <url>", "KATO's ClickHouse, http://host:8123")
      .option("--source-clickhouse-user <name>", "its user", "default")
      .option("--source-clickhouse-password <text>", "its password (better: ENGRAM_SOURCE_CLICKHOUSE_PASSWORD)")
      .requiredOption("--source-redis <url>", "KATO's Redis, redis://host:6379"),
  ).action((options: MigrateOptions) =>
    run(options, async ({ serviceName }, limits) => {
      const { openKatoServer } = await import("../migrate/kato-server.ts");
      return openKatoServer({
        clickhouse: {
          url: options.sourceClickhouse!,
          user: options.sourceClickhouseUser!,
          password: options.sourceClickhousePassword ?? process.env.ENGRAM_SOURCE_CLICKHOUSE_PASSWORD ?? "",
        },
        redisUrl: options.sourceRedis!,
        serviceName,
        limits,
      });
    }),
  );
}
