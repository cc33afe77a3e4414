/** What a kb in memory is worth while ClickHouse is away: it goes on answering, with what is learned meanwhile; a scan of the store is refused. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ClickHouseBridge, startBridge } from "../support/clickhouse-bridge.ts";
import { type OpenedEngine, openTestEngine } from "../support/engines.ts";

let bridge: ClickHouseBridge;
let opened: OpenedEngine;
beforeAll(async () => {
  bridge = await startBridge();
  opened = await openTestEngine("lmdb", { clickhouse: { url: bridge.url, user: "default", password: "" } });
});
afterAll(async () => {
  await opened?.close();
  await bridge?.stop();
});

const state = ["a", "b", "c"].map((symbol) => [symbol]);
const config = { recall_threshold: 0.1, max_predictions: 100 };

it("a kb in memory answers while ClickHouse is away, and nothing learned meanwhile is missing when it is back", async () => {
  const { engine } = opened;
  const kb = engine.kbOf("away");
  const learn = (last: string) => engine.learnSequences(kb, [[...state, [last]]]);
  await learn("d");
  await engine.flush();
  const ask = async (source: "resident" | "stream") => {
    const { predictions, trace } = await engine.predictState(kb, state, config, { source });
    expect(trace.source).toBe(source);
    return predictions;
  };
  expect(await ask("resident")).toHaveLength(1);

  await bridge.kill9();
  await learn("e");
  expect(await ask("resident")).toHaveLength(2);
  await expect(ask("stream")).rejects.toMatchObject({ code: "ENGRAM_STORE_UNREACHABLE" });
  // Unforced, the planner finds the source that can answer.
  expect((await engine.predictState(kb, state, config)).trace.source).toBe("resident");

  await bridge.start();
  await engine.flush();
  await learn("f");
  const [fromMemory, fromStore] = [await ask("resident"), await ask("stream")];
  expect(fromMemory).toHaveLength(3);
  expect(fromStore).toEqual(fromMemory);
});
