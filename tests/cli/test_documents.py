"""Documents: manifests as TOML and YAML, read as they were written; and files that can't be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tickd.cli import documents
from tickd.cli.documents import Unreadable
from tickd.domain import manifest

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
VALUE = TEXT | st.booleans() | st.integers(-(10**12), 10**12) | st.decimals(0, 9, places=2).map(float)
FIELDS = st.dictionaries(
    st.sampled_from(manifest.SECTIONS["jobs"].fields),
    VALUE
    | st.lists(TEXT, max_size=3)
    | st.dictionaries(TEXT, TEXT, max_size=3)
    | st.lists(st.dictionaries(TEXT, TEXT | st.lists(TEXT, max_size=2), max_size=3), max_size=2),
    max_size=5,
)
ODD = [
    "no",
    "12:30",
    "0777",
    "0x1f",
    "1e5",
    "1_000",
    "2026-03-03",
    "~",
    "null",
    "<<",
    "=",
    "",
    " a ",
    "\u2028",
]


def written(path: Path, table: dict[str, Any], kind: documents.Format) -> dict[str, Any]:
    """What is read of what was written."""
    path.write_text(documents.write(table, kind, "A heading\n\nof three lines"), "utf-8", newline="")
    return documents.read(str(path), kind)


@pytest.mark.parametrize("kind", ["toml", "yaml"])
@given(jobs=st.dictionaries(TEXT, FIELDS, max_size=3))
@example(jobs={text: {"body": text, "tags": ODD, "headers": {text: text}} for text in ODD})
@example(jobs={"x": {"body": 'a\n"""b\\\n""""\n', "description": '\n a\n"', "name": "a\nb\\"}})
@example(jobs={"x": {"body": "  a\n b\n\n", "description": "a \nb", "name": "# a\n- b: c"}})
def test_what_was_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, kind: documents.Format, jobs: dict[str, Any]
) -> None:
    made = manifest.ordered({"version": 1, "account": {"name": "a"}, "jobs": jobs})
    assert written(tmp_path_factory.getbasetemp() / f"round.{kind}", made, kind) == made


def test_sections_keys_and_fields_have_their_order() -> None:
    upside_down = {
        "jobs": {"b": {"endpoint": "e", "schedule": "s"}, "a": {"endpoint": "e", "schedule": "s"}},
        "channels": {"x": {"to": ["a"], "kind": "email"}},
    }
    toml = documents.write(upside_down, "toml")
    assert toml == (
        'version = 1\n\n[channels.x]\nkind = "email"\nto = ["a"]\n\n'
        '[jobs.a]\nschedule = "s"\nendpoint = "e"\n\n[jobs.b]\nschedule = "s"\nendpoint = "e"\n'
    )


def test_yaml_has_no_surprises(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_text(
        "jobs:\n  a: {tags: [no, on, y, 12:30, 0777, 1e5, 2026-03-03, 0b1, .inf, 1_0], timeout_secs: 30}\n"
        "  b: &b {endpoint: x, public: true}\n  c: {<<: *b, endpoint: y, logo: ~}\n"
    )
    jobs = documents.read(str(path))["jobs"]
    assert jobs["a"]["tags"] == ["no", "on", "y", "12:30", "0777", "1e5", "2026-03-03", "0b1", ".inf", "1_0"]
    assert jobs["a"]["timeout_secs"] == 30
    assert jobs["c"] == {"endpoint": "y", "public": True, "logo": None}


def test_toml_may_have_times_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("[m]\na = 2026-04-01T20:00:00Z\nb = 02:30:00\nc = 2026-04-01T20:00:00+02:00\n")
    assert documents.read(str(path))["m"] == {
        "a": "2026-04-01T20:00:00Z",
        "b": "02:30",
        "c": "2026-04-01T20:00:00+02:00",
    }


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{now}: &{now} [{', '.join(['*' + last] * 10)}]\n"
    for last, now in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.toml", "a = ", "a.toml is not valid TOML: Invalid value (at end of document)"),
        ("a.toml", "[a]\n[a]", "a.toml is not valid TOML: Cannot declare ('a',) twice"),
        ("a.toml", "a = 2026-04-01T20:00:00", "a.toml: a must be a time with its offset"),
        ("a.yaml", "a: [", "a.yaml is not valid YAML: "),
        ("a.yaml", "a: 1\na: 2", "a.yaml is not valid YAML: a is there twice (line 2, column 1)"),
        ("a.yaml", "a: !!python/object/apply:os.system [x]", "a.yaml is not valid YAML: could not determine"),
        ("a.toml", "a." * 100_000 + "a = 1", "a.toml is not valid TOML: a key of over 100 parts (line 1)"),
        (
            "a.toml",
            "\nx = {" + '"a" . ' * 101 + "a = 1}",
            "a.toml is not valid TOML: a key of over 100 parts (l",
        ),
        (
            "a.yaml",
            "a: !!bool maybe",
            "a.yaml is not valid YAML: a value does not fit its tag !!bool (line 1, ",
        ),
        (
            "a.yaml",
            'a: !!int ""',
            "a.yaml is not valid YAML: a value does not fit its tag !!int (line 1, col",
        ),
        (
            "a.yaml",
            "a: [!!timestamp hello]",
            "a.yaml is not valid YAML: a value does not fit its tag !!timest",
        ),
        (
            "a.yaml",
            'a: 1\n"\\e[2J": 1\n"\\e[2J": 1',
            "a.yaml is not valid YAML: \N{REPLACEMENT CHARACTER}[2J is",
        ),
        ("a.yaml", "a: !!binary eA==", "a.yaml: a has a value of the type bytes"),
        ("a.yaml", "a: !!set {x}", "a.yaml: a has a value of the type set"),
        ("a.yaml", "a: 1\n---\nb: 2", "a.yaml is not valid YAML: but found another document"),
        ("a.yaml", BOMB, "a.yaml is not valid YAML: it has over 500,000 values"),
        ("a.yaml", "a: &a [*a]", "a.yaml is not valid YAML: an alias leads into itself"),
        ("a.yaml", "jobs: {404: {}}", "a.yaml: jobs has the key 404; put it in quotes"),
        ("a.yaml", "jobs: {true: {}}", "a.yaml: jobs has the key true; put it in quotes"),
        ("a.yaml", "jobs: {? [x] : {}}", "a.yaml is not valid YAML: found unhashable key"),
        ("a.yaml", "- a", "a.yaml must be a table of sections"),
        ("a.yaml", "[" * 9_000, "a.yaml is nested too deeply"),
        ("a.yaml", "a: \x00", "a.yaml is not valid YAML: "),
        ("a.txt", "", "a.txt may be TOML or YAML: give --format"),
        ("none.toml", None, "can't read none.toml: No such file"),
        ("a.toml", b"\xff", "a.toml is not UTF-8"),
    ],
)
def test_what_can_not_be_read(folder: Path, name: str, text: str | bytes | None, said: str) -> None:
    if text is not None:
        Path(name).write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(Unreadable) as refused:
        documents.read(name)
    assert refused.value.message.startswith(said)


def test_a_file_that_is_too_large(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.toml").write_text("#" * (documents.MOST_BYTES + 1))
    with pytest.raises(Unreadable, match="over 8 MiB"):
        documents.read("a.toml")
