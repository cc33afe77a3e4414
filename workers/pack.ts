/** The entry of the thread that packs what is learned in bulk and writes the rows of flushes; the buffers of its answers are handed over, not copied. */
import process from "node:process";
import { move, transferableSymbol, valueSymbol } from "piscina";
import type { NewPattern, PackedLines } from "../src/bulk-types.ts";
import { packPatterns } from "../src/engine/pack-patterns.ts";
import { EngineError } from "../src/errors.ts";
import { HTTP_LIMITS } from "../src/http/limits.ts";
import { patternLines } from "../src/http/pattern-lines.ts";
import type { LinesTask, PackTask, RowsTask } from "../src/pool/packer.ts";
import { decoded } from "../src/store/encoded-batch.ts";
import { flushTexts } from "../src/store/flush-rows.ts";
import { buffersOf } from "../src/store/packed-learns.ts";

function linesOf({ bytes, firstLine, limits, rules, atMs }: LinesTask): unknown {
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
  return moved(answer, [answer.lines.buffer, packed.places.buffer, ...buffersOf(packed.packed)]);
}

function rowsOf({ parts }: RowsTask): unknown {
  const encoded = parts.map(({ kb, bytes, ends }) => ({
    kb,
    entries: Array.from(ends, (end, at) => bytes.subarray(at === 0 ? 0 : ends[at - 1], end)),
  }));
  const rows = flushTexts(decoded(encoded));
  // A short text stands in a piece that others share, which cannot be handed over.
  const own = Object.values(rows.tables).filter((text) => text instanceof Uint8Array && text.byteLength === text.buffer.byteLength);
  return moved(
    rows,
    own.map((text) => (text as Uint8Array).buffer),
  );
}

const moved = (value: unknown, buffers: unknown[]): unknown => move({ [transferableSymbol]: buffers, [valueSymbol]: value } as never);

export default function run(task: PackTask): unknown {
  // A fault on purpose: what a crash of the thread does to its task.
  if (task.fault === "exit") process.exit(70);
  return task.kind === "lines" ? linesOf(task) : rowsOf(task);
}
