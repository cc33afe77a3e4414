/**
 * The text that NumPy prints for a one-dimensional float64 array under its default print options: at most eight fractional digits, the
 * shortest that still tell the number apart, padded to a common width, wrapped near 75 columns, scientific where magnitudes differ much,
 * and only the first and last three of more than 1,000 elements. Names of vectors are hashes of it, so every blank counts.
 * Numbers must be finite. Cost: about a microsecond a printed element, at most 1,000 of them.
 */

/** NumPy's default print options. */
const PRECISION = 8;
const LINE_WIDTH = 75;
const ELEMENTS_MAX = 1_000;
const EDGE_ELEMENTS = 3;
/** NumPy turns to scientific notation from this magnitude on, below the second, or beyond this ratio of the largest to the smallest. */
const SCIENTIFIC_FROM = 1e8;
const SCIENTIFIC_BELOW = 1e-4;
const SCIENTIFIC_RATIO = 1_000;
/** Continuation lines begin with it. */
const INDENT = " ";

export function vectorText(values: readonly number[]): string {
  const elided = values.length > ELEMENTS_MAX;
  const shown = elided ? [...values.slice(0, EDGE_ELEMENTS), ...values.slice(-EDGE_ELEMENTS)] : values;
  const words = (isScientific(shown) ? scientificWords : positionalWords)(shown);
  if (elided) words.splice(EDGE_ELEMENTS, 0, "...");
  return `[${wrap(words)}]`;
}

function isScientific(values: readonly number[]): boolean {
  let largest = 0;
  let smallest = Number.POSITIVE_INFINITY;
  for (const value of values) {
    if (value === 0) continue;
    largest = Math.max(largest, Math.abs(value));
    smallest = Math.min(smallest, Math.abs(value));
  }
  return largest > 0 && (largest >= SCIENTIFIC_FROM || smallest < SCIENTIFIC_BELOW || largest / smallest > SCIENTIFIC_RATIO);
}

/** Words separated by a blank; a line is ended before a word that would pass the width (one column is kept for the closing bracket). */
function wrap(words: readonly string[]): string {
  let lines = "";
  let line = INDENT;
  for (const word of words) {
    if (line.length + word.length > LINE_WIDTH - 1 && line.length > INDENT.length) {
      lines += `${line.trimEnd()}\n`;
      line = INDENT;
    }
    line += `${word} `;
  }
  return (lines + line).slice(INDENT.length, -1);
}

const isNegative = (value: number): boolean => value < 0 || Object.is(value, -0);
const sign = (value: number): string => (isNegative(value) ? "-" : "");

/** Integer parts end in one column, fractions are filled with blanks. */
function positionalWords(values: readonly number[]): string[] {
  const parts = values.map((value) => {
    const [whole, fraction] = positionalDigits(Math.abs(value));
    return { whole: sign(value) + whole, fraction };
  });
  const left = Math.max(0, ...parts.map(({ whole }) => whole.length));
  const right = Math.max(0, ...parts.map(({ fraction }) => fraction.length));
  return parts.map(({ whole, fraction }) => `${whole.padStart(left)}.${fraction.padEnd(right)}`);
}

/** Integer and fractional digits of a magnitude below 1e8. */
function positionalDigits(magnitude: number): [whole: string, fraction: string] {
  // In this range JavaScript prints positionally down to 1e-6, and smaller ones (0 aside) do not occur.
  const [whole, fraction = ""] = String(magnitude).split(".") as [string, string?];
  if (fraction.length <= PRECISION) return [whole, fraction];
  const digits = String(roundedMultiple(magnitude, PRECISION)).padStart(PRECISION + 1, "0");
  return [digits.slice(0, -PRECISION), digits.slice(-PRECISION).replace(/0+$/, "")];
}

/** One digit before the point, fractions filled with zeros, exponents of two digits or as many as the widest needs. */
function scientificWords(values: readonly number[]): string[] {
  const parts = values.map((value) => {
    const { lead, fraction, exponent } = scientificDigits(Math.abs(value));
    return { whole: sign(value) + lead, fraction, exponent };
  });
  const left = Math.max(...parts.map(({ whole }) => whole.length));
  const right = Math.max(...parts.map(({ fraction }) => fraction.length));
  const power = Math.max(2, ...parts.map(({ exponent }) => String(Math.abs(exponent)).length));
  return parts.map(({ whole, fraction, exponent }) => {
    const digits = String(Math.abs(exponent)).padStart(power, "0");
    return `${whole.padStart(left)}.${fraction.padEnd(right, "0")}e${exponent < 0 ? "-" : "+"}${digits}`;
  });
}

function scientificDigits(magnitude: number): { lead: string; fraction: string; exponent: number } {
  const [mantissa, power] = magnitude.toExponential().split("e") as [string, string];
  const exponent = Number(power);
  const [lead, fraction = ""] = mantissa.split(".") as [string, string?];
  if (fraction.length <= PRECISION) return { lead, fraction, exponent };
  const digits = String(roundedMultiple(magnitude, PRECISION - exponent));
  return {
    lead: digits[0]!,
    fraction: digits.slice(1).replace(/0+$/, ""),
    // 9.999999999 becomes 10.0000000: one digit more.
    exponent: exponent + digits.length - 1 - PRECISION,
  };
}

const bits = new DataView(new ArrayBuffer(8));

/**
 * The integer nearest to magnitude · 10^places, halves to the even one. Exact, on the number's own binary digits: `toFixed` and
 * `toExponential` round halves up, NumPy to even, and a name depends on it.
 */
function roundedMultiple(magnitude: number, places: number): bigint {
  bits.setFloat64(0, magnitude);
  const word = bits.getBigUint64(0);
  const biased = Number(word >> 52n);
  const fraction = word & 0xf_ffff_ffff_ffffn;
  // Subnormal numbers (biased exponent 0) have no hidden bit.
  const mantissa = biased === 0 ? fraction : fraction | (1n << 52n);
  const power = Math.max(biased, 1) - 1075;
  const numerator = mantissa * 10n ** BigInt(Math.max(places, 0)) * 2n ** BigInt(Math.max(power, 0));
  const denominator = 10n ** BigInt(Math.max(-places, 0)) * 2n ** BigInt(Math.max(-power, 0));
  const quotient = numerator / denominator;
  const twice = 2n * (numerator % denominator);
  const up = twice > denominator || (twice === denominator && (quotient & 1n) === 1n);
  return up ? quotient + 1n : quotient;
}
