-- What the attempts of an endpoint came to, by minute (ticks / 600,000,000). Counted from the log in steps; how far,
-- stands in `meta` as `rolled_up`. `answered` of the failed ones had a status. `latencies` is a histogram of those
-- that were delivered.
CREATE TABLE traffic (
    company_id  TEXT NOT NULL,
    endpoint_id BLOB NOT NULL,
    minute      INTEGER NOT NULL,
    delivered   INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    answered    INTEGER NOT NULL,
    latencies   BLOB NOT NULL,
    PRIMARY KEY (company_id, endpoint_id, minute)
) STRICT, WITHOUT ROWID;

CREATE INDEX traffic_by_minute ON traffic (minute);
