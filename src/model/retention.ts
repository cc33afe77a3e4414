/** Bounds of a time to live of patterns, in seconds: below a minute it would be no memory, beyond a century no retention. */
export const RETENTION_SECONDS_MIN = 60;
export const RETENTION_SECONDS_MAX = 3_155_760_000;
