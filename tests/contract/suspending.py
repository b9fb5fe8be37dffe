"""What the tests of suspension share: an account that is suspended and resumed beside the daemon."""

from __future__ import annotations

from tests.support.daemon import Harness, eventually
from tickd.domain.accounts import DEFAULT_ACCOUNT
from tickd.store import accounts


async def suspend(tickd: Harness, account_id: str = DEFAULT_ACCOUNT) -> None:
    """Suspend an account in the file, as the command line does, and wait until the daemon heeds it.

    The tests' first account too, which the command line spares: all helpers work in it.
    """
    now = tickd.clock.now()
    await tickd.daemon._database.write(lambda tx: accounts.suspend(tx, account_id, now))
    await heeded(tickd, account_id, True)


async def resume(tickd: Harness, account_id: str = DEFAULT_ACCOUNT) -> None:
    """End the suspension of an account, and wait until the daemon heeds it."""
    await tickd.daemon._database.write(lambda tx: accounts.resume(tx, account_id))
    await heeded(tickd, account_id, False)


async def heeded(tickd: Harness, account_id: str, suspended: bool) -> None:
    """Wait, by the daemon's clock one second at most, until the loop has read the file."""
    await tickd.clock.advance(1.0)

    async def known() -> bool:
        return tickd.daemon._suspensions.has(account_id) is suspended

    await eventually(known)
