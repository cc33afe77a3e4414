/**
 * Loaded into a server under measurement (`node --expose-gc --import load-probe.js`): answers each message of its parent with the memory left
 * after a collection and the delays of the event loop since the message before. Costs the server a timer a millisecond.
 */

import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

/** What the probe tells. Milliseconds and bytes. */
export interface ProbeReport {
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
  readonly loopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

const RESOLUTION_MS = 1;
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();

// The histogram holds whole intervals: the timer's own is taken off.
const delay = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);

process.on("message", async () => {
  // Before the collection, whose pause is the probe's doing and not the server's.
  const loopDelayMs = { p50: delay(delays.percentile(50)), p99: delay(delays.percentile(99)), max: delay(delays.max) };
  for (let round = 0; round < 2; round++) {
    globalThis.gc?.();
    await sleep(50);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send?.({ rssBytes: rss, heapBytes: heapUsed, externalBytes: external, loopDelayMs } satisfies ProbeReport);
  delays.reset();
});
// Being asked must not keep a server alive that wants to end.
process.channel?.unref();
