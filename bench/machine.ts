/** Where a figure comes from: processor, Node, commit and how busy the machine was when the bench began. Every record holds it. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";

export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly commit: string;
  /** Of the last minute. */
  readonly loadAverage: number;
}

export function machineOf(): Machine {
  const git = (...args: string[]): string => execFileSync("git", args, { encoding: "utf8" }).trim();
  // A figure of code that no commit holds cannot be taken again: the mark says so.
  const changed = git("status", "--porcelain", "--untracked-files=no") === "" ? "" : " with changes";
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    node: process.version,
    commit: git("rev-parse", "--short", "HEAD") + changed,
    loadAverage: Math.round(loadavg()[0]! * 100) / 100,
  };
}

/** Writes a record: what was measured, where (read before anything was measured), and the figures. */
export function writeRecord(path: string, what: string, figures: object, machine: Machine): void {
  writeFileSync(path, `${JSON.stringify({ what, ...machine, ...figures }, null, 2)}\n`);
}
