-- How many parts of an import are learned whole: one of them that is sent again, perhaps much later, is not learned again.
ALTER TABLE imports ADD COLUMN IF NOT EXISTS parts UInt32 AFTER state;
