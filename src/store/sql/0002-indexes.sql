-- What finds patterns without reading them all. Every row here can be made again from `patterns`; `index_marks` says up to which pattern
-- id that was done, and is written after the rows, so a row without its mark is at worst there twice, which changes no answer.

-- One row per pattern and distinct symbol. The order makes "this symbol, in patterns of these lengths" one range of the key. The signature
-- has bit (id mod 64) of each of the pattern's symbols: ids are given out as symbols are met, so frequent ones have bits of their own.
CREATE TABLE postings
(
    kb LowCardinality(String),
    generation UInt32,
    symbol UInt32,
    length UInt16,
    pattern_id UInt64 CODEC(T64, LZ4),
    signature UInt64 CODEC(LZ4)
)
ENGINE = MergeTree ORDER BY (kb, generation, symbol, length, pattern_id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1;

-- Ids below `below` are in the index named.
CREATE TABLE index_marks
(
    kb LowCardinality(String),
    generation UInt32,
    name LowCardinality(String),
    below UInt64
)
ENGINE = ReplacingMergeTree(below) ORDER BY (kb, generation, name)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1;
