"""Tickstem and StatusRooster as their documentation has them, as far as a migration asks: their lists."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

TOKEN = "a3f8c2d1e4b5f6" + "07" * 25
TICKSTEM: dict[str, list[dict[str, Any]]] = {
    "jobs": [
        {
            **{"id": "job_abc123", "name": "daily-cleanup", "schedule": "0 2 * * *", "method": "POST"},
            **{"endpoint": "https://yourapp.com/jobs/cleanup", "timeout_secs": 30, "status": "active"},
            "description": "",
            "headers": {"X-Tickstem-Secret": "s3cret"},
        },
        {
            **{"id": "job_def456", "name": "send-digest", "schedule": "0 9 * * 1", "method": "POST"},
            **{"endpoint": "https://yourapp.com/jobs/digest", "timeout_secs": 60, "status": "paused"},
        },
    ],
    "monitors": [
        {
            **{"id": "mon_abc123", "name": "Production API", "url": "https://api.yourapp.com/health"},
            **{"interval_secs": 60, "timeout_secs": 10, "status": "failing"},
            "assertions": [{"source": "status_code", "comparison": "eq", "target": "200"}],
        },
        {
            **{"id": "mon_def456", "name": "Production API", "url": "https://eu.yourapp.com/health"},
            **{"interval_secs": 300, "timeout_secs": 5, "status": "active", "assertions": []},
        },
    ],
    "heartbeats": [
        {
            **{"id": "hb_01abc", "name": "daily backup", "token": TOKEN, "interval_secs": 86400},
            **{"grace_secs": 3600, "status": "active", "consecutive_misses": 0},
        }
    ],
}
_ALL = {
    **{"status": "up", "check_interval": 120, "uptime_percent": 99.8, "checks_total": 43, "checks_failed": 9},
    **{"last_checked": "2026-03-03T12:30:00+00:00", "alert_email": "", "alert_slack_webhook": ""},
    **{"webhook_url": "", "public": True, "paused": False, "group": "Production", "slug": "my-website"},
    **{"created_at": "2026-03-01T00:00:00+00:00", "last_response_by_region": {"us-east1": 120.5}},
    "maintenance_windows": [{"day": "daily", "start_utc": "02:00", "end_utc": "04:00"}],
}
ROOSTER: list[dict[str, Any]] = [
    {
        **_ALL,
        **{"id": "mon_a1b2c3", "monitor_type": "http", "name": "My Website", "url": "https://example.com"},
        **{"expected_status_code": 200, "timeout": 15, "http_method": "GET", "follow_redirects": True},
        **{"basic_auth_user": "", "basic_auth_pass": "", "bearer_token": "", "request_body": ""},
        **{"request_content_type": "", "keyword": "Welcome", "response_threshold_ms": "> 2000"},
        **{"custom_headers": [{"key": "Accept", "value": "text/html"}], "last_response_ms": 245.3},
        **{"last_status_code": 200, "ssl_expiry": None, "ssl_issuer": None},
    },
    {
        **_ALL,
        **{"id": "mon_d4e5f6", "monitor_type": "json_api", "name": "Health API", "paused": True},
        **{"url": "https://api.example.com/v1/health", "expected_status_code": 200, "timeout": 10},
        "auth_header": "Bearer tok_live_xxxx",
        "json_assertions": [{"path": "status", "operator": "equals", "value": "ok"}],
        "response_threshold_ms": None,
    },
    {
        **_ALL,
        **{"id": "hb_abc789", "monitor_type": "heartbeat", "name": "Nightly Backup Job", "timeout": None},
        **{"ping_url": "https://statusrooster.com/api/ping/hb_abc789?token=aBcDeFgH"},
        **{"url": "https://statusrooster.com/api/ping/hb_abc789?token=aBcDeFgH", "keyword": ""},
        **{"heartbeat_interval": 3600, "heartbeat_grace_period": 300, "expected_status_code": None},
    },
    {
        **_ALL,
        **{"id": "ssl_x1y2z3", "monitor_type": "ssl", "name": "example.com SSL", "status": "warn"},
        **{"url": "https://example.com", "ssl_domain": "example.com", "ssl_expiry_threshold_days": 14},
    },
]


async def _tickstem(request: web.Request) -> web.Response:
    if not request.headers.get("Authorization", "").startswith("Bearer tsk_live_"):
        return web.json_response({"error": "invalid API key"}, status=401)
    noun = request.match_info["noun"]
    return web.json_response({noun: TICKSTEM[noun]})


async def _rooster(request: web.Request) -> web.Response:
    if not request.headers.get("X-API-Key", "").startswith("sr_"):
        detail = {"data": None, "error": "Missing or invalid API key"}
        return web.json_response({"detail": detail}, status=401)
    return web.json_response({"data": ROOSTER, "error": None, "meta": {"total": len(ROOSTER)}})


@asynccontextmanager
async def elsewhere() -> AsyncIterator[str]:
    """The address of both: Tickstem's below `/v1`, StatusRooster's below `/api/v1`."""
    app = web.Application()
    app.router.add_get("/v1/{noun:jobs|monitors|heartbeats}", _tickstem)
    app.router.add_get("/api/v1/monitors", _rooster)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
