-- The embedded store. Times are ticks of 100 ns since 1970. Ids of endpoints and clients are 16 bytes.
-- A delivery's number is its notification's number * 4096 + its place among that one's deliveries, so a
-- delivery finds its notification without an index, and numbers grow.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- A deleted company keeps its row: its id is never used again, for its notifications and log are still kept.
CREATE TABLE companies (
    company_id TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    created    INTEGER NOT NULL,
    deleted    INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE branches (
    company_id TEXT NOT NULL,
    branch_id  INTEGER NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    created    INTEGER NOT NULL,
    PRIMARY KEY (company_id, branch_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE clients (
    company_id     TEXT NOT NULL,
    client_id      BLOB NOT NULL,
    name           TEXT NOT NULL,
    secret_hash    BLOB NOT NULL,
    previous_hash  BLOB,
    previous_until INTEGER,
    tokens_from    INTEGER NOT NULL,
    created        INTEGER NOT NULL,
    deleted        INTEGER,
    PRIMARY KEY (company_id, client_id)
) STRICT, WITHOUT ROWID;

-- A deleted endpoint keeps its row: its id is never used again, and what waited is discarded in steps.
CREATE TABLE endpoints (
    company_id      TEXT NOT NULL,
    endpoint_id     BLOB NOT NULL,
    settings        TEXT NOT NULL,
    secret          BLOB NOT NULL,
    previous_secret BLOB,
    previous_until  INTEGER,
    paused          INTEGER,
    created         INTEGER NOT NULL,
    generation      INTEGER NOT NULL,
    deleted         INTEGER,
    PRIMARY KEY (company_id, endpoint_id)
) STRICT, WITHOUT ROWID;

-- The state of endpoints at which something else than successes ever happened, as JSON: down, throttle, clocks, marks.
-- Written in the commit of the outcome or change that makes it.
CREATE TABLE health (
    company_id  TEXT NOT NULL,
    endpoint_id BLOB NOT NULL,
    state       TEXT NOT NULL,
    PRIMARY KEY (company_id, endpoint_id)
) STRICT, WITHOUT ROWID;

-- What waits of a deleted branch is discarded in steps: the deliveries above `after` and below `below`.
CREATE TABLE branch_discards (
    company_id TEXT NOT NULL,
    branch_id  INTEGER NOT NULL,
    below      INTEGER NOT NULL,
    after      INTEGER NOT NULL,
    PRIMARY KEY (company_id, branch_id, below)
) STRICT, WITHOUT ROWID;

CREATE TABLE actions (
    name    TEXT PRIMARY KEY,
    sample  TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_keys (
    key_id TEXT PRIMARY KEY,
    record TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE notifications (
    notification_no INTEGER PRIMARY KEY,
    company_id      TEXT NOT NULL,
    message_id      BLOB NOT NULL,
    work_order_id   INTEGER NOT NULL,
    branch_id       INTEGER NOT NULL,
    action          TEXT NOT NULL,
    fate            INTEGER NOT NULL,
    deliveries      INTEGER NOT NULL,
    initiated_by    BLOB,
    accepted        INTEGER NOT NULL,
    content_hash    BLOB NOT NULL,
    body            BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX notifications_by_message ON notifications (company_id, message_id);
-- WorkOrderIds are unique over all companies; the company is compared on the row.
CREATE INDEX notifications_by_work_order ON notifications (work_order_id, notification_no);

-- Only what waits: small and hot. `mark` is that of the endpoint's health when `due` was written; an older one than
-- it has now means: due at once. `since` is a reading of its clock of age, `held_from` and `refused_from` of its clock
-- of open time; epochs count its successes after failures. All of them are NULL until the delivery fails.
CREATE TABLE undelivered (
    delivery_no   INTEGER PRIMARY KEY,
    company_id    TEXT NOT NULL,
    endpoint_id   BLOB NOT NULL,
    work_order_id INTEGER NOT NULL,
    sequence      INTEGER NOT NULL,
    due           INTEGER NOT NULL,
    mark          INTEGER NOT NULL,
    since         INTEGER NOT NULL,
    attempts      INTEGER NOT NULL,
    counted       INTEGER NOT NULL,
    mode          INTEGER NOT NULL,
    own           INTEGER NOT NULL DEFAULT 0,
    wish          INTEGER,
    first_epoch   INTEGER,
    held_epoch    INTEGER,
    held_from     INTEGER,
    refused_from  INTEGER,
    last_error    TEXT,
    last_status   INTEGER
) STRICT;

CREATE UNIQUE INDEX undelivered_by_lane ON undelivered (company_id, endpoint_id, work_order_id, sequence);

-- Written when a lane becomes non-empty or empty and when something in it waits for a time. `due` is the earliest at
-- which one of its heads may be tried, a head's end of hold included; NULL while it is empty. `sequence` is the last one given out, as far as no undelivered delivery says more.
CREATE TABLE lanes (
    company_id    TEXT NOT NULL,
    endpoint_id   BLOB NOT NULL,
    work_order_id INTEGER NOT NULL,
    sequence      INTEGER NOT NULL,
    due           INTEGER,
    mark          INTEGER NOT NULL,
    emptied       INTEGER,
    PRIMARY KEY (company_id, endpoint_id, work_order_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX lanes_by_due ON lanes (endpoint_id, mark, due, work_order_id) WHERE due IS NOT NULL;
CREATE INDEX lanes_by_emptied ON lanes (emptied) WHERE emptied IS NOT NULL;

CREATE TABLE finished (
    delivery_no   INTEGER PRIMARY KEY,
    company_id    TEXT NOT NULL,
    endpoint_id   BLOB NOT NULL,
    work_order_id INTEGER NOT NULL,
    sequence      INTEGER NOT NULL,
    state         INTEGER NOT NULL,
    reason        INTEGER,
    attempts      INTEGER NOT NULL,
    mode          INTEGER NOT NULL,
    finished      INTEGER NOT NULL,
    first_epoch   INTEGER,
    last_error    TEXT,
    last_status   INTEGER
) STRICT;

-- Dead letters are few; their list must not walk past all that arrived.
CREATE INDEX finished_undone ON finished (state, delivery_no) WHERE state <> 0;

CREATE TABLE log (
    log_no        INTEGER PRIMARY KEY,
    company_id    TEXT NOT NULL,
    endpoint_id   BLOB,
    delivery_no   INTEGER,
    work_order_id INTEGER NOT NULL,
    branch_id     INTEGER NOT NULL,
    action        TEXT NOT NULL,
    direction     INTEGER NOT NULL,
    attempt       INTEGER NOT NULL,
    mode          INTEGER NOT NULL,
    start         INTEGER NOT NULL,
    duration      INTEGER NOT NULL,
    status        INTEGER,
    error         TEXT,
    next_due      INTEGER,
    detail        TEXT NOT NULL
) STRICT;

-- A company's records are those of its endpoints, merged, and these.
CREATE INDEX log_by_company ON log (company_id, log_no) WHERE endpoint_id IS NULL;
CREATE INDEX log_by_endpoint ON log (endpoint_id, log_no) WHERE endpoint_id IS NOT NULL;
CREATE INDEX log_by_delivery ON log (delivery_no) WHERE delivery_no IS NOT NULL;
CREATE INDEX log_by_work_order ON log (work_order_id, log_no);
