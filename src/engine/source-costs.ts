/** What reading from the pattern store costs every source that does it: for the choice between them, so only the order of magnitude counts. */

/** Nanoseconds a pattern that is scanned, matching it included. */
export const SCANNED_ROW_NS = 350;
/** Microseconds a pattern that is fetched by its id. */
export const FETCHED_MICROSECONDS = 100;
