/** Parts of files, and how one tells that a file is still the one that was read: for commands that go on where they stood. */
import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { EngineError } from "../errors.ts";

/** Bytes compared at the beginning of a file, and before the place: enough to tell files apart, cheap to read with each batch. */
const HEAD_BYTES = 65_536;
const TAIL_BYTES = 4_096;

/** Bytes in a file. Errors: ENGRAM_FILE_UNREADABLE, for a folder too. */
export async function sizeOf(file: string): Promise<number> {
  try {
    const found = await stat(file);
    if (found.isDirectory()) throw Object.assign(new Error(), { code: "EISDIR" });
    return found.size;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new EngineError("ENGRAM_FILE_UNREADABLE", `The file ${file} cannot be read (${code}). Check the path and its permissions.`, {
      cause: error,
    });
  }
}

/** Bytes [from, to) of a file; fewer where it ends before. */
export async function readPart(file: string, from: number, to: number): Promise<Buffer> {
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(to - from), 0, to - from, from);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** SHA-256 over the first and the last bytes before `end`; of a file that is shorter, over what there is, which then differs. */
export async function fingerprint(file: string, end: number): Promise<string> {
  const hash = createHash("sha256");
  for (const part of [await readPart(file, 0, Math.min(HEAD_BYTES, end)), await readPart(file, Math.max(0, end - TAIL_BYTES), end)]) {
    hash.update(`${part.length}:`).update(part);
  }
  return hash.digest("hex");
}
