-- What people call a work order, as its NewWorkOrder told: for the log. Goes with its last notification.
CREATE TABLE labels (
    company_id    TEXT NOT NULL,
    work_order_id INTEGER NOT NULL,
    number        TEXT,
    customer      TEXT,
    PRIMARY KEY (company_id, work_order_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX labels_by_number ON labels (number, work_order_id);
