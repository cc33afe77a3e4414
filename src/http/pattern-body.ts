/** Queries and bodies of the calls on single patterns under `/v1/kbs/{node}/patterns`. Errors: RequestRefused with every issue found. */
import type { PatternQuery, PatternReplacement } from "../engine-types.ts";
import { accumulateMetadata } from "../model/metadata.ts";
import { isObject, readFlag, toInteger } from "./coercion.ts";
import { readEmotives } from "./emotives-body.ts";
import { Issues, type Loc } from "./issues.ts";
import { readEvents } from "./kb-body.ts";
import type { HttpLimits } from "./limits.ts";
import { readMetadata } from "./metadata-body.ts";
import { bodyObject } from "./observation-body.ts";
import { symbolFault } from "./strings.ts";

type Given = Readonly<Record<string, unknown>>;

/** Fields of a filter: in a query string or in a body, named alike. */
const FILTER_NUMBERS = {
  length_min: "lengthMin",
  length_max: "lengthMax",
  frequency_min: "frequencyMin",
  frequency_max: "frequencyMax",
} as const;

const FILTER_DATES = { learned_since: "learnedSinceMs", learned_before: "learnedBeforeMs" } as const;

export function readListQuery(query: Given, limits: HttpLimits): { query: PatternQuery; limit: number; cursor?: string } {
  const issues = new Issues();
  const filter = readFilter(query, ["query"], limits, issues, ["limit", "cursor"]);
  const limit = query.limit === undefined ? limits.pageDefault : readCount(query.limit, ["query", "limit"], 1, issues);
  if (limit > limits.pageMax) issues.addLimit(["query", "limit"], "patterns in one page", limits.pageMax, limit);
  const cursor = query.cursor === undefined || query.cursor === "" ? undefined : String(query.cursor);
  issues.assertNone();
  return { query: filter, limit, ...(cursor !== undefined && { cursor }) };
}

function readFilter(given: Given, loc: Loc, limits: HttpLimits, issues: Issues, others: readonly string[] = []): PatternQuery {
  const filter: { -readonly [K in keyof PatternQuery]: PatternQuery[K] } = {};
  const known = [...Object.keys(FILTER_NUMBERS), "contains", ...Object.keys(FILTER_DATES), ...others];
  for (const name of Object.keys(given)) {
    // A filter that is misspelt would pass everything.
    if (!known.includes(name)) issues.addValue([...loc, name], `There is no such filter; there are ${known.join(", ")}`, given[name]);
  }
  for (const [name, field] of Object.entries(FILTER_NUMBERS)) {
    if (given[name] !== undefined) filter[field] = readCount(given[name], [...loc, name], 0, issues);
  }
  if (given.contains !== undefined) {
    const fault = symbolFault(given.contains, limits.symbolBytesMax);
    if (fault === undefined) filter.contains = given.contains as string;
    else issues.addValue([...loc, "contains"], "Not a symbol", given.contains);
  }
  for (const [name, field] of Object.entries(FILTER_DATES)) {
    const date = given[name];
    if (date === undefined) continue;
    const ms = typeof date === "string" ? Date.parse(date) : Number.NaN;
    if (ms >= 0) filter[field] = ms;
    else issues.addValue([...loc, name], "Not a date such as 2026-01-31T12:00:00Z", date);
  }
  return filter;
}

function readCount(value: unknown, loc: Loc, least: number, issues: Issues): number {
  const number = toInteger(value);
  if (typeof number === "string") issues.add(number, loc, value);
  else if (number < least || number > 0xffff_ffff) issues.addValue(loc, `A whole number from ${least} to 4294967295`, value);
  else return number;
  return least;
}

export function readNames(body: unknown, max: number): readonly string[] {
  const issues = new Issues();
  const names = readNameList(bodyObject(body, issues).names, max, issues);
  issues.assertNone();
  return names;
}

function readNameList(value: unknown, max: number, issues: Issues): readonly string[] {
  const loc = ["body", "names"];
  if (!Array.isArray(value)) {
    issues.add(value === undefined ? "missing" : "list_type", loc, value ?? null);
    return [];
  }
  if (value.length > max) issues.addLimit(loc, "names in one call", max, value.length);
  value.forEach((name: unknown, i) => {
    if (typeof name !== "string") issues.add("string_type", [...loc, i], name);
  });
  return value as string[];
}

export type DeleteBody = { readonly dryRun: boolean } & (
  | { readonly which: { readonly names: readonly string[] } }
  | { readonly which: { readonly query: PatternQuery } }
);

export function readDeleteBody(body: unknown, limits: HttpLimits): DeleteBody {
  const issues = new Issues();
  const given = bodyObject(body, issues);
  const dryRun = readFlag(given.dry_run, ["body", "dry_run"], issues);
  const filter = given.filter;
  if ((filter === undefined) === (given.names === undefined)) {
    issues.addValue(["body"], "Either names or a filter", Object.keys(given));
    issues.assertNone();
  }
  if (filter === undefined) {
    const names = readNameList(given.names, limits.patternLinesMax, issues);
    issues.assertNone();
    return { dryRun, which: { names } };
  }
  if (!isObject(filter)) issues.refuse("dict_type", ["body", "filter"], filter);
  const query = readFilter(filter as Given, ["body", "filter"], limits, issues);
  // A filter that passes everything is a clear-all: that is another call.
  if (Object.keys(query).length === 0) issues.addValue(["body", "filter"], "A filter with one condition at least", filter);
  issues.assertNone();
  return { dryRun, which: { query } };
}

export function readUpdateBody(body: unknown, limits: HttpLimits): PatternReplacement {
  const issues = new Issues();
  const given = bodyObject(body, issues);
  const change: { -readonly [K in keyof PatternReplacement]: PatternReplacement[K] } = {};
  for (const name of Object.keys(given)) {
    if (!["frequency", "emotives", "metadata", "events"].includes(name))
      issues.addValue(["body", name], "There is no such field", given[name]);
  }
  if (given.frequency !== undefined) change.frequency = readCount(given.frequency, ["body", "frequency"], 1, issues);
  if (given.emotives !== undefined) {
    const loc = ["body", "emotives"];
    if (!Array.isArray(given.emotives)) issues.add("list_type", loc, given.emotives);
    else change.emotives = given.emotives.map((record: unknown, i) => Object.entries(readEmotives(record, [...loc, i], limits, issues)));
  }
  if (given.metadata !== undefined) {
    const metadata = readMetadata(given.metadata, ["body", "metadata"], limits, issues);
    // A list stands for its values: that is how a pattern shows its metadata.
    const lists = Object.entries(metadata).flatMap(([name, value]) => [value].flat().map((one) => ({ [name]: one })));
    change.metadata = accumulateMetadata(lists);
  }
  if (given.events !== undefined)
    change.events = readEvents(given.events, ["body", "events"], limits.symbolsPerSequenceMax, limits, issues);
  if (Object.keys(change).length === 0) issues.addValue(["body"], "One of frequency, emotives, metadata, events", Object.keys(given));
  issues.assertNone();
  return change;
}
