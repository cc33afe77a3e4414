/**
 * The life of a knowledge base at scale, on embedded stores: learned, exported, imported under another name, its state store lost and rebuilt, looked
 * over, deleted pattern by pattern. Every step is timed and its outcome compared: all counters, emotives, metadata, affinities, and the answers to
 * many questions must be equal to the last bit.
 *
 *   npm run bench:life -- [--patterns 100000] [--relearns 2] [--queries 1000] [--out bench/record/NAME.json]
 *
 * With --relearns 2 there are three learns a pattern; 0 leaves the rates of writing and reading patterns that were learned once.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { ArchiveFolder } from "../src/cli/archive-folder.ts";
import { type Caller, callerWithin } from "../src/cli/caller.ts";
import { exportKb, importArchive } from "../src/cli/export.ts";
import { configOf } from "../src/config.ts";
import { openEngine } from "../src/engine.ts";
import type { Engine } from "../src/engine-types.ts";
import { buildApp } from "../src/http/app.ts";
import { silentLogger } from "../src/log.ts";
import { rebuildState } from "../src/rebuild.ts";
import { machineOf, writeRecord } from "./machine.ts";
import { seeded, zipfCorpus } from "./zipf-corpus.ts";

const SEED = 20261125;
const BATCH = 1_000;
const { values: args } = parseArgs({
  options: {
    patterns: { type: "string", default: "100000" },
    relearns: { type: "string", default: "2" },
    queries: { type: "string", default: "1000" },
    out: { type: "string" },
  },
});
const count = Number(args.patterns);
const corpus = zipfCorpus(count, Number(args.queries), SEED);
const machine = machineOf();
const folder = mkdtempSync(join(tmpdir(), "engram-life-"));
const config = configOf({ dataDir: join(folder, "data"), logLevel: "warn" });
const steps: { step: string; seconds: number; perSecond: number }[] = [];
let peakMegabytes = 0;
const sampling = setInterval(() => {
  peakMegabytes = Math.max(peakMegabytes, Math.round(process.memoryUsage.rss() / 2 ** 20));
}, 200);

async function timed<R>(step: string, items: (result: R) => number, work: () => Promise<R>): Promise<R> {
  const start = performance.now();
  const result = await work();
  const seconds = (performance.now() - start) / 1_000;
  const row = { step, seconds: Math.round(seconds * 100) / 100, perSecond: Math.round(items(result) / seconds) };
  steps.push(row);
  console.error(`${step}: ${row.seconds} s, ${row.perSecond.toLocaleString("en")}/s`);
  return result;
}

function callerOf(engine: Engine): Caller {
  const app = buildApp({ engine, log: silentLogger, serviceName: config.serviceName, version: "bench" });
  return callerWithin(app, () => app.close());
}

/** A hash of everything a kb holds, and one of its answers. */
async function portrait(engine: Engine, kb: string): Promise<{ held: string; answers: string }> {
  const held = createHash("sha256");
  const add = (value: unknown): void => void held.update(JSON.stringify(value));
  const { seq: _, generation: _g, kb: _k, ...head } = await engine.kbHead(kb);
  add(head);
  for await (const rows of engine.symbolRows(kb)) add(rows);
  for await (const rows of engine.affinities(kb)) add(rows);
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const page = await engine.listPatterns(kb, {}, BATCH, cursor === "" ? undefined : cursor);
    add(page.patterns);
    cursor = page.cursor;
  }
  const answers = createHash("sha256");
  for (const [i, query] of corpus.queries.entries()) {
    const settings = { recall_threshold: i % 2 === 0 ? 0.3 : 0.5, max_predictions: 20, ...(i % 4 === 0 && { affinity_emotive: "joy" }) };
    const { predictions, futurePotentials } = await engine.predictState(
      kb,
      query.map((symbol) => [symbol]),
      settings,
    );
    answers.update(JSON.stringify([predictions, futurePotentials]));
  }
  return { held: held.digest("hex"), answers: answers.digest("hex") };
}

function assertEqual(what: string, is: unknown, wanted: unknown): void {
  if (JSON.stringify(is) !== JSON.stringify(wanted)) throw new Error(`${what}: ${JSON.stringify(is)}, not ${JSON.stringify(wanted)}`);
}

async function learned(engine: Engine, kb: string): Promise<number> {
  const random = seeded(SEED);
  const total = count * (1 + Number(args.relearns));
  for (let from = 0; from < total; from += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, total - from) }, (_, i) => {
      const at = from + i < count ? from + i : Math.floor(random() * count);
      const events = corpus.patterns[at]!.map((symbol) => [symbol]);
      if (random() < 0.7) return { events };
      return { events, emotives: [[["joy", random() - 0.3] as const]], metadata: [["book", [`b${at % 40}`]] as const] };
    });
    await engine.learnPatterns(kb, batch);
  }
  await engine.flush();
  return total;
}

try {
  let engine = await openEngine(config, silentLogger);
  const [first, second] = [engine.kbOf("first"), engine.kbOf("second")];
  const total = await timed(
    "learn",
    (learns) => learns,
    () => learned(engine, first),
  );
  const before = await timed(
    "read everything and ask",
    () => corpus.queries.length,
    () => portrait(engine, first),
  );
  let caller = callerOf(engine);
  const archive = await ArchiveFolder.open(join(folder, "archive"));
  await timed(
    "export",
    () => total,
    () => exportKb(caller, "first", archive, () => undefined),
  );
  const megabytes = archive.manifest!.parts.reduce((sum, part) => sum + part.bytes, 0) / 2 ** 20;
  await timed(
    "import",
    () => total,
    () => importArchive(caller, archive, { node: "second", id: "bench", merge: false }, () => undefined),
  );
  await engine.flush();
  assertEqual("the imported kb", await portrait(engine, second), before);
  await caller.close();
  await engine.close();

  rmSync(join(config.dataDir, "state"), { recursive: true });
  await timed(
    "rebuild of both",
    () => 2 * total,
    () => rebuildState(config, silentLogger),
  );
  engine = await openEngine(config, silentLogger);
  caller = callerOf(engine);
  assertEqual("the rebuilt kb", await portrait(engine, first), before);
  assertEqual("the rebuilt copy", await portrait(engine, second), before);

  const reports = await timed(
    "verify of both",
    () => 2 * total,
    async () => [await engine.verifyKb(first, false), await engine.verifyKb(second, false)],
  );
  assertEqual(
    "findings",
    reports.map(({ findings }) => findings),
    [[], []],
  );
  assertEqual("checksums", reports[1]!.checksum, reports[0]!.checksum);

  const names = (await engine.kbHead(second)).totals.total_unique_patterns;
  const gone = await timed(
    "delete every pattern",
    () => names,
    () => engine.deletePatterns(second, { query: { lengthMin: 1 } }),
  );
  assertEqual("deleted", gone.deleted, names);
  await timed(
    "flush and remove the rows",
    () => names,
    () => engine.flush(),
  );
  const empty = await engine.kbHead(second);
  assertEqual("totals", Object.values(empty.totals), [0, 0, 0]);
  for await (const rows of engine.symbolRows(second)) assertEqual("symbols left", rows, []);
  for await (const rows of engine.affinities(second)) assertEqual("affinities left", rows, []);
  assertEqual("patterns left", (await engine.listPatterns(second, {}, 10)).patterns, []);
  assertEqual("findings after deleting", (await engine.verifyKb(second, false)).findings, []);
  for (const query of corpus.queries.slice(0, 20)) {
    const { predictions } = await engine.predictState(
      second,
      query.map((symbol) => [symbol]),
    );
    assertEqual("predictions left", predictions, []);
  }
  await caller.close();
  await engine.close();

  const table = new Table({ head: ["step", "seconds", "a second"], style: { head: [], border: [] } });
  for (const { step, seconds, perSecond } of steps) table.push([step, String(seconds), perSecond.toLocaleString("en")]);
  console.log(
    `${count.toLocaleString("en")} patterns, ${total.toLocaleString("en")} learns, ${corpus.queries.length} questions; archive ${megabytes.toFixed(1)} MB; peak memory of the process ${peakMegabytes} MB\n${table.toString()}`,
  );
  if (args.out !== undefined) {
    writeRecord(
      args.out,
      "the life of a knowledge base, embedded stores",
      {
        patterns: count,
        learns: total,
        queries: corpus.queries.length,
        archiveMegabytes: Math.round(megabytes * 10) / 10,
        peakMegabytes,
        steps,
      },
      machine,
    );
  }
} finally {
  clearInterval(sampling);
  rmSync(folder, { recursive: true, force: true });
}
