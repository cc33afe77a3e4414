/**
 * A part of an archive as bytes: changes of a kb in order, with the content of the patterns and the text of the symbols that they speak of, so
 * that each part can be read alone. The columns are ClickHouse's own Native blocks, as its SELECTs give them; gzip around all of it.
 *
 *   gzip of   { u32 name length │ name │ u64 byte length │ Native blocks }…      sections in this order:
 *             events     seq, kind, at, pattern_id, is_new, persistence, below, frequency, emotives, metadata
 *             patterns   pattern_id, name, symbols, event_ends
 *             symbols    symbol_id, symbol
 *             vectors    seq, symbol, values
 *   kind      1 learn │ 2 update │ 3 delete │ 4 finalize │ 5 affinities set as a whole, their sums in `emotives`
 *
 * Reading costs about 5 µs a learn of 14 symbols; memory for one part.
 */
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { EngineError } from "../errors.ts";
import type { PendingVector } from "../model/session.ts";
import { type NativeBlock, type NativeColumn, nativeBlocks } from "./native-blocks.ts";
import type { OutboxEntry, PatternEdit, PatternUpdate } from "./state-store.ts";

/** Raised with every change of the layout; a part says it first. */
const MAGIC = Buffer.from("ENGRAMA1", "latin1");
/** Fast and still a third of the size: what is saved by trying harder is not worth the time. */
const GZIP_LEVEL = 1;
/** A part that unpacks to more than this is none of ours. */
const PART_BYTES_MAX = 1024 * 2 ** 20;

export const SECTIONS = ["events", "patterns", "symbols", "vectors"] as const;
export type Section = (typeof SECTIONS)[number];
const KINDS = ["", "learn", "update", "delete", "finalize", "affinity"] as const;

export async function encodePart(sections: Readonly<Record<Section, Buffer>>): Promise<Buffer> {
  const parts: Buffer[] = [MAGIC];
  for (const name of SECTIONS) {
    const head = Buffer.alloc(4 + name.length + 8);
    head.writeUInt32LE(name.length, 0);
    head.write(name, 4, "latin1");
    head.writeBigUInt64LE(BigInt(sections[name].length), 4 + name.length);
    parts.push(head, sections[name]);
  }
  return promisify(gzip)(Buffer.concat(parts), { level: GZIP_LEVEL });
}

const broken = (what: string, cause?: unknown): EngineError =>
  new EngineError("ENGRAM_ARCHIVE_BROKEN", `The part of the archive cannot be read: ${what}. Fetch or copy it again.`, { cause });

/**
 * The changes of a part, as of kb "" and generation 0, with the numbers they had: unpacked at once, and made one after another, so that none is held
 * longer than it is looked at. Errors: ENGRAM_ARCHIVE_BROKEN, of a change when it is reached.
 */
export async function decodePart(packed: Buffer): Promise<Iterable<OutboxEntry>> {
  let bytes: Buffer;
  try {
    bytes = await promisify(gunzip)(packed, { maxOutputLength: PART_BYTES_MAX });
  } catch (error) {
    throw broken("it is not packed as one", error);
  }
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    const version = bytes.toString("latin1", 0, MAGIC.length);
    throw broken(
      version.startsWith("ENGRAMA")
        ? `its format is ${version.slice(7)}, and this version reads ${MAGIC.toString().slice(7)}`
        : "it is none",
    );
  }
  const sections = sectionsOf(bytes);
  const symbols = new Map<number, string>();
  for await (const block of blocksOf(sections.symbols)) {
    const ids = u32s(column(block, "symbol_id"));
    const texts = textsOf(block, "symbol");
    for (let row = 0; row < block.rows; row++) symbols.set(ids[row]!, texts[row]!);
  }
  const patterns = await patternsOf(sections.patterns);
  const vectors = await vectorsOf(sections.vectors);
  const blocks: NativeBlock[] = [];
  for await (const block of blocksOf(sections.events)) blocks.push(block);
  return changesOf(blocks, { patterns, symbols, vectors });
}

function* changesOf(blocks: readonly NativeBlock[], contents: Contents): Generator<OutboxEntry> {
  for (const block of blocks) yield* readEvents(block, contents);
}

/** What the changes of a part speak of. */
interface Contents {
  readonly patterns: (id: number) => Content | undefined;
  /** By id. */
  readonly symbols: ReadonlyMap<number, string>;
  readonly vectors: ReadonlyMap<number, PendingVector[]>;
}

function sectionsOf(bytes: Buffer): Record<Section, Buffer> {
  const found: Partial<Record<Section, Buffer>> = {};
  let at = MAGIC.length;
  try {
    for (const name of SECTIONS) {
      const length = bytes.readUInt32LE(at);
      if (bytes.toString("latin1", at + 4, at + 4 + length) !== name) throw broken(`its section ${name} is missing`);
      const size = Number(bytes.readBigUInt64LE(at + 4 + length));
      at += 12 + length;
      if (at + size > bytes.length) throw broken("it is cut short");
      found[name] = bytes.subarray(at, at + size);
      at += size;
    }
  } catch (error) {
    throw error instanceof EngineError ? error : broken("it is cut short", error);
  }
  return found as Record<Section, Buffer>;
}

async function* blocksOf(section: Buffer): AsyncIterable<NativeBlock> {
  yield* nativeBlocks(
    (async function* () {
      if (section.length > 0) yield section;
    })(),
  );
}

interface Content {
  readonly name: string;
  readonly symbolIds: readonly number[];
  readonly eventEnds: readonly number[];
}

/** Patterns by id, each made when it is asked for. */
async function patternsOf(section: Buffer): Promise<Contents["patterns"]> {
  const places = new Map<number, () => Content>();
  for await (const block of blocksOf(section)) {
    const ids = u64s(column(block, "pattern_id"));
    const names = column(block, "name").items;
    const symbols = lists(column(block, "symbols"), 4);
    const ends = lists(column(block, "event_ends"), 2);
    const hex = Buffer.from(names.buffer, names.byteOffset, names.byteLength);
    for (let row = 0; row < block.rows; row++) {
      places.set(ids[row]!, () => ({
        name: hex.toString("hex", row * 20, row * 20 + 20),
        symbolIds: symbols(row),
        eventEnds: ends(row),
      }));
    }
  }
  return (id) => places.get(id)?.();
}

async function vectorsOf(section: Buffer): Promise<ReadonlyMap<number, PendingVector[]>> {
  const vectors = new Map<number, PendingVector[]>();
  for await (const block of blocksOf(section)) {
    const seqs = u64s(column(block, "seq"));
    const symbols = textsOf(block, "symbol");
    const { ends, items } = column(block, "values");
    const view = viewOf(items);
    let from = 0;
    for (let row = 0; row < block.rows; row++) {
      const to = Number(viewOf(ends!).getBigUint64(row * 8, true));
      const values = Array.from({ length: to - from }, (_, i) => view.getFloat64((from + i) * 8, true));
      from = to;
      const known = vectors.get(seqs[row]!) ?? [];
      known.push({ symbol: symbols[row]!, values });
      vectors.set(seqs[row]!, known);
    }
  }
  return vectors;
}

function* readEvents(block: NativeBlock, contents: Contents): Generator<OutboxEntry> {
  const [seqs, ats, ids, belows, frequencies] = (["seq", "at_ms", "pattern_id", "below", "frequency"] as const).map((name) =>
    u64s(column(block, name)),
  ) as [number[], number[], number[], number[], number[]];
  const [kinds, news] = [column(block, "kind").items, column(block, "is_new").items];
  const persistences = viewOf(column(block, "persistence").items);
  const [emotives, metadata] = [textsOf(block, "emotives"), textsOf(block, "metadata")];
  for (let row = 0; row < block.rows; row++) {
    const [seq, atMs] = [seqs[row]!, ats[row]!];
    const kind = KINDS[kinds[row]!];
    if (kind === "finalize") {
      yield { kb: "", generation: 0, seq, atMs, kind, below: belows[row]! };
      continue;
    }
    if (kind === "affinity") {
      yield { kb: "", generation: 0, seq, atMs, kind, sums: JSON.parse(emotives[row]!) };
      continue;
    }
    const patternId = ids[row]!;
    const content = contents.patterns(patternId);
    if (content === undefined || kind === undefined || kind === "") throw broken(`change ${seq} speaks of what it does not hold`);
    const persistence = persistences.getUint16(row * 2, true);
    if (kind !== "learn") {
      const change: PatternEdit["change"] =
        kind === "delete" ? { kind } : updateOf(persistence, frequencies[row]!, emotives[row]!, metadata[row]!);
      yield { kb: "", generation: 0, seq, atMs, kind: "edit", ...content, patternId, change };
      continue;
    }
    const { symbolIds, flat } = distinctOf(content.symbolIds);
    const distinct = symbolIds.map((id) => {
      const text = contents.symbols.get(id);
      if (text === undefined) throw broken(`change ${seq} speaks of a symbol it does not hold`);
      return text;
    });
    // Named one by one: spreading an object into it costs as much as all the rest.
    yield {
      kb: "",
      generation: 0,
      seq,
      atMs,
      kind,
      patternId,
      isNew: news[row] === 1,
      symbolIds,
      firstNewSymbol: 0,
      pattern: { name: content.name, distinct, flat, eventEnds: content.eventEnds },
      emotives: listOf(emotives[row]!),
      metadata: listOf(metadata[row]!),
      vectors: contents.vectors.get(seq) ?? [],
      persistence,
    };
  }
}

/** Up to here a list is searched faster than a map is filled. */
const SEARCHED_MAX = 64;

/** Ids in order of first appearance, and every position as an index into them. */
function distinctOf(ids: readonly number[]): { symbolIds: number[]; flat: number[] } {
  const symbolIds: number[] = [];
  const flat = new Array<number>(ids.length);
  const places = ids.length > SEARCHED_MAX ? new Map<number, number>() : undefined;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    let place = places === undefined ? symbolIds.indexOf(id) : (places.get(id) ?? -1);
    if (place < 0) {
      place = symbolIds.push(id) - 1;
      places?.set(id, place);
    }
    flat[i] = place;
  }
  return { symbolIds, flat };
}

/** Most learns bring nothing but symbols. */
const listOf = (text: string) => (text === "[]" ? [] : JSON.parse(text));

function updateOf(persistence: number, frequency: number, emotivesText: string, metadataText: string): PatternUpdate {
  const emotives: PatternUpdate["emotives"] | null = JSON.parse(emotivesText);
  const metadata: PatternUpdate["metadata"] | null = JSON.parse(metadataText);
  return { kind: "update", persistence, ...(frequency > 0 && { frequency }), ...(emotives && { emotives }), ...(metadata && { metadata }) };
}

function column(block: NativeBlock, name: string): NativeColumn {
  const found = block.columns.find((candidate) => candidate.name === name);
  if (found === undefined) throw broken(`it lacks the column ${name}`);
  return found;
}

function textsOf(block: NativeBlock, name: string): readonly string[] {
  const { texts } = column(block, name);
  if (texts === undefined) throw broken(`its column ${name} is no text`);
  return texts;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function u32s({ items }: NativeColumn): number[] {
  const view = viewOf(items);
  return Array.from({ length: items.length / 4 }, (_, i) => view.getUint32(i * 4, true));
}

function u64s({ items }: NativeColumn): number[] {
  const view = viewOf(items);
  return Array.from({ length: items.length / 8 }, (_, i) => view.getUint32(i * 8, true) + view.getUint32(i * 8 + 4, true) * 2 ** 32);
}

/** The list of a row, made when it is asked for. */
function lists({ ends, items }: NativeColumn, width: 2 | 4): (row: number) => number[] {
  if (ends === null) throw broken("a column is no list");
  const view = viewOf(items);
  const endView = viewOf(ends);
  return (row) => {
    const from = row === 0 ? 0 : endView.getUint32((row - 1) * 8, true);
    const to = endView.getUint32(row * 8, true);
    const list = new Array<number>(to - from);
    for (let i = from; i < to; i++) list[i - from] = width === 4 ? view.getUint32(i * 4, true) : view.getUint16(i * 2, true);
    return list;
  };
}
