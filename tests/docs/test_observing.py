"""The rules and the dashboard for Prometheus and Grafana name metrics and labels that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.docs.pages import ROOT, codes, page
from tests.support.daemon import Harness
from tickd.web.metrics import subjects
from tickd.web.server import all_routes

FOLDER = ROOT / "examples" / "prometheus"
OURS = re.compile(r"\b(?:tickd|process|python_gc)_[a-z_]+\b")
LABELS = re.compile(r"\b((?:tickd|process)_[a-z_]+)\{([^}]*)\}")


def rules() -> list[dict[str, Any]]:
    """Every alert rule."""
    groups = yaml.safe_load((FOLDER / "tickd-rules.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "examples/grafana/tickd.json").read_text("utf-8"))
    return found


def expressions() -> Iterator[str]:
    """What the rules, the dashboard and the page ask Prometheus for."""
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", []))
    for row in page("docs/metrics.md").tables("condition", "what it says"):
        yield row["condition"]


async def known(tickd: Harness) -> dict[str, set[str]]:
    """The names that can be asked for, each with its labels as far as a sample shows them."""
    await tickd.call("GET", "/healthz")
    async with tickd._session.get(f"{tickd.url}/metrics") as answer:
        text = await answer.text()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        # What has no number yet is known by its family, which in this format has no _total.
        found.setdefault(family.name + "_total" * (family.type == "counter"), set())
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    labels = {"kind", "id", "name", "state"}
    return found | {family.name: labels for family in subjects.FAMILIES}


async def test_every_metric_and_label_that_is_asked_for_exists(tickd: Harness) -> None:
    names = await known(tickd)
    asked = list(expressions())
    assert len(asked) > 60
    for expression in asked:
        assert set(OURS.findall(expression)) <= set(names), expression
        for name, matchers in LABELS.findall(expression):
            labels = set(re.findall(r"(\w+)=", matchers)) - {"instance", "job"}
            assert labels <= names[name], expression


def test_every_condition_of_the_page_has_its_rule() -> None:
    in_rules = {rule["expr"] for rule in rules()}
    told_by_tickd = re.compile(r'tickd_(jobs|monitors|heartbeats)\{st\w+="\w+"\} > 0')
    for row in page("docs/metrics.md").tables("condition", "what it says"):
        condition = codes(row["condition"])[0]
        assert condition in in_rules or told_by_tickd.fullmatch(condition), condition


def test_the_rules_say_what_is_wrong() -> None:
    for rule in rules():
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))


def test_the_scrapes_ask_for_paths_that_there_are() -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
    assert config["rule_files"] == ["tickd-rules.yml"]
    paths = {route.path for route in all_routes()}
    jobs = {one["job_name"]: one.get("metrics_path", "/metrics") for one in config["scrape_configs"]}
    assert jobs == {"tickd": "/metrics", "tickd-subjects": "/v1/metrics"}
    assert set(jobs.values()) <= paths


def test_the_panels_lie_beside_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
