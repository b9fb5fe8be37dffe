"""What a company would call what it watches: a shop with warehouses, payments and its own data."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from tickd.domain.monitors import Type

DOMAIN = "larkfield.example"


class Named(NamedTuple):
    """A monitor by its name, its type, its address and where it belongs."""

    name: str
    type: Type
    url: str
    group: str
    tags: tuple[str, ...]


class Task(NamedTuple):
    """A job or a heartbeat by its name, its schedule, its zone and where it belongs."""

    name: str
    schedule: str
    timezone: str
    group: str
    tags: tuple[str, ...]


MONITORS = (
    Named("Shop front", "http", f"https://www.{DOMAIN}/", "Shop", ("prod", "critical")),
    Named("Checkout", "http", f"https://checkout.{DOMAIN}/health", "Shop", ("prod", "critical")),
    Named("Product search", "json", f"https://search.{DOMAIN}/v2/health", "Shop", ("prod",)),
    Named("Public API", "json", f"https://api.{DOMAIN}/v1/status", "API", ("prod", "critical")),
    Named("Partner API", "json", f"https://partners.{DOMAIN}/status", "API", ("prod",)),
    Named("Customer login", "http", f"https://id.{DOMAIN}/.well-known/health", "API", ("prod", "critical")),
    Named("Payment gateway", "http", f"https://pay.{DOMAIN}/ready", "Payments", ("prod", "critical")),
    Named("Product images", "http", f"https://img.{DOMAIN}/probe.webp", "Shop", ("prod", "cdn")),
    Named("Warehouse handhelds", "http", f"https://wms.{DOMAIN}/ping", "Warehouse", ("prod",)),
    Named("Certificate of the shop", "ssl", f"www.{DOMAIN}:443", "Shop", ("prod",)),
    Named("Mail relay", "tcp", f"mx1.{DOMAIN}:25", "Infrastructure", ("prod",)),
    Named("Name server", "dns", f"ns1.{DOMAIN}", "Infrastructure", ("prod",)),
    Named("Staging shop", "http", f"https://staging.{DOMAIN}/", "Staging", ("staging",)),
    Named("Intranet wiki", "http", f"https://wiki.{DOMAIN}/", "Internal", ("internal",)),
)
"""The monitors that a small company would have; a large one begins with them too."""

JOBS = (
    Task("Nightly database backup", "15 2 * * *", "Europe/Berlin", "Data", ("prod", "backup")),
    Task("Sync stock with the warehouse", "*/15 * * * *", "UTC", "Warehouse", ("prod",)),
    Task("Send order digests", "0 7 * * 1-5", "Europe/Berlin", "Shop", ("prod", "mail")),
    Task("Rebuild the search index", "30 3 * * *", "UTC", "Shop", ("prod",)),
    Task("Settle card payments", "0 * * * *", "UTC", "Payments", ("prod", "critical")),
    Task("Weekly sales report", "0 6 * * 1", "Europe/London", "Data", ("reports",)),
    Task("Expire abandoned carts", "*/30 * * * *", "UTC", "Shop", ("prod",)),
    Task("Refresh exchange rates", "5 8 * * *", "UTC", "Payments", ("prod",)),
)

HEARTBEATS = (
    Task("Off-site copy of backups", "1d", "UTC", "Data", ("prod", "backup")),
    Task("Payroll export", "0 5 * * 5", "Europe/Berlin", "Internal", ("finance",)),
    Task("Log shipping", "15m", "UTC", "Infrastructure", ("prod",)),
    Task("Thermometer in cold store 2", "15m", "UTC", "Warehouse", ("prod", "sensor")),
    Task("Fraud model training", "1d", "UTC", "Data", ("ml",)),
    Task("Certificate renewal", "7d", "UTC", "Infrastructure", ("prod",)),
)

_SERVICES = (
    *("Cart", "Catalogue", "Prices", "Stock", "Orders", "Invoices", "Refunds", "Vouchers", "Reviews"),
    *("Recommendations", "Wish lists", "Addresses", "Shipping labels", "Parcel tracking", "Returns"),
    *("Newsletter", "Push messages", "Live chat", "Help centre", "Store finder", "Gift cards", "Loyalty"),
    *("Sessions", "Rate limiter", "Feature flags", "Image resizer", "PDF renderer", "Webhooks out"),
    *("Fraud checks", "Tax rates", "Bank transfers", "Supplier feed", "Price import", "Fleet map"),
)
_PLACES = (("eu-west-1", "eu"), ("eu-central-1", "eu"), ("us-east-1", "us"), ("ap-south-1", "ap"))
_ASPECTS = ("health", "ready", "queue depth", "replica", "cache", "admin", "canary", "batch API")
_GROUPS = ("Shop", "API", "Payments", "Warehouse", "Infrastructure", "Data")
_ERRANDS = (
    *("backup", "clean-up", "export", "import", "reconcile", "report", "cache warm-up", "audit", "archive"),
)
_TIMES = ("10 1 * * *", "40 2 * * *", "0 * * * *", "20 4 * * *", "*/15 * * * *", "5 6 * * 1", "50 3 * * *")
_RHYTHMS = ("1d", "1h", "0 4 * * *", "1d", "15m", "6h", "7d")


def monitors() -> Iterator[Named]:
    """The small company's, then a thousand and more: each service in each place, seen from each side."""
    yield from MONITORS
    for number, (aspect, (place, tag), service) in enumerate(product(_ASPECTS, _PLACES, _SERVICES)):
        slug = service.lower().replace(" ", "-")
        address = f"https://{slug}.{place}.{DOMAIN}/{aspect.replace(' ', '-').lower()}"
        kind: Type = "json" if number % 7 == 3 else "http"
        group = _GROUPS[number % len(_GROUPS)]
        yield Named(f"{service} {aspect}, {place}", kind, address, group, ("prod", tag))


def jobs() -> Iterator[Task]:
    """The small company's, then each errand of each service."""
    yield from JOBS
    for number, (errand, service) in enumerate(product(_ERRANDS, _SERVICES)):
        yield Task(
            f"{service} {errand}",
            _TIMES[number % len(_TIMES)],
            "UTC" if number % 3 else "Europe/Berlin",
            _GROUPS[number % len(_GROUPS)],
            ("prod", errand.split()[0]),
        )


def heartbeats() -> Iterator[Task]:
    """The small company's, then what runs on each service's machines."""
    yield from HEARTBEATS
    for number, (errand, service) in enumerate(product(reversed(_ERRANDS), _SERVICES)):
        rhythm = _RHYTHMS[number % len(_RHYTHMS)]
        group = _GROUPS[number % len(_GROUPS)]
        yield Task(f"{service} {errand} on its host", rhythm, "UTC", group, ("prod",))
