/** How sets are signed and cut into bands, as the kernels are told. */
export interface BandSpec {
  readonly scheme: "datasketch" | "multiply-add" | "one-permutation";
  /** Values of a signature. At most BAND_VALUES_MAX; a multiple of 4 for datasketch, of 16 for the others. */
  readonly values: number;
  /** Bands of `rows` consecutive values each; `bands * rows` is at most `values`. */
  readonly bands: number;
  readonly rows: number;
  /** Where the keys of the first band start: another one for each setting, so that keys of two settings have nothing in common. */
  readonly seed: number;
}
