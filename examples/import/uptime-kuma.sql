-- A small Uptime Kuma as its kuma.db has it: sqlite3 kuma.db < uptime-kuma.sql
CREATE TABLE monitor (
    id INTEGER PRIMARY KEY, name VARCHAR(150), active BOOLEAN NOT NULL DEFAULT 1, user_id INTEGER,
    interval INTEGER NOT NULL DEFAULT 20, url TEXT, type VARCHAR(20), weight INTEGER DEFAULT 2000,
    hostname VARCHAR(255), port INTEGER, created_date DATETIME, keyword VARCHAR(255),
    maxretries INTEGER NOT NULL DEFAULT 0, ignore_tls BOOLEAN NOT NULL DEFAULT 0,
    upside_down BOOLEAN NOT NULL DEFAULT 0, maxredirects INTEGER NOT NULL DEFAULT 10,
    accepted_statuscodes_json TEXT NOT NULL DEFAULT '["200-299"]', dns_resolve_type VARCHAR(5),
    dns_resolve_server VARCHAR(255), dns_last_result VARCHAR(255), retry_interval INTEGER NOT NULL DEFAULT 0,
    push_token VARCHAR(32), method TEXT NOT NULL DEFAULT 'GET', body TEXT, headers TEXT,
    basic_auth_user TEXT, basic_auth_pass TEXT, docker_host INTEGER, docker_container VARCHAR(255),
    proxy_id INTEGER, expiry_notification BOOLEAN DEFAULT 1, mqtt_topic TEXT, auth_method VARCHAR(250),
    resend_interval INTEGER NOT NULL DEFAULT 0, packet_size INTEGER NOT NULL DEFAULT 56, game VARCHAR(255),
    http_body_encoding VARCHAR(25), description TEXT, tls_ca TEXT, tls_cert TEXT, tls_key TEXT, parent INTEGER,
    invert_keyword BOOLEAN NOT NULL DEFAULT 0, json_path TEXT, expected_value VARCHAR(255),
    kafka_producer_topic VARCHAR(255), timeout DOUBLE NOT NULL DEFAULT 0,
    gamedig_given_port_only BOOLEAN NOT NULL DEFAULT 1, json_path_operator VARCHAR(255),
    conditions TEXT NOT NULL DEFAULT '[]', cache_bust BOOLEAN NOT NULL DEFAULT 0
);
CREATE TABLE tag (id INTEGER PRIMARY KEY, name VARCHAR(255), color VARCHAR(255), created_date DATETIME);
CREATE TABLE monitor_tag (id INTEGER PRIMARY KEY, monitor_id INTEGER, tag_id INTEGER, value TEXT);
CREATE TABLE notification (
    id INTEGER PRIMARY KEY, name VARCHAR(255), active BOOLEAN NOT NULL DEFAULT 1, user_id INTEGER,
    is_default BOOLEAN NOT NULL DEFAULT 0, config TEXT
);
CREATE TABLE monitor_notification (id INTEGER PRIMARY KEY, monitor_id INTEGER, notification_id INTEGER);
CREATE TABLE maintenance (
    id INTEGER PRIMARY KEY, title VARCHAR(150), description TEXT, user_id INTEGER,
    active BOOLEAN NOT NULL DEFAULT 1, strategy VARCHAR(50) NOT NULL DEFAULT 'single', start_date DATETIME,
    end_date DATETIME, start_time TIME, end_time TIME, weekdays VARCHAR(250) DEFAULT '[]',
    days_of_month TEXT DEFAULT '[]', interval_day INTEGER, cron TEXT, timezone VARCHAR(255), duration INTEGER
);
CREATE TABLE monitor_maintenance (id INTEGER PRIMARY KEY, monitor_id INTEGER, maintenance_id INTEGER);
CREATE TABLE status_page (
    id INTEGER PRIMARY KEY, slug VARCHAR(255), title VARCHAR(255), description TEXT, icon VARCHAR(255),
    theme VARCHAR(30), published BOOLEAN NOT NULL DEFAULT 1, search_engine_index BOOLEAN NOT NULL DEFAULT 1,
    show_tags BOOLEAN NOT NULL DEFAULT 0, password VARCHAR(255), created_date DATETIME, modified_date DATETIME,
    footer_text TEXT, custom_css TEXT, show_powered_by BOOLEAN NOT NULL DEFAULT 1,
    google_analytics_tag_id VARCHAR(255), show_certificate_expiry BOOLEAN NOT NULL DEFAULT 0
);
CREATE TABLE status_page_cname (id INTEGER PRIMARY KEY, status_page_id INTEGER, domain VARCHAR(255));
CREATE TABLE "group" (
    id INTEGER PRIMARY KEY, name VARCHAR(255), created_date DATETIME, public BOOLEAN NOT NULL DEFAULT 0,
    active BOOLEAN NOT NULL DEFAULT 1, weight INTEGER NOT NULL DEFAULT 1000, status_page_id INTEGER
);
CREATE TABLE monitor_group (
    id INTEGER PRIMARY KEY, monitor_id INTEGER, group_id INTEGER, weight INTEGER NOT NULL DEFAULT 1000,
    send_url BOOLEAN NOT NULL DEFAULT 0
);
CREATE TABLE incident (
    id INTEGER PRIMARY KEY, title VARCHAR(255), content TEXT, style VARCHAR(30), created_date DATETIME,
    last_updated_date DATETIME, pin BOOLEAN NOT NULL DEFAULT 1, active BOOLEAN NOT NULL DEFAULT 1,
    status_page_id INTEGER
);
CREATE TABLE setting (id INTEGER PRIMARY KEY, key VARCHAR(200), value TEXT, type VARCHAR(20));

INSERT INTO monitor (id, name, type, interval) VALUES (1, 'Production', 'group', 60);
INSERT INTO monitor (id, name, type, url, interval, maxretries, retry_interval, parent, timeout, headers)
VALUES (2, 'Shop', 'http', 'https://shop.example.com/health', 20, 2, 20, 1, 16,
        '{"Authorization": "Bearer 2f9c", "Accept": "text/plain"}');
INSERT INTO monitor (id, name, type, url, interval, keyword, accepted_statuscodes_json, timeout)
VALUES (3, 'Search', 'keyword', 'https://shop.example.com/search?q=tea', 60, 'green tea', '["200-299","404"]', 20);
INSERT INTO monitor (id, name, type, url, interval, json_path, json_path_operator, expected_value, timeout)
VALUES (4, 'API', 'json-query', 'https://api.example.com/status', 60, '$.status', '==', 'ok', 10);
INSERT INTO monitor (id, name, type, hostname, port, interval, active, timeout)
VALUES (5, 'Database', 'port', 'db.example.com', 5432, 60, 0, 10);
INSERT INTO monitor (id, name, type, hostname, interval, dns_resolve_type, dns_resolve_server, timeout)
VALUES (6, 'Name', 'dns', 'example.com', 300, 'A', '1.1.1.1', 10);
INSERT INTO monitor (id, name, type, interval, maxretries, retry_interval, push_token)
VALUES (7, 'Nightly backup', 'push', 86400, 1, 3600, 'aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY');
INSERT INTO monitor (id, name, type, hostname, interval) VALUES (8, 'Router', 'ping', '192.0.2.1', 60);
INSERT INTO tag (id, name, color) VALUES (1, 'team', '#4B5563'), (2, 'paid', '#DC2626');
INSERT INTO monitor_tag (monitor_id, tag_id, value) VALUES (2, 1, 'web'), (2, 2, '');
INSERT INTO notification (id, name, is_default, config) VALUES
    (1, 'Ops mail', 1, '{"type": "smtp", "smtpHost": "mail.example.com", "smtpPort": 587, "smtpFrom": "kuma@example.com", "smtpTo": "ops@example.com, boss@example.com", "isDefault": true}'),
    (2, 'Chat', 0, '{"type": "discord", "discordWebhookUrl": "https://discord.com/api/webhooks/1/secret"}'),
    (3, 'Pager', 0, '{"type": "PagerDuty", "pagerdutyIntegrationKey": "k"}');
INSERT INTO monitor_notification (monitor_id, notification_id) VALUES (2, 1), (2, 2), (2, 3), (3, 1);
INSERT INTO maintenance (id, title, description, strategy, start_time, end_time, weekdays, timezone) VALUES
    (1, 'Deploys', '', 'recurring-weekday', '22:00:00', '23:30:00', '[2,4]', 'Europe/Berlin');
INSERT INTO monitor_maintenance (monitor_id, maintenance_id) VALUES (1, 1);
INSERT INTO status_page (id, slug, title, description, icon, theme) VALUES
    (1, 'shop', 'Shop', 'How the shop is doing.', '/icon.svg', 'auto');
INSERT INTO "group" (id, name, weight, status_page_id) VALUES (1, 'Website', 1, 1);
INSERT INTO monitor_group (monitor_id, group_id, weight) VALUES (3, 1, 2), (2, 1, 1), (8, 1, 3);
INSERT INTO setting (key, value) VALUES ('serverTimezone', '"Europe/Berlin"');
