-- What the runs of jobs and the pings of heartbeats come to by UTC day, kept for ever; and what tells a page that
-- something has changed. Triggers keep what is rare, so that no way of writing can forget it.

-- Keyed (day, subject) as day_rollups is: what is written lies together.
CREATE TABLE job_days (
    day INTEGER NOT NULL,
    job INTEGER NOT NULL,
    success INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    missed INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    -- In milliseconds, of the runs that took any time.
    duration_sum INTEGER NOT NULL,
    duration_count INTEGER NOT NULL,
    PRIMARY KEY (day, job)
) STRICT, WITHOUT ROWID;

CREATE TABLE heartbeat_days (
    day INTEGER NOT NULL,
    heartbeat INTEGER NOT NULL,
    success INTEGER NOT NULL,
    degraded INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    missed INTEGER NOT NULL,
    PRIMARY KEY (day, heartbeat)
) STRICT, WITHOUT ROWID;

INSERT INTO job_days (day, job, success, failed, missed, skipped, duration_sum, duration_count)
SELECT scheduled_at / 86400000, job, sum(status = 'success'), sum(status IN ('failed', 'timeout')),
    sum(status = 'missed'), sum(status = 'skipped'), sum(duration_ms), sum(duration_ms > 0)
FROM executions WHERE status NOT IN ('pending', 'running') GROUP BY 1, 2;

INSERT INTO heartbeat_days (day, heartbeat, success, degraded, failed, missed)
SELECT at / 86400000, heartbeat, sum(kind = 'success' AND NOT degraded), sum(kind = 'success' AND degraded),
    sum(kind = 'fail'), sum(kind IN ('missed', 'overran'))
FROM heartbeat_events
WHERE accepted AND NOT repaired AND kind IN ('success', 'fail', 'missed', 'overran') GROUP BY 1, 2;

-- An execution counts from when it has ended, on the day that it was planned for. Nothing is taken back when it is
-- deleted: that is retention, or its job is gone and upkeep takes the days too.
CREATE TRIGGER job_days_recorded AFTER INSERT ON executions
WHEN new.status <> 'pending' AND new.status <> 'running' BEGIN
    INSERT INTO job_days (day, job, success, failed, missed, skipped, duration_sum, duration_count)
    VALUES (new.scheduled_at / 86400000, new.job, new.status = 'success', new.status IN ('failed', 'timeout'),
        new.status = 'missed', new.status = 'skipped', new.duration_ms, new.duration_ms > 0)
    ON CONFLICT (day, job) DO UPDATE SET success = success + excluded.success, failed = failed + excluded.failed,
        missed = missed + excluded.missed, skipped = skipped + excluded.skipped,
        duration_sum = duration_sum + excluded.duration_sum,
        duration_count = duration_count + excluded.duration_count;
END;

CREATE TRIGGER job_days_reopened AFTER UPDATE OF status ON executions
WHEN old.status <> 'running' AND old.status <> 'pending' AND new.status <> old.status BEGIN
    UPDATE job_days SET success = success - (old.status = 'success'),
        failed = failed - (old.status IN ('failed', 'timeout')), missed = missed - (old.status = 'missed'),
        skipped = skipped - (old.status = 'skipped'), duration_sum = duration_sum - old.duration_ms,
        duration_count = duration_count - (old.duration_ms > 0)
    WHERE day = old.scheduled_at / 86400000 AND job = old.job;
END;

CREATE TRIGGER job_days_went_well AFTER UPDATE OF status ON executions
WHEN new.status = 'success' AND old.status <> 'success' BEGIN
    INSERT INTO job_days (day, job, success, failed, missed, skipped, duration_sum, duration_count)
    VALUES (new.scheduled_at / 86400000, new.job, 1, 0, 0, 0, new.duration_ms, new.duration_ms > 0)
    ON CONFLICT (day, job) DO UPDATE SET success = success + 1,
        duration_sum = duration_sum + new.duration_ms, duration_count = duration_count + (new.duration_ms > 0);
END;

CREATE TRIGGER job_days_went_ill AFTER UPDATE OF status ON executions
WHEN new.status <> 'running' AND new.status <> 'pending' AND new.status <> 'success'
    AND new.status <> old.status BEGIN
    INSERT INTO job_days (day, job, success, failed, missed, skipped, duration_sum, duration_count)
    VALUES (new.scheduled_at / 86400000, new.job, 0, new.status IN ('failed', 'timeout'),
        new.status = 'missed', new.status = 'skipped', new.duration_ms, new.duration_ms > 0)
    ON CONFLICT (day, job) DO UPDATE SET failed = failed + excluded.failed, missed = missed + excluded.missed,
        skipped = skipped + excluded.skipped, duration_sum = duration_sum + excluded.duration_sum,
        duration_count = duration_count + excluded.duration_count;
END;

-- Pings are counted in slices behind them: a trigger would take a tenth of the time that a ping has. Events up to
-- `upto` are in their day.
CREATE TABLE heartbeat_days_pass (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    upto INTEGER NOT NULL
) STRICT;

INSERT INTO heartbeat_days_pass (only, upto) SELECT 1, coalesce(max(row), 0) FROM heartbeat_events;

CREATE TRIGGER heartbeat_days_repaired AFTER UPDATE OF repaired ON heartbeat_events
WHEN new.repaired AND NOT old.repaired AND old.accepted AND old.kind IN ('missed', 'overran')
    AND old.row <= (SELECT upto FROM heartbeat_days_pass) BEGIN
    UPDATE heartbeat_days SET missed = missed - 1 WHERE day = old.at / 86400000 AND heartbeat = old.heartbeat;
END;

-- Since when a job fails or is well again.
ALTER TABLE jobs ADD COLUMN changed_at INTEGER;
UPDATE jobs SET changed_at = coalesce(last_finished_at, updated_at) WHERE failing;

CREATE TRIGGER jobs_flipped AFTER UPDATE OF failing ON jobs WHEN new.failing <> old.failing BEGIN
    UPDATE jobs SET changed_at = coalesce(new.last_finished_at, new.updated_at) WHERE row = new.row;
END;

-- The list of 30,000 monitors is sorted and counted out of this alone.
CREATE INDEX monitors_overview ON monitors (account_id, paused, failing, state, changed_at, name, group_name, tags);

-- Grows with everything that a list of the account shows but for what a plain ping, run or check brings: whoever
-- keeps a page fresh asks for this number every second. `name` is among what every edit writes.
ALTER TABLE accounts ADD COLUMN changes INTEGER NOT NULL DEFAULT 0;

CREATE TRIGGER changes_job_made AFTER INSERT ON jobs BEGIN
    UPDATE accounts SET changes = changes + 1 WHERE id = new.account_id;
END;
CREATE TRIGGER changes_job_gone AFTER DELETE ON jobs BEGIN
    UPDATE accounts SET changes = changes + 1 WHERE id = old.account_id;
END;
CREATE TRIGGER changes_job_edited AFTER UPDATE OF name ON jobs BEGIN
    UPDATE accounts SET changes = changes + 1 WHERE id = new.account_id;
END;
CREATE TRIGGER changes_job_state AFTER UPDATE OF last_status ON jobs
WHEN new.last_status IS NOT old.last_status OR new.failing <> old.failing
    OR new.consecutive_failures <> old.consecutive_failures BEGIN
    UPDATE accounts SET changes = changes + 1 WHERE id = new.account_id;
END;

CREATE TRIGGER changes_monitor_made AFTER INSERT ON monitors BEGIN
    UPDATE accounts SET changes = changes + 1 WHERE id = new.account_id;
END;
CREATE TRIGGER changes_monitor_gone AFTER DELETE ON monitors BEGIN
    UPDATE accounts SET changes = changes + 1 WHERE id = old.account_id;
END;
CREATE TRIGGER changes_monitor_edited AFTER UPDATE OF name ON monitors BEGIN
    UPDATE accounts SET changes = changes + 1 WHERE id = new.account_id;
END;
CREATE TRIGGER changes_monitor_state AFTER UPDATE OF state ON monitors
WHEN new.state <> old.state OR new.failing <> old.failing BEGIN
    UPDATE accounts SET changes = changes + 1 WHERE id = new.account_id;
END;

CREATE TRIGGER changes_heartbeat_made AFTER INSERT ON heartbeats BEGIN
    UPDATE accounts SET changes = changes + 1 WHERE id = new.account_id;
END;
CREATE TRIGGER changes_heartbeat_gone AFTER DELETE ON heartbeats BEGIN
    UPDATE accounts SET changes = changes + 1 WHERE id = old.account_id;
END;
CREATE TRIGGER changes_heartbeat_edited AFTER UPDATE OF name ON heartbeats BEGIN
    UPDATE accounts SET changes = changes + 1 WHERE id = new.account_id;
END;
CREATE TRIGGER changes_heartbeat_state AFTER UPDATE OF state ON heartbeats
WHEN new.state <> old.state OR new.failing <> old.failing
    OR new.consecutive_misses <> old.consecutive_misses BEGIN
    UPDATE accounts SET changes = changes + 1 WHERE id = new.account_id;
END;

CREATE TRIGGER changes_incident_opened AFTER INSERT ON incidents BEGIN
    UPDATE accounts SET changes = changes + 1 WHERE id = new.account_id;
END;
CREATE TRIGGER changes_incident_state AFTER UPDATE ON incidents BEGIN
    UPDATE accounts SET changes = changes + 1 WHERE id = new.account_id;
END;
CREATE TRIGGER changes_incident_told AFTER INSERT ON incident_updates BEGIN
    UPDATE accounts SET changes = changes + 1
    WHERE id = (SELECT account_id FROM incidents WHERE row = new.incident);
END;
