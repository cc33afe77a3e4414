#!/usr/bin/env node
/** Runs the command line. Not for import: a test takes `buildProgram` of `program.ts`. */
import { CommanderError } from "commander";
import { buildProgram, errorText, exitCodeOf } from "./program.ts";

try {
  await buildProgram().parseAsync();
} catch (error) {
  // Commander has printed its own errors.
  if (!(error instanceof CommanderError)) console.error(errorText(error));
  process.exitCode = exitCodeOf(error);
}
