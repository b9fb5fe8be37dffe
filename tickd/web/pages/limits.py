"""What an account uses of its limits, as pages say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tickd.domain import limits as account_limits
from tickd.domain.accounts import Account
from tickd.domain.limits import LIMIT_OF, Noun, Use
from tickd.web.pages import words
from tickd.web.pages.forms import Form
from tickd.web.pages.visit import Visit

NEAR = 0.8
"""The part of a limit from which on it is said to be near."""


@dataclass(frozen=True, slots=True)
class Used:
    """How much there is of something, and how much there may be; `most` None is unlimited."""

    what: str
    count: int
    most: int | None

    @property
    def state(self) -> Literal["", "near", "reached"]:
        """Whether the limit is near, or reached."""
        if self.most is None or self.count < self.most * NEAR:
            return ""
        return "reached" if self.count >= self.most else "near"


def rows(account: Account, use: Use) -> list[Used]:
    """What the account has and used, with its limits."""
    return [
        Used("Jobs", use.jobs, account.max_jobs),
        Used("Monitors", use.monitors, account.max_monitors),
        Used("Heartbeats", use.heartbeats, account.max_heartbeats),
        Used("Runs this month", use.executions_this_month, account.executions_per_month),
        verifications(account, use),
    ]


def verifications(account: Account, use: Use) -> Used:
    """How many addresses were verified this month."""
    return Used("Verifications this month", use.verifications_this_month, account.verifications_per_month)


async def warned(visit: Visit, noun: Noun, form: Form) -> Form:
    """The form of a new one, which says so where the account can't have another."""
    account = await visit.services.accounts.account(visit.account_id)
    most = account_limits.of(account)[LIMIT_OF[noun]]
    if most is not None and getattr(await visit.services.limits.use(visit.account_id), noun) >= most:
        rest = ", and has as many: another one" if most else ": a new one"
        form.notice = words.sentence(f"{account_limits.full(noun, most)}{rest} will be refused")
    return form


async def of_verifications(visit: Visit) -> Used | None:
    """How many addresses were verified this month; None where that is unlimited, and nothing to be said."""
    account = await visit.services.accounts.account(visit.account_id)
    if account.verifications_per_month is None:
        return None
    return verifications(account, await visit.services.limits.use(visit.account_id))
