-- Jobs over many deliveries. Times are ticks of 100 ns since 1970. `company_id` is NULL for a job over all companies;
-- jobs are looked up by their id and listed for the operator over all companies.
-- `below` bounds it: deliveries with this number or more (of a Replay or Erase: notifications) came later.
-- `total` is NULL until its matches are counted. `open` is 1 while something of it is left to do: also after a Replay
-- was cancelled, until its deliveries are taken out.
CREATE TABLE jobs (
    job_no     INTEGER PRIMARY KEY,
    job_id     BLOB NOT NULL UNIQUE,
    company_id TEXT,
    kind       INTEGER NOT NULL,
    filter     TEXT NOT NULL,
    rate       INTEGER NOT NULL,
    dry_run    INTEGER NOT NULL,
    below      INTEGER NOT NULL,
    state      INTEGER NOT NULL,
    open       INTEGER NOT NULL,
    total      INTEGER,
    done       INTEGER NOT NULL,
    skipped    INTEGER NOT NULL,
    failed     INTEGER NOT NULL,
    created    INTEGER NOT NULL,
    finished   INTEGER
) STRICT;

CREATE INDEX jobs_by_company ON jobs (company_id, job_no);
CREATE INDEX jobs_open ON jobs (job_no) WHERE open = 1;

-- How far each walk of a job came: one for most jobs, one per endpoint for a Replay.
CREATE TABLE job_walks (
    job_no      INTEGER NOT NULL,
    walk        INTEGER NOT NULL,
    company_id  TEXT,
    endpoint_id BLOB,
    after       INTEGER NOT NULL,
    ended       INTEGER NOT NULL,
    PRIMARY KEY (job_no, walk)
) STRICT, WITHOUT ROWID;
