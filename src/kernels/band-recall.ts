/** How many patterns the bands of a signature let through: what the stage minhash and the source "buckets" can be expected to find. */
import { SIGNATURE_BANDS, SIGNATURE_ROWS } from "../../assembly/layout.ts";

/**
 * Chance that two signatures of which a share `agreement` of values is equal have an equal band: 1 − (1 − s^rows)^bands (Leskovec, Rajaraman,
 * Ullman, Mining of Massive Datasets, 3.4.2).
 */
export function bandRecall(agreement: number, bands: number = SIGNATURE_BANDS, rows: number = SIGNATURE_ROWS): number {
  return 1 - (1 - agreement ** rows) ** bands;
}

/** Agreement to be expected of signatures of sequences of distinct symbols whose similarity (2 L / (N + Q)) is `similarity`: their Jaccard index, at least. */
export function agreementOf(similarity: number): number {
  return similarity / (2 - similarity);
}
