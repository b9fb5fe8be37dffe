"""`tickd export` and `tickd apply`: an account as a file, and a file as an account."""

from __future__ import annotations

import base64
import io
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.served import Served, serving_beside
from tests.support.as_code import LOGO, SECRETS, fill
from tests.support.commands import Run
from tests.support.daemon import KEY
from tickd.domain.manifest import SECTIONS

Env = pytest.MonkeyPatch


@pytest.fixture
def served(folder: Path, monkeypatch: Env) -> Iterator[Served]:
    """A daemon without anything in it, which the commands talk to."""
    with serving_beside(folder / "one.db") as made:
        monkeypatch.setenv("TICKD_API_KEY", KEY)
        monkeypatch.setenv("TICKD_URL", made.url)
        yield made


@pytest.fixture
def other(folder: Path) -> Iterator[Served]:
    """Another daemon without anything in it."""
    with serving_beside(folder / "two.db") as made:
        yield made


def believe(path: Path, monkeypatch: Env) -> None:
    """Put what a file of secrets has into the environment, and something into what is left empty."""
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            name, _, text = line.partition("=")
            said = shlex.split(text)
            monkeypatch.setenv(name, said[0] if said else _made_up(name))


def _made_up(name: str) -> str:
    if name.endswith("URL"):
        return "matrix://u:p@example.com/#r" if "BERALL" in name else "https://hooks.example.com/x"
    return "made-up"


def logo(folder: Path) -> None:
    """The picture that the export names."""
    (folder / "logos").mkdir(exist_ok=True)
    (folder / "logos" / "acme").write_bytes(base64.b64decode(LOGO.partition(",")[2]))


@pytest.mark.parametrize("kind", ["toml", "yaml"])
def test_an_export_makes_another_daemon_the_same(
    served: Served, other: Served, run: Run, folder: Path, monkeypatch: Env, kind: str
) -> None:
    fill(served)
    exported = run("export", "--output", f"all.{kind}", "--with-secrets", "secrets.env")
    assert (exported.status, exported.out) == (0, "")
    believe(folder / "secrets.env", monkeypatch)
    logo(folder)
    applied = run("apply", f"all.{kind}", "--yes", "--url", other.url)
    assert (applied.status, applied.err) == (0, ""), applied.out
    again = run("export", "--format", kind, "--url", other.url)
    assert again.out == (folder / f"all.{kind}").read_text()
    nothing = run("apply", f"all.{kind}", "--check", "--url", other.url)
    assert (nothing.status, nothing.out.splitlines()[0]) == (0, "Nothing to do; 21 unchanged.")


def test_toml_and_yaml_say_the_same(served: Served, run: Run) -> None:
    fill(served)
    toml, text = run("export").out, run("export", "--format", "yaml").out
    assert yaml.safe_load(text) == tomllib.loads(toml)
    assert run("export").out == toml


def test_every_field_is_exported(served: Served, run: Run) -> None:
    """A field that is new to the API must be in `tests/support/as_code.py`, and then in the export."""
    fill(served)
    manifest = tomllib.loads(run("export").out)
    for name, section in SECTIONS.items():
        items = {"": manifest[name]} if name == "account" else manifest[name]
        said = {field for key, item in items.items() for field in item} | {section.key}
        assert said >= set(section.fields), name


def test_no_secret_is_exported(served: Served, run: Run, folder: Path) -> None:
    fill(served)
    exported = run("export")
    tokens = [one["token"] for one in served.call("GET", "/v1/heartbeats").json["heartbeats"]]
    for secret in (*SECRETS, *tokens):
        assert secret not in exported.out + exported.err
    assert exported.err == "22 secrets left out, each named by an environment variable.\n"
    saved = run("export", "--output", "all.toml", "--with-secrets", "s.env")
    assert "14 of 22 secrets written to s.env." in saved.err
    assert "  TICKD_JOB_NIGHTLY_SIGNING_SECRET is not shown: fill it in." in saved.err
    assert (folder / "s.env").stat().st_mode & 0o777 == 0o600
    again = run("export", "--output", "b.toml", "--with-secrets", "s.env")
    assert (again.status, again.err) == (
        1,
        "tickd: s.env is there already; secrets are written to a new file only\n",
    )
    assert not (folder / "b.toml").exists()


def test_a_key_that_may_only_read_exports_and_checks_as_well(
    served: Served, run: Run, folder: Path, monkeypatch: Env
) -> None:
    fill(served)
    whole = run("export", "--output", "all.toml", "--with-secrets", "s.env")
    made = served.call("POST", "/v1/keys", {"name": "ci", "scopes": ["read"]}).json["key"]
    monkeypatch.setenv("TICKD_API_KEY", made)
    assert run("export").out == (folder / "all.toml").read_text(), whole.err
    believe(folder / "s.env", monkeypatch)
    logo(folder)
    assert run("apply", "all.toml", "--check").status == 0
    (folder / "more.toml").write_text('[monitors.new]\nurl = "https://example.com/"\n')
    assert run("apply", "all.toml", "more.toml", "--check").status == 5
    refused = run("apply", "more.toml", "--yes")
    assert (refused.status, "not created: monitor new" in refused.err) == (1, True)


def test_only_some_sections(served: Served, run: Run) -> None:
    fill(served)
    assert list(tomllib.loads(run("export", "--only", "jobs,status-pages").out)) == [
        "version",
        "jobs",
        "status_pages",
    ]
    wrong = run("export", "--only", "job")
    assert (wrong.status, '"job" is no section; did you mean "jobs"?' in wrong.err) == (2, True)


def test_what_leads_nowhere_is_left_out(served: Served, run: Run) -> None:
    ids = fill(served)
    assert served.call("DELETE", f"/v1/monitors/{ids['monitor:shop']}").status == 204
    exported = run("export")
    assert f"warning: job nightly names {ids['monitor:shop']}, which is not there any more" in exported.err
    manifest = tomllib.loads(exported.out)
    assert manifest["jobs"]["nightly"]["requires"] == ["heartbeat:six"]


# Applying.


def write(folder: Path, text: str, name: str = "a.toml") -> str:
    (folder / name).write_text(text)
    return name


def found(served: Served, noun: str) -> dict[str, dict[str, Any]]:
    key = {"monitors": "slug", "heartbeats": "slug", "status-pages": "slug"}.get(noun, "name")
    return {one[key]: one for one in served.call("GET", f"/v1/{noun}").json[noun.replace("-", "_")]}


SMALL = """
[channels.ops]
kind = "email"
to = ["ops@example.com"]

[monitors.shop]
url = "https://example.com/"
channels = ["ops"]
depends_on = ["heartbeat:backup", "job:nightly"]

[heartbeats.backup]
schedule = "6h"

[jobs.nightly]
schedule = "0 2 * * *"
endpoint = "https://example.com/nightly"
requires = ["shop"]
"""


def test_a_plan_is_shown_and_carried_out(served: Served, run: Run, folder: Path) -> None:
    applied = run("apply", write(folder, SMALL), "--yes")
    assert (applied.status, applied.err) == (0, "")
    assert applied.out == (
        "+ create channel ops\n+ create monitor shop\n+ create heartbeat backup\n+ create job nightly\n\n"
        "4 to create, 0 to change, 0 to delete; 0 unchanged.\n"
        "created channel ops\ncreated monitor shop\ncreated heartbeat backup\ncreated job nightly\n"
        "4 changes made.\n"
    )
    shop = found(served, "monitors")["shop"]
    assert shop["channels"] == [found(served, "channels")["ops"]["id"]]
    assert shop["depends_on"] == [
        found(served, "heartbeats")["backup"]["id"],
        found(served, "jobs")["nightly"]["id"],
    ]
    assert found(served, "jobs")["nightly"]["requires"] == [shop["id"]]
    again = run("apply", "a.toml", "--yes")
    assert (again.status, again.out) == (0, "Nothing to do; 4 unchanged.\n")


def test_what_changes_is_told_field_by_field(served: Served, run: Run, folder: Path) -> None:
    run("apply", write(folder, SMALL), "--yes")
    other = SMALL.replace('["shop"]', '["monitor:shop"]\nretries = 4\nstatus = "paused"\nheaders.X-A = "b"')
    other = other.replace('schedule = "6h"', "interval_secs = 7200").replace('"ops"]', '"ops"]\ntags = ["a"]')
    planned = run("apply", write(folder, other), "--check")
    assert planned.status == 5
    assert planned.out == (
        '~ change monitor shop\n    tags: [] → ["a"]\n'
        '~ change heartbeat backup\n    schedule: "6h" → ""\n    interval_secs: 21600 → 7200\n'
        "    grace_secs: 1800 → 300\n    failure_threshold: 1 → 2\n"
        '~ change job nightly\n    status: "active" → "paused"\n    headers.X-A: nothing → "b"\n'
        "    retries: 2 → 4\n\n0 to create, 3 to change, 0 to delete; 1 unchanged.\n"
    )
    assert found(served, "jobs")["nightly"]["retries"] == 2
    assert run("apply", "a.toml", "--yes").status == 0
    assert found(served, "jobs")["nightly"]["status"] == "paused"
    assert found(served, "heartbeats")["backup"]["interval_secs"] == 7200
    assert run("apply", "a.toml", "--check").status == 0
    # What is left out has its default again.
    assert run("apply", write(folder, SMALL), "--yes").status == 0
    assert found(served, "jobs")["nightly"]["headers"] == {}
    assert found(served, "heartbeats")["backup"]["schedule"] == "6h"


STEPS: list[list[str]] = [
    ['[maintenance.m]\nall = true\nday = "daily"\nstart = "02:00"\nend = "03:00"'],
    [
        '[maintenance.m]\nall = true\nday = "daily"\nstart = "02:00"\nend = "03:00"\ntimezone = "Asia/Tokyo"',
        "[maintenance.m]\nall = true\nstarts_at = 2026-05-01T10:00:00+02:00\nends_at = 2026-05-01T12:00:00Z",
        '[maintenance.m]\ntags = ["a"]\nday = "daily"\nstart = "02:00"\nend = "03:00"',
        '[maintenance.m]\ntags = ["b"]\nday = "monday"\nstart = "02:00"\nend = "03:00"',
    ],
    [
        '[maintenance.m]\nall = true\nday = "monday"\nstart = "02:00"\nend = "03:00"\n'
        '[maintenance."m #2"]\nname = "m"\nall = true\nday = "friday"\nstart = "02:00"\nend = "03:00"',
        '[maintenance.m]\nall = true\nday = "monday"\nstart = "02:00"\nend = "03:00"\n'
        '[maintenance."m #2"]\nname = "m"\nall = true\nday = "sunday"\nstart = "02:00"\nend = "03:00"',
    ],
    [
        '[monitors.m]\nurl = "https://example.com/"\nkeyword = "x"\nexpected_status_code = 200',
        '[monitors.m]\ntype = "tcp"\nurl = "example.com:80"',
        '[monitors.m]\ntype = "ssl"\nurl = "example.com"\npaused = true',
    ],
    [
        '[heartbeats.h]\nschedule = "0 2 * * *"\ninterval_secs = 7200',
        "[heartbeats.h]\ninterval_secs = 7200\ngrace_multiplier = 2.0",
        '[heartbeats.h]\nschedule = "2h"',
        "[heartbeats.h]",
    ],
    [
        '[status_pages.p]\ngroups = [{name = "A", tags = ["x"]}]\naccent_color = "#FF8800"',
        '[status_pages.p]\ngroups = [{name = "B"}]',
        "[status_pages.p]",
    ],
    [
        '[channels.c]\nkind = "ntfy"\ntopic = "a"',
        '[channels.c]\nkind = "ntfy"\ntopic = "b"\nserver = "https://ntfy.example.com/"\npriority = 2',
    ],
    [
        '[account]\nalert_email = "a@example.com"\ndefault_severity = "minor"\npublish_after_secs = 5',
        '[account]\nfallback_channel = "mail"\n[channels.mail]\nkind = "email"\nto = ["a@example.com"]',
        '[account]\n[channels.mail]\nkind = "email"\nto = ["b@example.com"]',
    ],
    ['[jobs.j]\nschedule = "@daily"\nendpoint = "https://example.com"\nretry_on = []'],
]
"""What one thing is to be, one after the other."""


def test_each_step_leaves_nothing_to_do(served: Served, run: Run, folder: Path) -> None:
    for step in (step for steps in STEPS for step in steps):
        applied = run("apply", write(folder, step), "--yes", "--prune")
        assert (applied.status, applied.err) == (0, ""), step
        assert applied.out.endswith(" made.\n")
        again = run("apply", "a.toml", "--check")
        assert again.status == 0, again.out


def test_only_what_has_a_section_is_pruned(served: Served, run: Run, folder: Path) -> None:
    run("apply", write(folder, SMALL), "--yes")
    left = run("apply", write(folder, '[monitors.new]\nurl = "https://example.com/"\n'), "--check")
    assert (
        "Not in the files, and left alone: 1 channels, 1 monitors, 1 heartbeats, 1 jobs "
        "(which --prune would delete where the files have the section)." in left.out
    )
    pruned = run("apply", "a.toml", "--prune", "--yes")
    assert (pruned.status, "deleted monitor shop" in pruned.out) == (0, True)
    assert (
        "left alone: 1 channels, 1 heartbeats, 1 jobs (in sections that the files don't have)" in pruned.out
    )
    assert list(found(served, "monitors")) == ["new"]
    assert len(found(served, "jobs")) == len(found(served, "channels")) == 1
    kept = run(
        "apply", write(folder, "[jobs]\n[channels]\n[monitors]\n"), "--prune", "--yes", "--only", "jobs"
    )
    assert (kept.status, found(served, "jobs"), len(found(served, "monitors"))) == (0, {}, 1)
    assert run("apply", "a.toml", "--prune", "--yes").out.splitlines()[:2] == [
        "- delete monitor new",
        "- delete channel ops",
    ]


def test_what_is_to_be_deleted_can_not_be_named(served: Served, run: Run, folder: Path) -> None:
    run("apply", write(folder, SMALL), "--yes")
    less = "[monitors]\n" + SMALL[SMALL.index("[jobs") :]
    refused = run("apply", write(folder, less), "--yes", "--prune")
    assert refused.err == (
        'tickd: nothing was changed: a.toml: jobs."nightly".requires has "shop", '
        "which is neither in the file nor there already\n"
    )
    assert list(found(served, "monitors")) == ["shop"]


class Asked(io.StringIO):
    """A terminal to type on."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_it_asks_and_takes_no_for_an_answer(served: Served, run: Run, folder: Path) -> None:
    name = write(folder, SMALL)
    alone = run("apply", name)
    assert (alone.status, alone.err) == (
        1,
        "tickd: nothing was changed: there is nobody to ask; give --yes, or --check\n",
    )
    no = run("apply", name, typed="n\n", stdin=Asked)
    assert (no.status, no.err) == (1, "tickd: nothing was changed\n")
    assert found(served, "jobs") == {}
    assert run("apply", name, typed="y\n", stdin=Asked).status == 0
    assert list(found(served, "jobs")) == ["nightly"]


def test_files_are_put_together_and_standard_input_is_one(served: Served, run: Run, folder: Path) -> None:
    write(folder, SMALL)
    more = "jobs:\n  hourly: {schedule: '@hourly', endpoint: 'https://example.com/', channels: [ops]}\n"
    both = run("apply", "a.toml", "-", "--yes", typed=more)
    assert "can't" not in both.err
    assert (both.status, both.err) == (
        1,
        "tickd: standard input may be TOML or YAML: give --format, or a name that ends in .toml or .yaml\n",
    )
    write(folder, more, "b.yaml")
    assert run("apply", "a.toml", "b.yaml", "--yes").status == 0
    assert sorted(found(served, "jobs")) == ["hourly", "nightly"]
    assert run("apply", "-", "--format", "yaml", "--check", typed=more).status == 0
    twice = run("apply", "a.toml", "a.toml", "--yes")
    assert 'a.toml: jobs."nightly" is in a.toml already' in twice.err


WRONG: list[tuple[str, list[str]]] = [
    ("version = 2", ["version must be 1"]),
    (
        "[job.x]\n[jobs]\ny = 1\n",
        ['"job" is no section; did you mean "jobs"?', 'jobs."y" must be a table'],
    ),
    ("jobs = 1", ["jobs must be a table"]),
    ('[jobs.x]\nshedule = ""', ['jobs."x".shedule is no field; did you mean "schedule"?']),
    (
        '[jobs.x]\nschedule = "0 2 * *"\ntimeout_secs = 900\nretries = "2"\nmethod = "FETCH"',
        [
            'jobs."x".endpoint is required',
            'jobs."x".timeout_secs must be between 1 and 300',
            'jobs."x".retries must be a whole number between 0 and 10',
            'jobs."x".method must be one of ',
            'jobs."x".schedule has 4 fields',
        ],
    ),
    (
        '[monitors."The Shop"]\nurl = "ftp://x"\n[monitors.b]\n',
        [
            'monitors."The Shop".slug must be of a to z, digits and hyphens, such as the-shop',
            'monitors."The Shop".url must be',
            'monitors."b".url is required',
        ],
    ),
    (
        '[jobs.x]\nname = "y"\nschedule = "@daily"\nendpoint = "https://example.com"\n'
        'channels = ["nobody"]\n'
        'depends_on = ["shop", "job:none"]\nrequires = ["job:x"]\nsigning_secret = "whsec_!"',
        [
            'jobs."x".name must be "x", as its key says, or left out',
            'jobs."x".channels has "nobody", which is neither in the file nor there already',
            'jobs."x".depends_on has "shop", which must be like monitor:KEY or heartbeat:KEY or job:KEY',
            'jobs."x".depends_on has "job:none", which is neither',
            'jobs."x".requires has "job:x", which must be like monitor:KEY or heartbeat:KEY',
            'jobs."x".signing_secret must be base64 after whsec_',
        ],
    ),
    ('[channels.c]\nkind = "slack"', ['channels."c".url is required for a channel of kind slack']),
    (
        '[channels.c]\nkind = "email"\nto = ["a@example.com"]\nurl = "https://example.com"',
        ['channels."c".url can\'t be used with a channel of kind email'],
    ),
    (
        '[monitors.same]\nurl = "https://example.com"\n[heartbeats.same]',
        ['heartbeats."same": the slug is that of a monitor already'],
    ),
    ("[maintenance.m]\nall = true", ['maintenance."m".starts_at and ends_at are required, or day']),
    (
        '[account]\nfallback_channel = "x"\nalert_email = "nobody"',
        ["account.fallback_channel has", "account.alert_email has"],
    ),
    ("[status_pages.P]\n", ['status_pages."P".slug must be 1 to 63 lowercase letters']),
]
"""A manifest, and everything that is wrong with it."""


def test_everything_that_is_wrong_is_said_before_anything_is_done(
    served: Served, run: Run, folder: Path
) -> None:
    good = '[jobs.good]\nschedule = "@daily"\nendpoint = "https://example.com"\n'
    write(folder, good, "good.toml")
    for text, said in WRONG:
        refused = run("apply", "good.toml", write(folder, text), "--yes")
        assert (refused.status, refused.out) == (1, ""), text
        err = [line for line in refused.err.splitlines() if not line.startswith("warning: ")]
        assert err[0].startswith("tickd: nothing was changed")
        for sentence in said:
            assert f"a.toml: {sentence}" in refused.err
        assert len(err) == (1 if len(said) == 1 else len(said) + 1), refused.err
    assert found(served, "jobs") == {}


def test_what_is_over_a_limit_is_said_before_anything_is_done(
    served: Served, run: Run, folder: Path, monkeypatch: Env
) -> None:
    limits = ("--max-jobs", "1", "--min-interval-secs", "300")
    assert run("account", "limits", "acc_default", *limits, "--db", "one.db").status == 0
    text = '[jobs.a]\nschedule = "* * * * *"\nendpoint = "https://example.com"\n'
    text += text.replace("jobs.a", "jobs.b") + '[monitors.m]\nurl = "https://example.com"\n'
    refused = run("apply", write(folder, text + "interval_secs = 60"), "--yes")
    apart = "the runs of a job in this account must be at least 300 seconds apart; this schedule has runs"
    assert refused.err.splitlines()[1:] == [
        "  jobs: this account may have 1 job; there would be 2",
        '  monitors."m".interval_secs: the shortest interval of this account is 300 seconds',
        f'  jobs."a".schedule: {apart} 60 seconds apart',
        f'  jobs."b".schedule: {apart} 60 seconds apart',
    ]
    fine = '[monitors.m]\nurl = "https://example.com"\n'
    assert run("apply", write(folder, fine), "--yes").status == 0
    assert found(served, "monitors")["m"]["interval_secs"] == 300
    assert run("apply", "a.toml", "--check").status == 0


SECRET = """
[channels.slack]
kind = "slack"
url = { env = "SLACK_URL" }
[jobs.j]
schedule = "@daily"
endpoint = "https://example.com"
signing_secret = { file = "sign.txt" }
headers = { Authorization = { env = "AUTH" } }
[heartbeats.h]
token = { env = "TOKEN" }
"""


def test_secrets_come_from_the_environment_and_from_files(
    served: Served, run: Run, folder: Path, monkeypatch: Env
) -> None:
    (folder / "below").mkdir()
    name = write(folder, SECRET, "below/a.toml")
    monkeypatch.setenv("AUTH", "")
    lacking = run("apply", name, "--yes")
    assert lacking.err.splitlines() == [
        "tickd: nothing was changed, for there are 4 mistakes:",
        '  no secret: channels."slack".url is in the environment variable SLACK_URL, which is not set',
        '  no secret: heartbeats."h".token is in the environment variable TOKEN, which is not set',
        '  no secret: jobs."j".signing_secret is in the file below/sign.txt, which can\'t be read: '
        "No such file or directory",
        '  no secret: jobs."j".headers.Authorization is in the environment variable AUTH, which is not set',
    ]
    monkeypatch.setenv("SLACK_URL", "https://hooks.example.com/T0")
    monkeypatch.setenv("AUTH", "Bearer 1")
    monkeypatch.setenv("TOKEN", "0123456789abcdef0123")
    write(folder, "whsec_b3du\n", "below/sign.txt")
    assert run("apply", name, "--yes").status == 0
    job = found(served, "jobs")["j"]
    assert (job["headers"], job["has_signing_secret"]) == ({"Authorization": "Bearer 1"}, True)
    assert found(served, "heartbeats")["h"]["token"] == "0123456789abcdef0123"
    # Without them what is there stays as it is.
    for variable in ("SLACK_URL", "AUTH", "TOKEN"):
        monkeypatch.delenv(variable)
    (folder / "below/sign.txt").unlink()
    assert run("apply", name, "--check").out == "Nothing to do; 3 unchanged.\n"
    # What can be compared is; what can't is sent when it is asked for.
    monkeypatch.setenv("AUTH", "Bearer 2")
    write(folder, "other", "below/sign.txt")
    planned = run("apply", name, "--yes")
    assert "    headers.Authorization: (a secret) changes\n" in planned.out
    assert "1 secret can't be compared; --update-secrets sends them again.\n" in planned.out
    assert "Bearer" not in planned.out + planned.err
    assert found(served, "jobs")["j"]["headers"] == {"Authorization": "Bearer 2"}
    sent = run("apply", name, "--yes", "--update-secrets")
    assert "    signing_secret: (a secret) changes\n" in sent.out
    # An empty text takes a secret away; what is left out stays.
    cleared = SECRET.replace('{ file = "sign.txt" }', '""').replace("headers", "tags = []\n# headers")
    assert run("apply", write(folder, cleared, "below/a.toml"), "--yes").status == 0
    job = found(served, "jobs")["j"]
    assert (job["headers"], job["has_signing_secret"]) == ({}, False)


def test_a_secret_in_plain_text_is_warned_of(served: Served, run: Run, folder: Path) -> None:
    text = '[channels.slack]\nkind = "slack"\nurl = "https://hooks.example.com/T0"\n'
    warned = run("apply", write(folder, text), "--yes")
    assert warned.status == 0
    assert warned.err == (
        'warning: a.toml: channels."slack".url has a secret in plain text; say {env = "NAME"}\n'
    )
    assert "hooks" not in warned.out


def test_a_channel_keeps_its_kind_and_its_secrets_their_server(
    served: Served, run: Run, folder: Path, monkeypatch: Env
) -> None:
    monkeypatch.setenv("T", "ntfy-token")
    ntfy = (
        '[channels.n]\nkind = "ntfy"\ntopic = "a"\nserver = "https://a.example.com"\ntoken = { env = "T" }\n'
    )
    assert run("apply", write(folder, ntfy), "--yes").status == 0
    other = run("apply", write(folder, '[channels.n]\nkind = "email"\nto = ["a@example.com"]'), "--yes")
    assert 'channels."n".kind can\'t become email: it is ntfy' in other.err
    moved = ntfy.replace("a.example", "b.example")
    monkeypatch.delenv("T")
    refused = run("apply", write(folder, moved), "--yes")
    assert 'channels."n".token must be given again for another server' in refused.err
    monkeypatch.setenv("T", "ntfy-token")
    assert run("apply", "a.toml", "--yes").status == 0
    assert run("apply", "a.toml", "--check").status == 0


def test_the_daemon_is_asked_how_far_its_ranges_go(served: Served, run: Run, folder: Path) -> None:
    text = SMALL + '[monitors.quick]\nurl = "https://example.com"\ninterval_secs = 5\ntimeout_secs = 45\n'
    text += text[text.index("[monitors.quick]") :].replace("quick", "slow").replace("= 5", "= 60")
    text += "[heartbeats.often]\ninterval_secs = 30\n"
    refused = run("apply", write(folder, text), "--yes")
    assert refused.err.splitlines()[1:] == [
        '  a.toml: monitors."quick".interval_secs must be between 30 and 86400',
        '  a.toml: monitors."slow".timeout_secs must be between 5 and 30',
        '  a.toml: heartbeats."often".interval_secs must be between 60 and 31622400',
    ]
    assert found(served, "channels") == {}


def test_what_is_refused_midway_says_how_far_it_came(served: Served, run: Run, folder: Path) -> None:
    # Slugs are one of a kind over all accounts, which only the daemon knows.
    acme = run("account", "create", "Acme", "--db", "one.db").out.strip()
    key = run("key", "create", "--account", acme, "--name", "x", "--scope", "write", "--db", "one.db").out
    taken = served.call("POST", "/v1/status-pages", {"slug": "open"}, key=key.strip())
    assert taken.status == 201
    text = SMALL + "[status_pages.open]\n[status_pages.other]\n"
    stopped = run("apply", write(folder, text), "--yes")
    assert stopped.status == 1
    assert stopped.err.splitlines() == [
        "tickd: stopped at status page open: slug is taken: another page is at /status/open",
        "4 changes made, 2 not:",
        "  not created: status page open",
        "  not created: status page other",
        "Once that is mended, apply again: what was done is not done twice.",
    ]
    on = run("apply", write(folder, text.replace(".open]", ".shop]")), "--yes")
    assert (on.status, "2 to create, 0 to change, 0 to delete; 4 unchanged." in on.out) == (0, True)
    assert run("apply", "a.toml", "--check").status == 0


def test_heartbeats_without_a_token_get_one_of_their_own(served: Served, run: Run, folder: Path) -> None:
    text = "".join(f"[heartbeats.{slug}]\ninterval_secs = 3600\n" for slug in ("one", "two"))
    assert run("apply", write(folder, "version = 1\n" + text), "--yes").status == 0
    beats = served.call("GET", "/v1/heartbeats").json["heartbeats"]
    assert len({one["token"] for one in beats}) == 2
    assert all(len(one["token"]) == 64 and int(one["token"], 16) for one in beats)


def test_a_daemon_that_is_not_there(run: Run, folder: Path) -> None:
    assert run("export", "--url", "http://127.0.0.1:9").status == 3
    assert run("apply", write(folder, SMALL), "--url", "http://127.0.0.1:9", "--yes").status == 3


EXAMPLES = Path(__file__).parents[2] / "examples" / "as-code"


def test_the_examples_are_applied_and_say_the_same(served: Served, run: Run, monkeypatch: Env) -> None:
    assert "BILL_SIGNING_SECRET, which is not set" in run("apply", str(EXAMPLES / "tickd.toml"), "--yes").err
    for name in ("BILL_AUTHORIZATION", "BILL_SIGNING_SECRET"):
        monkeypatch.setenv(name, "made-up")
    monkeypatch.setenv("CHAT_URL", "https://hooks.example.com/T0")
    applied = run("apply", str(EXAMPLES / "tickd.toml"), "--yes")
    assert (applied.status, applied.err) == (0, "")
    same = run("apply", str(EXAMPLES / "tickd.yaml"), "--check", "--prune")
    assert (same.status, same.out.splitlines()[0]) == (0, "Nothing to do; 9 unchanged.")
    assert {section for section in SECTIONS if section in tomllib.loads(run("export").out)} == set(SECTIONS)


def test_the_tables_of_fields_are_those_of_the_api() -> None:
    for section in SECTIONS.values():
        struct = section.creation
        assert set(section.said) == set(struct.__struct_fields__)
        assert {*section.secrets, *section.refers} <= set(section.fields)
