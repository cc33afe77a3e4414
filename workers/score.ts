/** The worker's entry: a task in, an answer out; the answer's bytes are handed over, not copied. */
import process from "node:process";
import { move, transferableSymbol, valueSymbol } from "piscina";
import type { Task } from "../src/wire/task.ts";
import { thread } from "./thread.ts";

export default function run(task: Task): unknown {
  // A fault on purpose: what a crash of the thread does to its task, in the middle of it where it has one.
  if (task.kind !== "start" && task.fault === "exit") {
    if (task.kind === "scan") thread.run({ ...task, fault: undefined, slicesMax: 1 });
    process.exit(70);
  }
  const reply = thread.run(task);
  return reply.ok ? move({ [transferableSymbol]: reply.buffer, [valueSymbol]: reply }) : reply;
}
