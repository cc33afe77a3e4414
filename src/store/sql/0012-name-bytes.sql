-- Postings know the first byte of the pattern's name, so that of many patterns with the same bound only those are fetched that can win by name.
-- Rows without it would be ranked wrongly: the postings are made anew, behind the next start, and until then their patterns are scanned. Every
-- step may be repeated: the marks go first, so that no crash leaves a mark without its rows.
DELETE FROM {database}.index_marks WHERE name = 'postings';

DROP TABLE IF EXISTS {database}.postings;

CREATE TABLE postings
(
    kb LowCardinality(String),
    generation UInt32,
    symbol UInt32,
    length UInt16,
    pattern_id UInt64 CODEC(T64, LZ4),
    signature UInt64 CODEC(LZ4),
    name_byte UInt8 CODEC(NONE)
)
ENGINE = MergeTree ORDER BY (kb, generation, symbol, length, pattern_id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1;
