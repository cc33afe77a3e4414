/** Candidate columns and symbol tables out of readable patterns, for tests of everything that reads columns. */

import type { CandidateColumns } from "../../src/wire/candidate-columns.ts";
import type { SymbolTable } from "../../src/wire/query-spec.ts";
import { tokenHash } from "../reference/minhash.ts";

/** A pattern in symbols; `name` is 40 hex digits. */
export interface TestPattern {
  readonly patternId: number;
  readonly name: string;
  readonly events: readonly (readonly string[])[];
}

/** Numbers symbols in order of first appearance. */
export class Numbering {
  readonly ids = new Map<string, number>();

  idOf(symbol: string): number {
    let id = this.ids.get(symbol);
    if (id === undefined) this.ids.set(symbol, (id = this.ids.size));
    return id;
  }

  /** Ids of a state: 0xffffffff for symbols that no pattern brought. */
  stateIds(symbols: readonly string[]): Uint32Array {
    return Uint32Array.from(symbols, (symbol) => this.ids.get(symbol) ?? 0xffffffff);
  }

  /** `origin`: as if nothing else grew from it, unless given. */
  table(key: string, origin = key): SymbolTable {
    const symbols = [...this.ids.keys()];
    const texts = symbols.map((symbol) => Array.from(symbol, (character) => character.codePointAt(0)!));
    const textOffsets = new Uint32Array(new SharedArrayBuffer(4 * (symbols.length + 1)));
    texts.forEach((points, id) => {
      textOffsets[id + 1] = textOffsets[id]! + points.length;
    });
    const codePoints = new Uint32Array(new SharedArrayBuffer(4 * textOffsets[symbols.length]!));
    codePoints.set(texts.flat());
    const hashes = new Uint32Array(new SharedArrayBuffer(4 * symbols.length));
    hashes.set(symbols.map(tokenHash));
    return { key, origin, count: symbols.length, textOffsets, codePoints, hashes };
  }
}

/** Where the columns' cumulative offsets start counting: not at 0 in the middle of a store's answer. */
export interface Bases {
  readonly symbolBase: number;
  readonly eventBase: number;
}

/** Columns of the patterns, every one at an odd address: nothing may rely on alignment. */
export function columnsOf(
  patterns: readonly TestPattern[],
  numbering: Numbering,
  bases: Bases = { symbolBase: 0, eventBase: 0 },
): CandidateColumns {
  const flats = patterns.map(({ events }) => events.flat().map((symbol) => numbering.idOf(symbol)));
  const eventEnds = patterns.map(({ events }) => {
    let end = 0;
    return events.map((event) => (end += event.length));
  });
  const cumulative = (base: number, sizes: readonly number[]): bigint[] => {
    let end = BigInt(base);
    return sizes.map((size) => (end += BigInt(size)));
  };
  const u64 = (values: readonly bigint[]): Uint8Array => misaligned(new Uint8Array(BigUint64Array.from(values).buffer));
  return {
    rows: patterns.length,
    patternIds: u64(patterns.map(({ patternId }) => BigInt(patternId))),
    names: misaligned(Buffer.from(patterns.map(({ name }) => name).join(""), "hex")),
    distinctCounts: misaligned(new Uint8Array(Uint16Array.from(flats, (ids) => new Set(ids).size).buffer)),
    symbolEnds: u64(
      cumulative(
        bases.symbolBase,
        flats.map(({ length }) => length),
      ),
    ),
    symbolBase: bases.symbolBase,
    symbolIds: misaligned(new Uint8Array(Uint32Array.from(flats.flat()).buffer)),
    eventOffsets: u64(
      cumulative(
        bases.eventBase,
        eventEnds.map(({ length }) => length),
      ),
    ),
    eventBase: bases.eventBase,
    eventEnds: misaligned(new Uint8Array(Uint16Array.from(eventEnds.flat()).buffer)),
  };
}

function misaligned(bytes: Uint8Array): Uint8Array {
  const moved = new Uint8Array(bytes.length + 1).subarray(1);
  moved.set(bytes);
  return moved;
}
