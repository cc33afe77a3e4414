/** Figures are bounded and of the moment they were asked for. */
import { describe, expect, it } from "vitest";
import { silentLogger } from "../../../src/log.ts";
import { Machine } from "../../../src/monitor/machine.ts";
import { Monitor, SERIES_NAMES } from "../../../src/monitor/monitor.ts";
import { NODES_MAX, NodeLog } from "../../../src/monitor/nodes.ts";
import { Series } from "../../../src/monitor/series.ts";
import { FakeEngine } from "../../support/fake-engine.ts";

describe("a series", () => {
  it("keeps the newest readings, oldest first", () => {
    const series = new Series(3);
    for (let i = 1; i <= 5; i++) series.add(i * 10, i);
    expect(series.since(0)).toEqual([
      { atMs: 30, value: 3 },
      { atMs: 40, value: 4 },
      { atMs: 50, value: 5 },
    ]);
    expect(series.since(45).map((reading) => reading.value)).toEqual([5]);
  });
});

describe("the nodes in use", () => {
  it("are bounded, most recently used first", () => {
    const log = new NodeLog();
    for (let i = 0; i <= NODES_MAX; i++) log.used(`n${i}`, (node) => `${node}_kato`);
    log.used("n1", () => "never asked again");
    const list = log.list(60);
    expect(list).toHaveLength(NODES_MAX);
    expect(list[0]).toMatchObject({ nodeId: "n1", kb: "n1_kato", count: 2 });
    expect(list.some((node) => node.nodeId === "n0")).toBe(false);
  });
});

describe("the monitor", () => {
  it("reads all series at once, and not again within a second", async () => {
    const monitor = new Monitor({ engine: new FakeEngine(), log: silentLogger, folder: ".", concurrent: () => 3 });
    monitor.requests.came();
    monitor.requests.answered(500, 20, true);
    await monitor.now();
    await monitor.now();
    for (const name of SERIES_NAMES) expect(monitor.series(name, 1), name).toHaveLength(1);
    expect(monitor.series("kato_request_errors_total", 1)?.[0]?.value).toBe(1);
    expect(monitor.series("kato_request_duration_seconds", 1)?.[0]?.value).toBeCloseTo(0.02);
    expect(monitor.series("kato_concurrent_requests", 1)?.[0]?.value).toBe(3);
    expect(monitor.series("other", 1)).toBeUndefined();
  });

  it("answers without the count of sessions while the state store is away", async () => {
    const engine = new FakeEngine();
    engine.failure = new Error("away");
    const monitor = new Monitor({ engine, log: silentLogger, folder: ".", concurrent: () => 0 });
    expect(await monitor.now()).toMatchObject({ activeSessions: 0, error: "away" });
  });
});

describe("the machine", () => {
  it("has percentages, and a disk only where there is one", async () => {
    const figures = await new Machine("/").read();
    for (const value of Object.values(figures)) {
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThanOrEqual(100);
    }
    expect(figures.diskPercent).toBeGreaterThan(0);
    expect((await new Machine("/no/such/folder").read()).diskPercent).toBe(0);
  });
});
