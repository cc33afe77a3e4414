/**
 * The outbox in LMDB: appending inside a change, and the flush in hand. The batch's composition (a count per kb) and its token are
 * committed before the batch is given out, so after a crash the same batch is given out again.
 *
 *   flush row   text token │ text owner │ f64 leaseUntilMs │ { u32 kb │ u32 count }…
 */
import { type FlushShare, shareFlush } from "./flush-plan.ts";
import type { Draft } from "./lmdb-commit.ts";
import { headKey, kbNumberOf, metaKey, outboxKey, positionOf, tagEnd } from "./lmdb-keys.ts";
import { countOfRow, entriesOfRow, type Run, runsOf } from "./lmdb-runs.ts";
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
    const shares = boundBytes(draft, shareFlush(waitingKbs(draft, limit), limit), read);
    const last = shares.at(-1);
    if (last === undefined) return undefined;
    const batch = numberOf(draft.get(BATCH_KEY)) + 1;
    draft.put(BATCH_KEY, f64(batch));
    draft.put(TURN_KEY, f64(last.kb));
    flush = { token: `${stem}-${batch}`, owner, leaseUntilMs: 0, shares };
    for (const { kb, count } of shares) {
      const { trimmed } = decodeHead(draft.get(headKey(kb)) as Buffer);
      splitAt(draft, kb, trimmed, trimmed + count);
    }
  }
  flush.owner = owner;
  flush.leaseUntilMs = nowMs + leaseMs;
  writeFlush(draft, flush);
  const parts = flush.shares.map(({ kb, count }) => {
    const row = draft.get(headKey(kb)) as Buffer;
    const entries = read.get(kb) ?? entriesOf(draft, kb, decodeHead(row).trimmed, count);
    return { kb: row.toString("utf8", HEAD_BYTES), entries };
  });
  return { token: flush.token, parts };
}

/** The entries of `count` positions; both ends are ends of rows, or the outbox's own. */
const entriesOf = (draft: Draft, kb: number, from: number, count: number): Buffer[] =>
  draft
    .range(outboxKey(kb, from), outboxKey(kb, from + count), count)
    .flatMap(({ value }) => entriesOfRow(value))
    .slice(0, count);

/** Makes `position` the end of a row, so that a flush takes whole rows. */
function splitAt(draft: Draft, kb: number, from: number, position: number): void {
  const rows = draft.range(outboxKey(kb, from), outboxKey(kb, position), position - from);
  const last = rows.at(-1);
  if (last === undefined) return;
  const start = positionOf(last.key);
  const before = position - start;
  if (before >= countOfRow(last.value)) return;
  const entries = entriesOfRow(last.value);
  let at = start;
  for (const part of [entries.slice(0, before), entries.slice(before)]) {
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

/** Cuts shares where the bytes pass FLUSH_BYTES_MAX; the first entry always goes. What was read for it is put into `read`. */
function boundBytes(draft: Draft, shares: readonly FlushShare<number>[], read: Map<number, readonly Buffer[]>): FlushShare<number>[] {
  const kept: FlushShare<number>[] = [];
  let bytes = 0;
  for (const { kb, count } of shares) {
    const { trimmed } = decodeHead(draft.get(headKey(kb)) as Buffer);
    let taken = 0;
    const entries = entriesOf(draft, kb, trimmed, count);
    for (const { length } of entries) {
      bytes += length;
      if (bytes > FLUSH_BYTES_MAX && taken + kept.length > 0) break;
      taken += 1;
    }
    if (taken > 0) {
      kept.push({ kb, count: taken });
      read.set(kb, entries.slice(0, taken));
    }
    if (taken < count) break;
  }
  return kept;
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
