/**
 * What compressing an answer costs and saves, by its size, coding and level: prediction answers as the server writes them, over symbols of a Zipf
 * vocabulary. Each result is decompressed and compared. The coding runs on the threads of libuv; the time is from call to callback.
 *
 *   npm run bench:compression -- [--quick] [--out bench/record/NAME.json]
 */
import { parseArgs, promisify } from "node:util";
import { brotliCompress, brotliDecompressSync, constants, gunzipSync, gzip } from "node:zlib";
import Table from "cli-table3";
import type { Prediction } from "../src/engine-types.ts";
import { answerChunks } from "../src/http/prediction-json.ts";
import { machineOf, writeRecord } from "./machine.ts";
import { zipfCorpus } from "./zipf-corpus.ts";

const { values: args } = parseArgs({ options: { quick: { type: "boolean", default: false }, out: { type: "string" } } });
const ROUNDS = args.quick ? 3 : 51;
const SEED = 7;

const gzipped = promisify(gzip);
const machine = machineOf();
const brotlied = promisify(brotliCompress);
const brotli = (text: string, quality: number): Promise<Buffer> =>
  brotlied(text, { params: { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT } });

const CODINGS: readonly { name: string; encode: (text: string) => Promise<Buffer>; decode: (bytes: Buffer) => Buffer }[] = [
  { name: "gzip 1", encode: (text) => gzipped(text, { level: 1 }), decode: gunzipSync },
  { name: "gzip 6", encode: (text) => gzipped(text, { level: 6 }), decode: gunzipSync },
  { name: "br 1", encode: (text) => brotli(text, 1), decode: brotliDecompressSync },
  { name: "br 4", encode: (text) => brotli(text, 4), decode: brotliDecompressSync },
];

/** An answer of so many predictions, with figures that have all their digits as measured ones do. */
function answer(count: number): string {
  const { patterns } = zipfCorpus(count, 1, SEED);
  const predictions = patterns.map((pattern, i): Prediction => {
    const events = pattern.map((symbol) => [symbol]);
    const part = (divisor: number): number => ((i + 1) * 0.7310585786300049) / (count * divisor);
    return {
      type: "prototypical",
      name: (BigInt(i + 1) * 0x9e3779b97f4a7c15f39cc0605cedc834n).toString(16).padStart(40, "0").slice(-40),
      frequency: 1 + (i % 3),
      emotives: [],
      matches: pattern.slice(0, 4),
      past: events.slice(0, 1),
      present: events.slice(1, 6),
      future: events.slice(6),
      missing: events.slice(1, 6).map((event, at) => (at % 3 === 0 ? event : [])),
      extras: [[], ["x1"], [], []],
      anomalies: [],
      sequence: events,
      evidence: part(1),
      confidence: part(2),
      similarity: part(3),
      fragmentation: 2,
      snr: part(5),
      confluence: part(7),
      potential: part(11),
      predictive_information: part(13),
      entropy: part(17),
      normalized_entropy: part(19),
      global_normalized_entropy: part(23),
      itfdf_similarity: part(29),
      tfidf_score: part(31),
      pattern_probability: part(37),
      weighted_strength: part(41),
      bayesian_posterior: part(43),
      bayesian_prior: part(47),
      bayesian_likelihood: part(53),
      weighted_similarity: null,
      weighted_evidence: null,
      weighted_confidence: null,
      weighted_snr: null,
    };
  });
  return [...answerChunks("{", { predictions, futurePotentials: [] }, "}")].join("");
}

const median = (sorted: readonly number[]): number => sorted[sorted.length >> 1]!;
const round = (value: number): number => Number(value.toPrecision(3));

const rows: { predictions: number; bytes: number; coding: string; compressed: number; milliseconds: number }[] = [];
const table = new Table({ head: ["predictions", "bytes", "coding", "bytes after", "share", "ms"], style: { head: [], border: [] } });
for (const count of [1, 4, 16, 100, 1_000]) {
  const text = answer(count);
  const bytes = Buffer.byteLength(text);
  const times = CODINGS.map((): number[] => []);
  const sizes = CODINGS.map(() => 0);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { encode, decode }] of CODINGS.entries()) {
      const start = performance.now();
      const compressed = await encode(text);
      times[i]!.push(performance.now() - start);
      sizes[i] = compressed.length;
      if (round === 0 && decode(compressed).toString("utf8") !== text) throw new Error("a coding lost something");
    }
  }
  for (const [i, { name }] of CODINGS.entries()) {
    const milliseconds = round(median(times[i]!.sort((a, b) => a - b)));
    rows.push({ predictions: count, bytes, coding: name, compressed: sizes[i]!, milliseconds });
    table.push([count, bytes, name, sizes[i], `${Math.round((100 * sizes[i]!) / bytes)} %`, milliseconds]);
  }
}
console.log(table.toString());
if (args.out !== undefined) writeRecord(args.out, "compressing answers of predictions", { seed: SEED, rounds: ROUNDS, rows }, machine);
