/** Bytes up to the next multiple of 8. */
export const align8 = (bytes: number): number => (bytes + 7) & ~7;
