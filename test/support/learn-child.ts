/** Runs `learn-child.mjs` and gathers what it acknowledged. Needs the built program, because Node 20 does not run TypeScript. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { LearnCommit, StateStore } from "../../src/store/state-store.ts";
import { TwinKb } from "../reference/state.ts";
import { expectTwin } from "./state-stores.ts";

const CHILD = fileURLToPath(new URL("learn-child.mjs", import.meta.url));
const BUILT = fileURLToPath(new URL("../../dist/src/store/lmdb-open.js", import.meta.url));

export interface LearnChild {
  /** Numbers acknowledged so far. */
  readonly acknowledged: readonly number[];
  /** All that was printed. */
  output(): string;
  /** Resolves when `count` were acknowledged, or it has ended. */
  until(count: number): Promise<void>;
  kill9(): Promise<void>;
  readonly ended: Promise<void>;
}

/** `fileKiB`: no file may grow beyond, as on a disk that is full. */
export function startLearnChild(args: readonly string[], fileKiB?: number): LearnChild {
  if (!existsSync(BUILT)) throw new Error("The program is not built: run `npm run build` first.");
  const child =
    fileKiB === undefined
      ? spawn(process.execPath, [CHILD, ...args])
      : spawn("sh", ["-c", `ulimit -f ${fileKiB * 2}; exec "$0" "$@"`, process.execPath, CHILD, ...args]);
  let output = "";
  const acknowledged: number[] = [];
  let pending = "";
  let wake = (): void => {};
  child.stdout.on("data", (part: Buffer) => {
    output += part.toString("utf8");
    const lines = (pending + part.toString("utf8")).split("\n");
    pending = lines.pop() ?? "";
    for (const line of lines) if (/^\d+$/.test(line)) acknowledged.push(Number(line));
    wake();
  });
  child.stderr.on("data", (part: Buffer) => {
    output += part.toString("utf8");
  });
  let over = false;
  const ended = new Promise<void>((resolve) => {
    child.once("close", () => {
      over = true;
      wake();
      resolve();
    });
  });
  return {
    acknowledged,
    output: () => output,
    until: async (count) => {
      while (acknowledged.length < count && !over) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    kill9: async () => {
      child.kill("SIGKILL");
      await ended;
    },
    ended,
  };
}

/** Every acknowledged learn is there, and everything is what the twin makes of the outbox: no learn is half done. */
export async function expectWhole(store: StateStore, acknowledged: readonly number[]): Promise<void> {
  const tail = await store.tail("kb", 1);
  const stored = new Set(tail.map(({ atMs }) => atMs));
  expect(acknowledged.filter((i) => !stored.has(i))).toEqual([]);
  expect(stored.size).toBe(tail.length);
  const twin = new TwinKb("kb");
  for (const entry of tail) {
    if (entry.kind !== "learn") throw new Error("only learns were made");
    twin.learn(entry satisfies LearnCommit);
  }
  await expectTwin(store, twin, tail);
  expect(await store.outboxSize()).toBe(tail.length);
}
