PRAGMA auto_vacuum=2;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE account_use (
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- The first moment of the month, UTC.
    month INTEGER NOT NULL,
    executions INTEGER NOT NULL DEFAULT 0,
    verifications INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, month)
) STRICT, WITHOUT ROWID;
INSERT INTO "account_use" VALUES('acc_default',1793491200000,4,1);
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
, alert_email TEXT NOT NULL DEFAULT '', owner_email TEXT NOT NULL DEFAULT '', batch_window_secs INTEGER NOT NULL DEFAULT 0, draft_incidents INTEGER NOT NULL DEFAULT 0, publish_after_secs INTEGER, default_severity TEXT, fallback_channel TEXT, webhook_secret TEXT NOT NULL DEFAULT '', changes INTEGER NOT NULL DEFAULT 0, suspended_at INTEGER) STRICT, WITHOUT ROWID;
INSERT INTO "accounts" VALUES('acc_default','default',NULL,NULL,NULL,NULL,NULL,NULL,90,1795279347000,'','',0,0,NULL,NULL,NULL,'whsec_ed8a52fc8564d100e68af248a06e85217f7eb2ce5fdaad62',22,NULL);
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
INSERT INTO "alerts" VALUES(1,'acc_default','1:job_failed','job_failed',1,'job',2,'',NULL,'{"event":"job_failed","at":1795279350016,"about":{"kind":"job","id":"job_jak6qfq3mg9xtcb2","name":"broken","url":"http://127.0.0.1:3471/bad","type":"job"},"severity":"major","incident_id":"inc_83cwc1y6hfm6h9zq","error":"the endpoint answered 500 Internal Server Error","status_code":500,"response_ms":6.0,"since":1795279350016}','suppressed','there is nowhere to send it: make a channel, or set the account''s alert_email',0,'',NULL,0,NULL,1795279350016,1795279350016,1795279350016);
INSERT INTO "alerts" VALUES(2,'acc_default','2:down:chn_717vym0c3w1qmp5y','down',2,'monitor',2,'chn_717vym0c3w1qmp5y',NULL,'{"event":"down","at":1795279350267,"about":{"kind":"monitor","id":"mon_mnx21gcj956ncr3m","name":"broken site","url":"http://127.0.0.1:3471/bad","type":"http"},"incident_id":"inc_72rg0x1kf70yvmnz","error":"status code 500","status_code":500,"response_ms":2.4,"since":1795279350267}','retrying','',6,'answered 500 Internal Server Error: hello',NULL,0,1795279350289,1795279350269,1795279350269,NULL);
INSERT INTO "alerts" VALUES(3,'acc_default','2:down:chn_hgh3je4mwp8reye7','down',2,'monitor',2,'chn_hgh3je4mwp8reye7',NULL,'{"event":"down","at":1795279350267,"about":{"kind":"monitor","id":"mon_mnx21gcj956ncr3m","name":"broken site","url":"http://127.0.0.1:3471/bad","type":"http"},"incident_id":"inc_72rg0x1kf70yvmnz","error":"status code 500","status_code":500,"response_ms":2.4,"since":1795279350267}','sent','',1,'',NULL,0,NULL,1795279350269,1795279350269,1795279350289);
INSERT INTO "alerts" VALUES(4,'acc_default','3:down:chn_717vym0c3w1qmp5y','down',3,'heartbeat',2,'chn_717vym0c3w1qmp5y',NULL,'{"event":"down","at":1795279350469,"about":{"kind":"heartbeat","id":"hb_3x49ncf0brpqat51","name":"hourly","type":"heartbeat"},"severity":"minor","incident_id":"inc_dsv8atgvsb6cm51r","error":"{\"why\": \"the disk is full\"}","since":1795279350469}','queued','',0,'',NULL,0,NULL,1795279350469,1795279350469,NULL);
INSERT INTO "alerts" VALUES(5,'acc_default','3:down:chn_hgh3je4mwp8reye7','down',3,'heartbeat',2,'chn_hgh3je4mwp8reye7',NULL,'{"event":"down","at":1795279350469,"about":{"kind":"heartbeat","id":"hb_3x49ncf0brpqat51","name":"hourly","type":"heartbeat"},"severity":"minor","incident_id":"inc_dsv8atgvsb6cm51r","error":"{\"why\": \"the disk is full\"}","since":1795279350469}','sent','',1,'',NULL,0,NULL,1795279350469,1795279350469,1795279350536);
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
INSERT INTO "api_keys" VALUES('key_chvm05wgbwcyv4sx','acc_default','TICKD_API_KEY',X'A54C5C562B61E2F90A3DA0CD6D09A89CCC43E036C22EE532A963FBBF4F648FDA','tk_01234','["admin"]',1795279349017,1795279349870,NULL);
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
INSERT INTO "channels" VALUES(1,'chn_hgh3je4mwp8reye7','acc_default','hook','webhook',1,1,'["down","recovered","degraded","certificate","job_failed","reminder","blind","delivery","test"]',0,0,'{"url":"http://127.0.0.1:3471/hook"}',1795279350055,1795279350055);
INSERT INTO "channels" VALUES(2,'chn_717vym0c3w1qmp5y','acc_default','dead','webhook',1,1,'["down","recovered","degraded","certificate","job_failed","reminder","blind","delivery","test"]',0,0,'{"url":"http://127.0.0.1:3471/bad"}',1795279350062,1795279350062);
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
INSERT INTO "check_log_0" VALUES(1,1,1795279350153,0,0,200,17,NULL,7,NULL,8,NULL,NULL);
INSERT INTO "check_log_0" VALUES(2,1,1795279350203,0,50,200,49,NULL,1,NULL,45,NULL,NULL);
INSERT INTO "check_log_0" VALUES(3,1,1795279350219,0,16,200,250,NULL,2,NULL,244,NULL,NULL);
INSERT INTO "check_log_0" VALUES(4,2,1795279350267,1,0,500,24,NULL,2,NULL,20,NULL,'status code 500');
INSERT INTO "check_log_0" VALUES(5,2,1795279350279,1,12,500,94,NULL,42,NULL,9,NULL,'status code 500');
INSERT INTO "check_log_0" VALUES(6,2,1795279350353,1,74,500,29,NULL,20,NULL,6,NULL,'status code 500');
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
INSERT INTO "executions" VALUES(1,1,1795279349963,1755908886244077059,'manual','success',200,3,'','',1795279349979,1795279349988,NULL,1,0,'hello','',NULL,NULL);
INSERT INTO "executions" VALUES(2,1,1795279349979,947351133444683567,'manual','success',200,2,'','',1795279349988,1795279349994,NULL,1,0,'hello','',NULL,NULL);
INSERT INTO "executions" VALUES(3,2,1795279349989,1010979988900773567,'manual','failed',500,6,'the endpoint answered 500 Internal Server Error','',1795279350006,1795279350016,NULL,1,0,'hello','',NULL,NULL);
INSERT INTO "executions" VALUES(4,2,1795279350123,3172878948459980727,'manual','failed',500,2,'the endpoint answered 500 Internal Server Error','',1795279350133,1795279350139,NULL,1,0,'hello','',NULL,NULL);
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "facts" VALUES('alive_at',1795279372193);
INSERT INTO "facts" VALUES('secret',X'68A1EA2E01A0D28088E3E0F4FEF651602EDC977EE0CF4FFA6615715B071D68F7');
CREATE TABLE heartbeat_days (
    day INTEGER NOT NULL,
    heartbeat INTEGER NOT NULL,
    success INTEGER NOT NULL,
    degraded INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    missed INTEGER NOT NULL,
    PRIMARY KEY (day, heartbeat)
) STRICT, WITHOUT ROWID;
INSERT INTO "heartbeat_days" VALUES(20778,1,2,0,0,0);
INSERT INTO "heartbeat_days" VALUES(20778,2,2,0,1,0);
CREATE TABLE heartbeat_days_pass (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    upto INTEGER NOT NULL
) STRICT;
INSERT INTO "heartbeat_days_pass" VALUES(1,5);
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
INSERT INTO "heartbeat_events" VALUES(1,1,1795279350398,1795279350398,'success',1,0,0,NULL,NULL,'','127.0.0.1','','',NULL,NULL);
INSERT INTO "heartbeat_events" VALUES(2,1,1795279350410,1795279350410,'success',1,0,0,NULL,NULL,'','127.0.0.1','','',NULL,NULL);
INSERT INTO "heartbeat_events" VALUES(3,2,1795279350438,1795279350438,'success',1,0,0,NULL,NULL,'','127.0.0.1','','',NULL,NULL);
INSERT INTO "heartbeat_events" VALUES(4,2,1795279350454,1795279350454,'success',1,0,0,NULL,NULL,'','127.0.0.1','','',NULL,NULL);
INSERT INTO "heartbeat_events" VALUES(5,2,1795279350469,1795279350469,'fail',1,0,0,NULL,NULL,'','127.0.0.1','','{"why": "the disk is full"}',NULL,'failing');
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
INSERT INTO "heartbeats" VALUES(1,'hb_m397tjwwqkprjnb8','acc_default','backup','','backup-prjnb8',1,0,'[]','{}',3600,'','UTC',300,2,'[]',0,'7c05dec5530d0eb4fc2e1b6c936da2cb3371ad63fed6bf363caba6c48ea1b2f2','dn74jh88zbwz3scz','up',0,0,1795279350410,1795282950410,1795283250410,1795279350410,1795279350398,'{}',0,2,0,1795279350380,1795279350380);
INSERT INTO "heartbeats" VALUES(2,'hb_3x49ncf0brpqat51','acc_default','hourly','','hourly-pqat51',1,0,'[]','{}',3600,'','UTC',300,2,'[]',0,'f34100523e61b57589a9290cabc86095d530faab3f8b53f6b611f51bf324fdfe','2k5mkd6ja8wn3bw8','down',1,0,1795279350469,1795282950469,1795283250469,1795279350469,1795279350469,'{}',0,3,1,1795279350421,1795279350421);
INSERT INTO "heartbeats" VALUES(3,'hb_skpqh1a1496w6m10','acc_default','weekly','','weekly-6w6m10',1,0,'[]','{}',3600,'0 4 * * 1','Europe/Berlin',1800,1,'[]',0,'85cc83ba1799643af6c29aac9a68ad77c316c162cfde0c6c2e24cb6b31781794','6amrw6et7ej4k19g','pending',0,0,NULL,NULL,NULL,NULL,NULL,'{}',0,0,0,1795279350537,1795279350537);
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
INSERT INTO "incidents" VALUES(1,'inc_83cwc1y6hfm6h9zq','acc_default','job',2,'job_jak6qfq3mg9xtcb2','broken','http://127.0.0.1:3471/bad','job','major','open',0,NULL,1795279350016,NULL,1795279350016,1795279350016,NULL,'{"error":"the endpoint answered 500 Internal Server Error","at":1795279350016,"status_code":500,"response_ms":6.0,"body":"hello","execution_id":"exec_3w26p8xmacsvc"}');
INSERT INTO "incidents" VALUES(2,'inc_72rg0x1kf70yvmnz','acc_default','monitor',2,'mon_mnx21gcj956ncr3m','broken site','http://127.0.0.1:3471/bad','http','major','open',0,NULL,1795279350269,NULL,1795279350267,1795279350269,NULL,'{"error":"status code 500","at":1795279350267,"status_code":500,"response_ms":2.4,"headers":{"server":"BaseHTTP/0.6 Python/3.11.7","date":"Sat, 21 Nov 2026 16:42:30 GMT","content-length":"5"},"body":"hello","timings":{"dns_ms":null,"connect_ms":0.2,"tls_ms":null,"first_byte_ms":2.0,"total_ms":2.4}}');
INSERT INTO "incidents" VALUES(3,'inc_dsv8atgvsb6cm51r','acc_default','heartbeat',2,'hb_3x49ncf0brpqat51','hourly','','heartbeat','minor','open',0,NULL,1795279350469,NULL,1795279350469,1795279350469,NULL,'{"error":"{\"why\": \"the disk is full\"}","at":1795279350469,"body":"{\"why\": \"the disk is full\"}"}');
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
INSERT INTO "job_days" VALUES(20778,1,2,0,0,0,5,2);
INSERT INTO "job_days" VALUES(20778,2,0,2,0,0,8,2);
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
, depends_on TEXT NOT NULL DEFAULT '[]', changed_at INTEGER) STRICT;
INSERT INTO "jobs" VALUES(1,'job_yrtk1cken06qdzf8','acc_default','nightly','30 2 * * *','Europe/Berlin','http://127.0.0.1:3471/run','POST','{"X-Team":"ops"}','{"a": 1}','the nightly report',30,2,'["network"]','allow','last',1,'major','[]','[]','whsec_c2VjcmV0','response',3600,'[]','defer',7200,0,0,0,1795311000000,'success',1795279349994,1795279349882,1795279349882,0,0,'[]',NULL);
INSERT INTO "jobs" VALUES(2,'job_jak6qfq3mg9xtcb2','acc_default','broken','0 * * * *','UTC','http://127.0.0.1:3471/bad','POST','{}','','',30,0,'["network"]','allow','last',1,'major','[]','[]','','response',3600,'[]','defer',7200,0,1,2,1795280400000,'failed',1795279350139,1795279349922,1795279349922,0,0,'[]',1795279350016);
INSERT INTO "jobs" VALUES(3,'job_x170k6wv52ss8yme','acc_default','rests','0 0 1 1 *','UTC','http://127.0.0.1:3471/run','POST','{}','','',30,2,'["network"]','allow','last',1,'major','[]','[]','','response',3600,'[]','defer',7200,1,0,0,NULL,NULL,NULL,1795279349945,1795279350008,0,0,'[]',NULL);
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
INSERT INTO "lanes" VALUES('chn_717vym0c3w1qmp5y','acc_default',6,1795279350307,1795279373561,0,'answered 500 Internal Server Error: hello',NULL,NULL,0);
INSERT INTO "lanes" VALUES('chn_hgh3je4mwp8reye7','acc_default',0,NULL,NULL,0,'',1795279350536,NULL,0);
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
INSERT INTO "maintenance" VALUES(1,'mnt_xwb285spkrk3v1y3','acc_default','weekly',1,'[]','[]',NULL,NULL,'{"day":"sunday","start":"02:00","end":"03:00","timezone":"UTC"}',1795279350091,1795279350091);
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
INSERT INTO "monitors" VALUES(1,'mon_pqry6fx7fy4tn5g8','acc_default','site','http','','site-4tn5g8',1,0,'[]','{"url":"http://127.0.0.1:3471/","interval_secs":3600,"failure_threshold":1}','up',0,0,1,1795279350153,NULL,NULL,1795279350135,1795279350135,0,0,NULL);
INSERT INTO "monitors" VALUES(2,'mon_mnx21gcj956ncr3m','acc_default','broken site','http','','broken-site-6ncr3m',1,0,'[]','{"url":"http://127.0.0.1:3471/bad","interval_secs":3600,"failure_threshold":1}','down',1,1,0,1795279350267,NULL,NULL,1795279350251,1795279350251,0,0,NULL);
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
CREATE TABLE status_page_logos (
    page INTEGER PRIMARY KEY REFERENCES status_pages (row) ON DELETE CASCADE,
    content_type TEXT NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE TABLE status_pages (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- Of all accounts: the address is /status/{slug}.
    slug TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    visibility TEXT NOT NULL,
    custom_domain TEXT NOT NULL,
    accent_color TEXT NOT NULL,
    -- The digest of its picture, or empty.
    logo TEXT NOT NULL,
    groups TEXT NOT NULL,
    jobs INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
INSERT INTO "status_pages" VALUES(1,'stp_rvpnwr8mgey6vjrd','acc_default','hello','Hello','',1,'public','','','','[]',0,1795279350544,1795279350544);
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
INSERT INTO "users" VALUES('usr_3fmdq8a8mknep8yk','acc_default','ada@example.com','Ada','owner','$argon2id$v=19$m=19456,t=2,p=1$mJc8AWCtWeQDmOldaD6r/w$BIThCPM8oNTzSRi6y3vjaOnH6hHt8XfWmz3zpyRffik','',0,1795279356733,NULL);
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
INSERT INTO "verifications" VALUES(1,'ver_rdx49w46vsd6b0vp','acc_default','not an address','not an address',0,0,0,0,'the address has no @-sign','',1795279350549,NULL,NULL);
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
CREATE TRIGGER heartbeat_days_repaired AFTER UPDATE OF repaired ON heartbeat_events
WHEN new.repaired AND NOT old.repaired AND old.accepted AND old.kind IN ('missed', 'overran')
    AND old.row <= (SELECT upto FROM heartbeat_days_pass) BEGIN
    UPDATE heartbeat_days SET missed = missed - 1 WHERE day = old.at / 86400000 AND heartbeat = old.heartbeat;
END;
CREATE TRIGGER jobs_flipped AFTER UPDATE OF failing ON jobs WHEN new.failing <> old.failing BEGIN
    UPDATE jobs SET changed_at = coalesce(new.last_finished_at, new.updated_at) WHERE row = new.row;
END;
CREATE INDEX monitors_overview ON monitors (account_id, paused, failing, state, changed_at, name, group_name, tags);
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
CREATE INDEX status_pages_by_account ON status_pages (account_id, slug);
CREATE UNIQUE INDEX status_pages_by_domain ON status_pages (custom_domain) WHERE custom_domain <> '';
CREATE INDEX verification_batches_by_account ON verification_batches (account_id, created_at);
CREATE INDEX verification_batches_open ON verification_batches (row) WHERE finished_at IS NULL;
CREATE INDEX verifications_by_account ON verifications (account_id, created_at);
CREATE INDEX verifications_by_validity ON verifications (account_id, valid, created_at);
CREATE INDEX verifications_by_address ON verifications (account_id, known_as, created_at);
CREATE UNIQUE INDEX verifications_by_batch ON verifications (batch, position) WHERE batch IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('jobs',4);
INSERT INTO "sqlite_sequence" VALUES('executions',4);
INSERT INTO "sqlite_sequence" VALUES('incidents',3);
INSERT INTO "sqlite_sequence" VALUES('alerts',5);
INSERT INTO "sqlite_sequence" VALUES('channels',2);
INSERT INTO "sqlite_sequence" VALUES('maintenance',1);
INSERT INTO "sqlite_sequence" VALUES('monitors',2);
INSERT INTO "sqlite_sequence" VALUES('heartbeats',3);
INSERT INTO "sqlite_sequence" VALUES('heartbeat_events',5);
INSERT INTO "sqlite_sequence" VALUES('status_pages',1);
INSERT INTO "sqlite_sequence" VALUES('verifications',1);
COMMIT;
PRAGMA application_id=1953063787;
PRAGMA user_version=9;
