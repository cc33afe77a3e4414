/**
 * From a schema to a function that reads a value: checks it, coerces as KATO does (`coercion.ts`), and collects every issue in KATO's form.
 * What needs no change is passed on as it was parsed, without a copy. Knows the kinds of `kinds.ts` and throws, when it is made, on others.
 *
 * Cost: about that of checking by hand; symbols and numbers, the bulk of every body, run in plain loops.
 */
import type { TSchema } from "typebox";
import { isObject, toBoolean, toFloat, toInteger } from "../coercion.ts";
import { readEmotives } from "../emotives-body.ts";
import type { Issues, Loc } from "../issues.ts";
import { readMetadata } from "../metadata-body.ts";
import { addSymbolFault, readSymbols, symbolFault } from "../strings.ts";

type Read = (value: unknown, loc: Loc, issues: Issues) => unknown;

/** What the schemas of `kinds.ts` carry. */
interface Node {
  readonly type?: string;
  readonly items?: Node;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, Node>>;
  readonly anyOf?: readonly Node[];
  readonly default?: unknown;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly "x-what"?: string;
  readonly "x-unit"?: string;
  readonly "x-bytes-max"?: number;
  readonly "x-depth-max"?: number;
  readonly "x-numbers-max"?: number;
  readonly "x-numbers-what"?: string;
  readonly "x-metadata"?: boolean;
}

/** The reader of a schema. Made once; a reader never throws by itself, it adds issues and gives back something of the right type. */
export function readerOf(schema: TSchema): Read {
  return reader(schema as Node);
}

function reader(node: Node): Read {
  if (node.anyOf !== undefined) {
    const inner = reader(node.anyOf.find((choice) => choice.type !== "null") as Node);
    return (value, loc, issues) => (value === null ? null : inner(value, loc, issues));
  }
  switch (node.type) {
    case "string":
      return textReader(node["x-bytes-max"] as number);
    case "number":
      return (value, loc, issues) => coerced(toFloat(value), value, loc, issues, 0);
    case "integer":
      return integerReader(node);
    case "boolean":
      return (value, loc, issues) => coerced(toBoolean(value), value, loc, issues, false);
    case "array":
      return arrayReader(node);
    case "object":
      if (node["x-metadata"] === true) return metadataReader(node);
      return node.properties === undefined ? recordReader(node) : objectReader(node);
    default:
      throw new Error(`no reader for a schema of type ${String(node.type)}`);
  }
}

/** The coerced value, or `instead` after an issue. A string that is returned names the issue. */
function coerced<T extends number | boolean>(
  result: T | Parameters<Issues["add"]>[0],
  given: unknown,
  loc: Loc,
  issues: Issues,
  instead: T,
): T {
  if (typeof result !== "string") return result;
  issues.add(result, loc, given);
  return instead;
}

function textReader(bytesMax: number): Read {
  return (value, loc, issues) => {
    const fault = symbolFault(value, bytesMax);
    if (fault === undefined) return value;
    addSymbolFault(fault, value, bytesMax, loc, issues);
    return "";
  };
}

function integerReader({ minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER, "x-unit": unit }: Node): Read {
  return (value, loc, issues) => {
    const given = toInteger(value);
    if (typeof given === "string") issues.add(given, loc, value);
    else if (given < minimum || given > maximum) {
      issues.addValue(loc, `Input should be between ${minimum} and ${maximum}${unit === undefined ? "" : ` ${unit}`}`, value);
    } else return given;
    return minimum;
  };
}

function arrayReader(node: Node): Read {
  const { items = {}, maxItems = Number.POSITIVE_INFINITY, "x-what": what = "items" } = node;
  const numbersMax = node["x-numbers-max"];
  if (items.type === "string") {
    const limits = { symbolBytesMax: items["x-bytes-max"] as number, symbolsPerObservationMax: maxItems };
    return (value, loc, issues) => readSymbols(value, loc, what, limits, issues);
  }
  const read = items.type === "number" ? undefined : reader(items);
  return (value, loc, issues) => {
    if (!Array.isArray(value)) {
      issues.add("list_type", loc, value);
      return [];
    }
    if (value.length > maxItems) {
      issues.addLimit(loc, what, maxItems, value.length);
      return [];
    }
    if (numbersMax !== undefined && !numbersFit(value, loc, numbersMax, node["x-numbers-what"] as string, issues)) return [];
    return read === undefined ? numbers(value, loc, issues) : list(value, read, loc, issues);
  };
}

function list(value: readonly unknown[], read: Read, loc: Loc, issues: Issues): readonly unknown[] {
  const items: unknown[] = [];
  for (let i = 0; i < value.length && !issues.full; i++) items.push(read(value[i], [...loc, i], issues));
  return items;
}

/** The numbers themselves, copied only if one had to be coerced. */
function numbers(value: readonly unknown[], loc: Loc, issues: Issues): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (let i = 0; i < value.length && !issues.full; i++) {
    const given = value[i];
    const number = toFloat(given);
    if (typeof number === "string") issues.add(number, [...loc, i], given);
    else if (number !== given) (copy ??= value.slice())[i] = number;
  }
  return copy ?? value;
}

function numbersFit(lists: readonly unknown[], loc: Loc, max: number, what: string, issues: Issues): boolean {
  let count = 0;
  for (const item of lists) count += Array.isArray(item) ? item.length : 0;
  if (count > max) issues.addLimit(loc, what, max, count);
  return count <= max;
}

function metadataReader(node: Node): Read {
  const limits = { metadataBytesMax: node["x-bytes-max"] as number, metadataDepthMax: node["x-depth-max"] as number };
  return (value, loc, issues) => readMetadata(value, loc, limits, issues);
}

/** Emotives, or (settings) an object whose values are looked at elsewhere. */
function recordReader(node: Node): Read {
  const [values = {}] = Object.values(node.patternProperties ?? {});
  if (values.type === "number") {
    const limits = { emotivesPerObservationMax: node.maxProperties as number, symbolBytesMax: node["x-bytes-max"] as number };
    return (value, loc, issues) => readEmotives(value, loc, limits, issues);
  }
  return (value, loc, issues) => {
    if (isObject(value)) return value;
    issues.add("dict_type", loc, value);
    return {};
  };
}

/** Members that the schema knows; others are left out. Own properties only: `__proto__` and `constructor` are data. */
function objectReader({ properties = {}, required = [] }: Node): Read {
  const members = Object.entries(properties).map(([name, member]) => ({
    name,
    read: reader(member),
    required: required.includes(name),
    fallback: member.default,
  }));
  return (value, loc, issues) => {
    if (!isObject(value)) {
      issues.add("model_attributes_type", loc, value);
      return {};
    }
    const result: Record<string, unknown> = {};
    for (const { name, read, required: wanted, fallback } of members) {
      const given = Object.hasOwn(value, name) ? value[name] : undefined;
      if (given !== undefined) result[name] = read(given, [...loc, name], issues);
      else if (wanted) issues.add("missing", [...loc, name], value);
      else if (fallback !== undefined) result[name] = fallback;
    }
    return result;
  };
}
