/** Calls on knowledge bases as wholes, with their schemas and examples: list, copy, archives, imports, looking over. docs/knowledge-bases.md. */
import Type from "typebox";
import type { HttpLimits } from "../limits.ts";
import { flag, nullable, optional } from "./kinds.ts";
import type { Call } from "./operations.ts";

const text = Type.String();
const whole = Type.Integer();
const bool = Type.Boolean();
const totals = Type.Record(Type.String(), whole);
const bytes = Type.String({ format: "binary", description: "A part of an archive (docs/knowledge-bases.md, «Format»)." });
const count = (description: string) => Type.Integer({ description, minimum: 0 });
const record = Type.Array(Type.Tuple([text, Type.Number()]), { description: "Pairs of an emotive and its value." });

const importQuery = Type.Object({
  import: Type.String({ description: "Id of the import: letters, digits, dots, dashes and underscores, 64 at most." }),
  part: count("Number of this part, from 0 on."),
  last: optional(flag("No part comes after it.")),
  merge: optional(flag("Into a knowledge base that has patterns; such an import cannot be taken back.")),
  ahead: optional(flag("Of an archive: sent before the part in front of it is learned; it waits for its turn.")),
});
const to = Type.Object({ to: Type.String({ description: "A node whose knowledge base has no patterns." }) });
export const copied = Type.Object({ from: text, to: text, import: text, patterns: whole });
export const kbSize = Type.Object({
  kb_id: text,
  node_id: nullable(text),
  patterns: whole,
  symbols: whole,
  totals,
  changes: whole,
  deleted: whole,
  minhash: nullable(Type.Object({ bands: whole, rows: whole, permutations: whole, scheme: text })),
});
const finding = Type.Object({ check: text, count: whole, examples: Type.Array(text), derived: bool });
export const archiveInfo = Type.Object({
  node_id: text,
  kb_id: text,
  generation: whole,
  until: whole,
  patterns: whole,
  symbols: whole,
  totals,
});
export const archiveLearned = Type.Object({ id: text, changes: whole, patterns: whole, done: bool });
export const verified = Type.Object({
  kb_id: text,
  patterns: whole,
  changes: whole,
  checksum: text,
  counters_compared: bool,
  findings: Type.Array(finding),
});
export const listedImport = Type.Object({ id: text, kb_id: text, state: text, merged: bool, at: text });
const NOT_EMPTY = "There are patterns already.";

export const wholeKbCalls = (limits: HttpLimits): Readonly<Record<string, Call>> => ({
  "GET /v1/kbs": { summary: "List knowledge bases with their sizes", answer: Type.Object({ kbs: Type.Array(kbSize) }) },
  "DELETE /v1/kbs/:node": {
    summary: "Delete a knowledge base",
    query: Type.Object({ confirm: Type.String({ description: "The node, said again." }) }),
    answer: Type.Object({ deleted: text, patterns: whole }),
    refusals: { 409: "The node was not said again." },
  },
  "POST /v1/kbs/:node/copy": {
    summary: "Learn the history of a knowledge base under another name",
    body: to,
    answer: copied,
    refusals: { 409: NOT_EMPTY },
  },
  "POST /v1/kbs/:node/rename": {
    summary: "Copy a knowledge base, then delete the first",
    body: to,
    answer: copied,
    refusals: { 409: NOT_EMPTY },
  },
  "GET /v1/kbs/:node/archive": {
    summary: "Begin an archive: where it ends",
    answer: archiveInfo,
  },
  "GET /v1/kbs/:node/archive/part": {
    summary: "The next part of an archive; 204 behind the last",
    query: Type.Object({
      generation: count("As the archive was begun with."),
      after: count("`X-Engram-Last` of the part before; 0 for the first."),
      until: count("As the archive was begun with."),
      changes: optional(Type.Integer({ description: "Changes at most; a part holds 20,000 at most in any case.", minimum: 1 })),
    }),
    answer: bytes,
    binary: "answer",
    more: "`X-Engram-Events`, `X-Engram-First` and `X-Engram-Last` say how many changes it holds, and which.",
  },
  "POST /v1/kbs/:node/archive": {
    summary: "Learn a part of an archive",
    query: importQuery,
    body: bytes,
    binary: "body",
    answer: archiveLearned,
    refusals: { 409: NOT_EMPTY },
    more: "Parts come in order; one that is sent again counts once.",
  },
  "POST /v1/kbs/:node/imports": {
    summary: "Learn patterns of another memory, with the counters they had there",
    query: importQuery,
    body: Type.Object({
      patterns: Type.Array(
        Type.Object({
          events: Type.Array(Type.Array(text)),
          frequency: Type.Integer({ minimum: 1 }),
          emotives: optional(Type.Array(record)),
          metadata: optional(Type.Array(Type.Tuple([text, Type.Array(text)]))),
        }),
        { maxItems: limits.sequencesPerCallMax },
      ),
    }),
    answer: Type.Object({ imported: whole }),
    refusals: { 409: NOT_EMPTY },
  },
  "POST /v1/kbs/:node/affinities": {
    summary: "Set the affinities of symbols",
    query: optional(importQuery),
    body: Type.Object({
      affinities: Type.Array(Type.Tuple([text, record]), { description: "A symbol and its sums.", maxItems: limits.sequencesPerCallMax }),
    }),
    answer: Type.Object({ set: whole }),
    more: "With the query of an import they belong to it. Symbols that no pattern holds are passed over.",
  },
  "POST /v1/verify": {
    summary: "Look a knowledge base over, and mend what is made from patterns",
    body: Type.Object({
      kb_id: optional(Type.String({ description: "Either this …" })),
      node_id: optional(Type.String({ description: "… or this." })),
      repair: optional(flag("Make anew what is derived.")),
    }),
    answer: verified,
  },
  "GET /v1/imports": {
    summary: "List imports, newest first",
    answer: Type.Object({ imports: Type.Array(listedImport) }),
  },
  "POST /v1/imports/:id/rollback": {
    summary: "Take an import back: its knowledge base is empty again",
    body: Type.Object({ discard_newer: optional(flag("Even if more was learned since, which is lost.")) }),
    answer: Type.Object({ id: text, kb_id: text, state: Type.Literal("rolledBack") }),
    refusals: { 404: "There is no such import.", 409: "More was learned since." },
  },
});

const OF_PATTERNS = { total_symbols_in_patterns_frequencies: 3, total_pattern_frequencies: 1, total_unique_patterns: 1 };
const COPIED = { from: "weather", to: "weather-2", import: "copy-0c1d2e3f", patterns: 1 };

export const KB_REQUESTS: Readonly<Record<string, object | string>> = {
  "POST /v1/kbs/:node/copy": { to: "weather-2" },
  "POST /v1/kbs/:node/rename": { to: "weather-2" },
  "POST /v1/kbs/:node/archive": "bytes",
  "POST /v1/kbs/:node/imports": {
    patterns: [{ events: [["cold"], ["clouds"], ["snow"]], frequency: 2, emotives: [[["joy", 0.2]]], metadata: [["place", ["north"]]] }],
  },
  "POST /v1/kbs/:node/affinities": { affinities: [["snow", [["joy", 0.4]]]] },
  "POST /v1/verify": { node_id: "weather", repair: false },
  "POST /v1/imports/:id/rollback": { discard_newer: false },
};

export const KB_ANSWERS: Readonly<Record<string, object | string>> = {
  "GET /v1/kbs": {
    kbs: [
      {
        kb_id: "weather_kato",
        node_id: "weather",
        patterns: 1,
        symbols: 3,
        totals: OF_PATTERNS,
        changes: 1,
        deleted: 0,
        minhash: null,
      },
    ],
  },
  "DELETE /v1/kbs/:node": { deleted: "weather", patterns: 1 },
  "POST /v1/kbs/:node/copy": COPIED,
  "POST /v1/kbs/:node/rename": COPIED,
  "GET /v1/kbs/:node/archive": {
    node_id: "weather",
    kb_id: "weather_kato",
    generation: 1,
    until: 1,
    patterns: 1,
    symbols: 3,
    totals: OF_PATTERNS,
  },
  "GET /v1/kbs/:node/archive/part": "bytes",
  "POST /v1/kbs/:node/archive": { id: "import-1", changes: 1, patterns: 1, done: true },
  "POST /v1/kbs/:node/imports": { imported: 1 },
  "POST /v1/kbs/:node/affinities": { set: 1 },
  "POST /v1/verify": {
    kb_id: "weather_kato",
    patterns: 1,
    changes: 1,
    checksum: "4d3f2c1b0a998877",
    counters_compared: true,
    findings: [],
  },
  "GET /v1/imports": {
    imports: [{ id: "import-1", kb_id: "weather_kato", state: "done", merged: false, at: "2026-01-15T09:30:00.000Z" }],
  },
  "POST /v1/imports/:id/rollback": { id: "import-1", kb_id: "weather_kato", state: "rolledBack" },
};
