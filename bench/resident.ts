/**
 * Predictions of knowledge bases in memory, over HTTP against the built server: p50 and p95 of answers of 100 predictions at several sizes and
 * thresholds with one client, answers a second of 10 predictions with 64, memory of the server, and the names and order of a sample of
 * answers against the stream source, for both ensembles.
 *
 *   npm run bench:resident -- [--sizes 100000,1000000] [--thresholds 0.1,0.3,0.5,0.7] [--queries 200] [--checked 10] [--seconds 10]
 *                             [--postings 0] [--data FOLDER] [--out bench/record/NAME.json]
 *
 * Queries: seeded windows of 2 to 24 symbols of stored patterns, median 8, 0 to 40 % replaced; each is asked once to warm up. The client runs
 * beside the server and shares its cores. `--postings` asks so many of the queries of the index on disk too, 10 and 100 answers ranked by similarity, and
 * fails where a certified answer is not the resident one, which is checked against the stream's. `--data` keeps what was loaded, so that a large kb is loaded once: about a minute a million.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { LoadClient } from "./load-client.ts";
import { machineOf, writeRecord } from "./machine.ts";
import { type Served, serve } from "./served.ts";
import { zipfCorpus } from "./zipf-corpus.ts";

const SEED = 20261126;
/** Patterns of a request, and of a piece of the corpus: each piece has a seed of its own, so that no bench holds the whole of it. */
const PIECE = 50_000;
const { values: args } = parseArgs({
  options: {
    sizes: { type: "string", default: "100000,1000000" },
    thresholds: { type: "string", default: "0.1,0.3,0.5,0.7" },
    queries: { type: "string", default: "200" },
    checked: { type: "string", default: "10" },
    seconds: { type: "string", default: "10" },
    postings: { type: "string", default: "0" },
    data: { type: "string" },
    out: { type: "string" },
  },
});
const machine = machineOf();
const numbers = (text: string): number[] => text.split(",").map(Number);
const percentile = (sorted: readonly number[], p: number): number => sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))]!;
const round = (value: number): number => Math.round(value * 100) / 100;

interface Answer {
  readonly predictions: readonly { readonly name: string }[];
  readonly trace: { readonly source: string; readonly certified: boolean; readonly candidates: number };
}
interface Explained {
  readonly predictions: readonly unknown[];
  readonly explain: { readonly source: string; readonly microseconds: Record<string, number> };
}

const pieceOf = (piece: number, queries: number) => zipfCorpus(PIECE, queries, SEED + piece);

/** Windows of the first pieces' patterns. */
function queriesOf(size: number, count: number): (readonly string[])[] {
  const pieces = Math.min(10, Math.ceil(size / PIECE));
  const each = Math.ceil(count / pieces);
  return Array.from({ length: pieces }, (_, piece) => pieceOf(piece, each).queries)
    .flat()
    .filter((query) => query.length > 1)
    .slice(0, count);
}

async function load(client: LoadClient, node: string, size: number): Promise<number> {
  const known = await client.json<{ patterns: number }>("GET", `/v1/kbs/${node}/stats`);
  if (known.patterns > 0) return 0;
  const startedAt = performance.now();
  for (let from = 0; from < size; from += PIECE) {
    const { patterns } = pieceOf(from / PIECE, 0);
    const lines = patterns.slice(0, size - from).map((pattern) => JSON.stringify(pattern.map((symbol) => [symbol])));
    const reply = await client.request("POST", `/v1/kbs/${node}/patterns`, `${lines.join("\n")}\n`, "application/x-ndjson");
    if (reply.status !== 200) throw new Error(`learning: ${reply.status} ${reply.body.toString("utf8").slice(0, 300)}`);
    process.stderr.write(`\r${node}: ${Math.min(size, from + PIECE)} of ${size} patterns learned`);
  }
  process.stderr.write("\n");
  return round(size / ((performance.now() - startedAt) / 1000));
}

const states = (query: readonly string[]): string[][] => query.map((symbol) => [symbol]);

/** Asks until the kb is in memory. */
async function warm(client: LoadClient, node: string, query: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  const body = { state: states(query), config: { recall_threshold: 0.5, max_predictions: 1 } };
  const { trace } = await client.json<Answer>("POST", `/v1/kbs/${node}/predict?source=resident`, body);
  if (trace.source !== "resident") throw new Error(`the answer came from ${trace.source}`);
  return round((performance.now() - startedAt) / 1000);
}

/** Names and order of resident answers against the stream's. */
async function check(client: LoadClient, node: string, queries: readonly (readonly string[])[], threshold: number): Promise<number> {
  let checked = 0;
  for (const query of queries) {
    for (const config of [
      { ensemble: "kato", rank_sort_algo: "potential", max_predictions: 100 },
      { ensemble: "ranked", rank_sort_algo: "similarity", max_predictions: 10 },
    ]) {
      const body = { state: states(query), config: { ...config, recall_threshold: threshold } };
      const [resident, stream] = [
        await client.json<Answer>("POST", `/v1/kbs/${node}/predict?source=resident`, body),
        await client.json<Answer>("POST", `/v1/kbs/${node}/predict?source=stream`, body),
      ];
      const names = ({ predictions }: Answer): string => predictions.map(({ name }) => name).join(" ");
      if (names(resident) !== names(stream)) throw new Error(`${node} at ${threshold}: the resident answer differs from the stream's`);
      checked++;
    }
  }
  return checked;
}

/** What the index on disk answers, beside the kb in memory: names and order of whatever it certifies. */
async function askPostings(client: LoadClient, node: string, queries: readonly (readonly string[])[], threshold: number) {
  const rows = [];
  for (const answers of [10, 100]) {
    const ms: number[] = [];
    let [certified, same] = [0, 0];
    for (const query of queries) {
      const config = { ensemble: "ranked", rank_sort_algo: "similarity", max_predictions: answers, recall_threshold: threshold };
      const body = { state: states(query), config };
      const exact = await client.json<Answer>("POST", `/v1/kbs/${node}/predict?source=resident`, body);
      const before = performance.now();
      const found = await client.json<Answer>("POST", `/v1/kbs/${node}/predict?source=postings`, body);
      ms.push(performance.now() - before);
      const names = ({ predictions }: Answer): string => predictions.map(({ name }) => name).join(" ");
      const isSame = names(found) === names(exact);
      if (found.trace.certified && !isSame)
        throw new Error(`${node} at ${threshold}: a certified answer of the postings is not the exact one`);
      certified += Number(found.trace.certified);
      same += Number(isSame);
    }
    ms.sort((a, b) => a - b);
    const share = (count: number): number => round(count / queries.length);
    rows.push({
      answers,
      p50Ms: round(percentile(ms, 0.5)),
      p95Ms: round(percentile(ms, 0.95)),
      certified: share(certified),
      same: share(same),
    });
  }
  return rows;
}

async function openSession(url: string, node: string, threshold: number, predictions: number) {
  const client = await LoadClient.open(url);
  const { session_id: id } = await client.json<{ session_id: string }>("POST", "/sessions", {
    node_id: node,
    config: { process_predictions: false, recall_threshold: threshold, max_predictions: predictions },
  });
  const state = async (query: readonly string[]): Promise<void> => {
    await client.json("POST", `/sessions/${id}/clear-stm`);
    await client.json("POST", `/sessions/${id}/observe-sequence`, { observations: query.map((symbol) => ({ strings: [symbol] })) });
  };
  return { client, id, state };
}

async function latencies(served: Served, node: string, queries: readonly (readonly string[])[], threshold: number) {
  const { client, id, state } = await openSession(served.url, node, threshold, 100);
  const ms: number[] = [];
  const spent: Record<string, number> = {};
  let answers = 0;
  let cpu = 0;
  for (const timed of [false, true]) {
    for (const query of queries) {
      await state(query);
      const cpuBefore = cpuMs(served);
      const before = performance.now();
      const reply = await client.request("GET", `/sessions/${id}/predictions?explain=true&source=resident`);
      const took = performance.now() - before;
      if (!timed) continue;
      cpu += cpuMs(served) - cpuBefore;
      ms.push(took);
      const { predictions, explain } = JSON.parse(reply.body.toString("utf8")) as Explained;
      if (explain.source !== "resident") throw new Error(`an answer came from ${explain.source}`);
      answers += predictions.length;
      for (const [name, value] of Object.entries(explain.microseconds)) spent[name] = (spent[name] ?? 0) + value / 1000 / queries.length;
    }
  }
  client.close();
  ms.sort((a, b) => a - b);
  return {
    threshold,
    p50Ms: round(percentile(ms, 0.5)),
    p95Ms: round(percentile(ms, 0.95)),
    serverCpuMs: round(cpu / queries.length),
    predictionsMean: round(answers / queries.length),
    meanMs: Object.fromEntries(Object.entries(spent).map(([name, value]) => [name, round(value)])),
  };
}

/** Each client asks for the predictions of its own state, one after the other. */
async function throughput(served: Served, node: string, queries: readonly (readonly string[])[], clients: number, seconds: number) {
  const sessions = await Promise.all(
    Array.from({ length: clients }, async (_, at) => {
      const session = await openSession(served.url, node, 0.1, 10);
      await session.state(queries[at % queries.length]!);
      return session;
    }),
  );
  let refused = 0;
  const run = async (until: number): Promise<number> => {
    let answered = 0;
    await Promise.all(
      sessions.map(async ({ client, id }) => {
        while (performance.now() < until) {
          const { status } = await client.request("GET", `/sessions/${id}/predictions`);
          if (status === 200) answered++;
          else refused++;
        }
      }),
    );
    return answered;
  };
  await run(performance.now() + 1_000);
  const cpuBefore = cpuMs(served);
  const startedAt = performance.now();
  const answered = await run(startedAt + seconds * 1_000);
  const perSecond = round(answered / ((performance.now() - startedAt) / 1_000));
  // What an answer costs the server's processor, whoever else uses the machine.
  const serverCpuMs = round((cpuMs(served) - cpuBefore) / answered);
  for (const { client } of sessions) client.close();
  return { clients, threshold: 0.1, predictions: 10, answersPerSecond: perSecond, serverCpuMs, refused };
}

/** Processor time of the server so far, in ticks of ten milliseconds. */
function cpuMs({ pid }: Served): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

const residentMegabytes = ({ pid }: Served): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024);

const folder = args.data ?? mkdtempSync(join(tmpdir(), "engram-bench-"));
if (!existsSync(folder)) mkdirSync(folder, { recursive: true });
const figures: object[] = [];
const table = new Table({ head: ["patterns", "threshold", "p50 ms", "p95 ms", "scan ms", "aggregate ms", "answers/s, 64 clients"] });
const served = await serve(join(folder, "data"));
try {
  for (const size of numbers(args.sizes)) {
    const node = `resident${size}`;
    const queries = queriesOf(size, Number(args.queries));
    const client = await LoadClient.open(served.url);
    const learnedPerSecond = await load(client, node, size);
    const loadSeconds = await warm(client, node, queries[0]!);
    for (const threshold of numbers(args.thresholds)) {
      const checked = await check(client, node, queries.slice(0, Number(args.checked)), threshold);
      const row = await latencies(served, node, queries, threshold);
      const asked = queries.slice(0, Number(args.postings));
      const postings = asked.length === 0 ? undefined : await askPostings(client, node, asked, threshold);
      const many = threshold === 0.1 ? await throughput(served, node, queries, 64, Number(args.seconds)) : undefined;
      figures.push({
        patterns: size,
        learnedPerSecond,
        loadSeconds,
        checked,
        ...row,
        many,
        postings,
        serverMegabytes: residentMegabytes(served),
      });
      table.push([
        size,
        threshold,
        row.p50Ms,
        row.p95Ms,
        round(row.meanMs.kernel ?? 0),
        round(row.meanMs.aggregate ?? 0),
        many?.answersPerSecond ?? "",
      ]);
      process.stderr.write(`${JSON.stringify(figures.at(-1))}\n`);
    }
    client.close();
  }
  console.log(table.toString());
  if (args.out !== undefined) {
    writeRecord(
      args.out,
      "predictions of knowledge bases in memory, over HTTP",
      {
        seed: SEED,
        queries: "windows of 2-24 symbols, median 8, 0-40 % replaced",
        data: "Zipf vocabulary of 50,000; patterns of 2-60 symbols, mean 14; a third in clusters of near-duplicates",
        figures,
      },
      machine,
    );
  }
} finally {
  await served.stop();
  if (args.data === undefined) rmSync(folder, { recursive: true, force: true });
}
