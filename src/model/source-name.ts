/** Where the candidates of a prediction come from. What each does and costs: docs/architecture.md. */
export const SOURCE_NAMES = ["stream", "resident", "postings", "buckets"] as const;

export type SourceName = (typeof SOURCE_NAMES)[number];

export const isSourceName = (text: string): text is SourceName => (SOURCE_NAMES as readonly string[]).includes(text);
