-- What is decided for a knowledge base as a whole and outlives its generations: a row a name, the newest counts; an empty value: not set.
CREATE TABLE kb_settings
(
    kb String,
    name LowCardinality(String),
    value String,
    version UInt64
)
ENGINE = ReplacingMergeTree(version) ORDER BY (kb, name)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
