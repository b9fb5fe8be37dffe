"""Alerts to whatever else Apprise can reach, where it is installed: `pip install tickd[apprise]`.

Apprise is a library that blocks, opens its own sockets and can't be stopped: it runs on threads that are
left behind when they take too long, and only so many of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Final

from tickd.domain import chats
from tickd.domain.alerts import Event, Message
from tickd.domain.channels import Options
from tickd.outbound.undelivered import Undelivered

TIMEOUT_SECS: Final = 10.0
THREADS_MOST: Final = 8

_MISSING: Final = "Apprise is not installed here: pip install tickd[apprise]"
_KINDS: Final[dict[Event, str]] = {"recovered": "success", "test": "info", "blind": "info"}
_WARNINGS: Final = ("degraded", "certificate", "delivery")


class Threads:
    """Runs what blocks, each call on a thread of its own that nobody waits for at the end."""

    def __init__(self, most: int = THREADS_MOST) -> None:
        self._free = threading.BoundedSemaphore(most)

    async def run(self, work: Callable[[], str], timeout_secs: float) -> str:
        """Give what `work` returns; raises TimeoutError, and then it still runs.

        BlockingIOError means that too many still run.
        """
        if not self._free.acquire(blocking=False):
            raise BlockingIOError("all threads are in use")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[str] = loop.create_future()
        threading.Thread(
            target=self._work, args=(work, loop, done), name="tickd-apprise", daemon=True
        ).start()
        async with asyncio.timeout(timeout_secs):
            return await done

    def _work(
        self, work: Callable[[], str], loop: asyncio.AbstractEventLoop, done: asyncio.Future[str]
    ) -> None:
        try:
            failed = work()
        except Exception as fault:
            # Whatever a plug-in raises is an alert that was not taken; its words may hold secrets.
            failed = f"Apprise failed: {type(fault).__name__}"
        finally:
            self._free.release()

        def settle() -> None:
            if not done.done():
                done.set_result(failed)

        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle)


async def send(
    threads: Threads, options: Options, message: Message, timeout_secs: float = TIMEOUT_SECS
) -> None:
    """Notify by way of Apprise; raises Undelivered, which can't say more than Apprise does: yes or no."""
    (title, body), kind = chats.plain(message), _kind(message.story.event)
    try:
        failed = await threads.run(lambda: _notify(options.url, title, body, kind), timeout_secs)
    except TimeoutError as timeout:
        raise Undelivered(f"Apprise did not finish within {timeout_secs:g} s") from timeout
    except BlockingIOError as busy:
        raise Undelivered("Apprise is busy with messages that hang") from busy
    if failed:
        raise Undelivered(failed)


def _notify(url: str, title: str, body: str, kind: str) -> str:
    """Send it; what went wrong in a sentence, or nothing. Runs on a thread: the import alone takes long."""
    try:
        import apprise  # it is an extra, and takes half a second
    except ImportError:
        return _MISSING
    # Its debug lines hold addresses with everything that is secret in them.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    asset = apprise.AppriseAsset(app_id="tickd", app_desc="tickd", async_mode=False)
    # By its own limit it would use a pool of its own, which the end of the process waits for.
    with contextlib.suppress(AttributeError, TypeError):  # it is new in 2.x
        asset = apprise.AppriseAsset(app_id="tickd", app_desc="tickd", async_mode=False, service_timeout=0)
    service = apprise.Apprise(asset=asset)
    if not service.add(url):
        return "Apprise does not know this kind of URL, or can't read it"
    sent = service.notify(body=body, title=title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT)
    return "" if sent else "Apprise could not deliver it, and says no more than that"


def _kind(event: Event) -> str:
    return _KINDS.get(event, "warning" if event in _WARNINGS else "failure")
