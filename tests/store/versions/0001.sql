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
INSERT INTO "accounts" VALUES('acc_default','default',NULL,NULL,NULL,NULL,NULL,NULL,90,1795279004000);
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
INSERT INTO "api_keys" VALUES('key_vx86650phfwkye9m','acc_default','TICKD_API_KEY',X'A54C5C562B61E2F90A3DA0CD6D09A89CCC43E036C22EE532A963FBBF4F648FDA','tk_01234','["admin"]',1795279005464,1795279005877,NULL);
CREATE TABLE blind_intervals (
    started_at INTEGER PRIMARY KEY,
    ended_at INTEGER NOT NULL,
    cause TEXT NOT NULL
) STRICT;
CREATE TABLE deleted_jobs (
    row INTEGER PRIMARY KEY
) STRICT;
INSERT INTO "deleted_jobs" VALUES(4);
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
INSERT INTO "executions" VALUES(1,1,1795279006048,290502887302437617,'manual','success',200,41,'','',1795279006052,1795279006097,NULL,1,0,'hello','');
INSERT INTO "executions" VALUES(2,1,1795279006054,3600507866805759771,'manual','success',200,40,'','',1795279006069,1795279006114,NULL,1,0,'hello','');
INSERT INTO "executions" VALUES(3,2,1795279006070,3404059872232813453,'manual','failed',500,21,'the endpoint answered 500 Internal Server Error','',1795279006098,1795279006153,NULL,1,0,'hello','');
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "facts" VALUES('alive_at',1795279009324);
INSERT INTO "facts" VALUES('secret',X'7C17E81642402A2824441832C5433EB94485AE12D933D8AFF4EFE74220079D04');
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
INSERT INTO "jobs" VALUES(1,'job_q9f3r237zpfrdtnq','acc_default','nightly','30 2 * * *','Europe/Berlin','http://127.0.0.1:3471/run','POST','{"X-Team":"ops"}','{"a": 1}','the nightly report',30,2,'["network"]','allow','last',1,'major','[]','[]','whsec_c2VjcmV0','response',3600,'[]','defer',7200,0,0,0,1795311000000,'success',1795279006114,1795279005892,1795279005892,0,0);
INSERT INTO "jobs" VALUES(2,'job_52nkaxar9cacz1wz','acc_default','broken','0 * * * *','UTC','http://127.0.0.1:3471/bad','POST','{}','','',30,0,'["network"]','allow','last',1,'major','[]','[]','','response',3600,'[]','defer',7200,0,1,1,1795280400000,'failed',1795279006153,1795279005969,1795279005969,0,0);
INSERT INTO "jobs" VALUES(3,'job_m84mgyzvnwgq0e0g','acc_default','rests','0 0 1 1 *','UTC','http://127.0.0.1:3471/run','POST','{}','','',30,2,'["network"]','allow','last',1,'major','[]','[]','','response',3600,'[]','defer',7200,1,0,0,NULL,NULL,NULL,1795279006021,1795279006114,0,0);
CREATE INDEX api_keys_by_account ON api_keys (account_id, created_at);
CREATE UNIQUE INDEX jobs_by_name ON jobs (account_id, name);
CREATE INDEX jobs_due ON jobs (next_run_at) WHERE next_run_at IS NOT NULL;
CREATE UNIQUE INDEX executions_by_occurrence ON executions (job, scheduled_at, manual);
CREATE INDEX executions_open ON executions (job, row) WHERE status IN ('pending', 'running');
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('jobs',4);
INSERT INTO "sqlite_sequence" VALUES('executions',3);
COMMIT;
PRAGMA application_id=1953063787;
PRAGMA user_version=1;
