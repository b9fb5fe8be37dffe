"""Verification of one e-mail address: its text, its domain's MX records, and the list of disposable ones."""

from __future__ import annotations

from collections.abc import Sequence

from tickd.domain.addresses import Mistake, read
from tickd.domain.disposable import Disposable
from tickd.domain.verification import Verdict, judge
from tickd.errors import Unavailable
from tickd.outbound.dns import LookupFailed
from tickd.outbound.exchanges import FAILURE_SECS, Exchanges


class Verifier:
    """Decides what an address is worth. Nobody but the name servers is asked, and only about its domain.

    `disposable` and `allowed` (ASCII domains in lower case) are the operator's additions to the kept list
    and his exceptions from it.
    """

    def __init__(
        self, exchanges: Exchanges, *, disposable: Sequence[str] = (), allowed: Sequence[str] = ()
    ) -> None:
        self.exchanges = exchanges
        self._disposable = Disposable(disposable, allowed)

    async def verdict(self, email: str) -> Verdict:
        """Verify one address, whatever text it is; Unavailable when the name servers prove nothing."""
        address = read(email)
        if isinstance(address, Mistake):
            return judge(address, "none", self._disposable)
        try:
            exchange = await self.exchanges.found(address.domain)
        except LookupFailed as failure:
            raise Unavailable(
                f"the name servers could not be asked about {address.typed} ({failure.sentence}): try again",
                retry_after=round(max(failure.retry_secs, FAILURE_SECS)),
            ) from None
        return judge(address, exchange, self._disposable)

    def close(self) -> None:
        """Drop every look-up under way."""
        self.exchanges.close()
