-- Verified e-mail addresses, and the batches that some of them came in.

CREATE TABLE verification_batches (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    total INTEGER NOT NULL,
    -- The addresses as a JSON list, until the batch has ended: what a restart takes up again.
    emails TEXT,
    -- How they came out; what is deleted from the history counts here all the same.
    valid INTEGER NOT NULL DEFAULT 0,
    invalid INTEGER NOT NULL DEFAULT 0,
    -- Those that name servers would not tell of: a JSON list of {position, email, error}.
    unknown TEXT NOT NULL DEFAULT '[]',
    created_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;

CREATE INDEX verification_batches_by_account ON verification_batches (account_id, created_at);
CREATE INDEX verification_batches_open ON verification_batches (row) WHERE finished_at IS NULL;

CREATE TABLE verifications (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    email TEXT NOT NULL,
    -- What it is looked up by: in lower case, its domain in ASCII.
    known_as TEXT NOT NULL,
    valid INTEGER NOT NULL,
    mx_found INTEGER NOT NULL,
    disposable INTEGER NOT NULL,
    role_based INTEGER NOT NULL,
    reason TEXT NOT NULL,
    suggestion TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    batch INTEGER REFERENCES verification_batches (row) ON DELETE CASCADE,
    -- The place of the address in its batch, from 0 on.
    position INTEGER
) STRICT;

CREATE INDEX verifications_by_account ON verifications (account_id, created_at);
CREATE INDEX verifications_by_validity ON verifications (account_id, valid, created_at);
CREATE INDEX verifications_by_address ON verifications (account_id, known_as, created_at);
CREATE UNIQUE INDEX verifications_by_batch ON verifications (batch, position) WHERE batch IS NOT NULL;
