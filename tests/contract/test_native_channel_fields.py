"""Every field of a channel: its default, its range, the sentence that refuses it, and what is a secret."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.served import Served
from tests.contract.telling import MASK
from tickd.domain.alerts import EVENTS
from tickd.domain.channels import OPTIONS, ChannelChange, ChannelCreation
from tickd.web.native.channels import ChannelAnswer

HOOK = "http://127.0.0.1:9/hook"
CLOUD = "https://hooks.slack.com/services/T00/B00/s3cret"
LEAST: dict[str, dict[str, Any]] = {
    "email": {"to": ["ops@example.com"]},
    "webhook": {"url": HOOK},
    "slack": {"url": CLOUD},
    "discord": {"url": "https://discord.com/api/webhooks/1/s3cret"},
    "telegram": {"token": "123:s3cret", "chat_id": "-100123"},
    "ntfy": {"topic": "ops_alerts-1"},
    "apprise": {"url": "matrix://user:s3cret@host/#room"},
}
"""The least that a channel of each kind must say."""
MOST: dict[str, dict[str, Any]] = {
    "email": {"to": ["a@example.com", "ü@bücher.example", "o'brien+x@example.co.uk"]},
    "webhook": {
        "url": "https://example.com/a?b=c#d",
        "secret": "whsec_c2VjcmV0",
        "headers": {"X-Api-Key": "k"},
    },
    "slack": {"url": CLOUD},
    "discord": {"url": "https://discord.com/api/webhooks/1/s3cret"},
    "telegram": {"token": "1:s3cret", "chat_id": "@ops", "server": "http://127.0.0.1:9"},
    "ntfy": {"topic": "x" * 64, "server": "https://ntfy.example.com", "token": "tk_s3cret", "priority": 5},
    "apprise": {"url": "matrix://user:s3cret@host/#room"},
}
SHOWN: dict[str, dict[str, Any]] = {
    "email": {},
    "webhook": {"secret": MASK, "headers": {"X-Api-Key": MASK}},
    "slack": {"url": MASK},
    "discord": {"url": MASK},
    "telegram": {"token": MASK},
    "ntfy": {"token": MASK},
    "apprise": {"url": MASK},
}
"""What is shown instead of what was said."""
EMPTY: dict[str, dict[str, Any]] = {
    "webhook": {"secret": "", "headers": {}},
    "telegram": {"server": ""},
    "ntfy": {"server": "", "token": "", "priority": 0},
}
"""What is shown of an option that was left out."""
DEFAULTS: dict[str, Any] = {
    "enabled": True,
    "default": True,
    "events": list(EVENTS),
    "delay_secs": 0,
    "reminder_minutes": 0,
    "last_sent_at": None,
    "failing_since": None,
    "last_error": "",
    "created_at": "2026-03-03T12:00:00Z",
    "updated_at": "2026-03-03T12:00:00Z",
}

NAME = "must be text of 1 to 200 characters"
PRINTABLE = "must be 1 to 200 printable characters"
KINDS = "must be one of apprise, discord, email, ntfy, slack, telegram, webhook"
SWITCH = "must be true or false"
EVENT_LIST = "must be a list of at most 20 items out of " + ", ".join(sorted(EVENTS))
ADDRESSES = "must be a list of 1 to 20 items"
NO_ADDRESS = "which is not an e-mail address"
LONG_URL = "must be text of 1 to 2048 characters"
URL = "must be an http or https address such as https://example.com/path"
APPRISE = "must be an Apprise URL such as matrix://user:pass@host/#room"
ASCII = "must be printable ASCII without spaces"
MAP = "must be a map of names to texts"
TOPIC = "must be 1 to 64 letters, digits, _ and -"


def ranged(field: str, low: int, high: int) -> list[tuple[str, str, Any, str]]:
    """A whole number's wrong values."""
    edges = f"between {low} and {high}"
    kind = "ntfy" if field == "priority" else "webhook"
    found = [(kind, field, value, f"must be {edges}") for value in (low - 1, high + 1, -(1 << 70), 1 << 70)]
    others: list[Any] = [str(low), 7.5, True, [], {}]
    return [*found, *((kind, field, value, f"must be a whole number {edges}") for value in others)]


def each(kind: str, field: str, sentence: str, *values: Any) -> list[tuple[str, str, Any, str]]:
    """Wrong values that one sentence refuses."""
    return [(kind, field, value, sentence) for value in values]


BAD: list[tuple[str, str, Any, str]] = [
    *each("webhook", "name", NAME, 7, "", "x" * 201, ["x"], {}),
    *each("webhook", "name", PRINTABLE, "   ", "two\nlines", "\0", "\u200b", "a\x1b[31m", "a\u202eb"),
    *each("webhook", "enabled", SWITCH, "yes", 1, [], "true"),
    *each("webhook", "default", SWITCH, "no", 0, {}),
    *each("webhook", "events", EVENT_LIST, "down", ["up"], [1], ["down"] * 21, {}),
    *ranged("delay_secs", 0, 86_400),
    *ranged("reminder_minutes", 0, 10_080),
    *ranged("priority", 0, 5),
    *each("email", "to", ADDRESSES, "ops@example.com", [], [1], ["a@b.example"] * 21, {}),
    *each(
        *("email", "to", "has "),
        *(["x"], [""], ["a@"], ["@b"], ["a b@example.com"], ["a@b@c"], ["Ops <ops@example.com>"]),
        *(
            ["a@b.example,c@d.example"],
            ["a@b.example\r\nBcc: c@d.example"],
            ["a\0@b.example"],
            ["a@b\n.example"],
        ),
        *(["x" * 65 + "@b.example"], ["a@" + "b" * 254], ["\u202ea@b.example"], ["good@b.example", "bad"]),
    ),
    *each("webhook", "url", LONG_URL, 7, "", "https://example.com/" + "x" * 2048, ["x"]),
    *each(
        *("webhook", "url", URL),
        *("example.com", "ftp://example.com", "http://", "http:///x", "https://a b/", "http://a\r\nX: 1/"),
        *("javascript:alert(1)", "file:///etc/passwd", "http://example.com:0/", "http://example.com:99999/"),
        *("http://[::1", "http://exa\0mple.com/", "//example.com", "   "),
    ),
    *each("webhook", "url", "must not hold a user name or password", "https://user:pw@example.com/"),
    *each("slack", "url", URL, "hooks.slack.com/services/x", "slack://x"),
    *each("discord", "url", URL, "discord.com"),
    *each("apprise", "url", APPRISE, "matrix:room", "matrix://a\nb", "x", "a://\u200b"),
    *each("webhook", "secret", "must be text of at most 200 characters", 1, "x" * 201, []),
    *each("webhook", "secret", "must be base64 after whsec_", "whsec_", "whsec_%", "whsec_abc"),
    *each("webhook", "headers", MAP, [], "X: 1", {"X": 1}, {"X": None}),
    *each("webhook", "headers", "has 'a b', which is not a header name", {"a b": "1"}),
    *each("webhook", "headers", "has '', which is not a header name", {"": "1"}),
    *each("webhook", "headers", "has a line break or control character in X", {"X": "a\r\nb"}, {"X": "\0"}),
    *each("webhook", "headers", "has Content-Length, which tickd sets itself", {"Content-Length": "1"}),
    *each("webhook", "headers", "has Webhook-Id, which tickd sets itself", {"Webhook-Id": "1"}),
    *each("webhook", "headers", "has the mask ", {"X-New": MASK}),
    *each("webhook", "headers", "must be at most 50 headers", {f"X-{n}": "" for n in range(51)}),
    *each("webhook", "headers", "must be at most 50 headers", {"X": "x" * 16_385}),
    *each("telegram", "token", "must be text of at most 500 characters", 1, "x" * 501),
    *each("telegram", "token", ASCII, "a b", "a\nb", "ключ", "a\0", "a\u2028b"),
    *each("ntfy", "token", ASCII, "a b", "tk\r\nX-Evil: 1"),
    *each("telegram", "chat_id", "must be text of 1 to 100 characters", -100123, "", "x" * 101),
    *each("telegram", "chat_id", ASCII, "a b", "1\n2", "@ключ"),
    *each("ntfy", "server", "must be text of at most 2048 characters", 1, "https://" + "x" * 2048),
    *each("ntfy", "server", URL, "ntfy.sh", "https://", "ftp://ntfy.sh"),
    *each("telegram", "server", URL, "api.telegram.org"),
    *each("ntfy", "topic", "must be text of 1 to 64 characters", 1, "", "x" * 65),
    *each("ntfy", "topic", TOPIC, "a b", "a/b", "../x", "тема", "a\n", "a?b"),
]


@pytest.mark.parametrize(
    ("kind", "field", "value", "sentence"),
    BAD,
    ids=[f"{kind}-{field}-{number}" for number, (kind, field, _, _) in enumerate(BAD)],
)
def test_a_wrong_value_is_refused_with_the_fields_name_and_range(
    served: Served, kind: str, field: str, value: object, sentence: str
) -> None:
    made = served.call("POST", "/v1/channels", {"name": "good", "kind": kind} | LEAST[kind])
    assert made.status == 201, made.json
    path = f"/v1/channels/{made.json['id']}"
    least = {"name": "never", "kind": kind} | LEAST[kind]
    calls = [("POST", "/v1/channels", least | {field: value})]
    calls += [(method, path, {field: value}) for method in ("PUT", "PATCH")]
    try:
        for method, where, body in calls:
            reply = served.call(method, where, body)
            assert reply.status == 400, reply.json
            assert list(reply.json) == ["error"]
            assert reply.json["error"].startswith(f"{field} {sentence}")
        assert served.call("GET", path).json == made.json
        assert served.call("GET", "/v1/channels").json["total"] == 1
    finally:
        for one in served.call("GET", "/v1/channels").json["channels"]:
            served.call("DELETE", f"/v1/channels/{one['id']}")


def test_every_field_has_a_wrong_value() -> None:
    assert {field for _, field, _, _ in BAD} == set(ChannelChange.__struct_fields__)
    assert set(ChannelCreation.__struct_fields__) - set(ChannelChange.__struct_fields__) == {"kind"}


@pytest.mark.parametrize("kind", LEAST)
def test_the_least_of_each_kind_and_its_defaults(served: Served, kind: str) -> None:
    made = served.call("POST", "/v1/channels", {"name": " ops ", "kind": kind} | LEAST[kind])
    assert made.status == 201, made.json
    shown = dict(made.json)
    assert shown.pop("id").startswith("chn_")
    masked = {name: text for name, text in SHOWN[kind].items() if name in LEAST[kind]}
    options = EMPTY.get(kind, {}) | LEAST[kind] | masked
    assert shown == {"name": "ops", "kind": kind} | DEFAULTS | options
    assert served.call("GET", f"/v1/channels/{made.json['id']}").json == made.json
    assert served.call("DELETE", f"/v1/channels/{made.json['id']}").status == 204


@pytest.mark.parametrize("kind", LEAST)
def test_an_answer_can_be_sent_back_as_it_came(served: Served, kind: str) -> None:
    for options in (LEAST[kind], MOST[kind]):
        made = served.call("POST", "/v1/channels", {"name": "back", "kind": kind} | options)
        path = f"/v1/channels/{made.json['id']}"
        for method in ("PUT", "PATCH"):
            again = served.call(method, path, made.json)
            assert (again.status, again.json) == (200, made.json)
        assert served.call("DELETE", path).status == 204


@pytest.mark.parametrize("kind", MOST)
def test_the_most_of_each_kind(served: Served, kind: str) -> None:
    placed = {
        "enabled": False,
        "default": False,
        "events": ["test", "down"],
        "delay_secs": 86_400,
        "reminder_minutes": 10_080,
    }
    made = served.call(
        "POST", "/v1/channels", {"name": "N\N{BELL}" * 100, "kind": kind} | placed | MOST[kind]
    )
    assert made.status == 201, made.json
    shown = {"events": ["down", "test"]} | MOST[kind] | SHOWN[kind]
    assert made.json | placed | shown == made.json | placed | {"events": ["down", "test"]}
    assert "s3cret" not in str(made.json) and "c2VjcmV0" not in str(made.json)
    for secret in ("s3cret", "c2VjcmV0"):
        assert secret not in str(served.call("GET", "/v1/channels").json)
    assert served.call("DELETE", f"/v1/channels/{made.json['id']}").status == 204


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind, (needed, _) in OPTIONS.items() for field in needed]
)
def test_what_a_kind_needs_is_required(served: Served, kind: str, field: str) -> None:
    body = {"name": "bare", "kind": kind} | LEAST[kind]
    for without in ({name: body[name] for name in body if name != field}, body | {field: None}):
        reply = served.call("POST", "/v1/channels", without)
        assert (reply.status, reply.json) == (
            400,
            {"error": f"{field} is required for a channel of kind {kind}"},
        )


FOREIGN = [
    (kind, field)
    for kind, options in OPTIONS.items()
    for field in sorted({name for needed, more in OPTIONS.values() for name in (*needed, *more)})
    if field not in (*options[0], *options[1])
]
GOOD = {name: value for options in MOST.values() for name, value in options.items()}


@pytest.mark.parametrize(("kind", "field"), FOREIGN)
def test_an_option_of_another_kind_is_refused(served: Served, kind: str, field: str) -> None:
    body = {"name": "mixed", "kind": kind} | LEAST[kind]
    reply = served.call("POST", "/v1/channels", body | {field: GOOD[field]})
    sentence = {"error": f"{field} can't be used with a channel of kind {kind}"}
    assert (reply.status, reply.json) == (400, sentence)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "name is required"),
        ({"name": "x"}, "kind is required"),
        ({"kind": "webhook", "url": HOOK}, "name is required"),
        ({"kind": "webhook", "url": HOOK, "name": None}, "name is required"),
        ({"kind": "pager", "name": "x"}, f"kind {KINDS}"),
        ({"kind": 1, "name": "x"}, f"kind {KINDS}"),
        ({"kind": ["webhook"], "name": "x"}, f"kind {KINDS}"),
    ],
    ids=str,
)
def test_a_channel_needs_a_name_and_a_kind(served: Served, body: dict[str, Any], sentence: str) -> None:
    reply = served.call("POST", "/v1/channels", body)
    assert (reply.status, reply.json) == (400, {"error": sentence})


@pytest.mark.parametrize("raw", [b"[]", b"null", b"{", b"\xff", b'"x"', b"[" * 3000])
def test_a_body_that_is_no_object(served: Served, raw: bytes) -> None:
    reply = served.call("POST", "/v1/channels", data=raw)
    assert (reply.status, list(reply.json)) == (400, ["error"])


def test_the_kind_stays(served: Served) -> None:
    made = served.call("POST", "/v1/channels", {"name": "kind", "kind": "webhook", "url": HOOK}).json
    path = f"/v1/channels/{made['id']}"
    # Unknown in a change, and so ignored, as every unknown field is.
    assert served.call("PATCH", path, {"kind": "slack", "colour": "red"}).json == made
    assert served.call("DELETE", path).status == 204


def test_an_answer_has_nothing_else() -> None:
    options = {name for needed, more in OPTIONS.values() for name in (*needed, *more)}
    assert set(ChannelAnswer.__struct_fields__) == {"id", "name", "kind"} | set(DEFAULTS) | options
