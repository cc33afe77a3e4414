/** Contract of the state store: learns that come packed. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { IMPORT_COMMIT_LEARNS } from "../../src/engine/part-changes.ts";
import { LearnPacker, unpackLearns } from "../../src/store/packed-learns.ts";
import { TwinKb } from "../reference/state.ts";
import { expectTwin, learnOf, type OpenedState } from "../support/state-stores.ts";
import { history, runs } from "./state-learns.ts";

export function packedSuite(opened: () => OpenedState): void {
  it("learns what was packed as it learns the same one by one, once a request", async () => {
    const { store } = opened();
    let kbs = 0;
    await fc.assert(
      fc.asyncProperty(history, async (operations) => {
        const kb = `packed ${(kbs += 1)}`;
        const learns = operations.flatMap(([, change]) => {
          const found = change.op === "learn" ? [change.learn] : change.op === "bulk" ? change.learns : [];
          return found.map((learn) => ({ ...learn, kb }));
        });
        const twin = new TwinKb(kb);
        for (let from = 0; from < learns.length; from += 3) {
          const part = learns.slice(from, from + 3);
          const packer = new LearnPacker();
          for (const learn of part) packer.add(learn);
          const packed = structuredClone(packer.finish());
          expect(unpackLearns(kb, packed)).toEqual(part);
          const expected = part.map((learn) => twin.learn(learn));
          expect(await store.commitPacked(kb, packed, `${kb} ${from}`)).toEqual(expected);
          expect(await store.commitPacked(kb, packed, `${kb} ${from}`)).toEqual(expected);
        }
        await expectTwin(store, twin);
        const firstNew = (await store.tail(kb, 1)).find((entry) => entry.kind === "learn" && entry.isNew);
        expect(await store.firstUnflushed(kb, 1)).toBe((firstNew as { patternId?: number } | undefined)?.patternId);
      }),
      runs(15),
    );
    expect(await store.firstUnflushed("never written", 1)).toBeUndefined();
  });

  it("learns a commit of an import at once, and once a request", async () => {
    const { store } = opened();
    const kb = "imported";
    const twin = new TwinKb(kb);
    const packer = new LearnPacker();
    for (let i = 0; i < IMPORT_COMMIT_LEARNS; i++) {
      // Repeats, new symbols and emotives in between.
      const learn = learnOf(kb, [[`a${i % 3_000}`, `b${i % 7}`], [`c${i % 11}`]], i % 5 === 0 ? { emotives: [[["joy", i / 7]]] } : {});
      packer.add(learn);
      twin.learn(learn);
    }
    const packed = packer.finish();
    expect(await store.importPacked(kb, packed, "part 0")).toBe("done");
    expect(await store.importPacked(kb, packed, "part 0")).toBe("done");
    await expectTwin(store, twin);
  });
}
