-- Accounts can be suspended, and what is counted by the month is counted where it happens: a sum over what
-- is kept would forget what was deleted since.

ALTER TABLE accounts ADD COLUMN suspended_at INTEGER;

CREATE TABLE account_use (
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- The first moment of the month, UTC.
    month INTEGER NOT NULL,
    executions INTEGER NOT NULL DEFAULT 0,
    verifications INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, month)
) STRICT, WITHOUT ROWID;

-- What has begun this month, as it was counted until now.
INSERT INTO account_use (account_id, month, executions)
SELECT
    jobs.account_id,
    CAST(strftime('%s', 'now', 'start of month') AS INTEGER) * 1000,
    count(*)
FROM executions JOIN jobs ON jobs.row = executions.job
WHERE executions.started_at >= CAST(strftime('%s', 'now', 'start of month') AS INTEGER) * 1000
GROUP BY jobs.account_id;
