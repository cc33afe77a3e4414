/**
 * A live MongoDB as a source, through its own driver: documents in order of `_id`, from the last one seen on, so that no cursor has to
 * outlive a crash. Reads only. Cost: about 20 µs a document, and memory for one batch.
 */
import { BSON, MongoClient, type ObjectId } from "mongodb";
import type { ImportedPattern } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import { checkDocument, type MongoDocument, nodeOf, PATTERNS_COLLECTION, SYMBOLS_COLLECTION, symbolOf } from "./mongo-documents.ts";
import type { CheckLimits } from "./pattern-check.ts";
import { BATCH_PATTERNS, type MigrationSource, type Problem, type SourceBatch, type SourceKb, type SourceSymbol } from "./source.ts";

export interface MongoOptions {
  readonly url: string;
  readonly serviceName: string;
  readonly limits: CheckLimits;
  /** Documents a batch; small in tests. */
  readonly batchPatterns?: number;
  /** How long a server that does not answer is waited for. */
  readonly selectTimeoutMs?: number;
}

/** Long enough for an election among replicas to be seen, short enough for a person to wait. */
const SELECT_TIMEOUT_MS = 5_000;
/** Longest single answer waited for. */
const SOCKET_TIMEOUT_MS = 120_000;
const SYSTEM_DATABASES = new Set(["admin", "config", "local"]);

/** Errors: ENGRAM_SETTINGS_INVALID for an address that is none, ENGRAM_STORE_UNREACHABLE when nobody answers. */
export async function openMongoServer(options: MongoOptions): Promise<MigrationSource> {
  const { serviceName, limits, batchPatterns = BATCH_PATTERNS, selectTimeoutMs = SELECT_TIMEOUT_MS } = options;
  let client: MongoClient;
  try {
    client = new MongoClient(options.url, {
      serverSelectionTimeoutMS: selectTimeoutMs,
      connectTimeoutMS: selectTimeoutMs,
      socketTimeoutMS: SOCKET_TIMEOUT_MS,
      appName: "engram migrate",
      readPreference: "secondaryPreferred",
      retryReads: true,
      maxPoolSize: 4,
    });
  } catch (cause) {
    throw new EngineError(
      "ENGRAM_SETTINGS_INVALID",
      "The address of MongoDB must have the form mongodb://host:port or mongodb+srv://host.",
      {
        cause: withoutAddress(cause),
      },
    );
  }
  const hosts = client.options.hosts.map(String).join(",");
  const asking = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (cause) {
      throw new EngineError(
        "ENGRAM_STORE_UNREACHABLE",
        `MongoDB at ${hosts} failed ${what}: ${messageOf(cause)}. The same command goes on from here.`,
        {
          cause: withoutAddress(cause),
        },
      );
    }
  };
  try {
    await asking("the first call", () => client.connect());
  } catch (error) {
    await client.close();
    throw error;
  }

  async function listKbs(): Promise<SourceKb[]> {
    const { databases } = await asking("listing its databases", () => client.db("admin").admin().listDatabases({ nameOnly: true }));
    const kbs: SourceKb[] = [];
    for (const { name } of databases.filter((database) => !SYSTEM_DATABASES.has(database.name))) {
      const db = client.db(name);
      const collections = await asking("listing collections", () => db.listCollections({}, { nameOnly: true }).toArray());
      if (!collections.some((collection) => collection.name === PATTERNS_COLLECTION)) continue;
      const patterns = await asking("counting patterns", () => db.collection(PATTERNS_COLLECTION).countDocuments({}));
      kbs.push({ name, node: nodeOf(name, serviceName), patterns });
    }
    return kbs.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async function* batches(kb: SourceKb, resume: string | undefined): AsyncIterable<SourceBatch> {
    const collection = client.db(kb.name).collection<{ _id: ObjectId }>(PATTERNS_COLLECTION);
    let after = resume;
    for (;;) {
      // Ids may be of any type; extended JSON brings each back as it was.
      const filter = after === undefined ? {} : { _id: { $gt: BSON.EJSON.parse(after, { relaxed: false }) as ObjectId } };
      const documents = await asking("reading patterns", () =>
        collection.find(filter).sort({ _id: 1 }).limit(batchPatterns).batchSize(batchPatterns).toArray(),
      );
      if (documents.length === 0) return;
      const patterns: ImportedPattern[] = [];
      const problems: Problem[] = [];
      for (const document of documents) {
        const checked = checkDocument(document as MongoDocument, limits);
        problems.push(...checked.problems);
        if (checked.pattern !== undefined) patterns.push(checked.pattern);
      }
      const next = BSON.EJSON.stringify(documents.at(-1)!._id, { relaxed: false });
      after = next;
      yield { patterns, problems, entries: documents.length, resume: next };
    }
  }

  async function* symbols(kb: SourceKb): AsyncIterable<readonly SourceSymbol[]> {
    const cursor = client.db(kb.name).collection(SYMBOLS_COLLECTION).find({}).sort({ _id: 1 }).batchSize(batchPatterns);
    try {
      let slice: SourceSymbol[] = [];
      while (await asking("reading symbols", () => cursor.hasNext())) {
        const symbol = symbolOf((await cursor.next()) as MongoDocument);
        if (symbol !== undefined) slice.push(symbol);
        if (slice.length < batchPatterns) continue;
        yield slice;
        slice = [];
      }
      if (slice.length > 0) yield slice;
    } finally {
      await cursor.close();
    }
  }

  return { description: `MongoDB at ${hosts}`, listKbs, batches, symbols, close: () => client.close() };
}

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/\/\/[^@\s/]*@/g, "//***@");

/** The driver hangs whole descriptions of servers on its errors; the cause kept is its text alone, without user and password. */
const withoutAddress = (error: unknown): Error => new Error(messageOf(error));
