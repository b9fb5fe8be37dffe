PRAGMA auto_vacuum=2;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
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
INSERT INTO "accounts" VALUES('acc_default','default',NULL,NULL,NULL,NULL,NULL,NULL,90,1795279023000);
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
INSERT INTO "api_keys" VALUES('key_94ev051cxhryfeta','acc_default','TICKD_API_KEY',X'A54C5C562B61E2F90A3DA0CD6D09A89CCC43E036C22EE532A963FBBF4F648FDA','tk_01234','["admin"]',1795279024162,1795279024735,NULL);
CREATE TABLE blind_intervals (
    started_at INTEGER PRIMARY KEY,
    ended_at INTEGER NOT NULL,
    cause TEXT NOT NULL
) STRICT;
CREATE TABLE check_log_0 (
    seq INTEGER PRIMARY KEY,
    monitor INTEGER NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER NOT NULL,
    held INTEGER NOT NULL,
    code INTEGER,
    duration INTEGER,
    dns INTEGER,
    connect INTEGER,
    tls INTEGER,
    first_byte INTEGER,
    ssl_expires_at INTEGER,
    error TEXT
) STRICT;
INSERT INTO "check_log_0" VALUES(1,1,1795279024966,0,0,200,578,NULL,80,NULL,495,NULL,NULL);
INSERT INTO "check_log_0" VALUES(2,1,1795279025045,0,79,200,405,NULL,3,NULL,399,NULL,NULL);
INSERT INTO "check_log_0" VALUES(3,1,1795279025133,0,88,200,31,NULL,3,NULL,25,NULL,NULL);
INSERT INTO "check_log_0" VALUES(4,2,1795279025229,1,0,500,31,NULL,3,NULL,25,NULL,'status code 500');
INSERT INTO "check_log_0" VALUES(5,2,1795279025277,1,48,500,12,NULL,7,NULL,3,NULL,'status code 500');
INSERT INTO "check_log_0" VALUES(6,2,1795279025318,1,41,500,60,NULL,5,NULL,52,NULL,'status code 500');
CREATE TABLE check_log_1 (
    seq INTEGER PRIMARY KEY,
    monitor INTEGER NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER NOT NULL,
    held INTEGER NOT NULL,
    code INTEGER,
    duration INTEGER,
    dns INTEGER,
    connect INTEGER,
    tls INTEGER,
    first_byte INTEGER,
    ssl_expires_at INTEGER,
    error TEXT
) STRICT;
CREATE TABLE check_pass (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    number INTEGER NOT NULL,
    hour INTEGER,
    upto INTEGER NOT NULL,
    done INTEGER NOT NULL
) STRICT;
INSERT INTO "check_pass" VALUES(1,0,NULL,0,9223372036854775807);
CREATE TABLE check_retention (
    account_id TEXT PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    raw_days INTEGER NOT NULL,
    hourly_days INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE day_rollups (
    day INTEGER NOT NULL,
    monitor INTEGER NOT NULL,
    up INTEGER NOT NULL,
    down INTEGER NOT NULL,
    timeout INTEGER NOT NULL,
    degraded INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    held_up INTEGER NOT NULL,
    held_down INTEGER NOT NULL,
    held_unknown INTEGER NOT NULL,
    latency_sum REAL NOT NULL,
    latency_count INTEGER NOT NULL,
    histogram BLOB NOT NULL,
    PRIMARY KEY (day, monitor)
) STRICT, WITHOUT ROWID;
CREATE TABLE deleted_jobs (
    row INTEGER PRIMARY KEY
) STRICT;
CREATE TABLE deleted_monitors (
    row INTEGER PRIMARY KEY
) STRICT;
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
INSERT INTO "executions" VALUES(1,1,1795279024873,4217212213290253711,'manual','success',200,3,'','',1795279024877,1795279024883,NULL,1,0,'hello','');
INSERT INTO "executions" VALUES(2,1,1795279024877,4586488995853991099,'manual','success',200,2,'','',1795279024884,1795279024887,NULL,1,0,'hello','');
INSERT INTO "executions" VALUES(3,2,1795279024884,1795659700480007257,'manual','failed',500,2,'the endpoint answered 500 Internal Server Error','',1795279024889,1795279024908,NULL,1,0,'hello','');
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "facts" VALUES('alive_at',1795279028350);
INSERT INTO "facts" VALUES('secret',X'03C8947F738E4DC7EA6C962A87FDEA75D6024E0C6931AF1265151AFC52D2F9CF');
CREATE TABLE hour_rollups (
    hour INTEGER NOT NULL,
    monitor INTEGER NOT NULL,
    up INTEGER NOT NULL,
    down INTEGER NOT NULL,
    timeout INTEGER NOT NULL,
    degraded INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    held_up INTEGER NOT NULL,
    held_down INTEGER NOT NULL,
    held_unknown INTEGER NOT NULL,
    latency_sum REAL NOT NULL,
    latency_count INTEGER NOT NULL,
    histogram BLOB NOT NULL,
    PRIMARY KEY (hour, monitor)
) STRICT, WITHOUT ROWID;
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
INSERT INTO "jobs" VALUES(1,'job_w6esz8y7eq6esv05','acc_default','nightly','30 2 * * *','Europe/Berlin','http://127.0.0.1:3471/run','POST','{"X-Team":"ops"}','{"a": 1}','the nightly report',30,2,'["network"]','allow','last',1,'major','[]','[]','whsec_c2VjcmV0','response',3600,'[]','defer',7200,0,0,0,1795311000000,'success',1795279024887,1795279024743,1795279024743,0,0);
INSERT INTO "jobs" VALUES(2,'job_srqytjje4czrz30v','acc_default','broken','0 * * * *','UTC','http://127.0.0.1:3471/bad','POST','{}','','',30,0,'["network"]','allow','last',1,'major','[]','[]','','response',3600,'[]','defer',7200,0,1,1,1795280400000,'failed',1795279024908,1795279024826,1795279024826,0,0);
INSERT INTO "jobs" VALUES(3,'job_haa9avrxgn8wet6f','acc_default','rests','0 0 1 1 *','UTC','http://127.0.0.1:3471/run','POST','{}','','',30,2,'["network"]','allow','last',1,'major','[]','[]','','response',3600,'[]','defer',7200,1,0,0,NULL,NULL,NULL,1795279024868,1795279024891,0,0);
CREATE TABLE monitors (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    group_name TEXT NOT NULL,
    slug TEXT NOT NULL,
    public INTEGER NOT NULL,
    paused INTEGER NOT NULL,
    tags TEXT NOT NULL,
    -- Everything else that a person says of a monitor, as one JSON object.
    options TEXT NOT NULL,
    -- The state: written when it changes, not at every check.
    state TEXT NOT NULL,
    failing INTEGER NOT NULL,
    consecutive_failures INTEGER NOT NULL,
    consecutive_successes INTEGER NOT NULL,
    changed_at INTEGER,
    ssl_expires_at INTEGER,
    ssl_issuer TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- Lifetime counts up to the last hour that was rolled up.
    checks_total INTEGER NOT NULL DEFAULT 0,
    checks_failed INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO "monitors" VALUES(1,'mon_4h04r2v23090qhyv','acc_default','site','http','','site-90qhyv',1,0,'[]','{"url":"http://127.0.0.1:3471/","interval_secs":3600,"failure_threshold":1}','up',0,0,1,1795279024966,NULL,NULL,1795279024943,1795279024943,0,0);
INSERT INTO "monitors" VALUES(2,'mon_ekscpwcgy1qhwcqd','acc_default','broken site','http','','broken-site-qhwcqd',1,0,'[]','{"url":"http://127.0.0.1:3471/bad","interval_secs":3600,"failure_threshold":1}','down',1,1,0,1795279025229,NULL,NULL,1795279025185,1795279025185,0,0);
CREATE INDEX api_keys_by_account ON api_keys (account_id, created_at);
CREATE UNIQUE INDEX jobs_by_name ON jobs (account_id, name);
CREATE INDEX jobs_due ON jobs (next_run_at) WHERE next_run_at IS NOT NULL;
CREATE UNIQUE INDEX executions_by_occurrence ON executions (job, scheduled_at, manual);
CREATE INDEX executions_open ON executions (job, row) WHERE status IN ('pending', 'running');
CREATE INDEX monitors_by_account ON monitors (account_id, name, row);
CREATE UNIQUE INDEX monitors_by_slug ON monitors (slug);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('jobs',4);
INSERT INTO "sqlite_sequence" VALUES('executions',3);
INSERT INTO "sqlite_sequence" VALUES('monitors',2);
COMMIT;
PRAGMA application_id=1953063787;
PRAGMA user_version=2;
