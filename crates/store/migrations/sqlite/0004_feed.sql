-- What pull endpoints can read, in the order of acceptance: numbers of deliveries grow with it and are never used again.
CREATE TABLE feed (
    company_id  TEXT NOT NULL,
    endpoint_id BLOB NOT NULL,
    delivery_no INTEGER NOT NULL,
    PRIMARY KEY (company_id, endpoint_id, delivery_no)
) STRICT, WITHOUT ROWID;

-- The highest number that the sweep removed of each feed.
CREATE TABLE feed_removed (
    company_id  TEXT NOT NULL,
    endpoint_id BLOB NOT NULL,
    delivery_no INTEGER NOT NULL,
    PRIMARY KEY (company_id, endpoint_id)
) STRICT, WITHOUT ROWID;
