import { expect, test } from "vitest";
import { barChart } from "../../bench/svg.ts";

const widths = (svg: string): number[] => [...svg.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map((match) => Number(match[1]));

test("bars are as long as the logarithms of their values, and their texts cannot be markup", () => {
  const svg = barChart("a < b & c", " ns", [
    { label: '<"one">', value: 10, asked: 100 },
    { label: "ten", value: 100, range: [50, 200] },
    { label: "thousand", value: 1_000, text: "much" },
  ]);
  const [ten, hundred, thousand] = widths(svg) as [number, number, number];
  // The shortest bar is still a pixel wide.
  expect(ten).toBe(1);
  expect(Math.abs(thousand - 2 * hundred)).toBeLessThan(1);
  expect(svg).toContain("a &lt; b &amp; c");
  expect(svg).toContain("&lt;&quot;one&quot;&gt;");
  expect(svg).toContain(">much<");
  expect(svg.match(/class="asked"/g)).toHaveLength(1);
  expect(svg.match(/class="range"/g)).toHaveLength(1);
  // Nothing is drawn outside of the picture.
  for (const [, x] of svg.matchAll(/ x[12]?="([\d.]+)"/g)) expect(Number(x)).toBeLessThanOrEqual(980);
});
