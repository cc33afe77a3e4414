-- The book of imports: a row before the first change, and a newer one after each part. What an import brought is known by the generation it went
-- into and by the numbers its changes took.
CREATE TABLE imports
(
    id String,
    kb String,
    generation UInt32,
    seq_before UInt64,
    seq_after UInt64,
    merged UInt8,
    state LowCardinality(String),
    at DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version) ORDER BY id
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
