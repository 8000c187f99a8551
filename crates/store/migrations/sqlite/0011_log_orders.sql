-- Which records of the log are about which work order. Written in steps, many at once and in order, as traffic is
-- counted, and up to the same place (`rolled_up` in `meta`); the records beyond it are few and found in the log. An
-- index would cost each attempt a page of its own.
DROP INDEX log_by_work_order;

CREATE TABLE log_orders (
    work_order_id INTEGER NOT NULL,
    log_no        INTEGER NOT NULL,
    PRIMARY KEY (work_order_id, log_no)
) STRICT, WITHOUT ROWID;

INSERT INTO log_orders (work_order_id, log_no) SELECT work_order_id, log_no FROM log ORDER BY work_order_id, log_no;
