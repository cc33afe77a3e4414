/**
 * Learns of one kb made ready for their commit, in columns: a thousand of them go from thread to thread as a few buffers and the texts of their
 * distinct symbols, and a commit looks each symbol up once for all of them. Packing costs about 4 µs a pattern of 14 symbols.
 */
import { strict as assert } from "node:assert";
import { averageEmotives } from "../model/emotives.ts";
import { bodyOf, occurrencesOf, readBody, type Work } from "./outbox-entry.ts";
import { RecordReader, RecordWriter } from "./state-bytes.ts";
import type { LearnCommit, PackedExtras, PackedLearns } from "./state-store.ts";

/** Packs learns one by one, so that nothing of one is held but what it becomes; their kb is said at the commit. Asserts what `prepareLearn` does. */
export class LearnPacker {
  readonly #names: string[] = [];
  readonly #bodies = new RecordWriter();
  readonly #bodyEnds: number[] = [];
  readonly #places: number[] = [];
  readonly #occurrences: number[] = [];
  readonly #placeEnds: number[] = [];
  readonly #lengths: number[] = [];
  readonly #persistences: number[] = [];
  readonly #times: number[] = [];
  readonly #placeOf = new Map<string, number>();
  /** Per place the last learn that holds the symbol. */
  readonly #lastIn: number[] = [];
  readonly #extras = new Map<number, PackedExtras>();

  /** How many there are so far. */
  get count(): number {
    return this.#names.length;
  }

  add(learn: Omit<LearnCommit, "kb">): void {
    const { pattern, emotives, metadata, vectors } = learn;
    const { distinct } = pattern;
    const occurrences = occurrencesOf(pattern);
    for (let i = 0; i < distinct.length; i++) {
      const symbol = distinct[i] as string;
      let place = this.#placeOf.get(symbol);
      if (place === undefined) {
        place = this.#placeOf.size;
        this.#placeOf.set(symbol, place);
      }
      assert.ok(this.#lastIn[place] !== this.count, "distinct symbols are distinct");
      this.#lastIn[place] = this.count;
      this.#places.push(place);
      this.#occurrences.push(occurrences[i] as number);
    }
    if (emotives.length + metadata.length + vectors.length > 0) {
      this.#extras.set(this.count, { emotives, averages: averageEmotives(emotives), metadata, vectors });
    }
    bodyOf(this.#bodies, learn);
    this.#names.push(pattern.name);
    this.#bodyEnds.push(this.#bodies.length);
    this.#placeEnds.push(this.#places.length);
    this.#lengths.push(pattern.flat.length);
    this.#persistences.push(learn.persistence);
    this.#times.push(learn.atMs);
  }

  /** What was added; the packer must not be used afterwards. */
  finish(): PackedLearns {
    return {
      count: this.count,
      names: Buffer.from(this.#names.join(""), "hex"),
      bodies: this.#bodies.take(),
      bodyEnds: Uint32Array.from(this.#bodyEnds),
      symbols: [...this.#placeOf.keys()],
      places: Uint32Array.from(this.#places),
      occurrences: Uint32Array.from(this.#occurrences),
      placeEnds: Uint32Array.from(this.#placeEnds),
      lengths: Uint32Array.from(this.#lengths),
      persistences: Uint32Array.from(this.#persistences),
      times: Float64Array.from(this.#times),
      extras: this.#extras,
    };
  }
}

/** What of it is handed over when it goes to another thread. */
export const buffersOf = ({ names, bodies, bodyEnds, places, occurrences, placeEnds, lengths, persistences, times }: PackedLearns) =>
  // A short one may stand in a piece that others share, which cannot be handed over: it is copied.
  [names, bodies, bodyEnds, places, occurrences, placeEnds, lengths, persistences, times]
    .filter((part) => part.byteLength === part.buffer.byteLength)
    .map((part) => part.buffer as ArrayBuffer);

const NOTHING: PackedExtras = Object.freeze({ emotives: [], averages: [], metadata: [], vectors: [] });

/** One of them as its commit wants it. `names`: those of all as text. */
export function workOf(packed: PackedLearns, names: string, at: number): Work {
  const { bodies, bodyEnds, placeEnds } = packed;
  const from = at === 0 ? 0 : (bodyEnds[at - 1] as number);
  const { emotives, averages, metadata, vectors } = packed.extras.get(at) ?? NOTHING;
  return {
    name: names.slice(at * 40, at * 40 + 40),
    body: bodies.subarray(from, bodyEnds[at]),
    occurrences: packed.occurrences.subarray(at === 0 ? 0 : placeEnds[at - 1], placeEnds[at]),
    length: packed.lengths[at] as number,
    persistence: packed.persistences[at] as number,
    emotives,
    averages,
    metadata,
    vectors,
  };
}

/** The learns that were packed, for stores that take them one by one. */
export function unpackLearns(kb: string, packed: PackedLearns): LearnCommit[] {
  const bytes = Buffer.from(packed.bodies.buffer, packed.bodies.byteOffset, packed.bodies.byteLength);
  return Array.from({ length: packed.count }, (_, at) => {
    const reader = new RecordReader(bytes, at === 0 ? 0 : packed.bodyEnds[at - 1], packed.bodyEnds[at]);
    const { pattern, emotives, metadata, vectors, persistence } = readBody(reader);
    return { kb, pattern, emotives, metadata, vectors: vectors(), persistence, atMs: packed.times[at] as number };
  });
}
