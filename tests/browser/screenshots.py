"""Pictures of the main pages, on a desktop and on a phone, light and dark, with the data of a small company.

`python -m tests.browser.screenshots` writes them to a folder, with `--docs` the best few to docs/images too.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser

from tests.browser import addresses, chromium
from tests.browser.company import Company
from tests.browser.visitor import DESKTOP, PHONE, visiting
from tests.support.clock import FakeClock
from tests.support.daemon import running
from tests.support.seed import seed_small

PAGES: Mapping[str, str] = {
    "overview": "/",
    "monitor": "/monitors/{Public API}",
    "monitor-down": "/monitors/{Partner API}",
    "monitor-form": "/monitors/new",
    "job": "/jobs/{Settle card payments}",
    "job-failing": "/jobs/{Sync stock with the warehouse}",
    "job-form": "/jobs/new",
    "heartbeat": "/heartbeats/{Log shipping}",
    "heartbeat-form": "/heartbeats/new",
    "incidents": "/incidents",
    "incident": "/incidents/{incidents}",
    "alerts": "/alerts",
    "channels": "/channels",
    "channel-form": "/channels/new",
    "maintenance": "/maintenance",
    "status-pages": "/status-pages",
    "status-page-form": "/status-pages/{status-pages}/edit",
    "verify": "/verify?result={verification}",
    "verify-history": "/verify/history",
    "verify-batch": "/verify/batches/{batches}",
    "settings": "/settings",
    "system": "/settings/system",
    "keys": "/settings/keys",
    "users": "/settings/users",
    "security": "/settings/security",
    "status": "/status/{slug}",
    "single": "/s/{slug}",
}
STRANGERS: Mapping[str, str] = {"sign-in": "/sign-in"}
SHOWN = {
    "overview-desktop-light": "overview",
    "overview-desktop-dark": "overview-dark",
    "monitor-desktop-light": "monitor",
    "status-desktop-light": "status-page",
    "status-desktop-dark": "status-page-dark",
    "overview-phone-light": "phone",
}
"""What goes into docs/images, and under which name."""
IMAGES = Path(__file__).parents[2] / "docs" / "images"
SIZES = {"desktop": DESKTOP, "phone": PHONE}
DRAWN_MS = 400
"""How long a chart gets to be fetched and drawn."""
COLOURS = 256


async def take(out: Path, only: Sequence[str] = ()) -> list[Path]:
    """Take all pictures, or those of some pages, into `out`."""
    with tempfile.TemporaryDirectory() as folder:
        path, now = Path(folder, "tickd.db"), time.time_ns() // 1_000_000
        seeded = await asyncio.to_thread(seed_small, path, now=now)
        async with running(path, clock=FakeClock(now)) as harness, chromium.launched() as browser:
            company = Company(harness, seeded)
            known = await addresses.identifiers(company)
            taken: list[Path] = []
            for named, token in ((PAGES, seeded.token), (STRANGERS, "")):
                for name, path_ in named.items():
                    if only and name not in only:
                        continue
                    where = addresses.filled(path_, known)
                    taken += await _pictures(browser, harness.url + where, name, out, token)
            return taken


async def _pictures(browser: Browser, url: str, name: str, out: Path, token: str) -> list[Path]:
    taken = []
    host = url[: url.index("/", len("http://"))]
    for device, size in SIZES.items():
        for scheme in ("light", "dark"):
            async with visiting(browser, host, token=token, size=size, color_scheme=scheme) as visitor:
                visitor.guard.allow("")  # the tests are strict; a picture of a fault is one too
                await visitor.page.goto(url, wait_until="load")
                await visitor.page.wait_for_timeout(DRAWN_MS)
                file = out / f"{name}-{device}-{scheme}.png"
                await visitor.page.screenshot(path=file, full_page=True)
                taken.append(file)
    return taken


def publish(taken: list[Path]) -> list[Path]:
    """Write the best few to docs/images, with as few colours as do."""
    written = []
    for file in taken:
        if file.stem in SHOWN:
            with Image.open(file) as picture:
                top = picture.convert("RGB").crop((0, 0, picture.width, min(picture.height, 1_400)))
            buffer = BytesIO()
            few = top.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
            few.save(buffer, "PNG", optimize=True)
            target = IMAGES / f"{SHOWN[file.stem]}.png"
            target.write_bytes(buffer.getvalue())
            written.append(target)
    return written


def main() -> None:
    """Take the pictures, and publish some where asked."""
    parser = argparse.ArgumentParser(description="Take pictures of the pages.")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir(), "tickd-screenshots"))
    parser.add_argument("--docs", action="store_true", help="write the best few to docs/images")
    parser.add_argument("--only", nargs="*", default=(), choices=[*PAGES, *STRANGERS], metavar="PAGE")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    taken = asyncio.run(take(options.out, options.only))
    for file in taken + (publish(taken) if options.docs else []):
        sys.stdout.write(f"{file} {file.stat().st_size / 1024:.0f} kB\n")


if __name__ == "__main__":
    main()
