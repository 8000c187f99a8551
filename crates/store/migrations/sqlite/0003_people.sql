-- People of companies, their sessions, and tries to sign in. Times are ticks of 100 ns since 1970.

CREATE TABLE people (
    company_id TEXT NOT NULL,
    person_id  BLOB NOT NULL,
    email      TEXT NOT NULL,
    role       TEXT NOT NULL,
    password   TEXT,
    link       BLOB,
    link_until INTEGER,
    created    INTEGER NOT NULL,
    PRIMARY KEY (company_id, person_id),
    UNIQUE (company_id, email)
) STRICT, WITHOUT ROWID;

-- Who signs in gives no company.
CREATE INDEX people_by_email ON people (email, created);
CREATE UNIQUE INDEX people_by_link ON people (link) WHERE link IS NOT NULL;

-- The operator's sessions have no company. A session is looked up by what only its owner knows.
CREATE TABLE sessions (
    token      BLOB PRIMARY KEY,
    company_id TEXT,
    person_id  BLOB,
    ends       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_person ON sessions (company_id, person_id, ends);
CREATE INDEX sessions_by_end ON sessions (ends);

-- One row per try whose password was not right, for as long as it counts.
CREATE TABLE sign_in_tries (
    try_no  INTEGER PRIMARY KEY,
    name    BLOB NOT NULL,
    address TEXT NOT NULL,
    tried   INTEGER NOT NULL
) STRICT;

CREATE INDEX sign_in_tries_by_name ON sign_in_tries (name, address, tried);
CREATE INDEX sign_in_tries_by_time ON sign_in_tries (tried);
