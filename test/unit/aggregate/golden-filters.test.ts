/** The reference twin's pipeline against 60 recorded ones, since kernels and engine are judged by it. */
import { expect, test } from "vitest";
import { effectiveConfig, type SessionConfig, STAGE_NAMES, type StageName } from "../../../src/model/session-config.ts";
import { brutePasses } from "../../reference/brute-stages.ts";
import { golden } from "../../reference/golden.ts";

interface Case {
  state_events: string[][];
  patterns: string[][][];
  config: SessionConfig;
  pipeline: StageName[];
  each_stage_alone: Record<StageName, number[]>;
  passing: number[];
}

test("every stage alone, and the pipelines whose first stage KATO runs", () => {
  const cases = golden<Case>("filters");
  expect(cases.length).toBe(60);
  let pipelines = 0;
  for (const { state_events, patterns, config, pipeline, each_stage_alone, passing } of cases) {
    const effective = effectiveConfig({}, config);
    const passes = (stages: readonly StageName[]): number[] =>
      patterns.flatMap((events, index) => (stages.every((stage) => brutePasses(stage, events, state_events, effective)) ? [index] : []));
    for (const stage of STAGE_NAMES) expect(passes([stage]), stage).toEqual(each_stage_alone[stage]);
    // A pipeline that begins with a local stage is skipped by KATO, and run by us (Q3).
    if (pipeline[0] === "rapidfuzz" || pipeline[0] === "bloom") continue;
    expect(passes(pipeline)).toEqual(passing);
    pipelines++;
  }
  expect(pipelines).toBeGreaterThan(40);
});
