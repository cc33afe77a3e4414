/**
 * `POST /v1/kbs/{node}/imports`: patterns of another memory with the counters they had there, and `…/affinities`: sums of emotives a symbol.
 * What `engram migrate` sends to a running server. docs/wire.md.
 */
import type { FastifyInstance } from "fastify";
import type { ImportedPattern } from "../engine-types.ts";
import type { EmotiveRecord } from "../model/emotives.ts";
import { compareSymbols, type Event } from "../model/event.ts";
import { toLearnPattern } from "../model/pattern.ts";
import { isObject } from "./coercion.ts";
import type { RouteContext } from "./context.ts";
import { readImportRequest } from "./import-request.ts";
import { Issues, type Loc } from "./issues.ts";
import { readEvents } from "./kb-body.ts";
import type { HttpLimits } from "./limits.ts";
import { bodyObject } from "./observation-body.ts";
import { addSymbolFault, symbolFault } from "./strings.ts";

interface KbRoute {
  Params: { node: string };
  Querystring: Readonly<Record<string, string | undefined>>;
}

/** Emotive records a pattern: as many as the longest window a session may ask for. */
const RECORDS_MAX = 100;

export function addImportRoutes(app: FastifyInstance, { engine, limits }: RouteContext): void {
  app.post<KbRoute>("/v1/kbs/:node/imports", async (request) => {
    const issues = new Issues();
    const body = bodyObject(request.body, issues);
    const patterns = readPatterns(body.patterns, body, limits, issues);
    const part = readImportRequest(request.query, issues);
    await engine.importPatterns(engine.kbOf(request.params.node), part, patterns);
    return { imported: patterns.length };
  });

  app.post<KbRoute>("/v1/kbs/:node/affinities", async (request) => {
    const issues = new Issues();
    const body = bodyObject(request.body, issues);
    const affinities = readAffinities(body.affinities, body, limits, issues);
    const part = request.query.import === undefined ? undefined : readImportRequest(request.query, issues);
    issues.assertNone();
    return { set: await engine.setAffinities(engine.kbOf(request.params.node), affinities, part) };
  });
}

function readList(value: unknown, loc: Loc, body: unknown, max: number, what: string, issues: Issues): readonly unknown[] {
  if (value === undefined) issues.add("missing", loc, body);
  else if (!Array.isArray(value)) issues.add("list_type", loc, value);
  else if (value.length > max) issues.addLimit(loc, what, max, value.length);
  issues.assertNone();
  return value as readonly unknown[];
}

function readPatterns(value: unknown, body: unknown, limits: HttpLimits, issues: Issues): readonly ImportedPattern[] {
  const loc = ["body", "patterns"];
  const read: (Omit<ImportedPattern, "pattern"> & { events: readonly Event[] })[] = [];
  for (const [at, item] of readList(value, loc, body, limits.sequencesPerCallMax, "patterns in one call", issues).entries()) {
    if (issues.full) break;
    const place = [...loc, at];
    if (!isObject(item)) {
      issues.add("dict_type", place, item);
      continue;
    }
    const events = readEvents(item.events, [...place, "events"], limits.symbolsPerSequenceMax, limits, issues);
    const symbols = events.reduce((sum, event) => sum + event.length, 0);
    if (symbols < 2) issues.addValue([...place, "events"], "A pattern has two symbols or more", item.events);
    const { frequency } = item;
    if (typeof frequency !== "number" || !Number.isSafeInteger(frequency) || frequency < 1)
      issues.add("int_type", [...place, "frequency"], frequency);
    const emotives = readRecords(item.emotives, [...place, "emotives"], limits, issues);
    const metadata = readTexts(item.metadata, [...place, "metadata"], limits, issues);
    read.push({ events, frequency: frequency as number, emotives, metadata });
  }
  issues.assertNone();
  return read.map(({ events, ...counters }) => ({ pattern: toLearnPattern(events), ...counters }));
}

/** Windows as lists of pairs, so that any name is a name and keeps its place. */
function readRecords(value: unknown, loc: Loc, limits: HttpLimits, issues: Issues): readonly EmotiveRecord[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > RECORDS_MAX) {
    issues.add("list_type", loc, value);
    return [];
  }
  return value.map((record, at) => readRecord(record, [...loc, at], limits, issues));
}

function readRecord(value: unknown, loc: Loc, limits: HttpLimits, issues: Issues): EmotiveRecord {
  const isRecord = Array.isArray(value) && value.every((pair) => Array.isArray(pair) && pair.length === 2 && Number.isFinite(pair[1]));
  if (!isRecord) {
    issues.add("list_type", loc, value);
    return [];
  }
  const record = value as [string, number][];
  if (record.length > limits.emotivesPerObservationMax) {
    issues.addLimit(loc, "emotives in one record", limits.emotivesPerObservationMax, record.length);
  }
  record.forEach(([name], at) => {
    const fault = symbolFault(name, limits.symbolBytesMax);
    if (fault !== undefined) addSymbolFault(fault, name, limits.symbolBytesMax, [...loc, at, 0], issues);
  });
  if (new Set(record.map(([name]) => name)).size !== record.length) issues.addValue(loc, "A record names each emotive once", value);
  return record;
}

function readTexts(value: unknown, loc: Loc, limits: HttpLimits, issues: Issues): readonly (readonly [string, readonly string[]])[] {
  if (value === undefined) return [];
  const isPairs =
    Array.isArray(value) &&
    value.every(
      (pair) =>
        Array.isArray(pair) &&
        pair.length === 2 &&
        Array.isArray(pair[1]) &&
        [pair[0], ...pair[1]].every((text) => typeof text === "string" && text.isWellFormed()),
    );
  if (!isPairs) {
    issues.add("list_type", loc, value);
    return [];
  }
  const bytes = Buffer.byteLength(JSON.stringify(value));
  if (bytes > limits.metadataBytesMax) issues.addLimit(loc, "bytes of metadata", limits.metadataBytesMax, bytes);
  return (value as [string, string[]][]).map(([name, texts]) => [name, [...new Set(texts)].sort(compareSymbols)] as const);
}

function readAffinities(value: unknown, body: unknown, limits: HttpLimits, issues: Issues): readonly (readonly [string, EmotiveRecord])[] {
  const loc = ["body", "affinities"];
  const affinities: (readonly [string, EmotiveRecord])[] = [];
  for (const [at, item] of readList(value, loc, body, limits.sequencesPerCallMax, "symbols in one call", issues).entries()) {
    if (issues.full) break;
    const [symbol, sums] = Array.isArray(item) ? item : [];
    const fault = symbolFault(symbol, limits.symbolBytesMax);
    if (fault !== undefined) addSymbolFault(fault, symbol, limits.symbolBytesMax, [...loc, at, 0], issues);
    affinities.push([symbol as string, readRecord(sums, [...loc, at, 1], limits, issues)]);
  }
  return affinities;
}
