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
, alert_email TEXT NOT NULL DEFAULT '', owner_email TEXT NOT NULL DEFAULT '', batch_window_secs INTEGER NOT NULL DEFAULT 0, draft_incidents INTEGER NOT NULL DEFAULT 0, publish_after_secs INTEGER, default_severity TEXT, fallback_channel TEXT, webhook_secret TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
INSERT INTO "accounts" VALUES('acc_default','default',NULL,NULL,NULL,NULL,NULL,NULL,90,1795279058000,'','',0,0,NULL,NULL,NULL,'whsec_ea3f122786ca5e22ab7802d329a7397ef912c8fbb102daa4');
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
INSERT INTO "alerts" VALUES(1,'acc_default','1:job_failed:chn_xppyne0txzbhqb7q','job_failed',1,'job',2,'chn_xppyne0txzbhqb7q',NULL,'{"event":"job_failed","at":1795279060586,"about":{"kind":"job","id":"job_r7qvt3ahgk2evj5v","name":"broken","url":"http://127.0.0.1:3471/bad","type":"job"},"severity":"major","incident_id":"inc_x6qz4z307px2ywdm","error":"the endpoint answered 500 Internal Server Error","status_code":500,"response_ms":55.0,"since":1795279060586}','retrying','',2,'answered 500 Internal Server Error: hello',NULL,0,1795279060601,1795279060586,1795279060586,NULL);
INSERT INTO "alerts" VALUES(2,'acc_default','1:job_failed:chn_hwg5ceme3sztzyyf','job_failed',1,'job',2,'chn_hwg5ceme3sztzyyf',NULL,'{"event":"job_failed","at":1795279060586,"about":{"kind":"job","id":"job_r7qvt3ahgk2evj5v","name":"broken","url":"http://127.0.0.1:3471/bad","type":"job"},"severity":"major","incident_id":"inc_x6qz4z307px2ywdm","error":"the endpoint answered 500 Internal Server Error","status_code":500,"response_ms":55.0,"since":1795279060586}','sent','',1,'',NULL,0,NULL,1795279060586,1795279060586,1795279060661);
INSERT INTO "alerts" VALUES(3,'acc_default','2:down:chn_xppyne0txzbhqb7q','down',2,'monitor',2,'chn_xppyne0txzbhqb7q',NULL,'{"event":"down","at":1795279060696,"about":{"kind":"monitor","id":"mon_ra3r1ghx1nm46j4f","name":"broken site","url":"http://127.0.0.1:3471/bad","type":"http"},"incident_id":"inc_4yt5ngjp7gkx7mpq","error":"status code 500","status_code":500,"response_ms":21.3,"since":1795279060696}','queued','',0,'',NULL,0,NULL,1795279060718,1795279060718,NULL);
INSERT INTO "alerts" VALUES(4,'acc_default','2:down:chn_hwg5ceme3sztzyyf','down',2,'monitor',2,'chn_hwg5ceme3sztzyyf',NULL,'{"event":"down","at":1795279060696,"about":{"kind":"monitor","id":"mon_ra3r1ghx1nm46j4f","name":"broken site","url":"http://127.0.0.1:3471/bad","type":"http"},"incident_id":"inc_4yt5ngjp7gkx7mpq","error":"status code 500","status_code":500,"response_ms":21.3,"since":1795279060696}','sent','',1,'',NULL,0,NULL,1795279060718,1795279060718,1795279060749);
INSERT INTO "alerts" VALUES(5,'acc_default','3:down:chn_xppyne0txzbhqb7q','down',3,'heartbeat',2,'chn_xppyne0txzbhqb7q',NULL,'{"event":"down","at":1795279060926,"about":{"kind":"heartbeat","id":"hb_pxsqr5p28fby4van","name":"hourly","type":"heartbeat"},"severity":"minor","incident_id":"inc_n73qph6yaexxgp77","error":"{\"why\": \"the disk is full\"}","since":1795279060926}','queued','',0,'',NULL,0,NULL,1795279060926,1795279060926,NULL);
INSERT INTO "alerts" VALUES(6,'acc_default','3:down:chn_hwg5ceme3sztzyyf','down',3,'heartbeat',2,'chn_hwg5ceme3sztzyyf',NULL,'{"event":"down","at":1795279060926,"about":{"kind":"heartbeat","id":"hb_pxsqr5p28fby4van","name":"hourly","type":"heartbeat"},"severity":"minor","incident_id":"inc_n73qph6yaexxgp77","error":"{\"why\": \"the disk is full\"}","since":1795279060926}','sent','',1,'',NULL,0,NULL,1795279060926,1795279060926,1795279060957);
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
INSERT INTO "api_keys" VALUES('key_mb5agjzekjrm5bkh','acc_default','TICKD_API_KEY',X'A54C5C562B61E2F90A3DA0CD6D09A89CCC43E036C22EE532A963FBBF4F648FDA','tk_01234','["admin"]',1795279059801,1795279060359,NULL);
CREATE TABLE blind_intervals (
    started_at INTEGER PRIMARY KEY,
    ended_at INTEGER NOT NULL,
    cause TEXT NOT NULL
) STRICT;
CREATE TABLE certificate_changes (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    monitor INTEGER NOT NULL,
    at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    issuer TEXT NOT NULL
) STRICT;
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
INSERT INTO "channels" VALUES(1,'chn_hwg5ceme3sztzyyf','acc_default','hook','webhook',1,1,'["down","recovered","degraded","certificate","job_failed","reminder","blind","delivery","test"]',0,0,'{"url":"http://127.0.0.1:3471/hook"}',1795279060549,1795279060549);
INSERT INTO "channels" VALUES(2,'chn_xppyne0txzbhqb7q','acc_default','dead','webhook',1,1,'["down","recovered","degraded","certificate","job_failed","reminder","blind","delivery","test"]',0,0,'{"url":"http://127.0.0.1:3471/bad"}',1795279060553,1795279060553);
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
INSERT INTO "check_log_0" VALUES(1,1,1795279060639,0,0,200,263,NULL,9,NULL,251,NULL,NULL);
INSERT INTO "check_log_0" VALUES(2,1,1795279060670,0,31,200,15,NULL,2,NULL,10,NULL,NULL);
INSERT INTO "check_log_0" VALUES(3,1,1795279060675,0,5,200,125,NULL,2,NULL,120,NULL,NULL);
INSERT INTO "check_log_0" VALUES(4,2,1795279060696,1,0,500,213,NULL,6,NULL,203,NULL,'status code 500');
INSERT INTO "check_log_0" VALUES(5,2,1795279060725,1,29,500,251,NULL,1,NULL,247,NULL,'status code 500');
INSERT INTO "check_log_0" VALUES(6,2,1795279060770,1,45,500,18,NULL,3,NULL,12,NULL,'status code 500');
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
    histogram BLOB NOT NULL, maintenance INTEGER NOT NULL DEFAULT 0, maintenance_failed INTEGER NOT NULL DEFAULT 0, held_maintenance INTEGER NOT NULL DEFAULT 0,
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
, deferred_until INTEGER, deferred_for TEXT) STRICT;
INSERT INTO "executions" VALUES(1,1,1795279060497,3232164848671988971,'manual','success',200,6,'','',1795279060499,1795279060509,NULL,1,0,'hello','',NULL,NULL);
INSERT INTO "executions" VALUES(2,1,1795279060502,3234993579085819613,'manual','success',200,2,'','',1795279060507,1795279060524,NULL,1,0,'hello','',NULL,NULL);
INSERT INTO "executions" VALUES(3,2,1795279060507,363590976728845013,'manual','failed',500,55,'the endpoint answered 500 Internal Server Error','',1795279060529,1795279060586,NULL,1,0,'hello','',NULL,NULL);
INSERT INTO "executions" VALUES(4,2,1795279060604,4520192548582370071,'manual','failed',500,28,'the endpoint answered 500 Internal Server Error','',1795279060609,1795279060663,NULL,1,0,'hello','',NULL,NULL);
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "facts" VALUES('alive_at',1795279063980);
INSERT INTO "facts" VALUES('secret',X'2A3F5D6C653EFB5D704B375A15E72A87A54CD11525EAEC6723533CA8B14FED81');
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
INSERT INTO "heartbeat_events" VALUES(1,1,1795279060828,1795279060828,'success',1,0,0,NULL,NULL,'','127.0.0.1','','',NULL,NULL);
INSERT INTO "heartbeat_events" VALUES(2,1,1795279060845,1795279060845,'success',1,0,0,NULL,NULL,'','127.0.0.1','','',NULL,NULL);
INSERT INTO "heartbeat_events" VALUES(3,2,1795279060895,1795279060895,'success',1,0,0,NULL,NULL,'','127.0.0.1','','',NULL,NULL);
INSERT INTO "heartbeat_events" VALUES(4,2,1795279060910,1795279060910,'success',1,0,0,NULL,NULL,'','127.0.0.1','','',NULL,NULL);
INSERT INTO "heartbeat_events" VALUES(5,2,1795279060926,1795279060926,'fail',1,0,0,NULL,NULL,'','127.0.0.1','','{"why": "the disk is full"}',NULL,'failing');
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
INSERT INTO "heartbeats" VALUES(1,'hb_dm82kdhtsd1s4kc5','acc_default','backup','','backup-1s4kc5',1,0,'[]','{}',3600,'','UTC',300,2,'[]',0,'8d172dfea27592f9a2f4faeaad632934e06b18b928e16346c2e1ebcd06c1aa05','9kh0jz1jb50g613v','up',0,0,1795279060845,1795282660845,1795282960845,1795279060845,1795279060828,'{}',0,2,0,1795279060812,1795279060812);
INSERT INTO "heartbeats" VALUES(2,'hb_pxsqr5p28fby4van','acc_default','hourly','','hourly-by4van',1,0,'[]','{}',3600,'','UTC',300,2,'[]',0,'074e19e980b13cb3a000dc9045c043ffb313f59b40c4f28092707db0a3817193','xaqwbb9mjaf1kbd3','down',1,0,1795279060926,1795282660926,1795282960926,1795279060926,1795279060926,'{}',0,3,1,1795279060859,1795279060859);
INSERT INTO "heartbeats" VALUES(3,'hb_bc7c7cz32q8pr2rb','acc_default','weekly','','weekly-8pr2rb',1,0,'[]','{}',3600,'0 4 * * 1','Europe/Berlin',1800,1,'[]',0,'cf974baf4ff9bcbbc54905e58240b7b212f71fc2c0faedf6b975c4e8f2643d77','m2g2pjprfxajmjb3','pending',0,0,NULL,NULL,NULL,NULL,NULL,'{}',0,0,0,1795279060955,1795279060955);
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
    histogram BLOB NOT NULL, maintenance INTEGER NOT NULL DEFAULT 0, maintenance_failed INTEGER NOT NULL DEFAULT 0, held_maintenance INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (hour, monitor)
) STRICT, WITHOUT ROWID;
CREATE TABLE incident_updates (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    incident INTEGER NOT NULL,
    at INTEGER NOT NULL,
    status TEXT NOT NULL,
    message TEXT NOT NULL
) STRICT;
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
INSERT INTO "incidents" VALUES(1,'inc_x6qz4z307px2ywdm','acc_default','job',2,'job_r7qvt3ahgk2evj5v','broken','http://127.0.0.1:3471/bad','job','major','open',0,NULL,1795279060586,NULL,1795279060586,1795279060586,NULL,'{"error":"the endpoint answered 500 Internal Server Error","at":1795279060586,"status_code":500,"response_ms":55.0,"body":"hello","execution_id":"exec_3w26p8xmacsvc"}');
INSERT INTO "incidents" VALUES(2,'inc_4yt5ngjp7gkx7mpq','acc_default','monitor',2,'mon_ra3r1ghx1nm46j4f','broken site','http://127.0.0.1:3471/bad','http','major','open',0,NULL,1795279060718,NULL,1795279060696,1795279060718,NULL,'{"error":"status code 500","at":1795279060696,"status_code":500,"response_ms":21.3,"headers":{"server":"BaseHTTP/0.6 Python/3.11.7","date":"Sat, 21 Nov 2026 16:37:40 GMT","content-length":"5"},"body":"hello","timings":{"dns_ms":null,"connect_ms":0.6,"tls_ms":null,"first_byte_ms":20.3,"total_ms":21.3}}');
INSERT INTO "incidents" VALUES(3,'inc_n73qph6yaexxgp77','acc_default','heartbeat',2,'hb_pxsqr5p28fby4van','hourly','','heartbeat','minor','open',0,NULL,1795279060926,NULL,1795279060926,1795279060926,NULL,'{"error":"{\"why\": \"the disk is full\"}","at":1795279060926,"body":"{\"why\": \"the disk is full\"}"}');
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
, depends_on TEXT NOT NULL DEFAULT '[]') STRICT;
INSERT INTO "jobs" VALUES(1,'job_7yh1t2ckxt2g8r2h','acc_default','nightly','30 2 * * *','Europe/Berlin','http://127.0.0.1:3471/run','POST','{"X-Team":"ops"}','{"a": 1}','the nightly report',30,2,'["network"]','allow','last',1,'major','[]','[]','whsec_c2VjcmV0','response',3600,'[]','defer',7200,0,0,0,1795311000000,'success',1795279060524,1795279060389,1795279060389,0,0,'[]');
INSERT INTO "jobs" VALUES(2,'job_r7qvt3ahgk2evj5v','acc_default','broken','0 * * * *','UTC','http://127.0.0.1:3471/bad','POST','{}','','',30,0,'["network"]','allow','last',1,'major','[]','[]','','response',3600,'[]','defer',7200,0,1,2,1795280400000,'failed',1795279060663,1795279060462,1795279060462,0,0,'[]');
INSERT INTO "jobs" VALUES(3,'job_5wbq0qjvpk5794yy','acc_default','rests','0 0 1 1 *','UTC','http://127.0.0.1:3471/run','POST','{}','','',30,2,'["network"]','allow','last',1,'major','[]','[]','','response',3600,'[]','defer',7200,1,0,0,NULL,NULL,NULL,1795279060489,1795279060532,0,0,'[]');
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
INSERT INTO "lanes" VALUES('chn_hwg5ceme3sztzyyf','acc_default',0,NULL,NULL,0,'',1795279060957,NULL,0);
INSERT INTO "lanes" VALUES('chn_xppyne0txzbhqb7q','acc_default',2,1795279060606,1795279064973,0,'answered 500 Internal Server Error: hello',NULL,NULL,0);
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
INSERT INTO "maintenance" VALUES(1,'mnt_74yedypv634405dq','acc_default','weekly',1,'[]','[]',NULL,NULL,'{"day":"sunday","start":"02:00","end":"03:00","timezone":"UTC"}',1795279060593,1795279060593);
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
, ssl_warned_days INTEGER) STRICT;
INSERT INTO "monitors" VALUES(1,'mon_0jv54y62vv2hha9a','acc_default','site','http','','site-2hha9a',1,0,'[]','{"url":"http://127.0.0.1:3471/","interval_secs":3600,"failure_threshold":1}','up',0,0,1,1795279060639,NULL,NULL,1795279060633,1795279060633,0,0,NULL);
INSERT INTO "monitors" VALUES(2,'mon_ra3r1ghx1nm46j4f','acc_default','broken site','http','','broken-site-m46j4f',1,0,'[]','{"url":"http://127.0.0.1:3471/bad","interval_secs":3600,"failure_threshold":1}','down',1,1,0,1795279060696,NULL,NULL,1795279060693,1795279060693,0,0,NULL);
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
CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash BLOB NOT NULL,
    used_at INTEGER,
    PRIMARY KEY (user_id, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE reminders (
    incident INTEGER NOT NULL,
    lane TEXT NOT NULL,
    number INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    PRIMARY KEY (incident, lane)
) STRICT, WITHOUT ROWID;
CREATE TABLE sessions (
    hash BLOB PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    source_ip TEXT NOT NULL,
    user_agent TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    email TEXT NOT NULL UNIQUE COLLATE NOCASE,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('owner', 'member', 'reader')),
    password_hash TEXT NOT NULL,
    -- Empty: no second step. The step is the last that was accepted, so that no code is good twice.
    totp_secret TEXT NOT NULL DEFAULT '',
    totp_step INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER
) STRICT, WITHOUT ROWID;
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
CREATE INDEX certificate_changes_by_time ON certificate_changes (at);
CREATE UNIQUE INDEX channels_by_name ON channels (account_id, name);
CREATE UNIQUE INDEX incidents_open ON incidents (kind, subject) WHERE status = 'open';
CREATE INDEX incidents_by_subject ON incidents (kind, subject, row);
CREATE INDEX incidents_by_account ON incidents (account_id, started_at);
CREATE INDEX incidents_to_publish ON incidents (publish_at) WHERE publish_at IS NOT NULL;
CREATE INDEX incidents_resolved ON incidents (resolved_at) WHERE resolved_at IS NOT NULL;
CREATE INDEX incident_updates_by_incident ON incident_updates (incident, row);
CREATE INDEX held_due ON held (due_at);
CREATE INDEX alerts_waiting ON alerts (due_at, row) WHERE state IN ('queued', 'retrying');
CREATE INDEX alerts_of_lane ON alerts (lane, kind, subject, due_at) WHERE state IN ('queued', 'retrying');
CREATE INDEX alerts_by_account ON alerts (account_id, row);
CREATE INDEX alerts_by_incident ON alerts (incident, row) WHERE incident IS NOT NULL;
CREATE INDEX alerts_by_subject ON alerts (kind, subject, event, row);
CREATE INDEX alerts_ended ON alerts (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX reminders_due ON reminders (due_at);
CREATE INDEX maintenance_by_account ON maintenance (account_id, name, row);
CREATE INDEX executions_deferred ON executions (deferred_until) WHERE deferred_until IS NOT NULL;
CREATE INDEX users_by_account ON users (account_id, email);
CREATE INDEX sessions_by_user ON sessions (user_id, seen_at);
CREATE INDEX sessions_by_end ON sessions (expires_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('jobs',4);
INSERT INTO "sqlite_sequence" VALUES('executions',4);
INSERT INTO "sqlite_sequence" VALUES('channels',2);
INSERT INTO "sqlite_sequence" VALUES('incidents',3);
INSERT INTO "sqlite_sequence" VALUES('alerts',6);
INSERT INTO "sqlite_sequence" VALUES('maintenance',1);
INSERT INTO "sqlite_sequence" VALUES('monitors',2);
INSERT INTO "sqlite_sequence" VALUES('heartbeats',3);
INSERT INTO "sqlite_sequence" VALUES('heartbeat_events',5);
COMMIT;
PRAGMA application_id=1953063787;
PRAGMA user_version=5;
