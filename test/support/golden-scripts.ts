/** Replays recorded scripts (test/data/golden/e2e.json) over HTTP calls, each on nodes of its own, and says where an answer differs. */
import { readFileSync } from "node:fs";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

interface Step extends JsonObject {
  op: string;
  session: string;
}
export interface Script {
  readonly title: string;
  readonly steps: readonly Step[];
}

/** Sends a call; the answer's body is parsed. */
export type Send = (method: "GET" | "POST", path: string, body?: unknown) => Promise<{ status: number; body: JsonObject }>;

export function readScripts(): Script[] {
  return (JSON.parse(readFileSync(new URL("../data/golden/e2e.json", import.meta.url), "utf8")) as { cases: Script[] }).cases;
}

/** The first difference, or "". Numbers agree within 1e-9, relative above 1; of objects only the wanted keys are compared. */
export function difference(want: unknown, got: unknown, at = ""): string {
  const shown = (value: unknown): string => (JSON.stringify(value) ?? "nothing").slice(0, 100);
  if (typeof want === "number" && typeof got === "number") {
    return Math.abs(want - got) <= 1e-9 * Math.max(1, Math.abs(want), Math.abs(got)) ? "" : `${at}: ${want} wanted, ${got} found`;
  }
  if (want === null || typeof want !== "object" || got === null || typeof got !== "object") {
    return want === got ? "" : `${at}: ${shown(want)} wanted, ${shown(got)} found`;
  }
  if (Array.isArray(want)) {
    if (!Array.isArray(got) || got.length !== want.length)
      return `${at}: ${want.length} items wanted, ${Array.isArray(got) ? got.length : shown(got)} found`;
    return firstOf(want.map((item, i) => () => difference(item, got[i], `${at}[${i}]`)));
  }
  return firstOf(
    Object.entries(want).map(
      ([key, value]) =>
        () =>
          difference(value, (got as JsonObject)[key], `${at}.${key}`),
    ),
  );
}

const firstOf = (checks: readonly (() => string)[]): string => {
  for (const check of checks) {
    const found = check();
    if (found !== "") return found;
  }
  return "";
};

const rounded = (value: Json | undefined): number => Math.round(Number(value ?? 0) * 1e9);

/** Runs one script; answers what differs, step by step. */
export async function replay(script: Script, stem: string, send: Send): Promise<string[]> {
  const sessions = new Map<string, string>();
  const nodes = new Map<string, string>();
  const failures: string[] = [];
  for (const [at, step] of script.steps.entries()) {
    const id = sessions.get(step.session) ?? "";
    const node = nodes.get(step.session) ?? "";
    const found = await runStep(step, id, node, stem, send, (session, name) => {
      sessions.set(step.session, session);
      nodes.set(step.session, name);
    });
    if (found !== "") failures.push(`${script.title}, step ${at} ${step.op}: ${found}`);
  }
  return failures;
}

async function runStep(
  step: Step,
  id: string,
  node: string,
  stem: string,
  send: Send,
  opened: (session: string, node: string) => void,
): Promise<string> {
  const expected = step.expect as JsonObject | undefined;
  const ok = async (method: "GET" | "POST", path: string, body?: unknown): Promise<string> => {
    const { status } = await send(method, path, body);
    return status === 200 ? "" : `status ${status}`;
  };
  const stm = async (): Promise<string> =>
    expected?.stm === undefined ? "" : difference(expected.stm, (await send("GET", `/sessions/${id}/stm`)).body.stm, "stm");
  switch (step.op) {
    case "create_session": {
      const name = `${stem}_${String(step.node)}`;
      const config = { process_predictions: false, ...(step.config as JsonObject), ...(step.node_settings as JsonObject) };
      const { status, body } = await send("POST", "/sessions", { node_id: name, config });
      opened(body.session_id as string, name);
      return status === 200 ? "" : `status ${status}`;
    }
    case "config":
      return ok("POST", `/sessions/${id}/config`, { config: step.config });
    case "observe": {
      const { strings = [], vectors = [], emotives = {}, metadata = {} } = step;
      const { body } = await send("POST", `/sessions/${id}/observe`, { strings, vectors, emotives, metadata });
      if (expected === undefined) return "";
      const { stm: _, ...rest } = expected;
      return difference(rest, body, "observe") || (await stm());
    }
    case "observe_sequence": {
      const empty = { strings: [], vectors: [], emotives: {}, metadata: {} };
      const { body } = await send("POST", `/sessions/${id}/observe-sequence`, {
        observations: (step.observations as JsonObject[]).map((observation) => ({ ...empty, ...observation })),
        learn_after_each: step.learn_after_each ?? false,
        learn_at_end: step.learn_at_end ?? false,
        clear_stm_between: step.clear_stm_between ?? false,
      });
      const { stm: _, ...rest } = expected!;
      return difference(rest, body, "sequence") || (await stm());
    }
    case "learn": {
      const { status, body } = await send("POST", `/sessions/${id}/learn`);
      if (expected?.error !== undefined) return status === 400 ? "" : `status 400 wanted, ${status} found`;
      return difference({ pattern_name: expected?.pattern_name }, body, "learn") || (await stm());
    }
    case "predictions":
      return comparePredictions(expected!, (await send("GET", `/sessions/${id}/predictions`)).body);
    case "clear_stm":
      return ok("POST", `/sessions/${id}/clear-stm`);
    case "clear_all":
      return ok("POST", `/sessions/${id}/clear-all`);
    case "finalize_training":
      return difference(expected, (await send("POST", `/sessions/${id}/finalize-training`)).body, "finalize");
    case "get_pattern": {
      const { body } = await send("GET", `/pattern/${encodeURIComponent(String(step.pattern_id))}?node_id=${node}`);
      const pattern = body.pattern as JsonObject;
      if (expected?.not_found) return pattern.status === "error" ? "" : "the pattern was found";
      return difference(expected, pattern.pattern, "pattern");
    }
    case "affinity":
      return difference(expected, (await send("GET", `/symbols/affinity?node_id=${node}`)).body.affinities, "affinity");
    case "kb_stats": {
      const symbols =
        expected?.symbols && difference(expected.symbols, (await send("GET", `/symbols/stats?node_id=${node}`)).body.symbols, "symbols");
      return (
        symbols || (expected?.totals ? difference(expected.totals, (await send("GET", `/v1/kbs/${node}/stats`)).body.totals, "totals") : "")
      );
    }
    case "percept_data":
      return difference(expected, (await send("GET", `/sessions/${id}/percept-data`)).body.percept_data, "percept");
    default:
      return "an operation that this replay does not know";
  }
}

function comparePredictions(expected: JsonObject, body: JsonObject): string {
  const want = expected.predictions as JsonObject[];
  const got = (body.predictions ?? []) as JsonObject[];
  const metric = (expected.ranked_by as string | undefined) ?? "potential";
  const found = difference(want, got, "predictions");
  if (found !== "") return found;
  for (const [i, prediction] of got.entries()) {
    const extra = Object.keys(prediction).find((key) => !Object.hasOwn(want[i]!, key));
    if (extra !== undefined) return `predictions[${i}] has the field ${extra} that was not recorded`;
    const before = got[i - 1];
    if (before === undefined) continue;
    const [a, b] = [rounded(before[metric]), rounded(prediction[metric])];
    if (a < b || (a === b && String(before.name) > String(prediction.name))) return `order of predictions ${i - 1} and ${i} by ${metric}`;
  }
  if (want[0] !== undefined && "pattern_data" in want[0] && (body.future_potentials as Json[]).length > 0)
    return "future_potentials of one symbol";
  if (expected.future_potentials === undefined) return "";
  const sorted = (list: Json): JsonObject[] =>
    [...(list as JsonObject[])].sort(
      (a, b) =>
        rounded(b.aggregate_potential) - rounded(a.aggregate_potential) || (JSON.stringify(a.future) < JSON.stringify(b.future) ? -1 : 1),
    );
  return difference(sorted(expected.future_potentials), sorted(body.future_potentials ?? []), "future_potentials");
}
