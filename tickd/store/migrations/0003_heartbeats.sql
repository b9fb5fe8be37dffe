-- Heartbeats, their history, and the runs that have begun and not ended.

CREATE TABLE heartbeats (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    group_name TEXT NOT NULL,
    slug TEXT NOT NULL,
    public INTEGER NOT NULL,
    paused INTEGER NOT NULL,
    tags TEXT NOT NULL,
    -- What no ping asks for, as one JSON object.
    options TEXT NOT NULL,
    interval_secs INTEGER NOT NULL,
    schedule TEXT NOT NULL,
    timezone TEXT NOT NULL,
    grace_secs INTEGER NOT NULL,
    failure_threshold INTEGER NOT NULL,
    allowed_ips TEXT NOT NULL,
    max_pings_per_minute INTEGER NOT NULL,
    token TEXT NOT NULL,
    short_token TEXT NOT NULL,
    -- The standing: written by every ping and every miss.
    state TEXT NOT NULL,
    failing INTEGER NOT NULL,
    consecutive_misses INTEGER NOT NULL,
    base_at INTEGER,
    expected_at INTEGER,
    due_at INTEGER,
    last_pinged_at INTEGER,
    changed_at INTEGER,
    metrics TEXT NOT NULL,
    -- How many runs have begun and not ended: 0 spares a ping the look.
    open_runs INTEGER NOT NULL DEFAULT 0,
    checks_total INTEGER NOT NULL DEFAULT 0,
    checks_failed INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX heartbeats_by_account ON heartbeats (account_id, name, row);
CREATE UNIQUE INDEX heartbeats_by_slug ON heartbeats (slug);
CREATE UNIQUE INDEX heartbeats_by_token ON heartbeats (short_token);
CREATE INDEX heartbeats_due ON heartbeats (due_at) WHERE due_at IS NOT NULL;

-- Pings and silences in the order in which they became known; `at` is when they were true.
CREATE TABLE heartbeat_events (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    heartbeat INTEGER NOT NULL,
    at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    accepted INTEGER NOT NULL,
    degraded INTEGER NOT NULL,
    repaired INTEGER NOT NULL DEFAULT 0,
    exit_status INTEGER,
    duration_ms INTEGER,
    rid TEXT NOT NULL,
    source_ip TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    message TEXT NOT NULL,
    metrics TEXT,
    flip TEXT
) STRICT;

CREATE INDEX heartbeat_events_by_time ON heartbeat_events (heartbeat, at);

-- What a ping that arrives late looks for: the silences it explains, and the other end of its run.
CREATE INDEX heartbeat_misses ON heartbeat_events (heartbeat, at) WHERE kind IN ('missed', 'overran');
CREATE INDEX heartbeat_runs ON heartbeat_events (heartbeat, rid, kind, at) WHERE rid <> '' OR kind = 'start';

-- Apart, so that a list of pings does not read their bodies.
CREATE TABLE ping_bodies (
    event INTEGER PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

-- `due_at` is NULL for a run that has been counted as missed, and may still end.
CREATE TABLE open_runs (
    heartbeat INTEGER NOT NULL,
    rid TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    due_at INTEGER,
    PRIMARY KEY (heartbeat, rid)
) STRICT, WITHOUT ROWID;

CREATE INDEX open_runs_due ON open_runs (due_at) WHERE due_at IS NOT NULL;

-- Deleted heartbeats whose events upkeep still removes, a few at a time.
CREATE TABLE deleted_heartbeats (
    row INTEGER PRIMARY KEY
) STRICT;
