-- Postings know the first byte of the pattern's name, so that of many patterns with the same bound only those are fetched that can win by name.
-- Rows without it would be ranked wrongly: the postings are made anew, behind the next start, and until then their patterns are scanned. Every
-- step may be repeated: the marks go first, so that no crash leaves a mark without its rows.
DELETE FROM {database}.index_marks WHERE name = 'postings';

TRUNCATE TABLE {database}.postings;

ALTER TABLE postings ADD COLUMN IF NOT EXISTS name_byte UInt8 CODEC(NONE);
