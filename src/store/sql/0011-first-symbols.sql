-- Which patterns begin with a symbol, shortest first, equally long ones by name: in that order a state of one symbol wants them, so its answer is the
-- beginning of one range. 23 bytes a pattern, nearly all of them the name. index_marks says up to which pattern id it goes.
CREATE TABLE first_symbols
(
    kb LowCardinality(String),
    generation UInt32,
    symbol UInt32,
    length UInt16,
    name FixedString(20) CODEC(NONE),
    pattern_id UInt64 CODEC(T64, LZ4)
)
ENGINE = MergeTree ORDER BY (kb, generation, symbol, length, name)
SETTINGS index_granularity = 512, fsync_after_insert = 1, fsync_part_directory = 1;
