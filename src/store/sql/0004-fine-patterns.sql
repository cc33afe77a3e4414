-- Patterns in small granules and blocks: what an index finds is fetched one by one, and with granules of 8,192 rows 100 patterns out of a
-- million cost as much as a tenth of a whole scan (75-100 ms against 15-25 ms with these), while a scan becomes a quarter dearer.
-- docs/decisions/0006-postings-behind-the-flush.md. Three steps, a file each, so that a crash between two of them loses nothing: this
-- one fills the new table, the next drops the old one, the third gives the new one its name.

CREATE TABLE patterns_fine
(
    kb LowCardinality(String),
    generation UInt32,
    pattern_id UInt64 CODEC(Delta, LZ4),
    name_hex String EPHEMERAL,
    name FixedString(20) DEFAULT unhex(name_hex) CODEC(NONE),
    symbols Array(UInt32) CODEC(LZ4),
    event_ends Array(UInt16) CODEC(Delta(2), LZ4),
    length UInt16 DEFAULT length(symbols),
    distinct_count UInt16 DEFAULT length(arrayDistinct(symbols)),
    first_symbol UInt32 DEFAULT symbols[1]
)
ENGINE = MergeTree ORDER BY (kb, generation, pattern_id)
SETTINGS index_granularity = 256, min_compress_block_size = 8192, max_compress_block_size = 16384,
    non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

TRUNCATE TABLE {database}.patterns_fine;

INSERT INTO {database}.patterns_fine (kb, generation, pattern_id, name, symbols, event_ends, length, distinct_count, first_symbol)
SELECT kb, generation, pattern_id, name, symbols, event_ends, length, distinct_count, first_symbol FROM {database}.patterns;
