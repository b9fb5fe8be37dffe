"""Channels: what each kind needs, what of it is a secret, and what no channel can be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, structs

from tickd.domain import channels
from tickd.domain.alerts import EVENTS
from tickd.domain.channels import (
    MASK,
    OPTIONS,
    SECRETS,
    Channel,
    ChannelChange,
    ChannelCreation,
    change,
    create,
    shown,
)
from tickd.domain.subjects import mail_address
from tickd.errors import Invalid

NOW = 1_772_539_200_000


def made(**said: Any) -> Channel:
    spec = ChannelCreation(**({"name": "ops", "kind": "webhook", "url": "https://example.com/"} | said))
    return create(spec, identifier="chn_1", account_id="acc_1", now=NOW)


def refused(field: str, **said: Any) -> str:
    with pytest.raises(Invalid) as caught:
        made(**said)
    assert caught.value.field == field
    return caught.value.sentence


def test_the_defaults() -> None:
    found = made()
    assert (found.enabled, found.default, found.events) == (True, True, EVENTS)
    assert (found.delay_secs, found.reminder_minutes) == (0, 0)
    assert (found.created_at, found.updated_at) == (NOW, NOW)


def test_a_change_of_nothing_is_the_channel_itself() -> None:
    found = made(secret="s", headers={"X-Key": "k"})
    for said in ({}, {"name": "ops"}, {"secret": MASK}, {"headers": {"X-Key": MASK}}, {"enabled": True}):
        assert change(found, ChannelChange(**said), NOW + 5) is found
    assert change(found, ChannelChange(enabled=False), NOW + 5).updated_at == NOW + 5


def test_the_mask_keeps_each_secret_and_nothing_else_does() -> None:
    found = made(secret="s", headers={"X-Key": "k", "X-Plain": "p"})
    kept = change(found, ChannelChange(secret=MASK, headers={"X-Key": MASK}), NOW)
    assert (kept.options.secret, kept.options.headers) == ("s", {"X-Key": "k"})
    other = change(found, ChannelChange(secret="", headers={}), NOW)
    assert (other.options.secret, other.options.headers) == ("", {})
    with pytest.raises(Invalid):
        change(found, ChannelChange(headers={"X-New": MASK}), NOW)


@pytest.mark.parametrize("kind", OPTIONS)
def test_every_secret_is_an_option_of_its_kind_and_is_masked(kind: channels.Kind) -> None:
    needed, optional = OPTIONS[kind]
    assert set(SECRETS[kind]) <= {*needed, *optional}
    values: dict[str, Any] = dict.fromkeys((*needed, *optional), "s3cret")
    values |= {name: ("a@b.example",) for name in values if name == "to"}
    values |= {name: {"X-Token": "s3cret", "X-Plain": "1"} for name in values if name == "headers"}
    values |= {name: 3 for name in values if name == "priority"}
    bare = Channel(row=1, id="chn_1", account_id="a", name="n", kind=kind, created_at=0, updated_at=0)
    options = channels.Options(**values)
    found = shown(structs.replace(bare, options=options))
    assert set(found) == {*needed, *optional}
    assert {name: found[name] for name in SECRETS[kind]} == dict.fromkeys(SECRETS[kind], MASK)
    if "headers" in found:
        assert found["headers"] == {"X-Token": MASK, "X-Plain": "1"}
    # What is not there is shown as not there.
    empty = shown(bare)
    assert all(not empty[name] for name in SECRETS[kind])


def test_events_are_each_once_and_in_their_order() -> None:
    assert made(events=["test", "down", "test"]).events == ("down", "test")
    assert made(events=[]).events == ()


def test_recipients_are_each_once() -> None:
    found = made(kind="email", url=UNSET, to=[" a@b.example ", "c@d.example", "a@b.example"])
    assert found.options.to == ("a@b.example", "c@d.example")


@pytest.mark.parametrize(
    "good",
    [
        "a@b.example",
        " a@b.example ",
        "first.last+tag@sub.example.co.uk",
        "ü@bücher.example",
        "o'brien@example.com",
        "root@localhost",
        "x@[127.0.0.1]",
        "a" * 64 + "@b.example",
    ],
)
def test_an_address(good: str) -> None:
    assert mail_address("to", good) == good.strip()


@pytest.mark.parametrize(
    "bad",
    [
        *("", " ", "a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b c", "<a@b.example>", "A <a@b.example>"),
        *("a@b.example,c@d.example", "a@b.example;c@d.example", 'a"b@c.example', "a(b)@c.example"),
        *("a\n@b.example", "a@b.example\r\nBcc: c@d.example", "a@b.example\0", "a\x7f@b.example"),
        *("\u202ea@b.example", "a\u200b@b.example", "a" * 65 + "@b.example", "a@" + "b" * 254, "a@[b"),
    ],
)
def test_what_is_no_address(bad: str) -> None:
    with pytest.raises(Invalid) as caught:
        mail_address("alert_email", bad)
    assert caught.value.field == "alert_email"


@given(st.text(max_size=40))
def test_an_address_never_ends_a_header(text: str) -> None:
    try:
        found = mail_address("to", text)
    except Invalid:
        return
    assert found.isprintable()
    assert not set(found) & set(' ,;<>()"\\\r\n\0')
    assert found.count("@") == 1


@given(st.text(max_size=60))
def test_a_topic_and_a_token_are_safe_in_a_url_and_a_header(text: str) -> None:
    for kind, field, rest in (("ntfy", "topic", {}), ("telegram", "token", {"chat_id": "1"})):
        try:
            found = made(kind=kind, url=UNSET, **rest, **{field: text})
        except Invalid as error:
            assert error.field == field
            continue
        kept = getattr(found.options, field)
        assert kept.isascii() and kept.isprintable() and " " not in kept and kept


def test_what_a_kind_can_not_have_names_the_field() -> None:
    assert refused("topic", topic="x") == "can't be used with a channel of kind webhook"
    assert refused("url", url=UNSET) == "is required for a channel of kind webhook"
    assert refused("secret", secret="whsec_!") == "must be base64 after whsec_"
    assert refused("headers", headers={"webhook-id": "1"}) == "has webhook-id, which tickd sets itself"


ELSEWHERE = "must be given again for another server"


@pytest.mark.parametrize(
    ("kind", "known", "moved", "field", "again"),
    [
        (
            "telegram",
            {"token": "1:s", "chat_id": "5"},
            {"server": "https://evil.example"},
            "token",
            {"token": "2:n"},
        ),
        ("ntfy", {"topic": "t", "token": "tk"}, {"server": "https://evil.example"}, "token", {"token": ""}),
        (
            "ntfy",
            {"topic": "t", "token": "tk", "server": "https://a.example"},
            {"server": ""},
            "token",
            {"token": "n"},
        ),
        (
            "ntfy",
            {"topic": "t", "token": "tk", "server": "https://a.example"},
            {"server": "http://a.example"},
            "token",
            {"token": "n"},
        ),
        (
            "webhook",
            {"url": "https://a.example/", "headers": {"Authorization": "s", "X-Plain": "p"}},
            {"url": "https://a.example:8443/"},
            "headers",
            {"headers": {"X-Plain": "p"}},
        ),
    ],
)
def test_a_stored_secret_does_not_go_to_another_server(
    kind: channels.Kind, known: dict[str, Any], moved: dict[str, Any], field: str, again: dict[str, Any]
) -> None:
    found = made(**({"kind": kind, "url": UNSET} | known))
    masked: Any = {"Authorization": MASK} if field == "headers" else MASK
    for said in (moved, moved | {field: masked}):
        with pytest.raises(Invalid) as refused:
            change(found, ChannelChange(**said), NOW)
        assert refused.value.field == field and refused.value.sentence.endswith(ELSEWHERE)
    changed = change(found, ChannelChange(**(moved | again)), NOW)
    assert {name: getattr(changed.options, name) for name in again} == again


def test_a_secret_stays_while_the_server_is_the_same() -> None:
    hook = made(secret="s", url="https://a.example/one", headers={"X-Token": "k"})
    moved = change(hook, ChannelChange(url="https://A.example:443/two"), NOW)
    assert (moved.options.secret, moved.options.headers) == ("s", {"X-Token": "k"})
    # What signs is never sent, and what anybody may read is no secret.
    plain = made(secret="s", headers={"X-Team": "ops"})
    far = change(plain, ChannelChange(url="https://b.example/"), NOW).options
    assert (far.secret, far.headers) == ("s", {"X-Team": "ops"})
    bot = made(kind="telegram", url=UNSET, token="1:s", chat_id="5")
    said = change(bot, ChannelChange(server="https://api.telegram.org/"), NOW)
    assert said.options.token == "1:s"
