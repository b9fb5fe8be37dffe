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
INSERT INTO "accounts" VALUES('acc_default','default',NULL,NULL,NULL,NULL,NULL,NULL,90,1795279037000);
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
INSERT INTO "api_keys" VALUES('key_fdcbvaexc7pphx1q','acc_default','TICKD_API_KEY',X'A54C5C562B61E2F90A3DA0CD6D09A89CCC43E036C22EE532A963FBBF4F648FDA','tk_01234','["admin"]',1795279037430,1795279037769,NULL);
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
INSERT INTO "check_log_0" VALUES(1,1,1795279038039,0,0,200,36,NULL,3,NULL,31,NULL,NULL);
INSERT INTO "check_log_0" VALUES(2,1,1795279038066,0,27,200,26,NULL,2,NULL,21,NULL,NULL);
INSERT INTO "check_log_0" VALUES(3,1,1795279038077,0,11,200,14,NULL,7,NULL,5,NULL,NULL);
INSERT INTO "check_log_0" VALUES(4,2,1795279038112,1,0,500,27,NULL,15,NULL,7,NULL,'status code 500');
INSERT INTO "check_log_0" VALUES(5,2,1795279038122,1,10,500,15,NULL,7,NULL,6,NULL,'status code 500');
INSERT INTO "check_log_0" VALUES(6,2,1795279038132,1,10,500,15,NULL,6,NULL,7,NULL,'status code 500');
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
CREATE TABLE deleted_heartbeats (
    row INTEGER PRIMARY KEY
) STRICT;
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
INSERT INTO "executions" VALUES(1,1,1795279037885,2030031024871726409,'manual','success',200,6,'','',1795279037900,1795279037919,NULL,1,0,'hello','');
INSERT INTO "executions" VALUES(2,1,1795279037907,4220499958135909657,'manual','success',200,7,'','',1795279037948,1795279037973,NULL,1,0,'hello','');
INSERT INTO "executions" VALUES(3,2,1795279037941,2049553418930991541,'manual','failed',500,12,'the endpoint answered 500 Internal Server Error','',1795279037973,1795279038001,NULL,1,0,'hello','');
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "facts" VALUES('alive_at',1795279041189);
INSERT INTO "facts" VALUES('secret',X'8300F8B30729DE2AFF400844F788B508E7949E105A8C145CCD2E82B712E62BD9');
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
INSERT INTO "heartbeat_events" VALUES(1,1,1795279038151,1795279038151,'success',1,0,0,NULL,NULL,'','127.0.0.1','','',NULL,NULL);
INSERT INTO "heartbeat_events" VALUES(2,1,1795279038154,1795279038154,'success',1,0,0,NULL,NULL,'','127.0.0.1','','',NULL,NULL);
INSERT INTO "heartbeat_events" VALUES(3,2,1795279038161,1795279038161,'success',1,0,0,NULL,NULL,'','127.0.0.1','','',NULL,NULL);
INSERT INTO "heartbeat_events" VALUES(4,2,1795279038163,1795279038163,'success',1,0,0,NULL,NULL,'','127.0.0.1','','',NULL,NULL);
INSERT INTO "heartbeat_events" VALUES(5,2,1795279038167,1795279038167,'fail',1,0,0,NULL,NULL,'','127.0.0.1','','{"why": "the disk is full"}',NULL,'failing');
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
INSERT INTO "heartbeats" VALUES(1,'hb_6qc57k38bryw6d8q','acc_default','backup','','backup-yw6d8q',1,0,'[]','{}',3600,'','UTC',300,2,'[]',0,'5ea9e5e351c5e92768d305dce7837637b53ae7e38668116dfff851002ff0d714','0jce0d1s2jw4fr9e','up',0,0,1795279038154,1795282638154,1795282938154,1795279038154,1795279038151,'{}',0,2,0,1795279038145,1795279038145);
INSERT INTO "heartbeats" VALUES(2,'hb_vt4n1z76g6e8r6bp','acc_default','hourly','','hourly-e8r6bp',1,0,'[]','{}',3600,'','UTC',300,2,'[]',0,'04240cf6a65f180ff1a28ebaac1c0cc2cf9803a88423f474f501f251fbe79e88','bjtratv47t2h4tmy','down',1,0,1795279038167,1795282638167,1795282938167,1795279038167,1795279038167,'{}',0,3,1,1795279038158,1795279038158);
INSERT INTO "heartbeats" VALUES(3,'hb_k90nxyr2vrcqh5dd','acc_default','weekly','','weekly-cqh5dd',1,0,'[]','{}',3600,'0 4 * * 1','Europe/Berlin',1800,1,'[]',0,'ecb3d800513103beecfa7441feadf8c6ec00dac6e379513120f01a3433bce8bd','e1g9r72zq69xganp','pending',0,0,NULL,NULL,NULL,NULL,NULL,'{}',0,0,0,1795279038180,1795279038180);
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
INSERT INTO "jobs" VALUES(1,'job_ttpcj2q3ga9fx982','acc_default','nightly','30 2 * * *','Europe/Berlin','http://127.0.0.1:3471/run','POST','{"X-Team":"ops"}','{"a": 1}','the nightly report',30,2,'["network"]','allow','last',1,'major','[]','[]','whsec_c2VjcmV0','response',3600,'[]','defer',7200,0,0,0,1795311000000,'success',1795279037973,1795279037792,1795279037792,0,0);
INSERT INTO "jobs" VALUES(2,'job_daeh7bnkzf5g0m8n','acc_default','broken','0 * * * *','UTC','http://127.0.0.1:3471/bad','POST','{}','','',30,0,'["network"]','allow','last',1,'major','[]','[]','','response',3600,'[]','defer',7200,0,1,1,1795280400000,'failed',1795279038001,1795279037831,1795279037831,0,0);
INSERT INTO "jobs" VALUES(3,'job_sx6zdzzzp466yv8e','acc_default','rests','0 0 1 1 *','UTC','http://127.0.0.1:3471/run','POST','{}','','',30,2,'["network"]','allow','last',1,'major','[]','[]','','response',3600,'[]','defer',7200,1,0,0,NULL,NULL,NULL,1795279037853,1795279037973,0,0);
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
INSERT INTO "monitors" VALUES(1,'mon_1t7adt49m0djpcc6','acc_default','site','http','','site-djpcc6',1,0,'[]','{"url":"http://127.0.0.1:3471/","interval_secs":3600,"failure_threshold":1}','up',0,0,1,1795279038039,NULL,NULL,1795279038012,1795279038012,0,0);
INSERT INTO "monitors" VALUES(2,'mon_wtsywrh4ehjqqx6h','acc_default','broken site','http','','broken-site-jqqx6h',1,0,'[]','{"url":"http://127.0.0.1:3471/bad","interval_secs":3600,"failure_threshold":1}','down',1,1,0,1795279038112,NULL,NULL,1795279038107,1795279038107,0,0);
CREATE TABLE open_runs (
    heartbeat INTEGER NOT NULL,
    rid TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    due_at INTEGER,
    PRIMARY KEY (heartbeat, rid)
) STRICT, WITHOUT ROWID;
CREATE TABLE ping_bodies (
    event INTEGER PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;
INSERT INTO "ping_bodies" VALUES(5,'{"why": "the disk is full"}');
CREATE INDEX api_keys_by_account ON api_keys (account_id, created_at);
CREATE UNIQUE INDEX jobs_by_name ON jobs (account_id, name);
CREATE INDEX jobs_due ON jobs (next_run_at) WHERE next_run_at IS NOT NULL;
CREATE UNIQUE INDEX executions_by_occurrence ON executions (job, scheduled_at, manual);
CREATE INDEX executions_open ON executions (job, row) WHERE status IN ('pending', 'running');
CREATE INDEX monitors_by_account ON monitors (account_id, name, row);
CREATE UNIQUE INDEX monitors_by_slug ON monitors (slug);
CREATE INDEX heartbeats_by_account ON heartbeats (account_id, name, row);
CREATE UNIQUE INDEX heartbeats_by_slug ON heartbeats (slug);
CREATE UNIQUE INDEX heartbeats_by_token ON heartbeats (short_token);
CREATE INDEX heartbeats_due ON heartbeats (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX heartbeat_events_by_time ON heartbeat_events (heartbeat, at);
CREATE INDEX heartbeat_misses ON heartbeat_events (heartbeat, at) WHERE kind IN ('missed', 'overran');
CREATE INDEX heartbeat_runs ON heartbeat_events (heartbeat, rid, kind, at) WHERE rid <> '' OR kind = 'start';
CREATE INDEX open_runs_due ON open_runs (due_at) WHERE due_at IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('jobs',4);
INSERT INTO "sqlite_sequence" VALUES('executions',3);
INSERT INTO "sqlite_sequence" VALUES('monitors',2);
INSERT INTO "sqlite_sequence" VALUES('heartbeats',3);
INSERT INTO "sqlite_sequence" VALUES('heartbeat_events',5);
COMMIT;
PRAGMA application_id=1953063787;
PRAGMA user_version=3;
