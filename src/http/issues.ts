/**
 * What is wrong with a request, collected until the whole request has been looked at: KATO's 422 body is a list of such issues.
 * Costs nothing while a request is right. What an issue echoes is cut short, so a refusal never grows with the request.
 */
import { EngineError } from "../errors.ts";

/** Where in the request: `["body", "strings", 0]`. */
export type Loc = readonly (string | number)[];

export interface Issue {
  readonly type: string;
  readonly loc: Loc;
  readonly msg: string;
  readonly input: unknown;
  readonly ctx?: Readonly<Record<string, unknown>>;
}

/** Types of issues that clients know from Pydantic, and its words for them. */
const MESSAGES = {
  missing: "Field required",
  string_type: "Input should be a valid string",
  string_unicode: "Input should be a valid string, unable to parse raw data as a unicode string",
  list_type: "Input should be a valid list",
  dict_type: "Input should be a valid dictionary",
  model_attributes_type: "Input should be a valid dictionary or object to extract fields from",
  float_type: "Input should be a valid number",
  float_parsing: "Input should be a valid number, unable to parse string as a number",
  finite_number: "Input should be a finite number",
  int_type: "Input should be a valid integer",
  int_parsing: "Input should be a valid integer, unable to parse string as an integer",
  int_from_float: "Input should be a valid integer, got a number with a fractional part",
  bool_type: "Input should be a valid boolean",
  bool_parsing: "Input should be a valid boolean, unable to interpret input",
} as const;
export type IssueType = keyof typeof MESSAGES;

/** Issues a reply lists: enough to mend a client by, and a bound on the reply. */
const ISSUES_MAX = 100;
const ECHO_CHARS_MAX = 200;
const ECHO_ITEMS_MAX = 16;
const ECHO_DEPTH_MAX = 3;

/** The request cannot be carried out as it is: 422 with a list of issues. */
export class RequestRefused extends EngineError {
  readonly issues: readonly Issue[];
  constructor(issues: readonly Issue[], limit = false) {
    const first = issues[0];
    const text = first === undefined ? "The request was refused" : `${first.loc.join(".")}: ${first.msg}`;
    super(limit ? "ENGRAM_LIMIT_EXCEEDED" : "ENGRAM_BAD_REQUEST", text, { details: { issues } });
    this.issues = issues;
  }
}

export class Issues {
  readonly #found: Issue[] = [];
  #wrong = false;

  /** No more issues will be listed: whoever loops may stop. */
  get full(): boolean {
    return this.#found.length >= ISSUES_MAX;
  }

  add(type: IssueType, loc: Loc, input: unknown): void {
    this.#wrong = true;
    this.#push({ type, loc, msg: MESSAGES[type], input: excerpt(input, ECHO_DEPTH_MAX) });
  }

  /** More than `max` of something. `what` says of what: "strings in one observation". */
  addLimit(loc: Loc, what: string, max: number, given: number): void {
    this.#push({
      type: "too_long",
      loc,
      msg: `At most ${max} ${what}, not ${given}`,
      input: null,
      ctx: { max_length: max, actual_length: given },
    });
  }

  /** A value that has the right type and is still refused. */
  addValue(loc: Loc, msg: string, input: unknown): void {
    this.#wrong = true;
    this.#push({ type: "value_error", loc, msg, input: excerpt(input, ECHO_DEPTH_MAX) });
  }

  /** Adds an issue without which nothing further can be looked at. */
  refuse(type: IssueType, loc: Loc, input: unknown): never {
    this.add(type, loc, input);
    throw new RequestRefused(this.#found);
  }

  /** Throws RequestRefused if anything was added. */
  assertNone(): void {
    if (this.#found.length > 0) throw new RequestRefused(this.#found, !this.#wrong);
  }

  #push(issue: Issue): void {
    if (!this.full) this.#found.push(issue);
  }
}

/** What was sent, cut short: strings, lists and objects keep their beginnings. */
function excerpt(value: unknown, depth: number): unknown {
  if (typeof value === "string") return value.length > ECHO_CHARS_MAX ? `${value.slice(0, ECHO_CHARS_MAX)}…` : value;
  // JSON has no words for these; they come from numbers like 1e999.
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value !== "object" || value === null) return value ?? null;
  if (depth === 0) return "…";
  if (Array.isArray(value)) {
    const items = value.slice(0, ECHO_ITEMS_MAX).map((item) => excerpt(item, depth - 1));
    return value.length > ECHO_ITEMS_MAX ? [...items, "…"] : items;
  }
  const copy: Record<string, unknown> = Object.create(null);
  let kept = 0;
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    if (kept++ === ECHO_ITEMS_MAX) {
      copy["…"] = "…";
      break;
    }
    copy[excerpt(key, 0) as string] = excerpt((value as Record<string, unknown>)[key], depth - 1);
  }
  return copy;
}
