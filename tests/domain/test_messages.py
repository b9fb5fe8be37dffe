"""Alerts in words, in a webhook's JSON and in each chat's markup, with names that mean harm."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickd.domain import chats, mails, messages, payloads, times
from tickd.domain.alerts import EVENTS, About, Message, Story, Told

AT = 1_772_539_205_123
MINUTE = times.MINUTE
SHOP = About("monitor", "mon_1", "Shop", "https://shop.example.com/", "json")
BACKUP = About("heartbeat", "hb_1", "Backup", "", "heartbeat")
REPORT = About("job", "job_1", "Report", "https://shop.example.com/report", "job")


def down(about: About = SHOP, **more: Any) -> Story:
    told: dict[str, Any] = {"event": "down", "at": AT, "since": AT, "about": about, "incident_id": "inc_1"}
    return Story(**(told | {"error": "connection refused"} | more))


def recovered(about: About = SHOP, **more: Any) -> Story:
    told: dict[str, Any] = {"event": "recovered", "at": AT, "about": about, "incident_id": "inc_1"}
    return Story(**(told | {"since": AT - 12 * MINUTE, "until": AT} | more))


def message(*stories: Story, link: str = "https://tickd.example.com") -> Message:
    told = tuple(Told(f"alt_{number}", story) for number, story in enumerate(stories, 1))
    return Message(id="alt_1", told=told, moment=AT, link=link)


STORIES = [
    (
        down(status_code=503, response_ms=45.6),
        "[DOWN] Shop — connection refused",
        "Shop is down",
        "It has been down since 2026-03-03 12:00:05 UTC.",
    ),
    (
        recovered(error="connection refused"),
        "[UP] Shop — was down for 12 min",
        "Shop is up again",
        "It was down for 12 min. That was from 2026-03-03 11:48:05 UTC to 2026-03-03 12:00:05 UTC.",
    ),
    (
        recovered(together=True),
        "[UP] Shop — was down for 12 min",
        "Shop is up again",
        "It was down for 12 min; both happened before this could be sent. "
        "That was from 2026-03-03 11:48:05 UTC to 2026-03-03 12:00:05 UTC.",
    ),
    (
        recovered(incident_id=""),
        "[UP] Shop — was degraded for 12 min",
        "Shop is up again",
        "It was degraded for 12 min. That was from 2026-03-03 11:48:05 UTC to 2026-03-03 12:00:05 UTC.",
    ),
    (
        down(event="degraded", error="slow"),
        "[DEGRADED] Shop — slow",
        "Shop is degraded",
        "It has been degraded since 2026-03-03 12:00:05 UTC.",
    ),
    (
        Story(event="certificate", at=AT, about=SHOP, days=7, expires_at=AT + 7 * times.DAY),
        "[CERTIFICATE] Shop — expires in 7 days, at 2026-03-10 12:00:05 UTC",
        "The certificate of Shop expires in 7 days",
        "It expires in 7 days, at 2026-03-10 12:00:05 UTC.",
    ),
    (
        Story(event="certificate", at=AT, about=SHOP, days=1),
        "[CERTIFICATE] Shop — expires in 1 day",
        "The certificate of Shop expires in 1 day",
        "It expires in 1 day.",
    ),
    (
        down(REPORT, event="job_failed", error="HTTP 500"),
        "[FAILED] Report — HTTP 500",
        "Report failed",
        "It failed at 2026-03-03 12:00:05 UTC.",
    ),
    (
        recovered(REPORT),
        "[RECOVERED] Report — was failing for 12 min",
        "Report runs well again",
        "It was failing for 12 min. That was from 2026-03-03 11:48:05 UTC to 2026-03-03 12:00:05 UTC.",
    ),
    (
        down(event="reminder", since=AT - 120 * MINUTE),
        "[STILL DOWN] Shop — for 2 h: connection refused",
        "Shop is still down",
        "It is still down for 2 h, since 2026-03-03 10:00:05 UTC; acknowledge it to stop reminders.",
    ),
    (
        Story(event="blind", at=AT, since=AT - 5 * MINUTE, until=AT, error="no network"),
        "[BLIND] tickd — could not see for 5 min",
        "tickd could not see for 5 min",
        "tickd could not see from 2026-03-03 11:55:05 UTC to 2026-03-03 12:00:05 UTC (no network); "
        "nothing is alleged of that time.",
    ),
    (
        Story(event="delivery", at=AT, since=AT - 5 * MINUTE, error="HTTP 404", note="The channel is ops."),
        "[NOT DELIVERED] tickd — HTTP 404",
        "Alerts are not delivered",
        "A channel has taken no alerts since 2026-03-03 11:55:05 UTC.",
    ),
    (
        Story(event="test", at=AT),
        "[TEST] tickd — this is a test alert",
        "Test alert",
        "This is a test alert, sent at 2026-03-03 12:00:05 UTC. Nothing has failed.",
    ),
]


# In words.


@pytest.mark.parametrize(("story", "subject", "title", "lead"), STORIES, ids=lambda one: str(one)[:30])
def test_every_event_is_told_in_plain_words(story: Story, subject: str, title: str, lead: str) -> None:
    one = message(story)
    assert messages.subject(one) == subject
    assert messages.heading(one) == messages.title(story) == title
    assert messages.lead(story) == lead
    for text in (mails.text(one), html.unescape(mails.markup(one))):
        assert title in text and lead in text
        if story.note:
            assert story.note in text


def test_every_event_has_its_words() -> None:
    assert {story.event for story, *_ in STORIES} == set(EVENTS)


def test_a_mail_says_what_is_known_and_where_more_is() -> None:
    text = mails.text(
        message(down(status_code=503, response_ms=45.6, note="Also told to ops.", severity="critical"))
    )
    assert text.splitlines() == [
        "Shop is down",
        "",
        "It has been down since 2026-03-03 12:00:05 UTC.",
        "",
        "Why: connection refused",
        "Status code: 503",
        "Response time: 46 ms",
        "Address: https://shop.example.com/",
        "Severity: critical",
        "Also told to ops.",
        "",
        "https://tickd.example.com/incidents/inc_1",
    ]


def test_there_is_no_link_without_an_incident_or_an_address() -> None:
    assert "/incidents/" not in mails.markup(message(down(incident_id="")))
    assert "/incidents/" not in mails.markup(message(down(), link=""))


def test_a_digest_counts_and_groups_what_it_tells() -> None:
    stories = [recovered(BACKUP), down(), down(BACKUP, error="no ping"), recovered(REPORT), down(SHOP)]
    one = message(*stories)
    assert messages.subject(one) == "[5 alerts] 3 down, 1 up, 1 recovered"
    assert messages.heading(one) == "5 alerts: 3 down, 1 up, 1 recovered"
    lines = mails.text(one).splitlines()
    assert [line for line in lines if line.endswith(")")] == [
        "Down (3)",
        "Up again (1)",
        "Running well again (1)",
    ]
    assert [line for line in lines if line.startswith("- ")] == [
        "- Shop: It has been down since 2026-03-03 12:00:05 UTC. Why: connection refused",
        "- Backup: It has been down since 2026-03-03 12:00:05 UTC. Why: no ping",
        "- Shop: It has been down since 2026-03-03 12:00:05 UTC. Why: connection refused",
        f"- Backup: {messages.lead(recovered())}",
        f"- Report: {messages.lead(recovered(REPORT))}",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Shop", "Shop"),
        (" a\r\n\tb\x00c ", "a b c"),
        ("gnp.\u202efdp", "gnp. fdp"),
        ("x" * 300, "x" * 199 + "…"),
        ("\u2068x\u2069", "x"),
        ("\N{MAN}\u200d\N{WOMAN}", "\N{MAN}\u200d\N{WOMAN}"),
        ("\u05d7\u05e0", "\u2068\u05d7\u05e0\u2069"),
        ("", ""),
    ],
)
def test_names_are_one_line_that_hides_nothing(text: str, shown: str) -> None:
    assert messages.line(text, 200) == shown


def test_what_does_not_fit_is_counted() -> None:
    lines = [f"line {number}" for number in range(100)]
    assert messages.fitted(lines, 10_000, len) == "\n".join(lines)
    cut = messages.fitted(lines, 100, len)
    assert len(cut) <= 100
    shown, last = cut.rsplit("\n", 1)
    assert shown.splitlines() == lines[: len(shown.splitlines())]
    assert last == f"+{100 - len(shown.splitlines())} more"
    assert messages.fitted(["x" * 50], 20, len) == "+1 more"


# In a webhook.


def test_a_webhook_has_the_roosters_fields_in_their_form() -> None:
    body = json.loads(payloads.body(message(down(status_code=503, response_ms=12045.2))))
    assert body == {
        "event": "monitor.down",
        "monitor_name": "Shop",
        "monitor_url": "https://shop.example.com/",
        "status": "down",
        "status_code": 503,
        "response_ms": 12045.2,
        "timestamp": "2026-03-03T12:00:05.123+00:00",
        "monitor_id": "mon_1",
        "monitor_type": "json_api",
        "incident_id": "inc_1",
        "alert_id": "alt_1",
        "severity": "major",
        "error": "connection refused",
        "since": "2026-03-03T12:00:05.123+00:00",
    }


@pytest.mark.parametrize(
    ("story", "event", "status"),
    [
        (down(), "monitor.down", "down"),
        (recovered(), "monitor.up", "up"),
        (down(event="degraded"), "monitor.warn", "warn"),
        (down(event="certificate"), "monitor.warn", "warn"),
        (down(event="reminder"), "monitor.reminder", "down"),
        (down(BACKUP), "monitor.down", "down"),
        (recovered(BACKUP), "monitor.up", "up"),
        (down(BACKUP, event="degraded"), "monitor.warn", "warn"),
        (down(REPORT, event="job_failed"), "job.failed", "down"),
        (recovered(REPORT), "job.recovered", "up"),
        (down(REPORT, event="reminder"), "job.reminder", "down"),
        (Story(event="blind", at=AT), "tickd.blind", "unknown"),
        (Story(event="delivery", at=AT), "tickd.delivery", "down"),
        (Story(event="test", at=AT), "test", "test"),
    ],
)
def test_a_webhook_calls_events_by_their_names(story: Story, event: str, status: str) -> None:
    said = payloads.alert(Told("alt_1", story))
    assert (said["event"], said["status"]) == (event, status)
    if story.about is None:
        assert (said["monitor_name"], said["monitor_id"], said["monitor_type"]) == ("", None, None)
    else:
        kinds = {"mon_1": "json_api", "hb_1": "heartbeat", "job_1": "job"}
        assert said["monitor_type"] == kinds[story.about.id]


def test_a_webhook_says_how_long_it_was_and_what_else_is_known() -> None:
    over = payloads.alert(Told("alt_1", recovered(together=True)))
    assert over["down_since"] == "2026-03-03T11:48:05.123+00:00"
    assert over["duration_seconds"] == 720
    assert over["together"] is True
    certificate = Story(event="certificate", at=AT, about=SHOP, days=7, expires_at=AT + 7 * times.DAY)
    said = payloads.alert(Told("alt_1", certificate))
    assert (said["ssl_expiry"], said["days"]) == ("2026-03-10T12:00:05.123+00:00", 7)
    blind = payloads.alert(Told("alt_1", Story(event="blind", at=AT, since=AT - 1000, until=AT)))
    assert (blind["since"], blind["until"]) == (
        "2026-03-03T12:00:04.123+00:00",
        "2026-03-03T12:00:05.123+00:00",
    )


def test_a_webhook_tells_a_digest_story_by_story() -> None:
    one = message(down(), recovered(BACKUP))
    body = json.loads(payloads.body(one))
    assert (body["event"], body["count"]) == ("digest", 2)
    assert body["timestamp"] == "2026-03-03T12:00:05.123+00:00"
    assert body["alerts"] == [json.loads(json.dumps(payloads.alert(told))) for told in one.told]
    assert [alert["alert_id"] for alert in body["alerts"]] == ["alt_1", "alt_2"]


# In chats.

HOSTILE = "<!channel> <@U1> @everyone & *b* _i_ `c` ~s~ [x](http://evil) <b>x</b> ||s|| http://evil\n# h"


def hostile() -> Story:
    return down(About("monitor", "mon_1", HOSTILE, HOSTILE), error=HOSTILE, note=HOSTILE)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def test_slack_gets_escaped_text_that_calls_nobody() -> None:
    for one in (message(hostile()), message(hostile(), hostile())):
        said = chats.slack(one)
        assert said["parse"] == "none"
        (attachment,) = said["attachments"]
        assert attachment["color"] == "#d32f2f"
        block = attachment["blocks"][0]["text"]
        assert (block["type"], block["verbatim"]) == ("mrkdwn", True)
        for text in (said["text"], block["text"]):
            assert "&lt;!channel&gt;" in text or "evil" not in text
            assert "@everyone" not in text
            assert set(re.findall(r"<[^>]*>", text)) <= {
                "<https://tickd.example.com/incidents/inc_1|Open the incident>"
            }
            assert re.sub(r"&(amp|lt|gt);", "", text).count("&") == 0
            assert not re.search(r" [*_~][bis]", re.sub(r"`[^`]*`", "", text))


def test_discord_gets_escaped_text_that_calls_nobody() -> None:
    for one in (message(hostile()), message(hostile(), hostile())):
        said = chats.discord(one)
        assert said["allowed_mentions"] == {"parse": []}
        (embed,) = said["embeds"]
        assert embed["color"] == messages.RED
        assert embed["timestamp"] == "2026-03-03T12:00:05.123Z"
        for text in (said["content"], embed["description"]):
            bare = re.sub(r"(?<!\\)`[^`]*`", "", text)
            bare = re.sub(r"\\.", "", bare).replace("**", "")
            bare = bare.replace("<https://tickd.example.com/incidents/inc_1>", "")
            assert not re.search(r"[*_~`|\[\]<]", bare), bare
            assert "http://" not in bare


def test_telegram_gets_html_of_which_only_ours_is_markup() -> None:
    for one in (message(hostile()), message(hostile(), hostile())):
        said = chats.telegram(one, "-100")
        assert (said["chat_id"], said["parse_mode"]) == ("-100", "HTML")
        assert said["link_preview_options"] == {"is_disabled": True}
        tags = set(re.findall(r"<[^>]*>", said["text"]))
        link = '<a href="https://tickd.example.com/incidents/inc_1">'
        assert tags <= {"<b>", "</b>", "<code>", "</code>", link, "</a>"}
        assert "&lt;b&gt;x&lt;/b&gt;" in said["text"]
        assert "@everyone" not in re.sub(r"<code>.*?</code>", "", said["text"])


def test_ntfy_goes_by_the_worst_event_unless_the_channel_says_otherwise() -> None:
    said = chats.ntfy(message(down(severity="critical")), "ops")
    assert said["topic"] == "ops"
    assert said["title"] == "Shop is down"
    assert said["priority"] == 5
    assert said["tags"] == ["red_circle"]
    assert said["click"] == "https://tickd.example.com/incidents/inc_1"
    assert "Why: connection refused" in said["message"]
    assert chats.ntfy(message(recovered()), "ops")["priority"] == 3
    assert chats.ntfy(message(recovered(), down(severity="minor")), "ops")["priority"] == 3
    assert chats.ntfy(message(down()), "ops", 1)["priority"] == 1
    assert "click" not in chats.ntfy(message(down(), link=""), "ops")


def test_a_digest_lists_what_fits_and_counts_the_rest() -> None:
    one = message(*(down(About("monitor", f"mon_{n}", f"Shop {n}")) for n in range(1000)))
    texts = [
        chats.slack(one)["attachments"][0]["blocks"][0]["text"]["text"],
        chats.discord(one)["embeds"][0]["description"],
        chats.telegram(one, "1")["text"],
        chats.ntfy(one, "ops")["message"],
    ]
    for text in texts:
        shown = re.findall(r"Shop (\d+)", text)
        assert shown == [str(n) for n in range(len(shown))] and len(shown) > 20
        assert text.endswith(f"\n+{1000 - len(shown)} more")
    assert chats.discord(one)["content"] == "🔴 1000 alerts: 1000 down"


text = st.text(max_size=2000) | st.text("<>&\"'`*_@|[]()# \n💥א\\", max_size=2000)


@settings(max_examples=60)
@given(names=st.lists(st.tuples(text, text, text), min_size=1, max_size=40), event=st.sampled_from(EVENTS))
def test_no_text_is_over_what_a_chat_takes(names: list[tuple[str, str, str]], event: Any) -> None:
    stories = [
        down(About("monitor", "m", name, name), event=event, error=error, note=note)
        for name, error, note in names
    ]
    one = message(*stories)
    block = chats.slack(one)["attachments"][0]["blocks"][0]["text"]["text"]
    assert 0 < units(block) <= 3000
    discord = chats.discord(one)
    assert 0 < units(discord["content"]) <= 2000
    assert 0 < units(discord["embeds"][0]["description"]) <= 4096
    assert 0 < units(chats.telegram(one, "1")["text"]) <= 4096
    ntfy = chats.ntfy(one, "ops")
    assert 0 < len(json.dumps(ntfy["message"], ensure_ascii=False).encode()) <= 4096
    assert len(ntfy["title"].encode()) <= 1024
    check_markup(mails.markup(one))
    subject = messages.subject(one)
    assert len(subject) < 500 and re.sub("[\u2066-\u2069]", "", subject).isprintable()


OURS = {"html", "head", "meta", "title", "style", "body", "div", "h1", "h2", "p", "b", "br", "a", "code"}


class Tags(HTMLParser):
    """Collects the tags that a reader of the HTML sees."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)


def check_markup(markup: str) -> None:
    tags = Tags()
    tags.feed(markup)
    tags.close()
    assert tags.seen <= OURS
