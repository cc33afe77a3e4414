-- The cluster form of the schema: what the numbered files come to, replicated and sharded. NOT RUN on a cluster: parsed, and its columns, keys and
-- engines compared with the numbered files, in test/contract/cluster-schema.test.ts. docs/scaling.md says what it would do and what is missing.
--
-- Each table is two: `<name>_shard` holds a shard's rows on each of its replicas, `<name>` is the view over all shards that Engram reads and
-- writes. The macros {cluster}, {shard} and {replica} come from each server's configuration.
--
-- Patterns, and all that is found by pattern, are spread by kb, generation and pattern: a large kb fills every shard, and the rows of one
-- pattern lie together, so that postings are grouped and bounded where they are. Everything else of a kb lies on one shard, in order.

CREATE DATABASE IF NOT EXISTS engram ON CLUSTER '{cluster}';

CREATE TABLE IF NOT EXISTS engram.symbols_shard ON CLUSTER '{cluster}'
(
    kb LowCardinality(String),
    generation UInt32,
    symbol_id UInt32,
    symbol String CODEC(ZSTD(1))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/engram/symbols', '{replica}') ORDER BY (kb, generation, symbol_id)
SETTINGS index_granularity = 1024, replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS engram.symbols ON CLUSTER '{cluster}' AS engram.symbols_shard
ENGINE = Distributed('{cluster}', 'engram', 'symbols_shard', cityHash64(kb));

CREATE TABLE IF NOT EXISTS engram.patterns_shard ON CLUSTER '{cluster}'
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
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/engram/patterns', '{replica}') ORDER BY (kb, generation, pattern_id)
SETTINGS index_granularity = 256, min_compress_block_size = 8192, max_compress_block_size = 16384, replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS engram.patterns ON CLUSTER '{cluster}' AS engram.patterns_shard
ENGINE = Distributed('{cluster}', 'engram', 'patterns_shard', cityHash64(kb, generation, pattern_id));

CREATE TABLE IF NOT EXISTS engram.postings_shard ON CLUSTER '{cluster}'
(
    kb LowCardinality(String),
    generation UInt32,
    symbol UInt32,
    length UInt16,
    pattern_id UInt64 CODEC(T64, LZ4),
    signature UInt64 CODEC(LZ4),
    name_byte UInt8 CODEC(NONE)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/engram/postings', '{replica}') ORDER BY (kb, generation, symbol, length, pattern_id)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS engram.postings ON CLUSTER '{cluster}' AS engram.postings_shard
ENGINE = Distributed('{cluster}', 'engram', 'postings_shard', cityHash64(kb, generation, pattern_id));

CREATE TABLE IF NOT EXISTS engram.first_symbols_shard ON CLUSTER '{cluster}'
(
    kb LowCardinality(String),
    generation UInt32,
    symbol UInt32,
    length UInt16,
    name FixedString(20) CODEC(NONE),
    pattern_id UInt64 CODEC(T64, LZ4)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/engram/first_symbols', '{replica}') ORDER BY (kb, generation, symbol, length, name)
SETTINGS index_granularity = 512, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS engram.first_symbols ON CLUSTER '{cluster}' AS engram.first_symbols_shard
ENGINE = Distributed('{cluster}', 'engram', 'first_symbols_shard', cityHash64(kb, generation, pattern_id));

CREATE TABLE IF NOT EXISTS engram.minhash_buckets_shard ON CLUSTER '{cluster}'
(
    kb LowCardinality(String),
    generation UInt32,
    band UInt8,
    bucket UInt32 CODEC(T64, LZ4),
    pattern_id UInt64 CODEC(T64, LZ4)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/engram/minhash_buckets', '{replica}') ORDER BY (kb, generation, band, bucket, pattern_id)
SETTINGS index_granularity = 512, min_compress_block_size = 8192, max_compress_block_size = 16384, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS engram.minhash_buckets ON CLUSTER '{cluster}' AS engram.minhash_buckets_shard
ENGINE = Distributed('{cluster}', 'engram', 'minhash_buckets_shard', cityHash64(kb, generation, pattern_id));

CREATE TABLE IF NOT EXISTS engram.index_marks_shard ON CLUSTER '{cluster}'
(
    kb LowCardinality(String),
    generation UInt32,
    name LowCardinality(String),
    below UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/engram/index_marks', '{replica}', below) ORDER BY (kb, generation, name)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS engram.index_marks ON CLUSTER '{cluster}' AS engram.index_marks_shard
ENGINE = Distributed('{cluster}', 'engram', 'index_marks_shard', cityHash64(kb));

CREATE TABLE IF NOT EXISTS engram.learn_events_shard ON CLUSTER '{cluster}'
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
    metadata String CODEC(ZSTD(1)),
    frequency UInt64 DEFAULT 0
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/engram/learn_events', '{replica}') ORDER BY (kb, seq)
SETTINGS index_granularity = 1024, replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS engram.learn_events ON CLUSTER '{cluster}' AS engram.learn_events_shard
ENGINE = Distributed('{cluster}', 'engram', 'learn_events_shard', cityHash64(kb));

CREATE TABLE IF NOT EXISTS engram.vectors_shard ON CLUSTER '{cluster}'
(
    kb LowCardinality(String),
    generation UInt32,
    seq UInt64,
    position UInt32,
    symbol String,
    `values` Array(Float64)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/engram/vectors', '{replica}') ORDER BY (kb, generation, seq, position)
SETTINGS index_granularity = 256, replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS engram.vectors ON CLUSTER '{cluster}' AS engram.vectors_shard
ENGINE = Distributed('{cluster}', 'engram', 'vectors_shard', cityHash64(kb));

CREATE TABLE IF NOT EXISTS engram.deleted_patterns_shard ON CLUSTER '{cluster}'
(
    kb LowCardinality(String),
    generation UInt32,
    pattern_id UInt64 CODEC(Delta, LZ4),
    name_hex String EPHEMERAL,
    name FixedString(20) DEFAULT unhex(name_hex) CODEC(NONE),
    symbols Array(UInt32) CODEC(LZ4),
    event_ends Array(UInt16) CODEC(LZ4)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/engram/deleted_patterns', '{replica}') ORDER BY (kb, generation, pattern_id)
SETTINGS index_granularity = 8192, replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS engram.deleted_patterns ON CLUSTER '{cluster}' AS engram.deleted_patterns_shard
ENGINE = Distributed('{cluster}', 'engram', 'deleted_patterns_shard', cityHash64(kb, generation, pattern_id));

CREATE TABLE IF NOT EXISTS engram.pattern_names_shard ON CLUSTER '{cluster}'
(
    kb LowCardinality(String),
    generation UInt32,
    name_hex String EPHEMERAL,
    name FixedString(20) DEFAULT unhex(name_hex) CODEC(NONE),
    pattern_id UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/engram/pattern_names', '{replica}') ORDER BY (kb, generation, name)
SETTINGS index_granularity = 256, replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS engram.pattern_names ON CLUSTER '{cluster}' AS engram.pattern_names_shard
ENGINE = Distributed('{cluster}', 'engram', 'pattern_names_shard', cityHash64(kb));

-- For the user that Engram connects as.
-- A write is answered when every shard it touches has it on a majority of replicas; a batch that is repeated is known again by its token.
-- A pattern's rows never lie on two shards, so a GROUP BY of patterns is finished where it runs. An index is filled on each shard from its own
-- patterns, without rows crossing the network.

CREATE SETTINGS PROFILE IF NOT EXISTS engram_cluster ON CLUSTER '{cluster}' SETTINGS
    distributed_foreground_insert = 1,
    insert_quorum = 'auto',
    insert_quorum_parallel = 0,
    select_sequential_consistency = 1,
    optimize_skip_unused_shards = 1,
    optimize_distributed_group_by_sharding_key = 1,
    parallel_distributed_insert_select = 2,
    prefer_localhost_replica = 1;

CREATE TABLE IF NOT EXISTS engram.imports_shard ON CLUSTER '{cluster}'
(
    id String,
    kb String,
    generation UInt32,
    seq_before UInt64,
    seq_after UInt64,
    merged UInt8,
    state LowCardinality(String),
    parts UInt32,
    at DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/engram/imports', '{replica}', version) ORDER BY id
SETTINGS index_granularity = 256, replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS engram.imports ON CLUSTER '{cluster}' AS engram.imports_shard
ENGINE = Distributed('{cluster}', 'engram', 'imports_shard', cityHash64(id));

CREATE TABLE IF NOT EXISTS engram.kb_settings_shard ON CLUSTER '{cluster}'
(
    kb String,
    name LowCardinality(String),
    value String,
    version UInt64
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/engram/kb_settings', '{replica}', version) ORDER BY (kb, name)
SETTINGS index_granularity = 256, replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS engram.kb_settings ON CLUSTER '{cluster}' AS engram.kb_settings_shard
ENGINE = Distributed('{cluster}', 'engram', 'kb_settings_shard', cityHash64(kb));
