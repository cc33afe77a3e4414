-- Everything a kb has learned. kb and generation lead every key; there is no partition by kb (thousands of partitions cost seconds at
-- each start and each insert). A generation is void as soon as a later one exists. Patterns are numbered densely from 0.

CREATE TABLE symbols
(
    kb LowCardinality(String),
    generation UInt32,
    symbol_id UInt32,
    symbol String CODEC(ZSTD(1))
)
ENGINE = MergeTree ORDER BY (kb, generation, symbol_id)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- name comes in as hexadecimal text, so that an insert is plain JSON, and is kept as its 20 bytes: it is read with every scan, because
-- ties between equally good patterns go to the smaller name. SHA-1 does not compress, so it is not asked to. Granules and blocks have
-- their usual size: a scan of a whole kb took 22 ms for 100,000 patterns with them, and 40 ms with granules of 512 rows.
CREATE TABLE patterns
(
    kb LowCardinality(String),
    generation UInt32,
    pattern_id UInt64 CODEC(Delta, LZ4),
    name_hex String EPHEMERAL,
    name FixedString(20) DEFAULT unhex(name_hex) CODEC(NONE),
    symbols Array(UInt32) CODEC(LZ4),
    event_ends Array(UInt16) CODEC(LZ4),
    length UInt16 DEFAULT length(symbols),
    distinct_count UInt16 DEFAULT length(arrayDistinct(symbols)),
    first_symbol UInt32 DEFAULT symbols[1]
)
ENGINE = MergeTree ORDER BY (kb, generation, pattern_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Every change of a kb, in order. Emotives and metadata are JSON text: exact, and any name is legal in them.
CREATE TABLE learn_events
(
    kb LowCardinality(String),
    generation UInt32,
    seq UInt64 CODEC(Delta, LZ4),
    kind LowCardinality(String),
    at DateTime64(3, 'UTC'),
    pattern_id UInt64,
    is_new Bool,
    persistence UInt16,
    first_new_symbol UInt32,
    below UInt64,
    emotives String CODEC(ZSTD(1)),
    metadata String CODEC(ZSTD(1))
)
ENGINE = MergeTree ORDER BY (kb, seq)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE vectors
(
    kb LowCardinality(String),
    generation UInt32,
    seq UInt64,
    position UInt32,
    symbol String,
    `values` Array(Float64)
)
ENGINE = MergeTree ORDER BY (kb, generation, seq, position)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Written last of a batch: a name that stands here has all its rows elsewhere.
CREATE TABLE pattern_names
(
    kb LowCardinality(String),
    generation UInt32,
    name_hex String EPHEMERAL,
    name FixedString(20) DEFAULT unhex(name_hex) CODEC(NONE),
    pattern_id UInt64
)
ENGINE = ReplacingMergeTree ORDER BY (kb, generation, name)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
