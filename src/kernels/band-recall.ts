/** How many patterns the bands of a signature let through: what the stage minhash can be expected to find. */
import { SIGNATURE_BANDS, SIGNATURE_ROWS } from "../../assembly/layout.ts";

/**
 * Chance that two signatures of which a share `agreement` of values is equal have an equal band: 1 − (1 − s^rows)^bands (Leskovec, Rajaraman,
 * Ullman, Mining of Massive Datasets, 3.4.2).
 */
export function bandRecall(agreement: number): number {
  return 1 - (1 - agreement ** SIGNATURE_ROWS) ** SIGNATURE_BANDS;
}
