/** Requests since start: how many came, how many failed by our fault, how long the answered ones took. Cost: a few additions a request. */
export interface RequestFigures {
  readonly total: number;
  /** Answered with 500 or above. */
  readonly errors: number;
  readonly answered: number;
  readonly seconds: number;
  /** Calls under `/sessions/{id}`. */
  readonly sessionCalls: number;
}

export class RequestMeter {
  #total = 0;
  #errors = 0;
  #answered = 0;
  #seconds = 0;
  #sessionCalls = 0;

  came(): void {
    this.#total++;
  }

  answered(status: number, ms: number, ofSession: boolean): void {
    this.#answered++;
    this.#seconds += ms / 1_000;
    if (status >= 500) this.#errors++;
    if (ofSession) this.#sessionCalls++;
  }

  figures(): RequestFigures {
    return {
      total: this.#total,
      errors: this.#errors,
      answered: this.#answered,
      seconds: this.#seconds,
      sessionCalls: this.#sessionCalls,
    };
  }
}
