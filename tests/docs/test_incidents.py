"""What docs/incidents.md says of incidents is what the code does: fields, words, numbers, the safeguards."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

from tests.docs.pages import Page, codes, page, tables_of
from tests.support.clock import FakeClock
from tests.support.daemon import Harness, eventually, running
from tests.support.endpoint import Endpoint
from tickd.domain import incidents, times
from tickd.domain.alerts import SubjectKind
from tickd.domain.heartbeats import Heartbeat
from tickd.domain.incidents import Progress, Steps, UpdateRequest
from tickd.domain.jobs import Job, Severity
from tickd.domain.monitors import Options
from tickd.services import incidents as services
from tickd.web.native.incidents import CauseAnswer, IncidentAnswer, RelatedAnswer, Wanted
from tickd.web.rooster.incidents import HOURS, LIMIT, RoosterIncident

INCIDENTS = page("docs/incidents.md")
TEXT = " ".join(INCIDENTS.text.split())


def _names(heading: str) -> list[str]:
    rows = tables_of(INCIDENTS.sections()[heading], "field", "meaning")
    return [name for row in rows for name in codes(row["field"])]


def test_every_field_is_described() -> None:
    assert set(_names("Fields")) == set(IncidentAnswer.__struct_fields__)
    assert set(_names("Evidence and autopsy")) == set(CauseAnswer.__struct_fields__)
    assert _names("What else happened") == list(RelatedAnswer.__struct_fields__)
    for row in tables_of(INCIDENTS.sections()["What else happened"], "field", "meaning"):
        (kind,) = get_args(get_type_hints(RelatedAnswer)[codes(row["field"])[0]])
        assert codes(row["meaning"]) == list(kind.__struct_fields__)
    rows = tables_of(INCIDENTS.sections()["Evidence and autopsy"], "field", "meaning")
    (steps,) = (row["meaning"] for row in rows if row["field"] == "`timings`")
    assert codes(steps) == list(Steps.__struct_fields__)
    section = page("docs/clients/statusrooster.md").sections()["Incidents"]
    assert codes(section[section.index("An incident has") :]) == list(RoosterIncident.__struct_fields__)
    assert f"({HOURS} by default)" in section
    assert f"({LIMIT} by default)" in section


def test_every_word_is_described() -> None:
    sections = INCIDENTS.sections()
    kinds = [
        codes(row["kind"])[0]
        for row in tables_of(sections["What opens one"], "kind", "it becomes `failing` when")
    ]
    assert kinds == list(get_args(SubjectKind))
    (said,) = re.findall(r"Its `status` is (.*?)\. The first", TEXT)
    assert codes(said) == list(get_args(Progress))
    assert codes(sections["Severity"])[1:4] == list(get_args(Severity))
    _, _, taken = sections["The list"].partition("It takes")
    assert set(Wanted.__struct_fields__) <= set(codes(taken))


def test_what_the_page_says_of_numbers_is_so() -> None:
    assert f"The first {incidents.BODY_LETTERS:,} characters of the answer" in TEXT
    assert f"at most {incidents.HEADERS_MOST} headers of the answer" in TEXT
    assert f"at most {services.RELATED_MOST} of each" in TEXT
    assert incidents.AROUND == 10 * times.MINUTE
    assert "from ten minutes before it began to ten minutes after" in TEXT
    most = UpdateRequest.__annotations__["message"]
    assert "max_length=5000" in str(most)
    assert "of at most 5,000 characters" in TEXT
    plain: dict[str, Any] = {
        "row": 0,
        "id": "",
        "account_id": "",
        "name": "",
        "created_at": 0,
        "updated_at": 0,
    }
    job = Job(**plain, schedule="", endpoint="")
    beat = Heartbeat(**plain, token="", short_token="")
    assert (job.severity, Options(url="").severity, beat.options.severity) == ("major", "major", "minor")
    assert "`major` for jobs and monitors and `minor` for heartbeats" in TEXT


def _moment(text: str) -> int:
    return int(datetime.fromisoformat(f"2026-03-03 {text}").replace(tzinfo=UTC).timestamp()) * 1000


async def _latest(tickd: Harness) -> tuple[str, dict[str, Any] | None]:
    """The latest incident in the words of the table, and itself."""
    found = (await tickd.call("GET", "/v1/incidents?limit=1")).json["incidents"]
    if not found:
        return "none", None
    (one,) = found
    if one["status"] == "open":
        return f"open since {one['started_at'][11:16]}", one
    return f"ended {one['resolved_at'][11:16]}", one


async def test_the_timeline_is_played(tmp_path: Path, endpoint: Endpoint) -> None:
    section = INCIDENTS.sections()["The safeguards"]
    rows = tables_of(section, "at", "what happens", "latest incident", "alert")
    (made,) = (json.loads(one) for one in codes(section) if one.startswith("{"))
    clock = FakeClock(_moment(rows[0]["at"]))
    async with running(tmp_path / "tickd.db", clock=clock) as tickd:
        await tickd.call("POST", "/v1/channels", {"kind": "webhook", "name": "a", "url": endpoint.url})
        beat = (await tickd.call("POST", "/v1/heartbeats", {"name": "backup"} | made)).json
        expected: list[list[str]] = []
        for row in rows:
            await clock.advance((_moment(row["at"]) - clock.now()) / 1000)
            word = re.split(r"[,: ]", row["what happens"])[0]
            if word in ("success", "fail"):
                path = f"/p/{beat['token']}" + ("/fail" if word == "fail" else "")
                assert (await tickd.call("POST", path, key=None)).status == 200
            elif word == "resolved":
                _, incident = await _latest(tickd)
                assert incident is not None
                path = f"/v1/incidents/{incident['id']}/updates"
                assert (await tickd.call("POST", path, {"status": "resolved"})).status == 201
            if row["alert"] != "none":
                expected.append(codes(row["alert"]))

            async def so(row: dict[str, str] = row) -> bool:
                alerts = (await tickd.call("GET", "/v1/alerts?limit=500")).json["alerts"]
                told = [[one["event"], one["state"]] for one in reversed(alerts)]
                return told == expected and (await _latest(tickd))[0] == row["latest incident"]

            await eventually(so)
        assert len(endpoint.calls) == sum(state == "sent" for _, state in expected)
        listed = (await tickd.call("GET", "/v1/incidents")).json["incidents"]
        late = [one for one in listed if one["opened_at"] != one["started_at"]]
        assert [(one["started_at"][11:16], one["opened_at"][11:16]) for one in late] == [
            ("15:10", "16:00"),
            ("12:45", "12:50"),
        ]
    assert len(rows) >= 10


async def test_what_was_resolved_takes_only_what_was_learned(tickd: Harness) -> None:
    beat = (await tickd.call("POST", "/v1/heartbeats", {"name": "backup"})).json
    await tickd.call("POST", f"/p/{beat['token']}/fail", key=None)
    _, incident = await _latest(tickd)
    assert incident is not None
    path = f"/v1/incidents/{incident['id']}"
    for _ in range(2):
        assert (await tickd.call("POST", f"{path}/acknowledge")).status == 200
    for said in ("resolved", "resolved"):
        assert (await tickd.call("POST", f"{path}/updates", {"status": said})).status == 201
    assert (await tickd.call("POST", f"{path}/updates", {"status": "monitoring"})).status == 409
    assert (await tickd.call("POST", f"{path}/acknowledge")).status == 409


def test_the_page_has_a_list_of_its_sections() -> None:
    listed = re.findall(r"^- \[(.+)\]\(#", INCIDENTS.text, re.MULTILINE)
    assert listed == list(Page(INCIDENTS.path).sections())
