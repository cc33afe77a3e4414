/**
 * Writes the inner loops of the character ratio: one function for each number of mask words, because AssemblyScript has neither macros nor
 * templates over word counts and only state kept in locals stays in registers (4 times faster at one word, 1.8 times at two to four).
 * `npm run build:wasm` runs it; the output (build/generated/ratio-lanes.ts) is compiled and never edited, read or committed.
 *
 * Every function compares one prepared text with a group of 4 (up to 3 words) or 2 candidates, side by side in SIMD lanes: a candidate
 * alone waits for its own chain of dependent steps. Beyond 3 words 4 candidates do not fit the 15 registers that V8 has for vectors.
 *
 *   direct<W>   candidate characters are bytes (Latin-1) that index mask rows directly; 1 to 8 words
 *   classes<W>  characters are u32 code points that find their row through the class table; 1, 2, 4, 6 or 8 words
 *   directRun<W>, classesRun<W>   the same for all texts of one length, without a bound
 *   band<W>     some rows over a window of W words of a longer row: with a cutoff, words far from the diagonal need not be computed
 *   strip<W>u8, strip<W>u32   part of a longer text: 2 or 4 words, carries between strips go through memory
 *
 * One word holds 64 positions. Several words hold 63 each: wasm has no add-with-carry, and SIMD no unsigned 64-bit comparison, but with the
 * top bit free the carry is the sum's sign bit. The first word is kept as S, the others as N = ~S: assembly/lane-words.ts has the algebra, which
 * leaves nothing to mask.
 */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const DIRECT_WORDS = [1, 2, 3, 4, 5, 6, 7, 8];
const CLASS_WORDS = [1, 2, 4, 6, 8];
const BAND_WORDS = [1, 2, 3, 4, 5, 6, 7, 8];
const STRIP_WORDS = [2, 4];
const STRIP_UNITS = ["u8", "u32"];

const range = (count) => Array.from({ length: count }, (_, n) => n);
const lines = (count, text) => range(count).map(text).join("\n");

/** `unit`: u8 or u32 candidate characters. `table`: rows are found through the class table. `carried`: carries in and out by memory. */
function laneFunction({ name, words, unit, table, carried, run = false }) {
  const lanes = words <= 3 && !carried ? 4 : 2;
  const pairs = lanes / 2;
  const shift = unit === "u32" ? 2 : 0;
  const rowBytes = words * 8;
  const state = (pair, word) => `s${pair}w${word}`;
  const each = (text) => lines(pairs, (pair) => lines(words, (word) => text(pair, word)));

  // Characters of one turn of the loop: their addresses are then constants beside one sum.
  const unroll = words === 1 ? 4 : words === 2 ? 2 : 1;
  const rowOf = (lane, offset) => {
    const character = `(load<${unit}>(q${lane}${offset === 0 ? "" : `, ${offset << shift}`}) as usize)`;
    const index = table ? `(load<u16>(table + (${character} << 1)) as usize)` : character;
    return carried ? `rows + ${index} * rowBytes` : `rows + ${index} * ${rowBytes}`;
  };
  const step = (pair, word) => {
    const [a, b] = [pair * 2, pair * 2 + 1];
    const s = state(pair, word);
    const mask = `v128.load64_lane(r${b}, v128.load64_zero(r${a}, ${word * 8}), 1, ${word * 8})`;
    const held = `h${pair}w${word}`;
    const open = `o${pair}w${word}`;
    const sum = `x${pair}w${word}`;
    if (words === 1) {
      return `      const m${pair} = ${mask};
      const u${pair} = v128.and(${s}, m${pair});
      ${s} = v128.or(i64x2.add(${s}, u${pair}), v128.andnot(${s}, m${pair}));`;
    }
    if (word === 0) {
      const added = `i64x2.add(${s}, ${held})`;
      return `      const ${held} = v128.and(${s}, ${mask});
      const ${sum} = ${carried ? `i64x2.add(${added}, v128.load8_lane(carryAt, v128.load8_lane(carryAt, zero, 0), 8, 1))` : added};
      ${s} = v128.or(${sum}, i64x2.sub(${s}, ${held}));`;
    }
    return `      const ${open} = v128.or(${s}, ${mask});
      const ${sum} = i64x2.sub(i64x2.sub(${open}, i64x2.add(${s}, ${s})), i64x2.shr_u(x${pair}w${word - 1}, 63));
      ${s} = v128.andnot(${open}, ${sum});`;
  };
  const carryOut = carried
    ? `
      const carry = i64x2.shr_u(v128.not(x0w${words - 1}), 63);
      v128.store8_lane(carryAt, carry, 0);
      v128.store8_lane(carryAt, carry, 8, 1);
      carryAt += 2;`
    : "";
  const body = `${lines(pairs, (pair) => lines(words, (word) => step(pair, word)))}${carryOut}`;
  const found = (lane) =>
    range(words)
      .map((word) => {
        const lanesWord = `i64x2.extract_lane(${state(lane >> 1, word)}, ${lane & 1})`;
        return `popcnt<u64>(${word === 0 ? `~${lanesWord}` : lanesWord})`;
      })
      .join(" + ");
  const start = (word) => (word === 0 ? "i64x2.splat(-1)" : "i64x2.splat(0)");

  const zeroRow = table ? "rows" : `rows + ${256 * rowBytes}`;
  const parameters = [
    "group: usize",
    "rows: usize",
    ...(table ? ["table: usize"] : []),
    ...(carried ? ["rowBytes: usize", "carries: usize"] : ["isBounded: bool"]),
  ];
  if (run) return runFunction({ name, lanes, table, shift, unroll, each, state, start, rowOf, body, found });
  const turn = lines(
    unroll,
    (offset) => `      {
${lines(lanes, (lane) => `      const r${lane} = ${rowOf(lane, offset)};`)}
${body}
      }`,
  );
  const bound = carried
    ? ""
    : `
    if (isBounded) {
      const left = ((common - at)${shift === 0 ? "" : ` >> ${shift}`}) as u64;
      if (
${range(lanes)
  .map(
    (lane) =>
      `        ${found(lane)} + left + (((end${lane} - common)${shift === 0 ? "" : ` >> ${shift}`}) as u64) < (load<u32>(group, GROUP_NEEDED + ${lane * 4}) as u64)`,
  )
  .join(" &&\n")}
      ) {
${lines(lanes, (lane) => `        store<u32>(group, 0, GROUP_LCS + ${lane * 4});`)}
        return;
      }
    }`;
  const store = (lane) =>
    carried
      ? `  store<u32>(group, load<u32>(group, GROUP_LCS + ${lane * 4}) + ((${found(lane)}) as u32), GROUP_LCS + ${lane * 4});`
      : `  store<u32>(group, (${found(lane)}) as u32, GROUP_LCS + ${lane * 4});`;
  const minOf = (names) => names.reduce((a, b) => `min(${a}, ${b})`);
  const maxOf = (names) => names.reduce((a, b) => `max(${a}, ${b})`);
  const ends = range(lanes).map((lane) => `end${lane}`);

  return `export function ${name}(${parameters.join(", ")}): void {
${lines(lanes, (lane) => `  const p${lane} = load<u32>(group, GROUP_TEXTS + ${lane * 4}) as usize;`)}
${lines(lanes, (lane) => `  const end${lane} = (load<u32>(group, GROUP_LENGTHS + ${lane * 4}) as usize) << ${shift};`)}
  const common = ${minOf(ends)};
  const most = ${maxOf(ends)};
  const none = ${zeroRow};
${carried ? "  const zero = i64x2.splat(0);\n  let carryAt = carries;\n" : ""}${each((pair, word) => `  let ${state(pair, word)} = ${start(word)};`)}
  let at: usize = 0;
  const whole = ${unroll === 1 ? "common" : `common & ~${(unroll << shift) - 1}`};
  while (at < whole) {
    const stop = ${carried ? "whole" : `isBounded ? min(at + (BOUND_EVERY << ${shift}), whole) : whole`};
    for (; at < stop; at += ${unroll << shift}) {
${lines(lanes, (lane) => `      const q${lane} = p${lane} + at;`)}
${turn}
    }${bound}
  }
  // What is left: the last characters, and of longer texts the rest. Texts that have ended meet the row of zeros, which changes nothing.
  for (; at < most; at += ${1 << shift}) {
${lines(lanes, (lane) => `      const q${lane} = p${lane} + at;`)}
${lines(lanes, (lane) => `      const r${lane} = at < end${lane} ? ${rowOf(lane, 0)} : none;`)}
${body}
  }
${lines(lanes, store)}
}
`;
}

/** One prepared text against `count` texts of one length that stand one after the other, from `first` on: u32 LCS lengths to `out`. */
function runFunction({ name, lanes, table, shift, unroll, each, state, start, rowOf, body, found }) {
  const turn = (offset) => `{
${lines(lanes, (lane) => `      const r${lane} = ${rowOf(lane, offset)};`)}
${body}
      }`;
  return `export function ${name}(first: usize, length: usize, count: u32, rows: usize, ${table ? "table: usize, " : ""}out: usize): void {
  const bytes = length << ${shift};
  const whole = bytes & ~${(unroll << shift) - 1};
  // The last group repeats the last text where it has fewer.
  const last = first + ((count - 1) as usize) * bytes;
  let target = out;
  let text = first;
  for (let done: u32 = 0; done < count; done += ${lanes}) {
    let q0 = text;
${range(lanes - 1)
  .map((lane) => `    let q${lane + 1} = min(q${lane} + bytes, last);`)
  .join("\n")}
${each((pair, word) => `    let ${state(pair, word)} = ${start(word)};`)}
    const stop = text + whole;
    const end = text + bytes;
    for (; q0 < stop;) {
${lines(unroll, (offset) => turn(offset))}
${lines(lanes, (lane) => `      q${lane} += ${unroll << shift};`)}
    }
    for (; q0 < end;) {
      ${turn(0)}
${lines(lanes, (lane) => `      q${lane} += ${1 << shift};`)}
    }
${lines(lanes, (lane) => `    store<u32>(target, (${found(lane)}) as u32, ${lane * 4});`)}
    target += ${lanes * 4};
    text += ${lanes} * bytes;
  }
}
`;
}

/**
 * Rows `from` to `to` of two candidates over a window of words: `cells` are the rows at the window's first word, `state` what it is now and
 * becomes: N of every word, for any of them may be the window's first. Nothing is carried in, and what the window carries out is dropped: assembly/text-band.ts says why that is right.
 */
function bandFunction(words) {
  const load = (lane, guard) => {
    const row = `cells + (load<u8>(p${lane} + at) as usize) * rowBytes`;
    return `      const r${lane} = ${guard ? `at < end${lane} ? ${row} : none` : row};`;
  };
  const step = (word) => {
    const borrow = word === 0 ? "one" : `i64x2.shr_u(x${word - 1}, 63)`;
    return `      const o${word} = v128.or(n${word}, v128.load64_lane(r1, v128.load64_zero(r0, ${word * 8}), 1, ${word * 8}));
      const x${word} = i64x2.sub(i64x2.sub(o${word}, i64x2.add(n${word}, n${word})), ${borrow});
      n${word} = v128.andnot(o${word}, x${word});`;
  };
  return `export function band${words}(group: usize, from: usize, to: usize, cells: usize, none: usize, rowBytes: usize, state: usize): void {
${lines(2, (lane) => `  const p${lane} = load<u32>(group, GROUP_TEXTS + ${lane * 4}) as usize;`)}
${lines(2, (lane) => `  const end${lane} = load<u32>(group, GROUP_LENGTHS + ${lane * 4}) as usize;`)}
  const one = i64x2.splat(1);
${lines(words, (word) => `  let n${word} = v128.load(state, ${word * 16});`)}
  const common = min(min(end0, end1), to);
  let at = from;
  for (; at < common; at++) {
${lines(2, (lane) => load(lane, false))}
${lines(words, step)}
  }
  for (; at < to; at++) {
${lines(2, (lane) => load(lane, true))}
${lines(words, step)}
  }
${lines(words, (word) => `  v128.store(state, n${word}, ${word * 16});`)}
}
`;
}

const functions = [
  ...BAND_WORDS.map(bandFunction),
  ...DIRECT_WORDS.map((words) => laneFunction({ name: `directRun${words}`, words, unit: "u8", table: false, carried: false, run: true })),
  ...CLASS_WORDS.map((words) => laneFunction({ name: `classesRun${words}`, words, unit: "u32", table: true, carried: false, run: true })),
  ...DIRECT_WORDS.map((words) => laneFunction({ name: `direct${words}`, words, unit: "u8", table: false, carried: false })),
  ...CLASS_WORDS.map((words) => laneFunction({ name: `classes${words}`, words, unit: "u32", table: true, carried: false })),
  ...STRIP_UNITS.flatMap((unit) =>
    STRIP_WORDS.map((words) => laneFunction({ name: `strip${words}${unit}`, words, unit, table: true, carried: true })),
  ),
];

/** Writes the file for the compiler and returns its path. */
export function generateRatioLanes() {
  const folder = fileURLToPath(new URL("../build/generated/", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const file = `${folder}ratio-lanes.ts`;
  const source = `// Written by scripts/generate-ratio-lanes.mjs, which explains it. Do not edit.
import { GROUP_LCS, GROUP_LENGTHS, GROUP_NEEDED, GROUP_TEXTS } from "../../assembly/layout";

/** Characters between two looks at the running bound. */
const BOUND_EVERY: usize = 32;

${functions.join("\n")}`;
  writeFileSync(`${file}.${process.pid}`, source);
  renameSync(`${file}.${process.pid}`, file);
  return file;
}
