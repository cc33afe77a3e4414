import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EngineError } from "../../../src/errors.ts";
import type { Logger } from "../../../src/log.ts";
import { type BarrierServer, parseAof, WriteBarrier } from "../../../src/store/redis-barrier.ts";
import { codeOf } from "../../support/state-stores.ts";

/** What Redis 7.0 prints, shortened. */
const info = (over: Readonly<Record<string, string | number>> = {}): string => {
  const fields = {
    loading: 0,
    aof_enabled: 1,
    aof_rewrites: 0,
    aof_last_write_status: "ok",
    aof_current_size: 100,
    aof_base_size: 10,
    aof_pending_rewrite: 0,
    aof_buffer_length: 0,
    ...over,
  };
  return `# Persistence\r\n${Object.entries(fields)
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join("")}`;
};
const file = (written: number, waiting: number, base = 10): string =>
  info({ aof_current_size: written, aof_buffer_length: waiting, aof_base_size: base });

describe("what INFO says of the append-only file", () => {
  it("is read field by field", () => {
    expect(parseAof(file(1234, 56))).toEqual({ enabled: true, written: 1234, waiting: 56, series: "10/0", refused: false });
    expect(parseAof(info({ aof_last_write_status: "err" })).refused).toBe(true);
    expect(parseAof(info({ aof_rewrites: 1 })).series).not.toBe(parseAof(info()).series);
    expect(parseAof(info({ aof_base_size: 11 })).series).not.toBe(parseAof(info()).series);
  });

  it("needs no sizes where there is no file, and insists on them where there is one", () => {
    expect(parseAof("# Persistence\r\naof_enabled:0\r\n").enabled).toBe(false);
    expect(parseAof("").enabled).toBe(false);
    // Redis 6.2 tells no count of rewrites.
    expect(parseAof(info().replace("aof_rewrites:0\r\n", "")).series).toBe("10/");
    for (const name of ["aof_current_size", "aof_buffer_length", "aof_base_size"]) {
      expect(() => parseAof(info().replace(new RegExp(`${name}:\\d+\r\n`), ""))).toThrow(name);
      expect(() => parseAof(info({ [name]: "many" }))).toThrow(name);
    }
  });
});

describe("the write barrier", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** A server whose every INFO the test answers by hand. */
  const scene = (policy: () => Promise<string | undefined> = async () => "everysec") => {
    const asked: Deferred<string | undefined>[] = [];
    const warned: string[] = [];
    let policies = 0;
    const server: BarrierServer = {
      info: () => {
        const answer = deferred<string | undefined>();
        asked.push(answer);
        return answer.promise;
      },
      policy: () => {
        policies += 1;
        return policy();
      },
    };
    const quiet = (): void => {};
    const log: Logger = { debug: quiet, info: quiet, warn: (_, text) => void warned.push(text), error: quiet, fatal: quiet };
    const barrier = new WriteBarrier(server, log);
    let answered = 0;
    return {
      barrier,
      warned,
      asked: () => asked.length,
      policies: () => policies,
      /** A caller, and what became of it. */
      caller: () => {
        const caller = { state: "waits", promise: barrier.cross() };
        caller.promise.then(
          () => {
            caller.state = "through";
          },
          (error: EngineError) => {
            caller.state = error.code;
          },
        );
        return caller;
      },
      /** Answers the INFO under way, and lets pass what a pause between two looks takes. */
      answer: async (text: string | undefined) => {
        asked[answered++]!.resolve(text);
        await vi.advanceTimersByTimeAsync(5);
      },
      refuse: async (error: unknown) => {
        asked[answered++]!.reject(error);
        await vi.advanceTimersByTimeAsync(5);
      },
    };
  };

  it("lets through at once when nothing waits to be written", async () => {
    const { caller, answer, asked } = scene();
    const one = caller();
    await answer(file(100, 0));
    expect([one.state, asked()]).toEqual(["through", 1]);
  });

  it("waits until the bytes it saw waiting are written, whatever comes after them", async () => {
    const { caller, answer, asked } = scene();
    const one = caller();
    await answer(file(100, 50));
    await answer(file(100, 70));
    await answer(file(149, 21));
    expect(one.state).toBe("waits");
    await answer(file(150, 20));
    expect(one.state).toBe("through");
    expect(asked()).toBe(4);
  });

  it("serves with one INFO all who came before it was sent, and none who came after", async () => {
    const { caller, answer, asked } = scene();
    const first = caller();
    const late = [caller(), caller(), caller()];
    await answer(file(100, 0));
    expect(first.state).toBe("through");
    expect(late.map(({ state }) => state)).toEqual(["waits", "waits", "waits"]);
    expect(asked()).toBe(2);
    const later = caller();
    await answer(file(100, 30));
    // Written up to what the three saw; the one that came meanwhile has more to wait for.
    await answer(file(130, 40));
    expect([...late, later].map(({ state }) => state)).toEqual(["through", "through", "through", "waits"]);
    await answer(file(170, 1));
    expect(later.state).toBe("through");
    expect(asked()).toBe(4);
  });

  it.each([
    ["another base size", file(500, 20, 11)],
    ["another count of rewrites", info({ aof_current_size: 500, aof_buffer_length: 20, aof_rewrites: 1 })],
    ["fewer bytes than before", file(99, 20)],
  ])("takes a new target after a rewrite, known by %s", async (_, after) => {
    const { caller, answer } = scene();
    const one = caller();
    await answer(file(100, 50));
    await answer(after);
    expect(one.state).toBe("waits");
    const { written, waiting } = parseAof(after);
    const now = after.replace(`aof_current_size:${written}`, `aof_current_size:${written + waiting}`);
    await answer(now);
    expect(one.state).toBe("through");
  });

  it("gives up after 5 s of a file that is not written, and tells a disk that is full at once", async () => {
    const { caller, answer } = scene();
    const one = caller();
    await answer(file(100, 50));
    await answer(file(100, 50));
    await vi.advanceTimersByTimeAsync(4_900);
    await answer(file(100, 50));
    expect(one.state).toBe("waits");
    await vi.advanceTimersByTimeAsync(200);
    await answer(file(100, 50));
    expect(one.state).toBe("ENGRAM_STORE_UNREACHABLE");
    const two = caller();
    await answer(info({ aof_last_write_status: "err", aof_buffer_length: 7 }));
    expect(two.state).toBe("ENGRAM_DISK_FULL");
  });

  it("fails all who wait when INFO fails, and works again afterwards", async () => {
    const { caller, answer, refuse } = scene();
    const [one, two] = [caller(), caller()];
    await refuse(new EngineError("ENGRAM_STORE_UNREACHABLE", "away"));
    expect([one.state, two.state]).toEqual(["ENGRAM_STORE_UNREACHABLE", "ENGRAM_STORE_UNREACHABLE"]);
    const three = caller();
    await answer(file(100, 0));
    expect(three.state).toBe("through");
  });

  it("fails all who wait when the connection is lost: the server there next may have lost their bytes", async () => {
    const { barrier, caller, answer } = scene();
    const one = caller();
    await answer(file(100, 50));
    const two = caller();
    barrier.lost();
    expect(await codeOf(one.promise)).toBe("ENGRAM_STORE_UNREACHABLE");
    expect(await codeOf(two.promise)).toBe("ENGRAM_STORE_UNREACHABLE");
  });

  it("asks nothing under appendfsync always, until an operator may have changed it or the connection was lost", async () => {
    let value = "always";
    const { barrier, caller, answer, asked, policies } = scene(async () => value);
    const one = caller();
    await answer(file(100, 50));
    expect(one.state).toBe("through");
    await caller().promise;
    expect([asked(), policies()]).toEqual([1, 1]);
    value = "everysec";
    await vi.advanceTimersByTimeAsync(10_000);
    const two = caller();
    await answer(file(100, 50));
    expect([two.state, asked(), policies()]).toEqual(["waits", 3, 2]);
    await answer(file(150, 0));
    expect(two.state).toBe("through");
    value = "always";
    barrier.lost();
    const three = caller();
    await answer(file(100, 50));
    expect([three.state, policies()]).toEqual(["through", 3]);
  });

  it("waits where the policy may not be asked", async () => {
    const { caller, answer } = scene(async () => undefined);
    const one = caller();
    await answer(file(100, 50));
    expect(one.state).toBe("waits");
    await answer(file(150, 0));
    expect(one.state).toBe("through");
  });

  it.each([
    ["there is no file", info({ aof_enabled: 0 }), /no append-only file/],
    ["INFO is forbidden", undefined, /may not ask INFO/],
  ])("says once that nothing is promised when %s", async (_, reply, told) => {
    const { caller, answer, warned } = scene();
    for (let round = 0; round < 3; round++) {
      const one = caller();
      await answer(reply);
      expect(one.state).toBe("through");
      await vi.advanceTimersByTimeAsync(10_000);
    }
    expect(warned).toEqual([expect.stringMatching(told)]);
  });
});

interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

function deferred<T>(): Deferred<T> {
  let resolve!: Deferred<T>["resolve"];
  let reject!: Deferred<T>["reject"];
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
