-- Times are milliseconds since 1970-01-01 UTC; lists and maps are JSON text.

CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- The daemon's own secret: run tokens are made with it, so that none of them has to be stored.
INSERT INTO facts (name, value) VALUES ('secret', randomblob(32));

CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    max_jobs INTEGER,
    max_monitors INTEGER,
    max_heartbeats INTEGER,
    min_interval_secs INTEGER,
    executions_per_month INTEGER,
    verifications_per_month INTEGER,
    retention_days INTEGER NOT NULL DEFAULT 90,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO accounts (id, name, created_at)
VALUES ('acc_default', 'default', CAST(strftime('%s', 'now') AS INTEGER) * 1000);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    start TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX api_keys_by_account ON api_keys (account_id, created_at);

-- AUTOINCREMENT: a row number is never used again, or a new job would inherit a deleted one's history.
CREATE TABLE jobs (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    schedule TEXT NOT NULL,
    timezone TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    method TEXT NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    description TEXT NOT NULL,
    timeout_secs INTEGER NOT NULL,
    retries INTEGER NOT NULL,
    retry_on TEXT NOT NULL,
    overlap TEXT NOT NULL,
    catch_up TEXT NOT NULL,
    failure_threshold INTEGER NOT NULL,
    severity TEXT NOT NULL,
    channels TEXT NOT NULL,
    tags TEXT NOT NULL,
    signing_secret TEXT NOT NULL,
    completion TEXT NOT NULL,
    max_runtime_secs INTEGER NOT NULL,
    requires TEXT NOT NULL,
    when_down TEXT NOT NULL,
    defer_max_secs INTEGER NOT NULL,
    paused INTEGER NOT NULL,
    failing INTEGER NOT NULL,
    consecutive_failures INTEGER NOT NULL,
    next_run_at INTEGER,
    last_status TEXT,
    last_finished_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- The ledger: occurrences that the schedule had, and those that have a row.
    scheduled_count INTEGER NOT NULL DEFAULT 0,
    accounted_count INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX jobs_by_name ON jobs (account_id, name);
CREATE INDEX jobs_due ON jobs (next_run_at) WHERE next_run_at IS NOT NULL;

-- One row an occurrence: `manual` is 0 for it, so (job, scheduled_at, manual) can't be there twice,
-- whatever the clock does; runs started by hand carry a random number there instead.
CREATE TABLE executions (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    job INTEGER NOT NULL,
    scheduled_at INTEGER NOT NULL,
    manual INTEGER NOT NULL DEFAULT 0,
    trigger TEXT NOT NULL,
    status TEXT NOT NULL,
    status_code INTEGER,
    duration_ms INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    started_at INTEGER,
    finished_at INTEGER,
    deadline_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    interruptions INTEGER NOT NULL DEFAULT 0,
    response_body TEXT NOT NULL DEFAULT '',
    output TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE UNIQUE INDEX executions_by_occurrence ON executions (job, scheduled_at, manual);
CREATE INDEX executions_open ON executions (job, row) WHERE status IN ('pending', 'running');

-- Jobs that were deleted and whose executions upkeep still removes, a few at a time.
CREATE TABLE deleted_jobs (
    row INTEGER PRIMARY KEY
) STRICT;

-- Time in which tickd could not see or act, and why.
CREATE TABLE blind_intervals (
    started_at INTEGER PRIMARY KEY,
    ended_at INTEGER NOT NULL,
    cause TEXT NOT NULL
) STRICT;
