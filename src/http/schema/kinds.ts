/**
 * Kinds of values in requests, as TypeBox schemas: JSON Schema for the documents, and for `reader.ts` the limits that JSON Schema has no
 * word for, under keywords of our own (`x-…`). The same object therefore describes, checks and coerces.
 */
import Type from "typebox";

/** Text that becomes a symbol or a name: well-formed, so many bytes of UTF-8. */
export const symbolText = (bytesMax: number, description: string) => Type.String({ description, "x-bytes-max": bytesMax });

/** `what` says what there may be so many of: "strings in one observation". */
export const symbolList = (bytesMax: number, max: number, what: string, description: string) =>
  Type.Array(Type.String({ "x-bytes-max": bytesMax }), { description, maxItems: max, "x-what": what, default: Object.freeze([]) });

/** Lists of numbers, so many, with so many numbers in all of them together. */
export const numberLists = (max: number, numbersMax: number, description: string) =>
  Type.Array(Type.Array(Type.Number()), {
    description,
    maxItems: max,
    "x-what": "vectors in one observation",
    "x-numbers-max": numbersMax,
    "x-numbers-what": "numbers in the vectors of one observation",
    default: Object.freeze([]),
  });

export const namedNumbers = (nameBytesMax: number, max: number, description: string) =>
  Type.Record(Type.String(), Type.Number(), {
    description,
    maxProperties: max,
    "x-bytes-max": nameBytesMax,
    default: Object.freeze({}),
  });

/** Any JSON object within a size and a depth. */
export const anyObject = (bytesMax: number, depthMax: number, description: string) =>
  Type.Record(Type.String(), Type.Unknown(), {
    description,
    "x-metadata": true,
    "x-bytes-max": bytesMax,
    "x-depth-max": depthMax,
    default: Object.freeze({}),
  });

/** `unit` ends the text of a refusal: "Input should be between 1 and 60 seconds". */
export const integer = (min: number, max: number, unit: string, description: string) =>
  Type.Integer({ description, minimum: min, maximum: max, "x-unit": unit });

/** Absent means false. */
export const flag = (description: string) => Type.Boolean({ description, default: false });

/** Settings are checked key by key elsewhere (src/model/session-config.ts); here only that it is an object. */
export const settings = (description: string) => Type.Record(Type.String(), Type.Unknown(), { description });

export const optional = Type.Optional;
export const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
