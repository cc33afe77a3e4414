/**
 * The outbox in LMDB: appending inside a change, and the flush in hand. The batch's composition (a count per kb) and its token are
 * committed before the batch is given out, so after a crash the same batch is given out again.
 *
 *   flush row   text token │ text owner │ f64 leaseUntilMs │ { u32 kb │ u32 count }…
 */
import { type FlushShare, shareFlush } from "./flush-plan.ts";
import type { Draft } from "./lmdb-commit.ts";
import { headKey, kbNumberOf, metaKey, outboxKey, positionOf, tagEnd } from "./lmdb-keys.ts";
import { entriesOfRow, type Run, runsOf } from "./lmdb-runs.ts";
import { FLUSH_BYTES_MAX } from "./outbox-entry.ts";
import { RecordReader, RecordWriter } from "./state-bytes.ts";
import { decodeHead, encodeHead, HEAD_BYTES, type HeadRecord } from "./state-records.ts";

export const FLUSH_KEY = metaKey("flush");
/** How many entries wait over all kbs. */
export const WAITING_KEY = metaKey("waiting");
const BATCH_KEY = metaKey("batch");
const TURN_KEY = metaKey("turn");

export const f64 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleLE(value);
  return bytes;
};
export const numberOf = (bytes: Buffer | undefined): number => bytes?.readDoubleLE(0) ?? 0;

/** Appends entries to a kb's outbox and raises `head.pushed`. */
export function appendEntries(draft: Draft, kbNumber: number, head: HeadRecord, entries: readonly Buffer[]): void {
  appendRuns(draft, kbNumber, head, runsOf(entries));
}

/** As `appendEntries`, of entries that stand in rows already. */
export function appendRuns(draft: Draft, kbNumber: number, head: HeadRecord, runs: Iterable<Run>): void {
  const before = head.pushed;
  for (const { count, row } of runs) {
    draft.put(outboxKey(kbNumber, head.pushed), row);
    head.pushed += count;
  }
  draft.put(WAITING_KEY, f64(numberOf(draft.get(WAITING_KEY)) + head.pushed - before));
}

interface Flush {
  token: string;
  owner: string;
  leaseUntilMs: number;
  shares: FlushShare<number>[];
}

function readFlush(draft: Draft): Flush | undefined {
  const bytes = draft.get(FLUSH_KEY);
  if (bytes === undefined) return undefined;
  const reader = new RecordReader(bytes);
  const flush: Flush = { token: reader.text(), owner: reader.text(), leaseUntilMs: reader.f64(), shares: [] };
  while (!reader.done) flush.shares.push({ kb: reader.u32(), count: reader.u32() });
  return flush;
}

function writeFlush(draft: Draft, flush: Flush): void {
  const writer = new RecordWriter().text(flush.token).text(flush.owner).f64(flush.leaseUntilMs);
  for (const { kb, count } of flush.shares) writer.u32(kb).u32(count);
  draft.put(FLUSH_KEY, writer.finish());
}

export interface TakenFlush {
  readonly token: string;
  readonly parts: readonly { readonly kb: string; readonly entries: readonly Buffer[] }[];
}

/** The flush in hand, or a new one of at most `limit` entries. `stem` makes a new token unique, with a counter behind it. */
export function takeFlush(
  draft: Draft,
  owner: string,
  limit: number,
  leaseMs: number,
  nowMs: number,
  stem: string,
): TakenFlush | undefined {
  let flush = readFlush(draft);
  if (flush !== undefined && flush.owner !== owner && flush.leaseUntilMs > nowMs) return undefined;
  const read = new Map<number, readonly Buffer[]>();
  if (flush === undefined) {
    const shares = composed(draft, shareFlush(waitingKbs(draft, limit), limit), read);
    const last = shares.at(-1);
    if (last === undefined) return undefined;
    const batch = numberOf(draft.get(BATCH_KEY)) + 1;
    draft.put(BATCH_KEY, f64(batch));
    draft.put(TURN_KEY, f64(last.kb));
    flush = { token: `${stem}-${batch}`, owner, leaseUntilMs: 0, shares };
  }
  flush.owner = owner;
  flush.leaseUntilMs = nowMs + leaseMs;
  writeFlush(draft, flush);
  const parts = flush.shares.map(({ kb, count }) => {
    const row = draft.get(headKey(kb)) as Buffer;
    // Of a batch that was composed before, the rows end where it does.
    const entries = read.get(kb) ?? takeFront(draft, kb, decodeHead(row).trimmed, count, () => true);
    return { kb: row.toString("utf8", HEAD_BYTES), entries };
  });
  return { token: flush.token, parts };
}

/** Shares cut where their bytes pass FLUSH_BYTES_MAX; the first entry always goes. What was read of them is put into `read`. */
function composed(draft: Draft, shares: readonly FlushShare<number>[], read: Map<number, readonly Buffer[]>): FlushShare<number>[] {
  const kept: FlushShare<number>[] = [];
  let bytes = 0;
  const fits = (length: number): boolean => {
    const isFirst = bytes === 0;
    bytes += length;
    return isFirst || bytes <= FLUSH_BYTES_MAX;
  };
  for (const { kb, count } of shares) {
    const { trimmed } = decodeHead(draft.get(headKey(kb)) as Buffer);
    const entries = takeFront(draft, kb, trimmed, count, fits);
    if (entries.length > 0) {
      kept.push({ kb, count: entries.length });
      read.set(kb, entries);
    }
    if (entries.length < count) break;
  }
  return kept;
}

/**
 * Entries from position `from` on, at most `count` and as long as they fit. A row in which they end is split there, so that a flush takes whole rows.
 * No more is read than one row beyond.
 */
function takeFront(draft: Draft, kb: number, from: number, count: number, fits: (bytes: number) => boolean): Buffer[] {
  const taken: Buffer[] = [];
  for (const { key, value } of draft.rows(outboxKey(kb, from), outboxKey(kb, from + count))) {
    const entries = entriesOfRow(value);
    const end = entries.findIndex(({ length }, at) => taken.length + at === count || !fits(length));
    if (end < 0) {
      taken.push(...entries);
      continue;
    }
    taken.push(...entries.slice(0, end));
    if (end > 0) splitRow(draft, kb, positionOf(key), entries, end);
    break;
  }
  return taken;
}

function splitRow(draft: Draft, kb: number, position: number, entries: readonly Buffer[], end: number): void {
  let at = position;
  for (const part of [entries.slice(0, end), entries.slice(end)]) {
    for (const { count, row } of runsOf(part)) {
      draft.put(outboxKey(kb, at), row);
      at += count;
    }
  }
}

/** Kbs with waiting entries, at most `limit`, beginning behind the one served last. One seek a kb. */
function waitingKbs(draft: Draft, limit: number): FlushShare<number>[] {
  const waiting: FlushShare<number>[] = [];
  const turn = numberOf(draft.get(TURN_KEY));
  const collect = (from: number, end: Buffer): void => {
    let start = outboxKey(from, 0);
    while (waiting.length < limit) {
      const [key] = draft.keys(start, end, 1);
      if (key === undefined) return;
      const kb = kbNumberOf(key);
      const { pushed, trimmed } = decodeHead(draft.get(headKey(kb)) as Buffer);
      waiting.push({ kb, count: pushed - trimmed });
      start = outboxKey(kb + 1, 0);
    }
  };
  collect(turn + 1, tagEnd("O"));
  collect(0, outboxKey(turn + 1, 0));
  return waiting;
}

/** Removes the entries of the flush in hand; false when it is not `owner`'s or not `token`. */
export function finishFlush(draft: Draft, owner: string, token: string): boolean {
  const flush = readFlush(draft);
  if (flush === undefined || flush.owner !== owner || flush.token !== token) return false;
  let removed = 0;
  for (const { kb, count } of flush.shares) {
    const row = draft.get(headKey(kb)) as Buffer;
    const head = decodeHead(row);
    for (const key of draft.keys(outboxKey(kb, head.trimmed), outboxKey(kb, head.trimmed + count), count)) draft.remove(key);
    head.trimmed += count;
    removed += count;
    draft.put(headKey(kb), Buffer.concat([encodeHead(head), row.subarray(HEAD_BYTES)]));
  }
  draft.put(WAITING_KEY, f64(numberOf(draft.get(WAITING_KEY)) - removed));
  draft.remove(FLUSH_KEY);
  return true;
}
