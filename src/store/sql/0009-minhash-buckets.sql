-- Bands of MinHash signatures, of kbs that ask for them: a row a pattern and band. "Patterns that share this band" is one range of the key. The key of
-- a band is 32 bits wide: with 64 a row takes 9.3 bytes instead of 5.2, and what the other half spares is a pattern in billions that is scored for
-- nothing. Small granules and blocks, because a question reads one of them a band. index_marks says up to which pattern id a kb's are there; like
-- every index it can be made again from `patterns`.
CREATE TABLE minhash_buckets
(
    kb LowCardinality(String),
    generation UInt32,
    band UInt8,
    bucket UInt32 CODEC(T64, LZ4),
    pattern_id UInt64 CODEC(T64, LZ4)
)
ENGINE = MergeTree ORDER BY (kb, generation, band, bucket, pattern_id)
SETTINGS index_granularity = 512, min_compress_block_size = 8192, max_compress_block_size = 16384, fsync_after_insert = 1, fsync_part_directory = 1;
