/** The newest so many readings of one figure, with their times. Cost: 16 bytes a reading, made once. */
export interface Reading {
  readonly atMs: number;
  readonly value: number;
}

export class Series {
  readonly #times: Float64Array;
  readonly #values: Float64Array;
  #count = 0;

  constructor(readingsMax: number) {
    this.#times = new Float64Array(readingsMax);
    this.#values = new Float64Array(readingsMax);
  }

  add(atMs: number, value: number): void {
    const at = this.#count++ % this.#times.length;
    this.#times[at] = atMs;
    this.#values[at] = value;
  }

  /** Readings taken at `fromMs` or later, oldest first. */
  since(fromMs: number): Reading[] {
    const found: Reading[] = [];
    for (let i = Math.max(0, this.#count - this.#times.length); i < this.#count; i++) {
      const at = i % this.#times.length;
      if (this.#times[at]! >= fromMs) found.push({ atMs: this.#times[at]!, value: this.#values[at]! });
    }
    return found;
  }
}
