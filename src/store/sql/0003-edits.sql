-- What edits of patterns need. A deleted pattern's rows leave the tables that are searched; its content moves here, because the learns that
-- made it still count in the history that a rebuild replays, and because the rows are removed later than the delete is acknowledged.

CREATE TABLE deleted_patterns
(
    kb LowCardinality(String),
    generation UInt32,
    pattern_id UInt64 CODEC(Delta, LZ4),
    name_hex String EPHEMERAL,
    name FixedString(20) DEFAULT unhex(name_hex) CODEC(NONE),
    symbols Array(UInt32) CODEC(LZ4),
    event_ends Array(UInt16) CODEC(LZ4)
)
ENGINE = MergeTree ORDER BY (kb, generation, pattern_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- Events of kind 'update' and 'delete'. frequency 0, emotives 'null' and metadata 'null' stand for what an update leaves as it is.
ALTER TABLE learn_events ADD COLUMN IF NOT EXISTS frequency UInt64 DEFAULT 0;
