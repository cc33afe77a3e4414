/**
 * Files of `mongodump` (BSON, gzipped or not, a folder a database) and of `mongoexport` (extended JSON, one document a line or one array) as a
 * source. Places are byte places of the unpacked stream, so a run goes on by skipping: cheap for plain files, and one more unpacking for gzip.
 * Memory: one document, and one batch of patterns.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { ImportedPattern } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import { checkDocument, nodeOf, PATTERNS_COLLECTION, SYMBOLS_COLLECTION, symbolOf } from "./mongo-documents.ts";
import { documentsOf } from "./mongo-files.ts";
import type { CheckLimits } from "./pattern-check.ts";
import { BATCH_PATTERNS, type MigrationSource, type Problem, type SourceBatch, type SourceKb, type SourceSymbol } from "./source.ts";

export interface MongoDumpOptions {
  /** A folder of mongodump (one folder a database below it, or one database's own), or one file. */
  readonly path: string;
  readonly serviceName: string;
  readonly limits: CheckLimits;
  readonly batchPatterns?: number;
}

const DUMP_FILE = /\.(bson|json|jsonl|ndjson)(\.gz)?$/;

interface DumpedKb extends SourceKb {
  readonly file: string;
  readonly symbolsFile: string | undefined;
}

/** Errors: ENGRAM_FILE_UNREADABLE when there is nothing of the expected form. */
export async function openMongoDump(options: MongoDumpOptions): Promise<MigrationSource> {
  const { path, serviceName, limits, batchPatterns = BATCH_PATTERNS } = options;
  const kbs = await findKbs(path, serviceName);
  if (kbs.length === 0) {
    throw new EngineError(
      "ENGRAM_FILE_UNREADABLE",
      `No ${PATTERNS_COLLECTION}.bson or .json (or .gz) stands in ${path}. Give a folder of mongodump, or a file of mongoexport.`,
    );
  }
  const dumped = (kb: SourceKb): DumpedKb => {
    const found = kbs.find((candidate) => candidate.name === kb.name);
    if (found === undefined) throw new EngineError("ENGRAM_FILE_UNREADABLE", `The dump has no database ${kb.name}.`);
    return found;
  };

  async function* batches(kb: SourceKb, resume: string | undefined): AsyncIterable<SourceBatch> {
    let patterns: ImportedPattern[] = [];
    let problems: Problem[] = [];
    let entries = 0;
    let place = Number(resume ?? 0);
    for await (const { document, end, fault } of documentsOf(dumped(kb).file, place)) {
      place = end;
      entries++;
      if (document === undefined)
        problems.push({ kind: "unreadable", entry: `the document before byte ${end}`, leftOut: true, detail: fault });
      else {
        const checked = checkDocument(document, limits);
        problems.push(...checked.problems);
        if (checked.pattern !== undefined) patterns.push(checked.pattern);
      }
      if (entries < batchPatterns) continue;
      yield { patterns, problems, entries, resume: String(place) };
      patterns = [];
      problems = [];
      entries = 0;
    }
    if (entries > 0) yield { patterns, problems, entries, resume: String(place) };
  }

  async function* symbols(kb: SourceKb): AsyncIterable<readonly SourceSymbol[]> {
    const { symbolsFile } = dumped(kb);
    if (symbolsFile === undefined) return;
    let slice: SourceSymbol[] = [];
    for await (const { document } of documentsOf(symbolsFile, 0)) {
      const symbol = document && symbolOf(document);
      if (symbol !== undefined) slice.push(symbol);
      if (slice.length < batchPatterns) continue;
      yield slice;
      slice = [];
    }
    if (slice.length > 0) yield slice;
  }

  return { description: `files of MongoDB in ${path}`, listKbs: async () => kbs, batches, symbols, close: async () => undefined };
}

/** A file stands for one kb, named after the folder it lies in; a folder for every database below it. */
async function findKbs(path: string, serviceName: string): Promise<DumpedKb[]> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new EngineError("ENGRAM_FILE_UNREADABLE", `${path} cannot be read (${code}). Check the path and its permissions.`, { cause });
  }
  if (!isFolder) return [await kbOf(dirname(path), path, serviceName)];
  const found: DumpedKb[] = [];
  const folders = [path];
  for (const entry of await readdir(path, { withFileTypes: true })) if (entry.isDirectory()) folders.push(join(path, entry.name));
  for (const folder of folders) {
    const file = await collectionFile(folder, PATTERNS_COLLECTION);
    if (file !== undefined) found.push(await kbOf(folder, file, serviceName));
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function kbOf(folder: string, file: string, serviceName: string): Promise<DumpedKb> {
  const name = basename(resolve(folder));
  return {
    name,
    node: nodeOf(name, serviceName),
    patterns: undefined,
    file,
    symbolsFile: await collectionFile(folder, SYMBOLS_COLLECTION),
  };
}

async function collectionFile(folder: string, collection: string): Promise<string | undefined> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(`${collection}.`) && DUMP_FILE.test(name)).sort();
  // mongodump writes patterns_kb.metadata.json beside the documents: indexes, no documents.
  const [first] = names.filter((name) => !name.startsWith(`${collection}.metadata.`));
  return first === undefined ? undefined : join(folder, first);
}
