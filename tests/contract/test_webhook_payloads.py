"""What a webhook is sent: each field of down, up, warn and test, the headers, and the signature."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.contract.beating import heartbeat, sent, silent
from tests.contract.certificates import clock, now, served_by, until_closed
from tests.contract.people import key_with
from tests.contract.telling import MASK, account, alerts, channel, failing, latest, settled, signature, told
from tests.contract.watching import look, looked_at, rooster, rooster_monitor, watched
from tests.support.daemon import Harness, eventually, running
from tests.support.endpoint import Endpoint, serving
from tests.support.mail import mail_server
from tests.support.servers import serving as talking
from tickd import __version__

SEVEN = {"event", "monitor_name", "monitor_url", "status", "status_code", "response_ms", "timestamp"}
"""What the rooster documents."""
THREE = {"monitor_id", "monitor_type", "incident_id"}
"""What the contract adds."""
NOON = "2026-03-03T12:00:00+00:00"
SECRET = "whsec_dGlja2Qtc2VjcmV0LXRpY2tk"


async def test_down_and_up_field_by_field(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        await channel(tickd, url=receiver.url)
        made, opened = await failing(tickd, endpoint, name="My Website \N{ROOSTER}", severity="critical")
        (down,) = await told(receiver, 1)
        assert set(down) >= SEVEN | THREE
        (alert,) = await settled(tickd)
        at = opened["cause"]["at"].replace("Z", "+00:00")
        assert down == {
            "event": "monitor.down",
            "monitor_name": "My Website \N{ROOSTER}",
            "monitor_url": endpoint.url + "/",
            "status": "down",
            "status_code": 503,
            "response_ms": 0.0,
            "timestamp": at,
            "monitor_id": made["id"],
            "monitor_type": "http",
            "incident_id": opened["id"],
            "alert_id": alert["id"],
            "severity": "critical",
            "error": "status code 503",
            "since": opened["started_at"].replace("Z", "+00:00"),
        }
        await tickd.clock.advance(450.0)
        endpoint.status = 200
        await look(tickd, made["id"])
        up = (await told(receiver, 2))[1]
        assert set(up) >= SEVEN | THREE
        assert (up["event"], up["status"]) == ("monitor.up", "up")
        assert [up[name] for name in ("monitor_name", "monitor_url", "monitor_id", "incident_id")] == [
            down[name] for name in ("monitor_name", "monitor_url", "monitor_id", "incident_id")
        ]
        assert up["timestamp"].startswith("2026-03-03T12:07:30")
        assert (up["duration_seconds"], up["down_since"]) == (450, down["since"])
        assert up["alert_id"] != down["alert_id"]


async def test_a_test_field_by_field(tickd: Harness) -> None:
    async with serving() as receiver:
        made = await channel(tickd, url=receiver.url)
        await tickd.call("POST", f"/v1/channels/{made['id']}/test")
        (test,) = await told(receiver, 1)
        assert {name: test[name] for name in SEVEN | THREE} == {
            "event": "test",
            "monitor_name": "",
            "monitor_url": "",
            "status": "test",
            "status_code": None,
            "response_ms": None,
            "timestamp": NOON,
            "monitor_id": None,
            "monitor_type": None,
            "incident_id": None,
        }


async def test_warn_field_by_field(tickd: Harness) -> None:
    async with serving() as receiver:
        await channel(tickd, url=receiver.url)
        made = await heartbeat(tickd, name="backup")
        said = {"status": "degraded", "message": "half of it"}
        assert (await tickd.call("POST", f"/api/heartbeat/{made['id']}", said)).status == 200
        (warn,) = await told(receiver, 1)
        assert {name: warn[name] for name in (*SEVEN, *THREE, "error")} == {
            "event": "monitor.warn",
            "monitor_name": "backup",
            "monitor_url": "",
            "status": "warn",
            "status_code": None,
            "response_ms": None,
            "timestamp": NOON,
            "monitor_id": made["id"],
            "monitor_type": "heartbeat",
            "incident_id": None,
            "error": "half of it",
        }


async def test_a_heartbeat_that_is_missed(tickd: Harness) -> None:
    async with serving() as receiver:
        await channel(tickd, url=receiver.url)
        made = await heartbeat(tickd, interval_secs=60, grace_secs=60, failure_threshold=1)
        await sent(tickd, f"/p/{made['token']}")
        await silent(tickd, made["id"], 120.0, 1)
        (down,) = await told(receiver, 1)
        assert (down["event"], down["monitor_type"], down["monitor_id"]) == (
            "monitor.down",
            "heartbeat",
            made["id"],
        )
        assert (down["status_code"], down["response_ms"]) == (None, None)
        assert down["timestamp"] == "2026-03-03T12:02:00+00:00"
        await sent(tickd, f"/p/{made['token']}")
        up = (await told(receiver, 2))[1]
        assert (up["event"], up["status"], up["monitor_type"]) == ("monitor.up", "up", "heartbeat")


async def test_a_job_is_called_a_job(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        await channel(tickd, url=receiver.url)
        job = await tickd.job(endpoint=endpoint.url + "/run", schedule="@yearly", retries=0)
        endpoint.status = 500
        await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")
        (failed,) = await told(receiver, 1)
        assert (failed["event"], failed["status"], failed["status_code"]) == ("job.failed", "down", 500)
        assert (failed["monitor_id"], failed["monitor_type"]) == (job["id"], "job")
        assert (failed["monitor_name"], failed["monitor_url"]) == ("nightly", endpoint.url + "/run")
        endpoint.status = 200
        await tickd.call("POST", f"/v1/jobs/{job['id']}/trigger")
        assert (await told(receiver, 2))[1]["event"] == "job.recovered"


async def test_a_certificate_is_a_warning(tmp_path: Path, authority: trustme.CA) -> None:
    context = served_by(authority, "localhost", not_after=now() + timedelta(days=6))
    path = tmp_path / "tickd.db"
    async with (
        serving() as receiver,
        talking(until_closed, tls=context) as server,
        running(path, clock=clock()) as tickd,
    ):
        await channel(tickd, url=receiver.url)
        made = await watched(tickd, type="ssl", url=f"localhost:{server.port}", name="Shop")
        (warn,) = await told(receiver, 1)
        assert (warn["event"], warn["status"], warn["monitor_type"]) == ("monitor.warn", "warn", "ssl")
        assert (warn["status_code"], warn["response_ms"], warn["incident_id"]) == (None, None, None)
        assert (warn["days"], warn["monitor_name"]) == (7, "Shop")
        assert warn["ssl_expiry"] == made["ssl_expires_at"].replace("Z", "+00:00")


async def test_the_types_are_the_roosters(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        made = await rooster_monitor(
            tickd, url=endpoint.url, monitor_type="json_api", webhook_url=receiver.url, check_interval=300
        )
        await latest(tickd, made)
        (down,) = await told(receiver, 1)
        assert down["monitor_type"] == "json_api"


async def test_the_headers(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        made = await channel(
            tickd,
            url=receiver.url + "/a%20b?c=d",
            secret=SECRET,
            headers={"Authorization": "Bearer x", "X-One": "1"},
        )
        await tickd.clock.advance(7.9)
        await failing(tickd, endpoint)
        await told(receiver, 1)
        (call,) = receiver.calls
        (alert,) = await settled(tickd)
        assert (call.method, call.path) == ("POST", "/a%20b?c=d")
        assert call.headers["Content-Type"] == "application/json"
        assert call.headers["User-Agent"] == f"tickd/{__version__}"
        assert (call.headers["Authorization"], call.headers["X-One"]) == ("Bearer x", "1")
        assert call.headers["webhook-id"] == alert["id"] == json.loads(call.body)["alert_id"]
        assert call.headers["webhook-timestamp"] == "1772539207"
        assert call.headers["webhook-signature"] == signature(call, SECRET)
        assert call.headers["webhook-signature"] != signature(call, "whsec_b3RoZXI=")
        assert all(len(call.headers.getall(name)) == 1 for name in call.headers)
        await tickd.call("PATCH", f"/v1/channels/{made['id']}", {"headers": {"content-type": "text/x"}})
        await tickd.call("POST", f"/v1/channels/{made['id']}/test")
        assert receiver.calls[1].headers.getall("Content-Type") == ["text/x"]


async def test_a_repeat_bears_the_same_id_and_a_new_time(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        receiver.statuses = [500, 429, 200]
        receiver.headers = {"Retry-After": "30"}
        await channel(tickd, url=receiver.url, secret=SECRET)
        await failing(tickd, endpoint)
        await told(receiver, 1)
        for count in (2, 3):
            await _retrying(tickd)
            await tickd.clock.advance(29.0)
            assert len(receiver.calls) == count - 1
            await tickd.clock.advance(1.0)
            await told(receiver, count)
        (alert,) = await settled(tickd)
        assert (alert["state"], alert["attempts"]) == ("sent", 3)
        assert {call.headers["webhook-id"] for call in receiver.calls} == {alert["id"]}
        assert len({call.body for call in receiver.calls}) == 1
        times = [int(call.headers["webhook-timestamp"]) for call in receiver.calls]
        assert (times[1] - times[0], times[2] - times[1]) == (30, 30)
        assert [call.headers["webhook-signature"] for call in receiver.calls] == [
            signature(call, SECRET) for call in receiver.calls
        ]


async def _retrying(tickd: Harness) -> None:
    """Wait until the failed attempt is on record."""

    async def noted() -> bool:
        (alert,) = await alerts(tickd)
        return alert["state"] == "retrying" and not tickd.daemon._delivery.in_flight

    await eventually(noted)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_taken(tickd: Harness, endpoint: Endpoint, status: int) -> None:
    async with serving() as receiver:
        receiver.status = status
        await channel(tickd, url=receiver.url)
        await failing(tickd, endpoint)
        assert [one["state"] for one in await settled(tickd)] == ["sent"]


@pytest.mark.parametrize("status", [301, 307, 400, 404, 410, 500, 503])
async def test_anything_else_is_tried_again(tickd: Harness, endpoint: Endpoint, status: int) -> None:
    async with serving() as receiver:
        receiver.status, receiver.headers = status, {"Location": "/elsewhere"}
        await channel(tickd, url=receiver.url)
        await failing(tickd, endpoint)
        await told(receiver, 1)
        await _retrying(tickd)
        receiver.status = 200
        await tickd.clock.advance(2.0)
        await told(receiver, 2)
        assert [one["state"] for one in await settled(tickd)] == ["sent"]


# The rooster's own three addresses of a monitor.


async def test_a_monitors_own_webhook(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        made = await rooster_monitor(tickd, url=endpoint.url, webhook_url=receiver.url + "/hook")
        await looked_at(tickd, made["id"])
        endpoint.status = 500
        await look(tickd, made["id"])
        (down,) = await told(receiver, 1)
        assert (down["event"], down["monitor_name"]) == ("monitor.down", "My Website")
        (call,) = receiver.calls
        whole = (await tickd.call("GET", "/v1/account")).json["webhook_secret"]
        assert call.headers["webhook-signature"] == signature(call, whole)
        (alert,) = await settled(tickd)
        assert (alert["kind"], alert["channel"], alert["to"]) == ("webhook", None, None)
        assert receiver.url not in str(alert)
        # It goes to both, where there are channels too.
        async with serving() as beside:
            await channel(tickd, url=beside.url)
            endpoint.status = 200
            await look(tickd, made["id"])
            await told(receiver, 2)
            await settled(tickd)
            assert beside.calls == []  # it was not told of the failure
            await tickd.clock.advance(0.1)
            endpoint.status = 500
            await look(tickd, made["id"])
            await told(receiver, 3)
            assert [one["event"] for one in await told(beside, 1)] == ["monitor.down"]


async def test_a_monitors_own_slack(tickd: Harness, endpoint: Endpoint) -> None:
    async with serving() as receiver:
        receiver.text = "ok"
        endpoint.status = 500
        made = await rooster_monitor(
            tickd, url=endpoint.url, name="<!channel> & co", alert_slack_webhook=receiver.url + "/services/x"
        )
        await latest(tickd, made)
        (said,) = await told(receiver, 1)
        assert "&lt;!channel&gt; &amp; co is down" in said["text"]
        (alert,) = await settled(tickd)
        assert (alert["kind"], alert["state"]) == ("slack", "sent")


async def test_a_monitors_own_mail_or_else_the_accounts(tmp_path: Path, endpoint: Endpoint) -> None:
    with mail_server() as server:
        settings: dict[str, Any] = {"smtp_url": server.url(), "mail_from": "tickd@example.com"}
        async with running(tmp_path / "tickd.db", **settings) as tickd:
            await account(tickd, owner_email="owner@example.com")
            endpoint.status = 500
            plain = await rooster_monitor(tickd, url=endpoint.url, name="plain")
            assert plain["alert_email"] == "owner@example.com"
            own = await rooster_monitor(tickd, url=endpoint.url, name="own", alert_email="me@example.com")
            assert own["alert_email"] == "me@example.com"
            beat = await rooster_monitor(tickd, monitor_type="heartbeat", name="beat")
            assert beat["alert_email"] == "owner@example.com"
            for made in (plain, own):
                await latest(tickd, made)
            await settled(tickd)
            # The account's address is not made the monitor's own by an answer that is sent back.
            await rooster(tickd, "PUT", f"/monitors/{plain['id']}", plain)
            await account(tickd, alert_email="alerts@example.com")
            shown = (await rooster(tickd, "GET", f"/monitors/{plain['id']}")).json["data"]
            assert shown["alert_email"] == "alerts@example.com"
            listed = (await rooster(tickd, "GET", "/monitors")).json["data"]
            assert {one["name"]: one["alert_email"] for one in listed} == {
                "beat": "alerts@example.com",
                "own": "me@example.com",
                "plain": "alerts@example.com",
            }
            assert (await tickd.call("GET", f"/v1/monitors/{plain['id']}")).json["alert_email"] == ""
            native = (await tickd.call("GET", f"/v1/heartbeats/{beat['id']}")).json
            await sent(tickd, f"/p/{native['token']}/fail")
            await settled(tickd)
        to = {mail.mail["Subject"].split(" ")[1]: mail.recipients for mail in server.taken}
        assert to == {
            "plain": ["owner@example.com"],
            "own": ["me@example.com"],
            "beat": ["alerts@example.com"],
        }


async def test_a_monitors_own_addresses_are_hidden_from_readers(tickd: Harness) -> None:
    secrets: dict[str, Any] = {
        "alert_slack_webhook": "https://hooks.slack.com/services/T/B/s3cret",
        "webhook_url": "https://example.com/s3cret",
    }
    made = await rooster_monitor(tickd, paused=True, **secrets)
    assert {name: made[name] for name in secrets} == secrets
    reader = await key_with(tickd, "read")
    for path in (f"/api/v1/monitors/{made['id']}", f"/v1/monitors/{made['id']}", "/api/v1/monitors"):
        reply = await tickd.call("GET", path, key=reader)
        assert "s3cret" not in str(reply.json)
        assert MASK in str(reply.json)
