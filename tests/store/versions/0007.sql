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
, alert_email TEXT NOT NULL DEFAULT '', owner_email TEXT NOT NULL DEFAULT '', batch_window_secs INTEGER NOT NULL DEFAULT 0, draft_incidents INTEGER NOT NULL DEFAULT 0, publish_after_secs INTEGER, default_severity TEXT, fallback_channel TEXT, webhook_secret TEXT NOT NULL DEFAULT '', changes INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
INSERT INTO "accounts" VALUES('acc_default','default',NULL,NULL,NULL,NULL,NULL,NULL,90,1795279319000,'','',0,0,NULL,NULL,NULL,'whsec_d847bb92b1e0836f6344ea71a3dd4ad8cb2c7dbb7d99f279',22);
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
INSERT INTO "alerts" VALUES(1,'acc_default','1:job_failed','job_failed',1,'job',2,'',NULL,'{"event":"job_failed","at":1795279320675,"about":{"kind":"job","id":"job_4cvw1fn5fkh1tka6","name":"broken","url":"http://127.0.0.1:3471/bad","type":"job"},"severity":"major","incident_id":"inc_zxm8s22wxsvh6zaj","error":"the endpoint answered 500 Internal Server Error","status_code":500,"response_ms":2.0,"since":1795279320675}','suppressed','there is nowhere to send it: make a channel, or set the account''s alert_email',0,'',NULL,0,NULL,1795279320675,1795279320675,1795279320675);
INSERT INTO "alerts" VALUES(2,'acc_default','2:down:chn_3henq3z9q650qetx','down',2,'monitor',2,'chn_3henq3z9q650qetx',NULL,'{"event":"down","at":1795279320818,"about":{"kind":"monitor","id":"mon_dtv0mgmq9sc8drkh","name":"broken site","url":"http://127.0.0.1:3471/bad","type":"http"},"incident_id":"inc_t51sfant6m9mxvyy","error":"status code 500","status_code":500,"response_ms":1.6,"since":1795279320818}','retrying','',4,'answered 500 Internal Server Error: hello',NULL,0,1795279320826,1795279320820,1795279320820,NULL);
INSERT INTO "alerts" VALUES(3,'acc_default','2:down:chn_2v9y1n5bjhgewcsp','down',2,'monitor',2,'chn_2v9y1n5bjhgewcsp',NULL,'{"event":"down","at":1795279320818,"about":{"kind":"monitor","id":"mon_dtv0mgmq9sc8drkh","name":"broken site","url":"http://127.0.0.1:3471/bad","type":"http"},"incident_id":"inc_t51sfant6m9mxvyy","error":"status code 500","status_code":500,"response_ms":1.6,"since":1795279320818}','sent','',1,'',NULL,0,NULL,1795279320820,1795279320820,1795279320826);
INSERT INTO "alerts" VALUES(4,'acc_default','3:down:chn_3henq3z9q650qetx','down',3,'heartbeat',2,'chn_3henq3z9q650qetx',NULL,'{"event":"down","at":1795279320865,"about":{"kind":"heartbeat","id":"hb_tspk9nrt4mjkqfjn","name":"hourly","type":"heartbeat"},"severity":"minor","incident_id":"inc_smfb6xt5tntse7ka","error":"{\"why\": \"the disk is full\"}","since":1795279320865}','queued','',0,'',NULL,0,NULL,1795279320865,1795279320865,NULL);
INSERT INTO "alerts" VALUES(5,'acc_default','3:down:chn_2v9y1n5bjhgewcsp','down',3,'heartbeat',2,'chn_2v9y1n5bjhgewcsp',NULL,'{"event":"down","at":1795279320865,"about":{"kind":"heartbeat","id":"hb_tspk9nrt4mjkqfjn","name":"hourly","type":"heartbeat"},"severity":"minor","incident_id":"inc_smfb6xt5tntse7ka","error":"{\"why\": \"the disk is full\"}","since":1795279320865}','sent','',1,'',NULL,0,NULL,1795279320865,1795279320865,1795279320877);
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
INSERT INTO "api_keys" VALUES('key_xg0v411afkyw8v9e','acc_default','TICKD_API_KEY',X'A54C5C562B61E2F90A3DA0CD6D09A89CCC43E036C22EE532A963FBBF4F648FDA','tk_01234','["admin"]',1795279320410,1795279320574,NULL);
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
INSERT INTO "channels" VALUES(1,'chn_2v9y1n5bjhgewcsp','acc_default','hook','webhook',1,1,'["down","recovered","degraded","certificate","job_failed","reminder","blind","delivery","test"]',0,0,'{"url":"http://127.0.0.1:3471/hook"}',1795279320685,1795279320685);
INSERT INTO "channels" VALUES(2,'chn_3henq3z9q650qetx','acc_default','dead','webhook',1,1,'["down","recovered","degraded","certificate","job_failed","reminder","blind","delivery","test"]',0,0,'{"url":"http://127.0.0.1:3471/bad"}',1795279320707,1795279320707);
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
INSERT INTO "check_log_0" VALUES(1,1,1795279320732,0,0,200,20,NULL,13,NULL,6,NULL,NULL);
INSERT INTO "check_log_0" VALUES(2,1,1795279320797,0,65,200,8,NULL,1,NULL,6,NULL,NULL);
INSERT INTO "check_log_0" VALUES(3,1,1795279320806,0,9,200,8,NULL,3,NULL,3,NULL,NULL);
INSERT INTO "check_log_0" VALUES(4,2,1795279320818,1,0,500,16,NULL,7,NULL,7,NULL,'status code 500');
INSERT INTO "check_log_0" VALUES(5,2,1795279320827,1,9,500,7,NULL,3,NULL,3,NULL,'status code 500');
INSERT INTO "check_log_0" VALUES(6,2,1795279320831,1,4,500,8,NULL,3,NULL,4,NULL,'status code 500');
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
INSERT INTO "executions" VALUES(1,1,1795279320645,4316686931769455569,'manual','success',200,4,'','',1795279320651,1795279320661,NULL,1,0,'hello','',NULL,NULL);
INSERT INTO "executions" VALUES(2,1,1795279320651,1643075743712163473,'manual','success',200,1,'','',1795279320661,1795279320666,NULL,1,0,'hello','',NULL,NULL);
INSERT INTO "executions" VALUES(3,2,1795279320661,864951703717653235,'manual','failed',500,2,'the endpoint answered 500 Internal Server Error','',1795279320670,1795279320675,NULL,1,0,'hello','',NULL,NULL);
INSERT INTO "executions" VALUES(4,2,1795279320718,4607069235826095403,'manual','failed',500,2,'the endpoint answered 500 Internal Server Error','',1795279320719,1795279320730,NULL,1,0,'hello','',NULL,NULL);
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "facts" VALUES('alive_at',1795279337521);
INSERT INTO "facts" VALUES('secret',X'7CE04D879604CA417097BDBB358C472A4E8C8F69886A87C1D9D1D27D66C5E262');
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
INSERT INTO "heartbeat_events" VALUES(1,1,1795279320839,1795279320839,'success',1,0,0,NULL,NULL,'','127.0.0.1','','',NULL,NULL);
INSERT INTO "heartbeat_events" VALUES(2,1,1795279320841,1795279320841,'success',1,0,0,NULL,NULL,'','127.0.0.1','','',NULL,NULL);
INSERT INTO "heartbeat_events" VALUES(3,2,1795279320845,1795279320845,'success',1,0,0,NULL,NULL,'','127.0.0.1','','',NULL,NULL);
INSERT INTO "heartbeat_events" VALUES(4,2,1795279320855,1795279320855,'success',1,0,0,NULL,NULL,'','127.0.0.1','','',NULL,NULL);
INSERT INTO "heartbeat_events" VALUES(5,2,1795279320865,1795279320865,'fail',1,0,0,NULL,NULL,'','127.0.0.1','','{"why": "the disk is full"}',NULL,'failing');
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
INSERT INTO "heartbeats" VALUES(1,'hb_8ac7vf8xqf1qdv7k','acc_default','backup','','backup-1qdv7k',1,0,'[]','{}',3600,'','UTC',300,2,'[]',0,'df4a62a5cfc89103cf549cef4e977b5c253c68adc65dcccd1ec65d02fc5e442a','pf95w1vgp03vkbxg','up',0,0,1795279320841,1795282920841,1795283220841,1795279320841,1795279320839,'{}',0,2,0,1795279320837,1795279320837);
INSERT INTO "heartbeats" VALUES(2,'hb_tspk9nrt4mjkqfjn','acc_default','hourly','','hourly-jkqfjn',1,0,'[]','{}',3600,'','UTC',300,2,'[]',0,'396cc871d0fcb717dede3775ab96f5d2534575e77142dbd4ee24ed12f47a1a83','qt4c55tjfrpzf6y6','down',1,0,1795279320865,1795282920865,1795283220865,1795279320865,1795279320865,'{}',0,3,1,1795279320843,1795279320843);
INSERT INTO "heartbeats" VALUES(3,'hb_bpbbj9snn6dbpv45','acc_default','weekly','','weekly-dbpv45',1,0,'[]','{}',3600,'0 4 * * 1','Europe/Berlin',1800,1,'[]',0,'0069856dba4103825cddb1814a3bfc76888156080dd5a172d3136dcb34ebd7b2','r86cznxnrnhwb55m','pending',0,0,NULL,NULL,NULL,NULL,NULL,'{}',0,0,0,1795279320873,1795279320873);
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
INSERT INTO "incidents" VALUES(1,'inc_zxm8s22wxsvh6zaj','acc_default','job',2,'job_4cvw1fn5fkh1tka6','broken','http://127.0.0.1:3471/bad','job','major','open',0,NULL,1795279320675,NULL,1795279320675,1795279320675,NULL,'{"error":"the endpoint answered 500 Internal Server Error","at":1795279320675,"status_code":500,"response_ms":2.0,"body":"hello","execution_id":"exec_3w26p8xmacsvc"}');
INSERT INTO "incidents" VALUES(2,'inc_t51sfant6m9mxvyy','acc_default','monitor',2,'mon_dtv0mgmq9sc8drkh','broken site','http://127.0.0.1:3471/bad','http','major','open',0,NULL,1795279320820,NULL,1795279320818,1795279320820,NULL,'{"error":"status code 500","at":1795279320818,"status_code":500,"response_ms":1.6,"headers":{"server":"BaseHTTP/0.6 Python/3.11.7","date":"Sat, 21 Nov 2026 16:42:00 GMT","content-length":"5"},"body":"hello","timings":{"dns_ms":null,"connect_ms":0.7,"tls_ms":null,"first_byte_ms":0.7,"total_ms":1.6}}');
INSERT INTO "incidents" VALUES(3,'inc_smfb6xt5tntse7ka','acc_default','heartbeat',2,'hb_tspk9nrt4mjkqfjn','hourly','','heartbeat','minor','open',0,NULL,1795279320865,NULL,1795279320865,1795279320865,NULL,'{"error":"{\"why\": \"the disk is full\"}","at":1795279320865,"body":"{\"why\": \"the disk is full\"}"}');
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
INSERT INTO "job_days" VALUES(20778,2,0,2,0,0,4,2);
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
INSERT INTO "jobs" VALUES(1,'job_7sdx2s381jt5mqha','acc_default','nightly','30 2 * * *','Europe/Berlin','http://127.0.0.1:3471/run','POST','{"X-Team":"ops"}','{"a": 1}','the nightly report',30,2,'["network"]','allow','last',1,'major','[]','[]','whsec_c2VjcmV0','response',3600,'[]','defer',7200,0,0,0,1795311000000,'success',1795279320666,1795279320579,1795279320579,0,0,'[]',NULL);
INSERT INTO "jobs" VALUES(2,'job_4cvw1fn5fkh1tka6','acc_default','broken','0 * * * *','UTC','http://127.0.0.1:3471/bad','POST','{}','','',30,0,'["network"]','allow','last',1,'major','[]','[]','','response',3600,'[]','defer',7200,0,1,2,1795280400000,'failed',1795279320730,1795279320610,1795279320610,0,0,'[]',1795279320675);
INSERT INTO "jobs" VALUES(3,'job_vzt662z1zvx18t5t','acc_default','rests','0 0 1 1 *','UTC','http://127.0.0.1:3471/run','POST','{}','','',30,2,'["network"]','allow','last',1,'major','[]','[]','','response',3600,'[]','defer',7200,1,0,0,NULL,NULL,NULL,1795279320616,1795279320670,0,0,'[]',NULL);
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
INSERT INTO "lanes" VALUES('chn_2v9y1n5bjhgewcsp','acc_default',0,NULL,NULL,0,'',1795279320877,NULL,0);
INSERT INTO "lanes" VALUES('chn_3henq3z9q650qetx','acc_default',4,1795279320829,1795279345271,0,'answered 500 Internal Server Error: hello',NULL,NULL,0);
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
INSERT INTO "maintenance" VALUES(1,'mnt_xntk8faez985dn22','acc_default','weekly',1,'[]','[]',NULL,NULL,'{"day":"sunday","start":"02:00","end":"03:00","timezone":"UTC"}',1795279320715,1795279320715);
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
INSERT INTO "monitors" VALUES(1,'mon_ss462rq1310b5kjw','acc_default','site','http','','site-0b5kjw',1,0,'[]','{"url":"http://127.0.0.1:3471/","interval_secs":3600,"failure_threshold":1}','up',0,0,1,1795279320732,NULL,NULL,1795279320724,1795279320724,0,0,NULL);
INSERT INTO "monitors" VALUES(2,'mon_dtv0mgmq9sc8drkh','acc_default','broken site','http','','broken-site-c8drkh',1,0,'[]','{"url":"http://127.0.0.1:3471/bad","interval_secs":3600,"failure_threshold":1}','down',1,1,0,1795279320818,NULL,NULL,1795279320816,1795279320816,0,0,NULL);
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
INSERT INTO "status_pages" VALUES(1,'stp_jx9a47gbdtj3t456','acc_default','hello','Hello','',1,'public','','','','[]',0,1795279320890,1795279320890);
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
INSERT INTO "users" VALUES('usr_542nxfhnt2amqyeg','acc_default','ada@example.com','Ada','owner','$argon2id$v=19$m=19456,t=2,p=1$3A0IXZwQD2Pvh70LEFYRkg$8GL0GAeCBlpQy6pgzGS7xtPMcXeDkzqXGc1YbYvA1to','',0,1795279323660,NULL);
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
COMMIT;
PRAGMA application_id=1953063787;
PRAGMA user_version=7;
