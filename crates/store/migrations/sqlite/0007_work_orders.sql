-- Work orders, what was done to them, and the customers whose they are. Times are ticks of 100 ns since 1970.

-- Numbered in the order of their creation. The columns before `details` are read from it, for lists to filter by.
CREATE TABLE work_orders (
    order_no       INTEGER PRIMARY KEY,
    company_id     TEXT NOT NULL,
    work_order_id  INTEGER NOT NULL,
    branch_id      INTEGER NOT NULL,
    number         TEXT NOT NULL,
    status         TEXT NOT NULL,
    customer_id    INTEGER,
    created        INTEGER NOT NULL,
    last_update    INTEGER NOT NULL,
    acknowledge_by INTEGER,
    on_site_by     INTEGER,
    due_date       INTEGER,
    entries        INTEGER NOT NULL,
    details        TEXT NOT NULL,
    kept           TEXT NOT NULL
) STRICT;

-- WorkOrderIds are unique over all companies; the company is compared on the row.
CREATE UNIQUE INDEX work_orders_by_id ON work_orders (work_order_id);
CREATE INDEX work_orders_by_company ON work_orders (company_id, order_no);
-- People know an order by its number; the log is searched by it.
CREATE INDEX work_orders_by_number ON work_orders (number);

-- One row per act, in its commit. `act` is NULL for the creation; `client_id` is that of the Direct API.
CREATE TABLE time_line (
    entry_no      INTEGER PRIMARY KEY,
    company_id    TEXT NOT NULL,
    work_order_id INTEGER NOT NULL,
    place         INTEGER NOT NULL,
    act           TEXT,
    action        TEXT NOT NULL,
    status        TEXT NOT NULL,
    interface     INTEGER NOT NULL,
    client_id     BLOB,
    performer     TEXT NOT NULL,
    phone         TEXT,
    kind          TEXT NOT NULL,
    performed     INTEGER NOT NULL,
    recorded      INTEGER NOT NULL,
    message_id    BLOB NOT NULL,
    fate          INTEGER NOT NULL,
    members       TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX time_line_by_order ON time_line (company_id, work_order_id, place);

-- The platform's, not a company's.
CREATE TABLE customers (
    customer_id INTEGER PRIMARY KEY,
    settings    TEXT NOT NULL
) STRICT;
