"""Watches what a browser says of a site: nothing wrong may be said, and nobody else may be asked."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Request, Response, WebError

_REPORT = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP: ${event.violatedDirective} blocked ${event.blockedURI} at ${event.sourceFile}`);
});
"""
_LEFT = "net::ERR_ABORTED"


class Guard:
    """What went wrong in a context, line by line; `allow` is what a test provokes."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._allowed: list[str] = []
        self._lines: list[str] = []

    async def watch(self, context: BrowserContext) -> None:
        """Listen to all pages that the context will have."""
        await context.add_init_script(_REPORT)
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("request", self._on_request)
        context.on("requestfailed", self._on_failed)
        context.on("response", self._on_response)

    def allow(self, words: str) -> None:
        """Lines that hold these words are what the test is about."""
        self._allowed.append(words)

    @property
    def wrong(self) -> list[str]:
        """What nobody has allowed."""
        return [line for line in self._lines if not any(words in line for words in self._allowed)]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            at = message.location.get("url", "")
            self._lines.append(f"console {message.type}: {message.text} at {at}")

    def _on_error(self, error: WebError) -> None:
        self._lines.append(f"uncaught: {error.error}")

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != self._host:
            self._lines.append(f"another host is asked: {request.url}")

    def _on_failed(self, request: Request) -> None:
        # Whoever leaves a page ends what it still fetches: its live updates most of all.
        if request.failure != _LEFT:
            self._lines.append(f"failed: {request.method} {request.url}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 500:
            self._lines.append(f"status {response.status}: {response.request.method} {response.url}")
