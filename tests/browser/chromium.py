"""Chromium as the machine has it, started as quietly as it can be."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""The programs that are looked for, unless TICKD_TEST_CHROMIUM names one."""
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def found() -> str | None:
    """The program, or None where there is none."""
    named = os.environ.get("TICKD_TEST_CHROMIUM", "")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """A browser with an empty profile of its own; FileNotFoundError where there is no Chromium."""
    program = found()
    if program is None:
        raise FileNotFoundError("no Chromium: install Debian's chromium, or name one in TICKD_TEST_CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()
