-- Who changed what, when, from where. Written in the commit of the change. `company_id` is NULL for what belongs to
-- none. Numbers are never given out twice, for cursors hold on to them. Times are ticks of 100 ns since 1970.
CREATE TABLE audit (
    audit_no   INTEGER PRIMARY KEY AUTOINCREMENT,
    company_id TEXT,
    changed    INTEGER NOT NULL,
    act        TEXT NOT NULL,
    subject    TEXT NOT NULL,
    actor      TEXT NOT NULL,
    actor_id   TEXT,
    actor_name TEXT,
    address    TEXT,
    before     TEXT,
    after      TEXT
) STRICT;

CREATE INDEX audit_by_company ON audit (company_id, audit_no) WHERE company_id IS NOT NULL;
CREATE INDEX audit_by_subject ON audit (subject, audit_no);
