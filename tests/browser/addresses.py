"""Where the pages are: an address for each GET of the table, by what the seeded company has."""

from __future__ import annotations

from pathlib import Path

from tests.browser.company import Company
from tests.support.process import query
from tickd.web.pages import table

GONE = (
    "/status/{slug}/logo",
    "/status/{slug}/theme-{color}.css",
    "/events",
    "/verify/batches/{id}/events",
    "/verify/batches/{id}/results.csv",
    "/verify/export.csv",
    "/verify/export.json",
)
"""What the seeded company has none of, what never ends, and what a browser saves and does not show."""
EXAMPLES = {
    "/?kind=monitor": "a filtered overview",
    "/?q=nothing+is+called+so": "an overview that is empty",
    "/monitors/{Public API}": "a monitor that is well",
    "/monitors/{Certificate of the shop}": "a certificate",
    "/monitors/{Intranet wiki}": "a monitor that is new",
    "/monitors/{Staging shop}": "a monitor that is paused",
    "/heartbeats/{Certificate renewal}": "a heartbeat that was never pinged",
    "/jobs/{Refresh exchange rates}": "a job that is paused",
    "/verify?result={verification}": "what was found out about an address",
    "/verify/history?valid=false": "a filtered history",
    "/verify/batches/{batches}?show=unknown": "a filtered batch",
    "/no/such/page": "nothing",
}
"""Addresses besides; a name in braces stands for the id of what is called so."""

MISSING = frozenset({"/no/such/page"})
"""Where there is nothing."""

_SHOWN = {
    "monitors": "Partner API",
    "jobs": "Sync stock with the warehouse",
    "heartbeats": "Thermometer in cold store 2",
    "channels": "Slack #alerts",
    "maintenance": "New database version",
}


async def identifiers(company: Company) -> dict[str, str]:
    """The ids of what there is: by its name, by its noun, and a `slug`."""
    found = {"slug": company.seeded.slug}
    for noun in ("monitors", "jobs", "heartbeats", "channels", "maintenance"):
        reply = await company.harness.call("GET", f"/v1/{noun}?limit=500")
        found |= {one["name"]: one["id"] for one in reply.json[noun]}
        found[noun] = found[_SHOWN[noun]]
    incidents = (await company.harness.call("GET", "/v1/incidents?limit=100")).json["incidents"]
    found["incidents"] = next(one["id"] for one in incidents if one["subject"]["name"] == "Partner API")
    found["alerts"] = (await company.harness.call("GET", "/v1/alerts?limit=1")).json["alerts"][0]["id"]
    pages = (await company.harness.call("GET", "/v1/status-pages")).json["status_pages"]
    found["status-pages"] = next(one["id"] for one in pages if one["slug"] == company.seeded.slug)
    runs = await company.harness.call("GET", f"/v1/jobs/{found['jobs']}/executions?limit=1")
    pings = await company.harness.call("GET", f"/v1/heartbeats/{found['heartbeats']}/pings?limit=1")
    found["execution"], found["ping"] = runs.json["executions"][0]["id"], pings.json["pings"][0]["id"]
    history = (await company.harness.call("GET", "/v1/verify/history?valid=false&limit=200")).json["results"]
    found["history"] = found["verification"] = next(one["id"] for one in history if "suggestion" in one)
    found["batches"] = (await company.harness.call("GET", "/v1/verify/batch")).json["batches"][0]["id"]
    rows = query(Path(company.harness.daemon.settings.db), "SELECT 'users', id FROM users")
    rows += query(Path(company.harness.daemon.settings.db), "SELECT 'keys', id FROM api_keys")
    slug = "SELECT 'of a monitor', slug FROM monitors WHERE name = 'Public API'"
    return found | dict(rows) | dict(query(Path(company.harness.daemon.settings.db), slug))


def templates() -> list[str]:
    """The paths of all pages, as the table has them."""
    return [page.path for page in table.pages() if page.method == "GET" and page.path not in GONE]


def filled(path: str, known: dict[str, str]) -> str:
    """The path with its variables filled in."""
    if path.startswith("/s/"):
        return path.replace("{slug}", known["of a monitor"])
    parts = path.strip("/").split("/")
    noun = parts[1] if parts[0] in ("settings", "verify") and len(parts) > 1 else parts[0]
    named = {name: identifier for name, identifier in known.items() if "{" + name + "}" in path}
    for name, identifier in named.items():
        path = path.replace("{" + name + "}", identifier)
    return path.replace("{id}", known.get(noun, "none")).replace("{slug}", known["slug"])
