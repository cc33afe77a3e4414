/** `engram rebuild`: recreates the counters of the state store from ClickHouse, after the state store was lost. */
import type { Command } from "commander";
import { usesDataFolder } from "../config.ts";
import { kbId } from "../model/kb-id.ts";
import { lockDataFolder } from "../store/data-lock.ts";
import { kbOption } from "./arguments.ts";
import { assertKept } from "./place.ts";
import { loadSettings, logOf, type SettingOptions, withSettings } from "./settings.ts";
import { grouped, perSecond, startBar, tell } from "./terminal.ts";

interface RebuildCommand extends SettingOptions {
  readonly kb?: string;
  readonly json?: boolean;
}

async function rebuild(options: RebuildCommand): Promise<void> {
  const loaded = loadSettings(options);
  const { config } = loaded;
  const log = logOf(loaded, true);
  assertKept(config);
  const lock = usesDataFolder(config) ? await lockDataFolder(config.dataDir) : undefined;
  // Loaded here, so that the other commands, and help, start without the stores' native parts.
  const { rebuildState } = await import("../rebuild.ts");
  const started = Date.now();
  // How many changes there are is known only at the end: the bar counts.
  const bar = startBar("{changes} changes | {rate} | {duration_formatted} | {kb}", 1, 0, { changes: "0", rate: "0/s", kb: "" });
  try {
    const result = await rebuildState(config, log, {
      ...(options.kb !== undefined && { anew: kbId(options.kb, config.serviceName) }),
      onProgress: ({ kb, changes }) => bar.update(0, { kb, changes: grouped(changes), rate: perSecond(changes, Date.now() - started) }),
    });
    bar.update(1, { kb: "done" });
    bar.stop();
    tell(
      options,
      result,
      `${result.rebuilt.length} knowledge bases rebuilt from ${grouped(result.changes)} changes, ${result.current.length} were up to date. Sessions are not rebuilt.`,
    );
  } finally {
    bar.stop();
    await lock?.release();
  }
}

export function registerRebuild(program: Command): void {
  withSettings(
    program
      .command("rebuild")
      .description("recreate a lost state store (Redis or embedded) from the patterns in ClickHouse; no server may run")
      .addOption(kbOption("only this one's, and anew, although it is up to date: what engram verify says differs under counters"))
      .option("--json", "print the result as JSON"),
  ).action(rebuild);
}
