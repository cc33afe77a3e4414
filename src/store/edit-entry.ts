/**
 * An edit of a pattern as bytes: encoded once before its commit, and kept as the body of its outbox entry (`outbox-entry.ts`). Lua reads the
 * same bytes (`redis-edit-script.ts`).
 *
 *   body     f64 pattern id │ text name │ block flat symbol ids (u32…) │ block event ends (u32…) │ u8 which │ u32 persistence │
 *            f64 frequency │ block window │ block metadata
 *   which    0: delete, and the rest is empty; else 8 + 1 (frequency) + 2 (emotives) + 4 (metadata): what the update names
 */
import { averageEmotives, type EmotiveRecord } from "../model/emotives.ts";
import { type RecordReader, RecordWriter } from "./state-bytes.ts";
import { readMetadata, readWindow, writeEmotives, writeMetadata, writeWindow } from "./state-records.ts";
import type { EditOutcome, PatternEdit, PatternUpdate } from "./state-store.ts";

const UPDATE = 8;
const FREQUENCY = 1;
const EMOTIVES = 2;
const METADATA = 4;

/** An edit made ready for its commit. */
export interface PreparedEdit {
  readonly edit: PatternEdit;
  readonly body: Buffer;
  /** Distinct symbol ids in order of first appearance, each with how often it stands in the pattern. */
  readonly occurrences: ReadonlyMap<number, number>;
  /** Per emotive the mean of the update's new window; empty where it names none. */
  readonly averages: EmotiveRecord;
}

export function prepareEdit(edit: PatternEdit): PreparedEdit {
  const occurrences = new Map<number, number>();
  for (const id of edit.symbolIds) occurrences.set(id, (occurrences.get(id) ?? 0) + 1);
  const update = edit.change.kind === "update" ? edit.change : undefined;
  const which =
    update === undefined
      ? 0
      : UPDATE |
        (update.frequency === undefined ? 0 : FREQUENCY) |
        (update.emotives === undefined ? 0 : EMOTIVES) |
        (update.metadata === undefined ? 0 : METADATA);
  const body = new RecordWriter().f64(edit.patternId).text(edit.name);
  body.u32(edit.symbolIds.length * 4).u32s(edit.symbolIds);
  body.u32(edit.eventEnds.length * 4).u32s(edit.eventEnds);
  body
    .u8(which)
    .u32(update?.persistence ?? 0)
    .f64(update?.frequency ?? 0);
  body.block(() => writeWindow(body, newWindow(update)));
  body.block(() => writeMetadata(body, update?.metadata ?? []));
  return { edit, body: body.finish(), occurrences, averages: averageEmotives(newWindow(update)) };
}

/** The records a pattern keeps of an update's. */
export const newWindow = (update: PatternUpdate | undefined): readonly EmotiveRecord[] =>
  update?.emotives === undefined ? [] : update.emotives.slice(-update.persistence);

export function encodeAverages(prepared: PreparedEdit): Buffer {
  const writer = new RecordWriter();
  writeEmotives(writer, prepared.averages);
  return writer.finish();
}

/** What a repeated request is answered with: a byte an edit. */
export const encodeEditOutcomes = (outcomes: readonly EditOutcome[]): Buffer =>
  Buffer.from(outcomes.map((one) => (one === "done" ? 1 : 0)));
export const decodeEditOutcomes = (bytes: Buffer): EditOutcome[] => [...bytes].map((byte) => (byte === 1 ? "done" : "unknown"));

export function decodeEdit(reader: RecordReader): PatternEdit {
  const patternId = reader.f64();
  const name = reader.text();
  const symbolIds = reader.u32s(reader.u32() / 4);
  const eventEnds = reader.u32s(reader.u32() / 4);
  const which = reader.u8();
  const persistence = reader.u32();
  const frequency = reader.f64();
  const emotives = readWindow(reader.block());
  const metadata = readMetadata(reader.block());
  const change: PatternEdit["change"] =
    which === 0
      ? { kind: "delete" }
      : {
          kind: "update",
          persistence,
          ...(which & FREQUENCY && { frequency }),
          ...(which & EMOTIVES && { emotives }),
          ...(which & METADATA && { metadata }),
        };
  return { name, patternId, symbolIds, eventEnds, change };
}
