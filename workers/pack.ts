/** The entry of the thread that packs what is learned in bulk and writes the rows of flushes; the buffers of its answers are handed over, not copied. */
import process from "node:process";
import { move, transferableSymbol, valueSymbol } from "piscina";
import type { NewPattern, PackedLines } from "../src/bulk-types.ts";
import { packPatterns } from "../src/engine/pack-patterns.ts";
import { partChanges } from "../src/engine/part-changes.ts";
import { EngineError } from "../src/errors.ts";
import { HTTP_LIMITS } from "../src/http/limits.ts";
import { patternLines } from "../src/http/pattern-lines.ts";
import type { LinesTask, PackReply, PackTask, PartTask, RowsTask } from "../src/pool/packer.ts";
import { decoded } from "../src/store/encoded-batch.ts";
import { flushRows } from "../src/store/flush-rows.ts";
import { buffersOf } from "../src/store/packed-learns.ts";

function linesOf({ bytes, firstLine, limits, rules, atMs }: LinesTask): Done {
  const lines: number[] = [];
  const errors = new Map<number, { code: EngineError["code"]; message: string }>();
  // Line by line, each packed before the next is read: what is read of one does not outlive it.
  function* patterns(): Generator<NewPattern> {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (const { line, item } of patternLines(text, firstLine, { ...HTTP_LIMITS, ...limits })) {
      lines.push(line);
      if (item instanceof EngineError) errors.set(lines.length - 1, { code: item.code, message: item.message });
      else yield item;
    }
  }
  const packed = packPatterns(patterns(), rules, atMs);
  const answer: PackedLines = { lines: Uint32Array.from(lines), errors, patterns: packed };
  return { value: answer, buffers: [answer.lines.buffer, packed.places.buffer, ...buffersOf(packed.packed)] };
}

function rowsOf({ parts }: RowsTask): Done {
  const encoded = parts.map(({ kb, bytes, ends }) => ({
    kb,
    entries: Array.from(ends, (end, at) => bytes.subarray(at === 0 ? 0 : ends[at - 1], end)),
  }));
  const rows = flushRows(decoded(encoded, "new"));
  return { value: rows, buffers: Object.values(rows.tables).map((text) => text.buffer as ArrayBuffer) };
}

async function partOf({ bytes }: PartTask): Promise<Done> {
  const value = await partChanges(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  return { value, buffers: value.runs.flatMap((run) => (run.kind === "learn" ? buffersOf(run.packed) : [])) };
}

/** An answer, and what of it is handed over. */
interface Done {
  readonly value: unknown;
  readonly buffers: readonly ArrayBufferLike[];
}

const work = (task: PackTask): Done | Promise<Done> =>
  task.kind === "lines" ? linesOf(task) : task.kind === "rows" ? rowsOf(task) : partOf(task);

export default async function run(task: PackTask): Promise<unknown> {
  // A fault on purpose: what a crash of the thread does to its task.
  if (task.fault === "exit") process.exit(70);
  try {
    const { value, buffers } = await work(task);
    const reply: PackReply = { ok: true, value };
    return move({ [transferableSymbol]: buffers, [valueSymbol]: reply } as never);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const reply: PackReply = { ok: false, code: error.code, message: error.message };
    return reply;
  }
}
