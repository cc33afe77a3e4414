/** Calls that count once: what was answered to the newest ids is remembered, and a call that is repeated with its id gets that answer. */
import type { Draft } from "./lmdb-commit.ts";
import { metaKey, requestKey, requestSlotKey } from "./lmdb-keys.ts";
import { f64, numberOf } from "./lmdb-outbox.ts";

/** Request ids remembered: two loads of 100,000 patterns. A retry follows its first try closely, and a result of 1,000 learns takes 90 kB. */
const REQUESTS_KEPT = 256;
const REQUEST_SLOT_KEY = metaKey("request");

/** How an answer is remembered. */
export interface AnswerForm<R> {
  readonly encode: (answer: R) => Buffer;
  readonly decode: (bytes: Buffer) => R;
}

/** What the id was answered before, or what `work` answers now; a full outbox is not remembered. Without an id it is done every time. */
export function once<R>(
  draft: Draft,
  requestId: string | undefined,
  { encode, decode }: AnswerForm<R>,
  work: () => R | "outboxFull",
): R | "outboxFull" {
  const before = requestId === undefined ? undefined : draft.get(requestKey(requestId));
  if (before !== undefined) return decode(before);
  const answer = work();
  if (requestId !== undefined && answer !== "outboxFull") remember(draft, requestId, encode(answer));
  return answer;
}

function remember(draft: Draft, requestId: string, answer: Buffer): void {
  const slot = numberOf(draft.get(REQUEST_SLOT_KEY));
  const slotKey = requestSlotKey(slot % REQUESTS_KEPT);
  const oldest = draft.get(slotKey);
  if (oldest !== undefined) draft.remove(oldest);
  draft.put(slotKey, requestKey(requestId));
  draft.put(requestKey(requestId), answer);
  draft.put(REQUEST_SLOT_KEY, f64(slot + 1));
}
