-- What somebody should know of, and whether they were told. Written in the commit of what it is about. `ended` is NULL
-- while it lasts, `sent` until it was told. Times are ticks of 100 ns since 1970.
CREATE TABLE alerts (
    alert_no   INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT NOT NULL,
    company_id TEXT,
    subject    TEXT NOT NULL,
    detail     TEXT NOT NULL,
    raised     INTEGER NOT NULL,
    last       INTEGER NOT NULL,
    count      INTEGER NOT NULL,
    ended      INTEGER,
    sent       INTEGER,
    given_up   INTEGER NOT NULL DEFAULT 0,
    attempts   INTEGER NOT NULL DEFAULT 0,
    due        INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX alerts_open ON alerts (kind, subject) WHERE ended IS NULL;
CREATE INDEX alerts_unsent ON alerts (alert_no) WHERE sent IS NULL AND given_up = 0;
