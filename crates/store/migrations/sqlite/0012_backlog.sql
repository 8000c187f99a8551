-- How many live deliveries of an endpoint waited at the end of a minute (ticks / 600,000,000). Written with the first
-- change of a later minute, so a minute without a row ended as the next one that has one; after the last row it is as
-- it is now.
CREATE TABLE backlog (
    company_id  TEXT NOT NULL,
    endpoint_id BLOB NOT NULL,
    minute      INTEGER NOT NULL,
    waiting     INTEGER NOT NULL,
    PRIMARY KEY (company_id, endpoint_id, minute)
) STRICT, WITHOUT ROWID;

CREATE INDEX backlog_by_minute ON backlog (minute);

-- For counts by state, which stop at a bound. Neither has a row for what arrives at the first attempt.
CREATE INDEX finished_undone_by_company ON finished (company_id, state) WHERE state <> 0;
CREATE INDEX undelivered_tried ON undelivered (company_id) WHERE attempts > 0;
