/**
 * The kernels beside Python's packages for the same measures: rapidfuzz, datasketch and rensa, by their own batch calls, on the same data, on one core.
 * Their answers are compared with ours.
 *
 *   npm run bench:peers -- [--quick] [--out bench/record/NAME.json]
 *
 * Needs python3; makes a virtual environment below node_modules/.cache and installs the packages there once. What cannot be had is said and left out.
 * The two programs cannot take turns pair by pair: ours are measured before and after theirs, and the mean of both is what is compared.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { Kernels, SIGNATURE_VALUES, symbolHash } from "../src/kernels/index.ts";
import { CORPUS_SHA256, flatten, frozenCorpus, type Texts } from "./corpus.ts";
import { sampleOf, wholeRatio } from "./gates/answers.ts";
import { sumOf } from "./harness.ts";
import { machineOf, writeRecord } from "./machine.ts";
import { quantile } from "./rounds.ts";

const PACKAGES = ["rapidfuzz==3.14.6", "numpy", "datasketch==1.6.5", "rensa==0.5.0"];
const VALUES = 128;
const { values } = parseArgs({ options: { quick: { type: "boolean", default: false }, out: { type: "string" } } });
const size = (full: number, quick: number): number => (values.quick ? quick : full);
const root = execFileSync("git", ["rev-parse", "--show-toplevel"], { encoding: "utf8" }).trim();
const cache = join(root, "node_modules", ".cache", "engram-peers");
const figure = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

interface Figure {
  readonly name: string;
  readonly items: number;
  readonly nanoseconds: number;
  readonly best: number;
  readonly answer: number;
}

interface PeerAnswers {
  readonly python: string;
  readonly packages: Readonly<Record<string, string>>;
  readonly missing: readonly { readonly package: string; readonly why: string }[];
  readonly figures: readonly Figure[];
}

/** One of ours, and the peers' it stands beside. */
interface Match {
  readonly ours: string;
  readonly peer: string;
  readonly required?: number;
  readonly ambitious?: number;
  /** Whether both compute the same numbers. */
  readonly comparable: boolean;
}

const MATCHES: readonly Match[] = [
  { ours: "token LCS", peer: "rapidfuzz LCSseq, cutoff 0", required: 10, ambitious: 16, comparable: true },
  { ours: "token LCS, cutoff 0.7", peer: "rapidfuzz LCSseq, cutoff 0.7", ambitious: 29, comparable: true },
  { ours: "ratio, short", peer: "rapidfuzz ratio, short, cutoff 0", required: 2, ambitious: 3.8, comparable: true },
  { ours: "ratio, short, cutoff 0.8", peer: "rapidfuzz ratio, short, cutoff 0.8", ambitious: 8, comparable: true },
  { ours: "ratio, long", peer: "rapidfuzz ratio, long, cutoff 0", required: 2, comparable: true },
  { ours: "ratio, long, cutoff 0.8", peer: "rapidfuzz ratio, long, cutoff 0.8", ambitious: 8, comparable: true },
  { ours: "datasketch signing", peer: "datasketch update_batch, hashed before", required: 10, ambitious: 14, comparable: true },
  { ours: "fast signing", peer: "rensa RMinHash update, 128 values", required: 1, comparable: false },
];

const corpus = frozenCorpus();
const candidates = sampleOf(corpus.sequences, size(20_000, 200));
const texts: Readonly<Record<"short" | "long", Texts>> = {
  short: { queries: corpus.short.queries, candidates: sampleOf(corpus.short.candidates, size(20_000, 200)) },
  long: { queries: corpus.long.queries, candidates: sampleOf(corpus.long.candidates, size(2_000, 50)) },
};
const words = sampleOf(corpus.long.candidates, size(1_000, 20)).map((text) => [...new Set(text.split(" "))]);
const hashes = words.map((set) => Uint32Array.from(set, symbolHash));

function sequenceBytes(sequences: readonly Uint32Array[]): Uint8Array {
  const list = sequences.flatMap((ids) => [ids.length, ...ids]);
  return new Uint8Array(Uint32Array.from([sequences.length, ...list]).buffer);
}

/**
 * Median and best nanoseconds an item over several runs of the call alone; what it found is added up, as on the peers' side, when the clock stands. All
 * runs must agree.
 */
function timed(name: string, items: number, run: () => void, answerOf: () => number): Figure {
  run();
  const answer = answerOf();
  const ns: number[] = [];
  const until = performance.now() + size(1_000, 20);
  while (ns.length < 5 || performance.now() < until) {
    const cpu = process.cpuUsage();
    const start = performance.now();
    run();
    const wall = (performance.now() - start) * 1e6;
    const { user, system } = process.cpuUsage(cpu);
    const again = answerOf();
    if (again !== answer) throw new Error(`${name} computed ${again}, and before ${answer}`);
    ns.push(Math.min(wall, Math.max(1, user + system) * 1e3) / items);
  }
  return { name, items, nanoseconds: quantile(ns, 0.5), best: Math.min(...ns), answer };
}

function ours(): Figure[] {
  const figures: Figure[] = [];
  const kernels = new Kernels({ idLimit: 1 << 16 });
  const flat = flatten(candidates);
  const column = kernels.laneColumn(flat.flat, flat.offsets);
  // A row a query, as the peers' batch calls return it.
  const pairs = corpus.queries.length * candidates.length;
  const lengths = new Uint32Array(pairs);
  const rowOf = (query: number) => lengths.subarray(query * candidates.length, (query + 1) * candidates.length);
  figures.push(
    timed(
      "token LCS",
      pairs,
      () => kernels.eachLaneLcsLengths(corpus.queries, column, (found, query) => rowOf(query).set(found)),
      () => sumOf(lengths),
    ),
    timed(
      "token LCS, cutoff 0.7",
      pairs,
      () => {
        corpus.queries.forEach((ids, at) => {
          const query = kernels.query(ids);
          query.laneLcsLengths(column, 0.7, rowOf(at));
          query.release();
        });
      },
      () => lengths.reduce((count, length) => count + (length > 0 ? 1 : 0), 0),
    ),
  );
  for (const kind of ["short", "long"] as const) {
    const own = new Kernels();
    const table = own.texts(texts[kind].candidates);
    const { queries } = texts[kind];
    const items = queries.length * table.count;
    const ratios = new Float64Array(items);
    let matches = 0;
    figures.push(
      timed(
        `ratio, ${kind}`,
        items,
        () => own.eachRatios(queries, table, (found, query) => ratios.set(found.ratios, query * table.count)),
        () => sumOf(ratios.map(wholeRatio)),
      ),
      timed(
        `ratio, ${kind}, cutoff 0.8`,
        items,
        () => {
          matches = 0;
          for (const text of queries) {
            const query = own.text(text);
            query.withRatios(table, 0.8, (found) => {
              ratios.set(found.ratios, matches);
              matches += found.ratios.length;
            });
            query.release();
          }
        },
        () => matches,
      ),
    );
  }
  const signing = new Kernels({ idLimit: 1024 });
  const sets = flatten(hashes);
  const hashColumn = signing.hashes(sets.flat, sets.offsets);
  for (const [name, scheme, count] of [
    ["datasketch signing", "datasketch", SIGNATURE_VALUES],
    ["fast signing", "multiply-add", VALUES],
  ] as const) {
    const out = new Uint32Array(hashes.length * count);
    const signer = signing.signer(scheme, count);
    figures.push(
      timed(
        name,
        sets.flat.length,
        () => signer.signaturesInto(hashColumn, out),
        () => sumOf(out),
      ),
    );
  }
  return figures;
}

/** A python with the packages; what could not be installed shows when it is imported. Undefined: there is no python at all. */
function python(): string | undefined {
  const interpreter = join(cache, "bin", "python");
  if (!existsSync(interpreter)) {
    mkdirSync(cache, { recursive: true });
    console.log(`making a virtual environment in ${cache}`);
    const made = spawnSync("python3", ["-m", "venv", cache], { encoding: "utf8" });
    if (made.status !== 0) {
      console.log(`no python3 with venv here: ${(made.error?.message ?? made.stderr).trim().split("\n").at(-1)}`);
      rmSync(cache, { recursive: true, force: true });
      return undefined;
    }
  }
  for (const name of PACKAGES) {
    const done = spawnSync(interpreter, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", name], { encoding: "utf8" });
    if (done.status !== 0) console.log(`${name} cannot be had: ${done.stderr.trim().split("\n").at(-1)}`);
  }
  return interpreter;
}

function peers(interpreter: string): PeerAnswers {
  const folder = mkdtempSync(join(tmpdir(), "engram-peers-"));
  try {
    writeFileSync(join(folder, "token-queries.bin"), sequenceBytes(corpus.queries));
    writeFileSync(join(folder, "token-candidates.bin"), sequenceBytes(candidates));
    writeFileSync(join(folder, "hashes.bin"), sequenceBytes(hashes));
    for (const kind of ["short", "long"] as const) writeFileSync(join(folder, `${kind}.json`), JSON.stringify(texts[kind]));
    writeFileSync(join(folder, "words.json"), JSON.stringify(words));
    execFileSync(interpreter, [join(root, "bench/peers/peers.py"), folder], { stdio: "inherit" });
    return JSON.parse(readFileSync(join(folder, "answers.json"), "utf8")) as PeerAnswers;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const machine = machineOf();
const interpreter = python();
if (interpreter === undefined) process.exit(1);
const before = ours();
const theirs = peers(interpreter);
const after = ours();
for (const { package: name, why } of theirs.missing) console.log(`without ${name}: ${why}`);

const rows = MATCHES.flatMap((match) => {
  const peer = theirs.figures.find(({ name }) => name === match.peer);
  const [first, second] = [before, after].map((list) => list.find(({ name }) => name === match.ours)!) as [Figure, Figure];
  if (peer === undefined) return [];
  const nanoseconds = (first.nanoseconds + second.nanoseconds) / 2;
  return [
    {
      ...match,
      nanoseconds,
      peerNanoseconds: peer.nanoseconds,
      ratio: peer.nanoseconds / nanoseconds,
      answer: first.answer,
      peerAnswer: peer.answer,
    },
  ];
});
const table = new Table({ head: ["ours", "ns", "peer", "ns", "ratio", "asked", "answers"], style: { head: [], border: [] } });
for (const row of rows) {
  const same = row.answer === row.peerAnswer ? "equal" : `${row.answer} and ${row.peerAnswer}`;
  const asked = row.required === undefined ? "" : `≥ ${row.required}`;
  table.push([
    row.ours,
    figure.format(row.nanoseconds),
    row.peer,
    figure.format(row.peerNanoseconds),
    figure.format(row.ratio),
    asked,
    row.comparable ? same : "-",
  ]);
}
console.log(table.toString());
const wrong = rows.filter((row) => row.comparable && row.answer !== row.peerAnswer);
if (wrong.length > 0) {
  console.error(`${wrong.length} answers differ from the peers'.`);
  process.exitCode = 1;
}
if (values.out !== undefined) {
  const { python: version, packages, missing } = theirs;
  writeRecord(
    values.out,
    "kernels beside Python's packages",
    { corpusSha256: CORPUS_SHA256, python: version, packages, missing, rows },
    machine,
  );
}
