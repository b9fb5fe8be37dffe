"""Forms: the same rules as the API, every mistake at once, and nothing lost of what was typed."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from msgspec import UNSET, Meta, Struct, UnsetType
from multidict import MultiDict

from tickd.errors import Conflict, Invalid
from tickd.web.pages import forms
from tickd.web.pages.forms import Field, Section


class Wanted(Struct, kw_only=True):
    """What the form is for."""

    name: Annotated[str, Meta(min_length=1, max_length=10)]
    interval_secs: Annotated[int, Meta(ge=30, le=86_400)] | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=5)] | None = None
    public: bool = True
    method: Literal["GET", "POST"] = "GET"
    headers: dict[str, str] | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    channels: list[str] | UnsetType = UNSET
    rules: list[dict[str, str]] | UnsetType = UNSET
    secret: str | UnsetType = UNSET
    starts_at: str | UnsetType = UNSET


SECTIONS = (
    Section("Essentials", (Field("name", "Name", is_required=True), Field("public", "Public", "checkbox"))),
    Section(
        "More",
        (
            Field("interval_secs", "Interval", "number"),
            Field("limit", "Limit", "number", nullable=True),
            Field("method", "Method", "select", options=(("GET", "GET"), ("POST", "POST"))),
            Field("headers", "Headers", "pairs"),
            Field("tags", "Tags", "tags"),
            Field("channels", "Channels", "many", options=(("ch_1", "One"), ("ch_2", "Two"))),
            Field("rules", "Rules", "json"),
            Field("secret", "Secret", "secret"),
            Field("starts_at", "Start", "datetime"),
        ),
        folded=True,
    ),
)
GOOD = {
    "name": "  shop ",
    "public": "true",
    "interval_secs": "60",
    "limit": "",
    "method": "POST",
    "headers": "X-One: 1\r\n\r\nX-Two: a: b",
    "tags": "a, b,, a",
    "rules": '[{"a": "b"}]',
    "secret": "",
    "starts_at": "2026-03-12T14:03",
}


def data(**more: str) -> MultiDict[object]:
    return MultiDict[object](GOOD | more)


def test_a_form_becomes_what_the_api_reads() -> None:
    sent = data()
    sent.extend([("channels", "ch_1"), ("channels", "ch_2")])
    made = forms.spec(forms.sent(SECTIONS, sent), Wanted)  # type: ignore[arg-type]
    assert made == Wanted(
        name="shop",
        interval_secs=60,
        method="POST",
        headers={"X-One": "1", "X-Two": "a: b"},
        tags=["a", "b"],
        channels=["ch_1", "ch_2"],
        rules=[{"a": "b"}],
        starts_at="2026-03-12T14:03:00Z",
    )


def test_every_mistake_is_told_at_once_beside_its_field() -> None:
    bad = data(name="", interval_secs="5", limit="9", method="PATCH", headers="nonsense", rules="{")
    form = forms.sent(SECTIONS, bad)  # type: ignore[arg-type]
    assert forms.spec(form, Wanted) is None
    assert form.errors["name"] == "must be text of 1 to 10 characters"
    assert form.errors["interval_secs"] == "must be between 30 and 86400"
    assert form.errors["limit"] == "must be between 1 and 5"
    assert form.errors["method"] == "must be one of GET, POST"
    assert "line 1 has no colon" in form.errors["headers"]
    assert form.errors["rules"].startswith("must be JSON")
    assert form.values["headers"] == "nonsense"


def test_the_rules_are_asked_until_they_blame_nothing_new() -> None:
    asked: list[Wanted] = []

    def rules(said: Wanted) -> None:
        asked.append(said)
        if said.name != "good":
            raise Invalid("name", "is no good")
        for name in ("tags", "headers"):
            if getattr(said, name) is not UNSET:
                raise Invalid(name, "can't be")
        # Not told of what is left out: a rule that never gives way ends the asking.
        raise Invalid("tags", "is still wrong")

    form = forms.sent(SECTIONS, data(name="bad", interval_secs="5"))  # type: ignore[arg-type]
    assert forms.spec(form, Wanted, rules=rules, stand_ins={"name": "good"}) is None
    assert form.errors == {
        "interval_secs": "must be between 30 and 86400",
        "name": "is no good",
        "tags": "can't be",
        "headers": "can't be",
    }
    assert len(asked) == 4
    kept = forms.sent(SECTIONS, data())  # type: ignore[arg-type]
    assert forms.spec(kept, Wanted, rules=asked.append) == asked[-1]


@pytest.mark.parametrize("text", ["1.5", "many", "9" * 30, "0x10"])
def test_what_is_no_number_is_told(text: str) -> None:
    form = forms.sent(SECTIONS, data(interval_secs=text))  # type: ignore[arg-type]
    assert forms.spec(form, Wanted) is None
    assert form.errors == {"interval_secs": "must be a whole number"}


def test_a_field_that_is_not_sent_and_is_needed_is_told() -> None:
    form = forms.sent((Section("", (Field("public", "Public", "checkbox"),)),), MultiDict())
    assert forms.spec(form, Wanted) is None
    assert form.errors == {"": "name is required"}
    assert form.values["public"] is False


def test_an_error_of_a_service_is_shown_where_it_belongs() -> None:
    form = forms.filled(SECTIONS, {})
    form.blame(Invalid("name", "is odd"))
    form.blame(Invalid("elsewhere", "is missing"))
    form.blame(Conflict("the name is taken"))
    assert form.errors == {"name": "is odd", "": "elsewhere is missing"}
    assert form.is_open(SECTIONS[0])
    assert not form.is_open(SECTIONS[1])


def test_known_values_are_shown_as_they_are_typed() -> None:
    known = {
        "name": "shop",
        "public": True,
        "headers": {"A": "b"},
        "tags": ("x", "y"),
        "channels": ("ch_1",),
        "rules": [{"a": "b"}],
        "secret": "hidden",
        "limit": None,
    }
    form = forms.filled(SECTIONS, known)
    assert form.values["headers"] == "A: b"
    assert form.values["tags"] == "x, y"
    assert form.values["secret"] == form.values["limit"] == ""
    assert forms.said(form)["rules"] == [{"a": "b"}]
    assert form.is_open(SECTIONS[1])


def test_only_what_differs_from_the_defaults_is_worth_writing() -> None:
    assert forms.changed({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 0}) == {"b": 2, "c": 3}
