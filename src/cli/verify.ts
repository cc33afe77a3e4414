/** `engram verify`: looks knowledge bases over and says what differs; with `--repair` makes anew what is made from patterns. */

import Table from "cli-table3";
import type { Command } from "commander";
import type { KbSize, Verified } from "../client/index.ts";
import { nodeName, urlOption } from "./arguments.ts";
import { openCaller } from "./caller.ts";
import { loadSettings, logOf, type SettingOptions, withSettings } from "./settings.ts";
import { grouped, printable, shorten, startBar, tell } from "./terminal.ts";

interface VerifyOptions extends SettingOptions {
  readonly url?: string;
  readonly json?: boolean;
  readonly repair?: boolean;
}

async function verify(node: string | undefined, options: VerifyOptions): Promise<void> {
  const loaded = loadSettings(options);
  const caller = await openCaller({ config: loaded.config, log: logOf(loaded, true), url: options.url, isKept: true });
  const verified: Verified[] = [];
  try {
    const wanted: object[] =
      node === undefined
        ? (await caller.json<{ kbs: readonly KbSize[] }>("GET", "/v1/kbs")).kbs.map(({ kb_id }) => ({ kb_id }))
        : [{ node_id: node }];
    const bar = options.json ? undefined : startBar("{bar} {value} of {total} knowledge bases | {kb}", wanted.length, 0, { kb: "" });
    try {
      for (const one of wanted) {
        const kb = await caller.json<Verified>("POST", "/v1/verify", { ...one, repair: options.repair ?? false });
        verified.push(kb);
        bar?.update(verified.length, { kb: printable(kb.kb_id) });
      }
    } finally {
      bar?.stop();
    }
  } finally {
    await caller.close();
  }
  const wrong = verified.some(({ findings }) => findings.length > 0);
  tell(options, { clean: !wrong, kbs: verified }, textOf(verified, options.repair ?? false));
  // As a program that looked and found something wrong says it.
  if (wrong) process.exitCode = 1;
}

function textOf(verified: readonly Verified[], repaired: boolean): string {
  const patterns = verified.reduce((sum, kb) => sum + kb.patterns, 0);
  const findings = verified.flatMap((kb) => kb.findings.map((finding) => ({ kb: kb.kb_id, ...finding })));
  if (findings.length === 0) {
    const sums = verified.map((kb) => `  ${printable(kb.kb_id)}  ${grouped(kb.patterns)} patterns  checksum ${kb.checksum}`);
    return [`${verified.length} knowledge bases with ${grouped(patterns)} patterns are in order.`, ...sums].join("\n");
  }
  const table = new Table({
    head: ["knowledge base", "check", "differences", "for instance", "mended by"],
    style: { head: [], border: [] },
  });
  for (const { kb, check, count, examples, derived } of findings) {
    const means = derived ? "--repair" : check.startsWith("counters.") ? "engram rebuild --kb" : "a backup";
    table.push([printable(kb), check, grouped(count), shorten(printable(examples[0] ?? ""), 60), means]);
  }
  return `${table.toString()}\n${repaired ? "What could be made anew was made anew." : "Nothing was changed."}`;
}

export function registerVerify(program: Command): void {
  withSettings(
    program
      .command("verify")
      .description("look knowledge bases over: tables, names, indexes, and counters against the history")
      .argument("[node]", "only this one's (default: all)", nodeName)
      .option("--repair", "make anew what is made from patterns: names, derived columns, postings, rows of deleted patterns")
      .addOption(urlOption())
      .option("--json", "print the report as JSON"),
  ).action(verify);
}
