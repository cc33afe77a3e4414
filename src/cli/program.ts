/** The program: its commands, its help, and what becomes of errors. `main.ts` runs it. */
import { Command, CommanderError } from "commander";
import { EngineError } from "../errors.ts";
import { registerBackup } from "./backup.ts";
import { registerConfig } from "./config-page.ts";
import { registerDemo } from "./demo.ts";
import { registerEval } from "./eval.ts";
import { registerArchives } from "./export.ts";
import { registerKbs } from "./kbs.ts";
import { registerLearn } from "./learn.ts";
import { registerMigrate } from "./migrate.ts";
import { registerPredict } from "./predict.ts";
import { registerRebuild } from "./rebuild.ts";
import { registerScore } from "./score.ts";
import { registerServe } from "./serve.ts";
import { registerStress } from "./stress.ts";
import { registerVerify } from "./verify.ts";
import { programVersion } from "./version.ts";

const HELP_AFTER = `
Begin with:
  engram demo                        learn a dictionary of pronunciations and ask it things
  engram serve                       answer HTTP on this machine; prints lines to try
  engram learn events.txt --kb shop  learn a file, one sequence a line
  engram predict --kb shop "tea cup" ask what resembles it, what is missing, what comes next
  engram score queries.txt --kb shop score a file of states against everything learned

Everything is kept in ./data unless --data-dir says otherwise. Settings: engram config.`;

/** Under the help of every command. */
const EXIT_CODES =
  "\nExit codes: 0 done, 1 failed, 2 wrong use or wrong settings, 3 busy (try again later, or the data folder is in use), 130 stopped.";
const OF_MIGRATIONS =
  "\nExit codes: 0 all taken over, 1 failed, 2 wrong use or wrong settings, 3 busy, 4 done but not everything was whole, 130 stopped.";
/** Where they say more. */
const OWN_EXIT_CODES: Readonly<Record<string, string>> = {
  verify: "\nExit codes: 0 in order, 1 something differs (or failed), 2 wrong use or wrong settings, 3 busy.",
  mongo: OF_MIGRATIONS,
  kato: OF_MIGRATIONS,
};

/** The commands that do something, those of groups too. */
export function leavesOf(command: Command): readonly Command[] {
  return command.commands.length === 0 ? [command] : command.commands.filter((one) => one.name() !== "help").flatMap(leavesOf);
}

/** What is to be done about an error, as a code a script can tell apart. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!(error instanceof EngineError)) return 1;
  if (error.code === "ENGRAM_DATA_LOCKED" || error.kind === "busy") return 3;
  return error.kind === "input" ? 2 : 1;
}

/** One line for an error that was foreseen; the stack of one that was not, since somebody must mend it. */
export function errorText(error: unknown): string {
  if (error instanceof EngineError) return `engram: ${error.code}: ${error.message}`;
  return `engram: an error that was not foreseen; please report it.\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

export function buildProgram(): Command {
  const program = new Command("engram")
    .description(
      "Engram is a pattern memory: it learns sequences of symbols and recalls what the present resembles, what is missing and what comes next.",
    )
    .version(programVersion())
    .showHelpAfterError("(engram <command> --help tells more)")
    .addHelpText("after", HELP_AFTER)
    .exitOverride();
  for (const register of [
    registerServe,
    registerLearn,
    registerPredict,
    registerScore,
    registerDemo,
    registerEval,
    registerArchives,
    registerBackup,
    registerKbs,
    registerVerify,
    registerRebuild,
    registerMigrate,
    registerStress,
    registerConfig,
  ]) {
    register(program);
  }
  for (const command of [program, ...leavesOf(program)]) command.addHelpText("after", OWN_EXIT_CODES[command.name()] ?? EXIT_CODES);
  return program;
}
