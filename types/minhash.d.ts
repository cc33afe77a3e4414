/** The part of the package `minhash` that the benches use; it brings no types of its own. */
declare module "minhash" {
  export class Minhash {
    constructor(options?: { numPerm?: number; seed?: number });
    readonly hashvalues: number[];
    update(text: string): void;
    jaccard(other: Minhash): number;
  }
}
