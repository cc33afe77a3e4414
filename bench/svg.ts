/**
 * Bar charts as SVG text: horizontal bars on a logarithmic scale, with a mark where a bar was asked to reach. Readable on light and dark pages: colours
 * follow `prefers-color-scheme`, the ground is transparent. Nothing but text and rectangles; no fonts are fetched.
 */
export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The middle half of the measurements. */
  readonly range?: readonly [low: number, high: number];
  /** Where the bar should reach; drawn as a line. */
  readonly asked?: number;
  /** What stands behind the bar; the value when left out. */
  readonly text?: string;
  /** Bars of a group have its colour. */
  readonly group?: number;
}

const WIDTH = 980;
const LABEL = 450;
const BAR_HEIGHT = 16;
const STEP = 24;
const TOP = 46;
const RIGHT = 70;

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[char]!);
const fixed = (value: number): string => value.toFixed(1);
const figure = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-size: 14px; font-weight: 600; }
  .axis { stroke: #d0d7de; stroke-width: 1; }
  .tick { fill: #57606a; font-size: 11px; }
  .g0 { fill: #0969da; } .g1 { fill: #8250df; } .g2 { fill: #1a7f37; } .g3 { fill: #bf8700; }
  .range { stroke: #24292f; stroke-width: 1.5; }
  .asked { stroke: #cf222e; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .tick { fill: #9198a1; } .axis { stroke: #3d444d; } .range { stroke: #e6edf3; } .asked { stroke: #ff7b72; }
    .g0 { fill: #4493f8; } .g1 { fill: #ab7df8; } .g2 { fill: #3fb950; } .g3 { fill: #d29922; }
  }`;

/** A chart whose axis is powers of ten. `unit` stands behind the ticks. */
export function barChart(title: string, unit: string, bars: readonly Bar[]): string {
  const values = bars
    .flatMap(({ value, asked, range }) => [value, ...(asked === undefined ? [] : [asked]), ...(range ?? [])])
    .filter((value) => value > 0);
  const low = 10 ** Math.floor(Math.log10(Math.min(...values)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...values)));
  const decades = Math.max(1, Math.round(Math.log10(high / low)));
  const x = (value: number): number => LABEL + (Math.log10(Math.max(value, low) / low) / decades) * (WIDTH - LABEL - RIGHT);
  const height = TOP + bars.length * STEP + 12;
  const parts: string[] = [];
  for (let decade = 0; decade <= decades; decade++) {
    const value = low * 10 ** decade;
    parts.push(`<line class="axis" x1="${fixed(x(value))}" y1="${TOP - 6}" x2="${fixed(x(value))}" y2="${height - 8}"/>`);
    parts.push(
      `<text class="tick" x="${fixed(x(value))}" y="${TOP - 10}" text-anchor="middle">${figure.format(value)}${escaped(unit)}</text>`,
    );
  }
  bars.forEach(({ label, value, range, asked, text, group = 0 }, i) => {
    const y = TOP + i * STEP;
    const middle = y + BAR_HEIGHT / 2;
    parts.push(`<text x="${LABEL - 8}" y="${y + 12}" text-anchor="end">${escaped(label)}</text>`);
    parts.push(
      `<rect class="g${group % 4}" x="${LABEL}" y="${y}" width="${fixed(Math.max(1, x(value) - LABEL))}" height="${BAR_HEIGHT}" rx="2"/>`,
    );
    if (range !== undefined)
      parts.push(`<line class="range" x1="${fixed(x(range[0]))}" y1="${middle}" x2="${fixed(x(range[1]))}" y2="${middle}"/>`);
    if (asked !== undefined)
      parts.push(`<line class="asked" x1="${fixed(x(asked))}" y1="${y - 3}" x2="${fixed(x(asked))}" y2="${y + BAR_HEIGHT + 3}"/>`);
    const end = Math.max(x(value), asked === undefined ? 0 : x(asked), range === undefined ? 0 : x(range[1]));
    parts.push(`<text x="${fixed(end + 6)}" y="${y + 12}">${escaped(text ?? figure.format(value))}</text>`);
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">`,
    `<title>${escaped(title)}</title><style>${STYLE}</style>`,
    `<text class="title" x="8" y="18">${escaped(title)}</text>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}
