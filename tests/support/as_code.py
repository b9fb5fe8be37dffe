"""An account that has something of every kind, and each field of it at another value than its default."""

from __future__ import annotations

from typing import Any

from tests.contract.served import Served

LOGO = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""A picture of one dot."""
TOKEN = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
SECRETS = (
    *("hunter2", "sk_live_1", "Digest 77", "key_12345", "s3cr3t-sign", "bot123:token", "ntfy-token", TOKEN),
    *(
        "hook-of-shop",
        "hook-of-backup",
        "hook-slack",
        "hook-discord",
        "room-pass",
        "whsec_b3du",
        "cookie-of-job",
    ),
)
"""Every secret of the account, which no export may have."""


def fill(served: Served) -> dict[str, str]:
    """Make the account; the ids by `kind:key`."""
    ids: dict[str, str] = {}

    def make(noun: str, key: str, path: str, /, **fields: Any) -> None:
        reply = served.call("POST", path, fields)
        assert reply.status == 201, reply.json
        ids[f"{noun}:{key}"] = reply.json["id"]

    _channels(make)
    _monitors(make, ids)
    _heartbeats(make, ids)
    _jobs(make, ids)
    _maintenance(make, ids)
    _pages(make, ids)
    both = {"depends_on": [ids["job:nightly"], ids["heartbeat:backup"]]}
    assert served.call("PATCH", f"/v1/monitors/{ids['monitor:shop']}", both).status == 200
    settings = {
        "name": "Acme GmbH",
        "alert_email": "ops@example.com",
        "owner_email": "ada@example.com",
        "batch_window_secs": 60,
        "draft_incidents": True,
        "publish_after_secs": 0,
        "default_severity": "critical",
        "fallback_channel": ids["channel:ops mail"],
        "webhook_secret": "whsec_b3du",
    }
    assert served.call("PATCH", "/v1/account", settings).status == 200
    return ids


def _channels(make: Any) -> None:
    path = "/v1/channels"
    make(
        *("channel", "ops mail", path),
        name="ops mail",
        kind="email",
        to=["ops@example.com", "ada@example.com"],
        events=["down", "recovered"],
        delay_secs=60,
        reminder_minutes=30,
        default=False,
        enabled=False,
    )
    make(
        *("channel", "hook", path),
        name="hook",
        kind="webhook",
        url="https://hooks.example.com/in?key_12345",
        secret="s3cr3t-sign",
        headers={"X-Team": "ops", "Authorization": "Digest 77"},
    )
    make("channel", "slack", path, name="slack", kind="slack", url="https://hooks.example.com/hook-slack")
    make(
        *("channel", "discord", path), name="discord", kind="discord", url="https://example.com/hook-discord"
    )
    make(
        *("channel", "telegram", path),
        name="telegram",
        kind="telegram",
        token="bot123:token",
        chat_id="-100",
        server="https://telegram.example.com",
    )
    make(
        *("channel", "ntfy", path),
        name="ntfy",
        kind="ntfy",
        topic="ops",
        server="https://ntfy.example.com",
        token="ntfy-token",
        priority=4,
    )
    make(
        "channel",
        "Überall!",
        path,
        name="Überall!",
        kind="apprise",
        url="matrix://u:room-pass@example.com/#r",
    )


def _monitors(make: Any, ids: dict[str, str]) -> None:
    path = "/v1/monitors"
    make("monitor", "plain", path, name="plain", slug="plain", url="https://plain.example.com/")
    make(
        *("monitor", "shop", path),
        name="The shop",
        type="json",
        url="https://shop.example.com/health",
        slug="shop",
        interval_secs=120,
        timeout_secs=20,
        assertions=[
            {"source": "status_code", "comparison": "lt", "target": "300"},
            {"source": "header", "comparison": "exists", "name": "X-Ready"},
        ],
        method="POST",
        headers={"X-Team": "ops", "X-Api-Key": "key_12345"},
        body='{\n  "deep": true\n}\n',
        follow_redirects=True,
        failure_threshold=3,
        recovery_threshold=2,
        cooldown_secs=600,
        severity="minor",
        channels=[ids["channel:ops mail"], "slack"],
        tags=["shop", "no", "12:30"],
        group="Front",
        public=False,
        status="paused",
        expected_status_code=201,
        basic_auth_user="u",
        basic_auth_pass="hunter2",
        bearer_token="sk_live_1",
        auth_header="Digest 77",
        request_content_type="application/json",
        keyword="ready",
        response_threshold_ms="> 2000",
        json_assertions=[{"path": "$.ok", "operator": "equals", "value": "true"}],
        ssl_expiry_threshold_days=14,
        maintenance_windows=[{"day": "sunday", "start_utc": "02:00", "end_utc": "03:00"}],
        alert_email="shop@example.com",
        alert_slack_webhook="https://hooks.example.com/hook-of-shop",
        webhook_url="https://example.com/hook-of-shop",
    )
    make(
        *("monitor", "db", path),
        name="db",
        type="tcp",
        url="db.example.com:5432",
        slug="db",
        depends_on=[ids["monitor:shop"]],
    )


def _heartbeats(make: Any, ids: dict[str, str]) -> None:
    path = "/v1/heartbeats"
    make("heartbeat", "hourly", path, name="hourly", slug="hourly", interval_secs=7200, status="paused")
    make("heartbeat", "six", path, name="Six", slug="six", schedule="6h", grace_multiplier=1.5)
    make(
        *("heartbeat", "backup", path),
        name="Backup of the shop",
        slug="backup",
        schedule="30 2 * * *",
        timezone="Europe/Berlin",
        grace_secs=900,
        allowed_ips=["10.0.0.0/8", "192.0.2.7"],
        max_pings_per_minute=30,
        failure_threshold=2,
        severity="critical",
        cooldown_secs=60,
        channels=["hook"],
        depends_on=[ids["monitor:shop"], ids["heartbeat:six"]],
        tags=["nightly"],
        group="Back",
        public=False,
        token=TOKEN,
        check_interval_secs=30,
        maintenance_windows=[{"day": "daily", "start_utc": "23:00", "end_utc": "01:00"}],
        alert_email="backup@example.com",
        alert_slack_webhook="https://hooks.example.com/hook-of-backup",
        webhook_url="https://example.com/hook-of-backup",
    )


def _jobs(make: Any, ids: dict[str, str]) -> None:
    path = "/v1/jobs"
    make("job", "plain job", path, name="plain job", schedule="@hourly", endpoint="https://example.com/")
    make(
        *("job", "nightly", path),
        name="nightly",
        schedule="0 2 * * *",
        timezone="Europe/Berlin",
        endpoint="https://example.com/nightly",
        method="PUT",
        headers={"X-Team": "ops", "Cookie": "cookie-of-job"},
        body="a\n  b\n",
        description="Bills everybody.\n\nAsk Ada.",
        timeout_secs=60,
        retries=5,
        retry_on=["network", "status"],
        overlap="skip",
        catch_up="all",
        failure_threshold=2,
        severity="critical",
        channels=["ntfy"],
        depends_on=[ids["monitor:db"], ids["job:plain job"]],
        tags=["billing"],
        signing_secret="s3cr3t-sign",
        completion="callback",
        max_runtime_secs=600,
        requires=[ids["monitor:shop"], ids["heartbeat:six"]],
        when_down="skip",
        defer_max_secs=60,
        status="paused",
    )


def _maintenance(make: Any, ids: dict[str, str]) -> None:
    path = "/v1/maintenance"
    make(
        *("maintenance", "move", path),
        name="move",
        subjects=[ids["monitor:shop"], ids["heartbeat:backup"], ids["job:nightly"]],
        starts_at="2026-04-01T20:00:00Z",
        ends_at="2026-04-01T22:30:00Z",
    )
    weekly = {"start": "02:00", "end": "24:00"}
    make("maintenance", "patches", path, name="patches", tags=["shop"], day="tuesday", **weekly)
    make(
        "maintenance",
        "patches 2",
        path,
        name="patches",
        all=True,
        day="daily",
        timezone="Asia/Tokyo",
        **weekly,
    )


def _pages(make: Any, ids: dict[str, str]) -> None:
    path = "/v1/status-pages"
    make("page", "all", path, slug="all")
    make(
        *("page", "acme", path),
        slug="acme",
        title="Acme: status",
        description="What is up.\nAnd what is not.",
        enabled=False,
        visibility="public",
        custom_domain="status.example.com",
        accent_color="#ff8800",
        logo=LOGO,
        jobs=True,
        groups=[
            {"name": "Front", "subjects": [ids["monitor:shop"], ids["job:nightly"]], "tags": ["shop"]},
            {"name": "Empty"},
        ],
    )
