-- What the records of a stretch of the log are like, written once per stretch: when the earliest and the latest of them
-- began (ticks of 100 ns since 1970), and `traits`, a Bloom filter over what lists filter by. A list passes by the
-- stretches in which nothing can match; records of no stretch are walked.
CREATE TABLE log_stretches (
    first_no INTEGER PRIMARY KEY,
    last_no  INTEGER NOT NULL,
    earliest INTEGER NOT NULL,
    latest   INTEGER NOT NULL,
    traits   BLOB NOT NULL
) STRICT;
