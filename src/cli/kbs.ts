/** `engram kbs`: what knowledge bases there are, and copying, renaming and deleting them whole. */

import Table from "cli-table3";
import type { Command } from "commander";
import type { KbSize, ListedImport } from "../client/index.ts";
import { EngineError } from "../errors.ts";
import { nodeName, urlOption } from "./arguments.ts";
import { openCaller } from "./caller.ts";
import { loadSettings, logOf, type SettingOptions, withSettings } from "./settings.ts";
import { grouped, printable, tell } from "./terminal.ts";

interface KbsOptions extends SettingOptions {
  readonly url?: string;
  readonly json?: boolean;
  readonly imports?: boolean;
  readonly confirm?: string;
}

async function call(
  options: KbsOptions,
  method: "GET" | "POST" | "DELETE",
  path: string,
  body: object | undefined,
  text: (answer: never) => string,
): Promise<void> {
  const loaded = loadSettings(options);
  const caller = await openCaller({ config: loaded.config, log: logOf(loaded, true), url: options.url, isKept: true });
  try {
    const answer = await caller.json(method, path, body);
    tell(options, answer, text(answer as never));
  } finally {
    await caller.close();
  }
}

function kbTable({ kbs }: { kbs: readonly KbSize[] }): string {
  const table = new Table({ head: ["knowledge base", "patterns", "symbols", "changes", "deleted"], style: { head: [], border: [] } });
  for (const kb of kbs) table.push([printable(kb.kb_id), ...[kb.patterns, kb.symbols, kb.changes, kb.deleted].map(grouped)]);
  return kbs.length === 0 ? "There is no knowledge base yet." : table.toString();
}

function importTable({ imports }: { imports: readonly ListedImport[] }): string {
  const table = new Table({ head: ["import", "knowledge base", "state", "merged", "begun"], style: { head: [], border: [] } });
  for (const one of imports) table.push([one.id, printable(one.kb_id), one.state, one.merged ? "yes" : "no", one.at]);
  return imports.length === 0 ? "Nothing was imported yet." : table.toString();
}

const shared = (command: Command): Command => withSettings(command.addOption(urlOption()).option("--json", "print the answer as JSON"));
const path = (node: string): string => `/v1/kbs/${encodeURIComponent(node)}`;

export function registerKbs(program: Command): void {
  const kbs = program.command("kbs").description("list, copy, rename and delete knowledge bases");
  shared(
    kbs.command("list", { isDefault: true }).description("what there is, with sizes").option("--imports", "imports instead, newest first"),
  ).action((options: KbsOptions) =>
    options.imports ? call(options, "GET", "/v1/imports", undefined, importTable) : call(options, "GET", "/v1/kbs", undefined, kbTable),
  );
  for (const verb of ["copy", "rename"] as const) {
    shared(
      kbs
        .command(verb)
        .description(verb === "copy" ? "learn one's history under another name" : "copy, then delete the first")
        .argument("<node>", "node of the knowledge base", nodeName)
        .argument("<to>", "a node whose knowledge base has no patterns", nodeName),
    ).action((node: string, to: string, options: KbsOptions) => {
      if (node === to) throw new EngineError("ENGRAM_BAD_REQUEST", "Both names stand for the same knowledge base.");
      return call(
        options,
        "POST",
        `${path(node)}/${verb}`,
        { to },
        ({ patterns }: { patterns: number }) => `${grouped(patterns)} patterns: ${node} → ${to}.`,
      );
    });
  }
  shared(
    kbs
      .command("delete")
      .description("forget everything a node has learned; cannot be undone")
      .argument("<node>", "node of the knowledge base", nodeName)
      .option("--confirm <node>", "the name again, without which nothing is deleted"),
  ).action((node: string, options: KbsOptions) => {
    if (options.confirm !== node)
      throw new EngineError("ENGRAM_NOT_CONFIRMED", `Deleting a knowledge base cannot be undone. Say its name again: --confirm ${node}`);
    return call(
      options,
      "DELETE",
      `${path(node)}?confirm=${encodeURIComponent(node)}`,
      undefined,
      ({ patterns }: { patterns: number }) => `${node} is deleted, ${grouped(patterns)} patterns with it.`,
    );
  });
}
