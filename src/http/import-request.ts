/** Which import a part belongs to, as the query of a call says it. */
import type { ImportRequest } from "../engine-types.ts";
import { readFlag, toInteger } from "./coercion.ts";
import type { Issues } from "./issues.ts";

type Query = Readonly<Record<string, string | undefined>>;

/** `import`, `part`, `last`, `merge`, `ahead`. Errors: RequestRefused, with what else was found before. */
export function readImportRequest(query: Query, issues: Issues): ImportRequest {
  const id = query.import ?? "";
  if (!/^[\w.-]{1,64}$/.test(id))
    issues.addValue(["query", "import"], "A name of letters, digits, dots, dashes and underscores, 64 at most", id);
  const part = readCount(query, "part", issues);
  const last = readFlag(query.last, ["query", "last"], issues);
  const merge = readFlag(query.merge, ["query", "merge"], issues);
  const ahead = readFlag(query.ahead, ["query", "ahead"], issues);
  issues.assertNone();
  return { id, part, last, merge, ...(ahead && { ahead }) };
}

/** A whole number of a query. */
export function readCount(query: Query, name: string, issues: Issues): number {
  const number = query[name] === undefined ? "missing" : toInteger(query[name]);
  if (typeof number === "string") issues.add(number, ["query", name], query[name] ?? null);
  else if (number < 0) issues.addValue(["query", name], "Not below 0", number);
  else return number;
  return 0;
}
