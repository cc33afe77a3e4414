/** Emotives: names to finite numbers, so many. Passed on as they were parsed unless a number had to be coerced. */
import { isObject, toFloat } from "./coercion.ts";
import type { Issues, Loc } from "./issues.ts";
import type { HttpLimits } from "./limits.ts";
import { addSymbolFault, symbolFault } from "./strings.ts";

const NO_EMOTIVES: Readonly<Record<string, number>> = Object.freeze({});

export function readEmotives(
  value: unknown,
  loc: Loc,
  limits: Pick<HttpLimits, "emotivesPerObservationMax" | "symbolBytesMax">,
  issues: Issues,
): Readonly<Record<string, number>> {
  if (!isObject(value)) {
    issues.add("dict_type", loc, value);
    return NO_EMOTIVES;
  }
  const names = Object.keys(value);
  if (names.length > limits.emotivesPerObservationMax) {
    issues.addLimit(loc, "emotives in one observation", limits.emotivesPerObservationMax, names.length);
    return NO_EMOTIVES;
  }
  let coerced: Record<string, number> | undefined;
  for (const name of names) {
    if (issues.full) break;
    const fault = symbolFault(name, limits.symbolBytesMax);
    if (fault !== undefined) addSymbolFault(fault, name, limits.symbolBytesMax, [...loc, "emotive name"], issues);
    const given = value[name];
    const number = toFloat(given);
    if (typeof number === "string") issues.add(number, [...loc, fault === undefined ? name : "emotive"], given);
    // Without a prototype `__proto__` is a name like any other.
    else if (number !== given) (coerced ??= Object.assign(Object.create(null), value) as Record<string, number>)[name] = number;
  }
  return coerced ?? (value as Readonly<Record<string, number>>);
}
