/**
 * Fuzzy retrieval with known answers, on data that do not come with the project: learn one side of a set of pairs, ask with the other, and count
 * how often the partner comes first. Beside it exact word-set Jaccard over the same patterns and questions, and what each stage of
 * KATO's way loses.
 *
 *   node dist/bench/pairs.js [--bible FOLDER] [--febrl FOLDER] [--questions 1000] [--out bench/record/NAME.json]
 *
 * bible: verses of one translation (webster1833.tsv.gz) asked with those of another (asv1901.tsv.gz, ylt1898.tsv.gz); lines `reference<TAB>text`,
 *        a word an event. febrl: invented people (dataset4a.csv) asked with their misspelled doubles (dataset4b.csv), a field an event, its words
 *        the symbols, without the two identifiers. A set whose folder is not given is left out, and said so.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import Table from "cli-table3";
import { configOf } from "../src/config.ts";
import { openEngine } from "../src/engine.ts";
import type { Engine } from "../src/engine-types.ts";
import { seededRandom, shuffle } from "../src/eval/sequences.ts";
import { Kernels, SIGNATURE_BANDS, SIGNATURE_ROWS, SIGNATURE_VALUES, symbolHash } from "../src/kernels/index.ts";
import { silentLogger } from "../src/log.ts";
import type { SessionConfig } from "../src/model/session-config.ts";
import type { SourceName } from "../src/model/source-name.ts";

const { values: args } = parseArgs({
  options: {
    bible: { type: "string" },
    febrl: { type: "string" },
    questions: { type: "string", default: "1000" },
    out: { type: "string" },
  },
});
const SEED = 20261125;
const QUESTIONS = Number(args.questions);

type Sequence = readonly (readonly string[])[];
interface Labelled {
  readonly label: string;
  readonly sequence: Sequence;
}
interface Row {
  readonly set: string;
  readonly way: string;
  readonly questions: number;
  /** Shares of questions, 0 to 1. */
  readonly first: number;
  readonly amongTen: number;
  /** Patterns whose symbols were read, as a share of all. */
  readonly scored?: number;
  readonly p50Ms?: number;
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[a-z0-9']+/g) ?? [];

function verses(file: string): Labelled[] {
  const text = gunzipSync(readFileSync(file)).toString("utf8");
  return text
    .split("\n")
    .filter((line) => line.includes("\t"))
    .map((line) => {
      const [label, verse] = line.split("\t") as [string, string];
      return { label, sequence: wordsOf(verse).map((word) => [word]) };
    })
    .filter(({ sequence }) => sequence.length > 1);
}

const IDENTIFIERS = ["date_of_birth", "soc_sec_id"];

function people(file: string): Labelled[] {
  const [head, ...lines] = readFileSync(file, "utf8").trim().split("\n");
  const names = head!.split(",").map((name) => name.trim());
  return lines.map((line) => {
    const fields = line.split(",").map((field) => field.trim());
    const label = /^rec-(\d+)/.exec(fields[0]!)![1]!;
    const sequence = names
      .map((name, i) => ({ name, words: wordsOf(fields[i] ?? "").sort() }))
      .slice(1)
      .filter(({ name, words }) => words.length > 0 && !IDENTIFIERS.includes(name))
      .map(({ words }) => words);
    return { label, sequence };
  });
}

/** Exact Jaccard of word sets over everything, by an inverted index; ties to what was learned first. */
class JaccardScan {
  readonly #sizes: number[] = [];
  readonly #lists = new Map<string, number[]>();
  constructor(patterns: readonly Labelled[]) {
    patterns.forEach(({ sequence }, i) => {
      const set = new Set(sequence.flat());
      this.#sizes.push(set.size);
      for (const word of set) {
        const list = this.#lists.get(word);
        if (list === undefined) this.#lists.set(word, [i]);
        else list.push(i);
      }
    });
  }
  best(sequence: Sequence, keep: number): number[] {
    const set = new Set(sequence.flat());
    const common = new Uint16Array(this.#sizes.length);
    for (const word of set) for (const i of this.#lists.get(word) ?? []) common[i]!++;
    const scored = Array.from(common, (count, i) => ({ i, jaccard: count / (set.size + this.#sizes[i]! - count) }));
    return scored
      .sort((a, b) => b.jaccard - a.jaccard || a.i - b.i)
      .slice(0, keep)
      .map(({ i }) => i);
  }
}

const key = (sequence: Sequence): string => JSON.stringify(sequence);
const quantile = (ascending: readonly number[], share: number): number => ascending[Math.floor(share * ascending.length)] ?? 0;

/** Learns, asks in every way that is given, and counts. A pattern that several labels share stands for each of them. */
async function measure(
  set: string,
  engine: Engine,
  learned: readonly Labelled[],
  asked: readonly Labelled[],
  ways: readonly { way: string; config: SessionConfig; source?: SourceName }[],
): Promise<Row[]> {
  const labels = new Map<string, Set<string>>();
  for (const { label, sequence } of learned) {
    const known = labels.get(key(sequence));
    if (known === undefined) labels.set(key(sequence), new Set([label]));
    else known.add(label);
  }
  const scan = new JaccardScan(learned);
  const rows: Row[] = [];
  const row = (way: string, ranks: readonly number[], more: Partial<Row> = {}): void => {
    const share = (within: number): number => ranks.filter((rank) => rank < within).length / ranks.length;
    rows.push({ set, way, questions: asked.length, first: share(1), amongTen: share(10), ...more });
  };
  const rankOf = (answers: readonly Sequence[], label: string): number => {
    const at = answers.findIndex((answer) => labels.get(key(answer))?.has(label));
    return at < 0 ? Number.POSITIVE_INFINITY : at;
  };
  row(
    "exact word-set Jaccard",
    asked.map(({ label, sequence }) =>
      rankOf(
        scan.best(sequence, 10).map((i) => learned[i]!.sequence),
        label,
      ),
    ),
  );
  const kb = engine.kbOf(set.split(" ")[0]!);
  for (const { way, config, source } of ways) {
    const ranks: number[] = [];
    const times: number[] = [];
    let read = 0;
    for (const { label, sequence } of asked) {
      const start = performance.now();
      const { predictions, trace } = await engine.predictState(kb, sequence, config, source && { source });
      times.push(performance.now() - start);
      read += trace.rowsRead;
      ranks.push(
        rankOf(
          predictions.map((prediction) => ("sequence" in prediction ? prediction.sequence : prediction.pattern_data)),
          label,
        ),
      );
    }
    times.sort((a, b) => a - b);
    row(way, ranks, { scored: read / asked.length / (await engine.kbHead(kb)).patternCount, p50Ms: quantile(times, 0.5) });
  }
  return rows;
}

interface Loss {
  readonly set: string;
  readonly stage: string;
  /** Share of questions whose partner is still there. */
  readonly left: number;
}

/** What is left of the true pairs after each stage of KATO's way, each stage alone. */
async function losses(set: string, engine: Engine, learned: readonly Labelled[], asked: readonly Labelled[]): Promise<Loss[]> {
  const kernels = new Kernels();
  const partner = new Map(learned.map(({ label, sequence }) => [label, sequence]));
  const pairs = asked.filter(({ label }) => partner.has(label));
  const sign = (sequences: readonly Sequence[]): Uint32Array => {
    const sets = sequences.map((sequence) => [...new Set(sequence.flat())].map(symbolHash));
    const offsets = new Uint32Array(sets.length + 1);
    sets.forEach((hashes, i) => {
      offsets[i + 1] = offsets[i]! + hashes.length;
    });
    return kernels.signatures(Uint32Array.from(sets.flat()), offsets);
  };
  const a = sign(pairs.map(({ sequence }) => sequence));
  const b = sign(pairs.map(({ label }) => partner.get(label)!));
  let [banded, estimated, both] = [0, 0, 0];
  pairs.forEach((_, i) => {
    const from = i * SIGNATURE_VALUES;
    const equal = (value: number): boolean => a[from + value] === b[from + value];
    const agreeing = Array.from({ length: SIGNATURE_VALUES }, (_, value) => equal(value)).filter(Boolean).length;
    const shares = Array.from({ length: SIGNATURE_BANDS }, (_, band) => band).some((band) =>
      Array.from({ length: SIGNATURE_ROWS }, (_, row) => equal(band * SIGNATURE_ROWS + row)).every(Boolean),
    );
    if (shares) banded++;
    if (agreeing / SIGNATURE_VALUES >= 0.7 - 1e-9) estimated++;
    if (shares && agreeing / SIGNATURE_VALUES >= 0.7 - 1e-9) both++;
  });
  const kb = engine.kbOf(set.split(" ")[0]!);
  let [inEnsemble, inAnswer] = [0, 0];
  const answers = 100;
  for (const { label, sequence } of pairs) {
    const wanted = key(partner.get(label)!);
    // KATO's ensemble is 3 x max_predictions: asked for three times as many, the answer is the ensemble of before.
    const config: SessionConfig = { recall_threshold: 0.1, ensemble: "ranked", rank_sort_algo: "potential", max_predictions: 3 * answers };
    const { predictions } = await engine.predictState(kb, sequence, config);
    if (predictions.some((prediction) => "sequence" in prediction && key(prediction.sequence) === wanted)) inEnsemble++;
    const kato = await engine.predictState(kb, sequence, { recall_threshold: 0.1, rank_sort_algo: "potential", max_predictions: answers });
    if (kato.predictions.some((prediction) => "sequence" in prediction && key(prediction.sequence) === wanted)) inAnswer++;
  }
  const left = (stage: string, count: number): Loss => ({ set, stage, left: count / pairs.length });
  return [
    left(`a band of ${SIGNATURE_BANDS} x ${SIGNATURE_ROWS} in common`, banded),
    left("estimated Jaccard at least 0.7", estimated),
    left("both: KATO's minhash stage by default", both),
    left(`among the best ${3 * answers} by pre-potential (KATO's ensemble)`, inEnsemble),
    left(`among the ${answers} answers ranked by potential`, inAnswer),
  ];
}

/** Patterns above the index are scanned with every question: few, and counted in what is read. */
const INDEX_STEP = 100;

/** An engine of its own on a temporary folder, with the patterns learned and indexed, that fetches at most so many through an index. */
async function withEngine<R>(
  set: string,
  learned: readonly Labelled[],
  rowsReadMax: number,
  use: (engine: Engine) => Promise<R>,
): Promise<R> {
  const dataDir = mkdtempSync(join(tmpdir(), "engram-pairs-"));
  const engine = await openEngine(configOf({ dataDir, indexStep: INDEX_STEP, rowsReadMax }), silentLogger);
  try {
    const sequences = learned.map(({ sequence }) => sequence);
    for (let at = 0; at < sequences.length; at += 5_000) await engine.learnSequences(engine.kbOf(set), sequences.slice(at, at + 5_000));
    await engine.flush();
    return await use(engine);
  } finally {
    await engine.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

const sample = (all: readonly Labelled[]): Labelled[] => shuffle([...all], seededRandom(SEED)).slice(0, QUESTIONS);
const ranked = (metric: SessionConfig["rank_sort_algo"], threshold: number): SessionConfig => ({
  ensemble: "ranked",
  rank_sort_algo: metric!,
  recall_threshold: threshold,
  max_predictions: 10,
});

const rows: Row[] = [];
const lost: Loss[] = [];

if (args.bible === undefined || !existsSync(join(args.bible, "webster1833.tsv.gz")))
  console.log("bible: left out, no --bible folder with webster1833.tsv.gz");
else {
  const folder = args.bible;
  const learned = verses(join(folder, "webster1833.tsv.gz"));
  await withEngine("bible", learned, Math.floor(0.02 * learned.length) - INDEX_STEP, async (engine) => {
    for (const [name, file] of [
      ["ASV", "asv1901.tsv.gz"],
      ["YLT", "ylt1898.tsv.gz"],
    ] as const) {
      const set = `bible ${name}`;
      const asked = sample(verses(join(folder, file)));
      rows.push(
        ...(await measure(set, engine, learned, asked, [
          { way: "similarity, postings, 2 % of the patterns", config: ranked("similarity", 0.3), source: "postings" },
          { way: "similarity, every pattern", config: ranked("similarity", 0.3), source: "resident" },
          { way: "potential, every pattern", config: ranked("potential", 0.3), source: "resident" },
          { way: "KATO's ensemble, potential", config: { recall_threshold: 0.3, max_predictions: 10 }, source: "resident" },
        ])),
      );
      lost.push(...(await losses(set, engine, learned, asked)));
      console.log(`${set}: asked`);
    }
  });
}

if (args.febrl === undefined || !existsSync(join(args.febrl, "dataset4a.csv")))
  console.log("febrl: left out, no --febrl folder with dataset4a.csv");
else {
  const learned = people(join(args.febrl, "dataset4a.csv"));
  const asked = sample(people(join(args.febrl, "dataset4b.csv")));
  await withEngine("febrl", learned, learned.length, async (engine) => {
    const fuzzy = (config: SessionConfig): SessionConfig => ({ ...config, fuzzy_token_threshold: 0.8 });
    rows.push(
      ...(await measure("febrl", engine, learned, asked, [
        { way: "similarity", config: ranked("similarity", 0.1) },
        { way: "potential", config: ranked("potential", 0.1) },
        { way: "similarity, fuzzy tokens 0.8", config: fuzzy(ranked("similarity", 0.1)) },
        { way: "potential, fuzzy tokens 0.8", config: fuzzy(ranked("potential", 0.1)) },
        { way: "similarity, character mode", config: { ...ranked("similarity", 0.1), use_token_matching: false } },
      ])),
    );
    lost.push(...(await losses("febrl", engine, learned, asked)));
  });
}

const percent = (share: number | undefined): string => (share === undefined ? "" : `${(100 * share).toFixed(1)} %`);
const table = new Table({ head: ["set", "way", "first", "among ten", "scored", "p50 ms"], style: { head: [], border: [], compact: true } });
for (const row of rows)
  table.push([row.set, row.way, percent(row.first), percent(row.amongTen), percent(row.scored), row.p50Ms?.toFixed(1) ?? ""]);
const stages = new Table({ head: ["set", "stage", "left"], style: { head: [], border: [], compact: true } });
for (const { set, stage, left } of lost) stages.push([set, stage, percent(left)]);
console.log(`${table.toString()}\n${stages.toString()}`);
if (args.out !== undefined) {
  const record = {
    what: "pairs",
    questions: QUESTIONS,
    seed: SEED,
    machine: { cpu: cpus()[0]?.model, node: process.version },
    rows,
    losses: lost,
  };
  writeFileSync(args.out, `${JSON.stringify(record, null, 2)}\n`);
}
