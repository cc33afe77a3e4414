/** How busy the machine is. Cost of a reading: about 0.2 ms, most of it the processors' counters; readings closer than a second share one. */
import { statfs } from "node:fs/promises";
import { cpus, freemem, totalmem } from "node:os";

export interface MachineFigures {
  /** Of all cores, since the reading before. */
  readonly cpuPercent: number;
  /** Memory that programs cannot have without others losing it. */
  readonly memoryPercent: number;
  /** Of the file system that holds the data; 0 where it cannot be read. */
  readonly diskPercent: number;
}

const REUSED_MS = 1_000;

interface Ticks {
  readonly busy: number;
  readonly all: number;
}

function ticks(): Ticks {
  let [busy, all] = [0, 0];
  for (const { times } of cpus()) {
    const used = times.user + times.nice + times.sys + times.irq;
    busy += used;
    all += used + times.idle;
  }
  return { busy, all };
}

export class Machine {
  readonly #folder: string;
  #before = ticks();
  #readAtMs = Number.NEGATIVE_INFINITY;
  #last: Promise<MachineFigures> | undefined;

  /** `folder` lies on the file system whose filling is told. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  read(): Promise<MachineFigures> {
    const now = performance.now();
    if (this.#last !== undefined && now - this.#readAtMs < REUSED_MS) return this.#last;
    this.#readAtMs = now;
    this.#last = this.#take();
    return this.#last;
  }

  async #take(): Promise<MachineFigures> {
    const [before, after] = [this.#before, ticks()];
    this.#before = after;
    const all = after.all - before.all;
    return {
      cpuPercent: all > 0 ? percent((after.busy - before.busy) / all) : 0,
      memoryPercent: percent(1 - freemem() / totalmem()),
      diskPercent: await this.#disk(),
    };
  }

  async #disk(): Promise<number> {
    try {
      const { blocks, bfree, bavail } = await statfs(this.#folder);
      const used = blocks - bfree;
      return used + bavail > 0 ? percent(used / (used + bavail)) : 0;
    } catch {
      // The folder is not there where all data lie on servers: there is no disk of ours to tell of.
      return 0;
    }
  }
}

const percent = (share: number): number => Math.min(100, Math.max(0, share * 100));
