-- Incidents, what holds them back, the channels, and the outbox of alerts.

ALTER TABLE accounts ADD COLUMN alert_email TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN owner_email TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN batch_window_secs INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN draft_incidents INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN publish_after_secs INTEGER;
ALTER TABLE accounts ADD COLUMN default_severity TEXT;
ALTER TABLE accounts ADD COLUMN fallback_channel TEXT;
-- Signs the calls of webhooks that have no secret of their own. Hexadecimal digits are base 64 too.
ALTER TABLE accounts ADD COLUMN webhook_secret TEXT NOT NULL DEFAULT '';
UPDATE accounts SET webhook_secret = 'whsec_' || lower(hex(randomblob(24)));

ALTER TABLE jobs ADD COLUMN depends_on TEXT NOT NULL DEFAULT '[]';

-- How many days before its expiry the certificate in `ssl_expires_at` was last warned of.
ALTER TABLE monitors ADD COLUMN ssl_warned_days INTEGER;

CREATE TABLE certificate_changes (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    monitor INTEGER NOT NULL,
    at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    issuer TEXT NOT NULL
) STRICT;

CREATE INDEX certificate_changes_by_time ON certificate_changes (at);

CREATE TABLE channels (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    is_default INTEGER NOT NULL,
    events TEXT NOT NULL,
    delay_secs INTEGER NOT NULL,
    reminder_minutes INTEGER NOT NULL,
    -- Where and how it sends, secrets included, as one JSON object.
    options TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX channels_by_name ON channels (account_id, name);

-- A subject is a job, a monitor or a heartbeat: `kind` and its row there. Its id, name and address are kept as
-- they were when the incident began.
CREATE TABLE incidents (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    subject INTEGER NOT NULL,
    subject_id TEXT NOT NULL,
    subject_name TEXT NOT NULL,
    subject_url TEXT NOT NULL,
    subject_type TEXT NOT NULL,
    severity TEXT NOT NULL,
    status TEXT NOT NULL,
    draft INTEGER NOT NULL,
    publish_at INTEGER,
    published_at INTEGER,
    acknowledged_at INTEGER,
    started_at INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    resolved_at INTEGER,
    cause TEXT NOT NULL
) STRICT;

-- One open incident a subject, whatever runs at once.
CREATE UNIQUE INDEX incidents_open ON incidents (kind, subject) WHERE status = 'open';
CREATE INDEX incidents_by_subject ON incidents (kind, subject, row);
CREATE INDEX incidents_by_account ON incidents (account_id, started_at);
CREATE INDEX incidents_to_publish ON incidents (publish_at) WHERE publish_at IS NOT NULL;
CREATE INDEX incidents_resolved ON incidents (resolved_at) WHERE resolved_at IS NOT NULL;

CREATE TABLE incident_updates (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    incident INTEGER NOT NULL,
    at INTEGER NOT NULL,
    status TEXT NOT NULL,
    message TEXT NOT NULL
) STRICT;

CREATE INDEX incident_updates_by_incident ON incident_updates (incident, row);

-- What a safeguard held back, and when it is looked at again: a failure, or where `event` says so, `degraded`. `incident` is set where an incident is open and
-- only its alerts are held, because what the subject depends on is down.
CREATE TABLE held (
    kind TEXT NOT NULL,
    subject INTEGER NOT NULL,
    event TEXT NOT NULL DEFAULT 'down',
    incident INTEGER,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    cause TEXT NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX held_due ON held (due_at);

-- What failed before there were incidents gets its own, if it still fails at the next start.
INSERT INTO held (kind, subject, reason, at, due_at, cause)
SELECT 'monitor', row, 'upgrade', coalesce(changed_at, updated_at), 0,
    json_object('error', 'it failed already before incidents were kept', 'at', coalesce(changed_at, updated_at))
FROM monitors WHERE failing
UNION ALL
SELECT 'heartbeat', row, 'upgrade', coalesce(changed_at, updated_at), 0,
    json_object('error', 'it failed already before incidents were kept', 'at', coalesce(changed_at, updated_at))
FROM heartbeats WHERE failing
UNION ALL
SELECT 'job', row, 'upgrade', coalesce(last_finished_at, updated_at), 0,
    json_object('error', 'it failed already before incidents were kept', 'at',
        coalesce(last_finished_at, updated_at))
FROM jobs WHERE failing;

-- The outbox. `lane` is where an alert goes: a channel's id, or the address of a subject of its own in `target`;
-- alerts of one lane are sent in their order. `key` makes each alert one. `message` is the row whose id a message
-- bears that tells several alerts at once; it is set before that message goes out, so that a repeat is the same.
CREATE TABLE alerts (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    key TEXT NOT NULL UNIQUE,
    event TEXT NOT NULL,
    incident INTEGER,
    kind TEXT NOT NULL,
    subject INTEGER NOT NULL,
    lane TEXT NOT NULL,
    target TEXT,
    story TEXT NOT NULL,
    state TEXT NOT NULL,
    why TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT '',
    message INTEGER,
    delayed INTEGER NOT NULL DEFAULT 0,
    first_tried_at INTEGER,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;

CREATE INDEX alerts_waiting ON alerts (due_at, row) WHERE state IN ('queued', 'retrying');
CREATE INDEX alerts_of_lane ON alerts (lane, kind, subject, due_at) WHERE state IN ('queued', 'retrying');
CREATE INDEX alerts_by_account ON alerts (account_id, row);
CREATE INDEX alerts_by_incident ON alerts (incident, row) WHERE incident IS NOT NULL;
CREATE INDEX alerts_by_subject ON alerts (kind, subject, event, row);
CREATE INDEX alerts_ended ON alerts (ended_at) WHERE ended_at IS NOT NULL;

-- What is known of a lane: its faults in a row, and the window in which its alerts gather for one message.
CREATE TABLE lanes (
    lane TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    attempts INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER,
    retry_at INTEGER,
    told_failing INTEGER NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT '',
    last_sent_at INTEGER,
    window_ends_at INTEGER,
    window_held INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE reminders (
    incident INTEGER NOT NULL,
    lane TEXT NOT NULL,
    number INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    PRIMARY KEY (incident, lane)
) STRICT, WITHOUT ROWID;

CREATE INDEX reminders_due ON reminders (due_at);

-- Maintenance of subjects, of tags or of all: once from `starts_at` to `ends_at`, or weekly.
CREATE TABLE maintenance (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    covers_all INTEGER NOT NULL,
    subjects TEXT NOT NULL,
    tags TEXT NOT NULL,
    starts_at INTEGER,
    ends_at INTEGER,
    weekly TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX maintenance_by_account ON maintenance (account_id, name, row);

-- How many known checks were made in maintenance, how many of these were bad, and the time that all in maintenance
-- vouch for: left out of the uptime.
ALTER TABLE hour_rollups ADD COLUMN maintenance INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hour_rollups ADD COLUMN maintenance_failed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hour_rollups ADD COLUMN held_maintenance INTEGER NOT NULL DEFAULT 0;
ALTER TABLE day_rollups ADD COLUMN maintenance INTEGER NOT NULL DEFAULT 0;
ALTER TABLE day_rollups ADD COLUMN maintenance_failed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE day_rollups ADD COLUMN held_maintenance INTEGER NOT NULL DEFAULT 0;

-- An occurrence that waits for what its job requires: until when at most, and for whom (a list of ids).
ALTER TABLE executions ADD COLUMN deferred_until INTEGER;
ALTER TABLE executions ADD COLUMN deferred_for TEXT;
CREATE INDEX executions_deferred ON executions (deferred_until) WHERE deferred_until IS NOT NULL;
