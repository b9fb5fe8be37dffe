"""Status pages: make, change, delete; which one an address is of, and what it shows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from tickd import ids
from tickd.clock import Clock
from tickd.domain import charts, status_views, times
from tickd.domain import status_pages as rules
from tickd.domain.alerts import SubjectKind
from tickd.domain.days import Day
from tickd.domain.status_pages import StatusPage, StatusPageChange, StatusPageCreation
from tickd.domain.status_views import Event, Key, Line, Note, Single, Subject, View
from tickd.domain.windows import Maintenance
from tickd.errors import Invalid, NotFound
from tickd.services.days import Days
from tickd.services.history import History
from tickd.services.keeping import Keeping
from tickd.services.suspensions import Suspensions
from tickd.store import maintenance, status_pages
from tickd.store.database import Database

KEPT = 3 * times.SECOND
"""How long what a page shows is kept, in milliseconds."""
CHART_KEPT = times.MINUTE
PAGES_KEPT = 16
BEFORE_KEPT = 16
"""How many pages are kept, and how many lists of days."""
LOAD = 1_000
"""Pages that are read at once at start."""
CURRENT_MOST = 100
PAST_MOST = 50
"""How many open incidents a page shows, and how many that have ended."""

_KINDS: tuple[SubjectKind, ...] = ("monitor", "heartbeat", "job")


class StatusPages:
    """The use cases of status pages; every face calls these. All pages are known in memory."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        days: Days,
        history: History,
        suspensions: Suspensions,
        *,
        base_url: Callable[[], str],
    ) -> None:
        self._db = db
        self._clock = clock
        self._days = days
        self._history = history
        self._suspensions = suspensions
        self._base_url = base_url
        self._by_row: dict[int, StatusPage] = {}
        self._by_slug: dict[str, StatusPage] = {}
        self._by_host: dict[str, StatusPage] = {}
        self._views: Keeping[View] = Keeping(KEPT, PAGES_KEPT)
        self._past: Keeping[tuple[list[Note], bool]] = Keeping(KEPT, PAGES_KEPT)
        self._subjects: Keeping[dict[Key, Subject]] = Keeping(KEPT, PAGES_KEPT)
        self._singles: Keeping[Single] = Keeping(KEPT, PAGES_KEPT)
        self._before: Keeping[dict[int, list[Day]]] = Keeping(times.MINUTE, BEFORE_KEPT)
        self._charts: Keeping[str] = Keeping(CHART_KEPT, PAGES_KEPT)

    async def begin(self) -> None:
        """Read all pages, at start."""
        last = 0
        while found := await status_pages.after(self._db, last, LOAD):
            last = found[-1].row
            for page in found:
                self._know(page)

    async def stop(self) -> None:
        """Make no page any more."""
        for keeping in (
            *(self._views, self._past, self._subjects),
            *(self._singles, self._before, self._charts),
        ):
            await keeping.stop()

    # What people say of pages.

    async def create(self, account_id: str, spec: StatusPageCreation) -> StatusPage:
        """Store a page; Conflict when its slug or its domain is taken."""
        made, image = rules.create(
            spec,
            identifier=ids.new("stp"),
            account_id=account_id,
            own_host=self.own_host,
            now=self._clock.now(),
        )

        def unit(tx: sqlite3.Connection) -> StatusPage:
            _check_subjects(tx, account_id, made.subjects)
            stored = status_pages.insert(tx, made)
            if image is not None:
                status_pages.put_logo(tx, stored.row, image)
            return stored

        stored = await self._db.write(unit)
        self._know(stored)
        return stored

    async def change(self, account_id: str, identifier: str, spec: StatusPageChange) -> StatusPage:
        """Change what `spec` says of a page; the rest keeps its value."""
        now, own_host = self._clock.now(), self.own_host

        def unit(tx: sqlite3.Connection) -> StatusPage:
            known = _found(status_pages.find(tx, account_id, identifier), identifier)
            changed, image = rules.change(known, spec, own_host=own_host, now=now)
            # One that was deleted since it was named is no mistake of this change.
            _check_subjects(tx, account_id, [one for one in changed.subjects if one not in known.subjects])
            if changed is not known:
                status_pages.update(tx, changed)
            if changed.logo != known.logo:
                status_pages.put_logo(tx, changed.row, image)
            return changed

        changed = await self._db.write(unit)
        self._know(changed)
        return changed

    async def delete(self, account_id: str, identifier: str) -> None:
        """Delete a page; nothing that it shows is touched."""

        def unit(tx: sqlite3.Connection) -> int:
            row = status_pages.delete(tx, account_id, identifier)
            if row is None:
                raise NotFound(f"no status page {identifier}")
            return row

        self._forget(await self._db.write(unit))

    async def get(self, account_id: str, identifier: str) -> StatusPage:
        """The account's page of that id."""
        return _found(await status_pages.get(self._db, account_id, identifier), identifier)

    async def page(self, account_id: str, *, limit: int, offset: int) -> tuple[list[StatusPage], int]:
        """One page of the account's status pages by slug, and how many there are in all."""
        return await status_pages.page(self._db, account_id, limit=limit, offset=offset)

    async def subjects(self, account_id: str) -> list[Subject]:
        """All that the account's pages could show, by name."""
        return await status_pages.subjects(self._db, account_id)

    # Which page an address is of.

    @property
    def own_host(self) -> str:
        """The host name that tickd itself is reached by."""
        return (urlsplit(self._base_url()).hostname or "").lower()

    def address(self, page: StatusPage) -> str:
        """Where a page is: at its own domain if it has one, else below tickd's address."""
        base = self._base_url()
        if page.custom_domain:
            return f"{urlsplit(base).scheme}://{page.custom_domain}"
        return f"{base}/status/{page.slug}"

    def of_slug(self, slug: str, account_id: str | None = None) -> StatusPage:
        """The page at /status/{slug} as far as somebody of that account, or of none, may see it; NotFound."""
        page = self._by_slug.get(slug)
        if page is None or not (self.is_open(page) or page.account_id == account_id):
            raise NotFound("There is no page at this address.")
        return page

    def of_host(self, host: str) -> StatusPage | None:
        """The page whose own domain this is, whether it may be seen or not."""
        return None if host == self.own_host else self._by_host.get(host)

    def is_open(self, page: StatusPage) -> bool:
        """Whether anybody may see the page now."""
        return page.is_open and not self._suspensions.has(page.account_id)

    # What it shows.

    async def view(self, page: StatusPage) -> View:
        """All that the page shows; made once for however many ask at once."""
        now = self._clock.now()
        return await self._views.of(page.row, page, now, lambda: self._make(page, now))

    async def past(self, page: StatusPage, before: str | None = None) -> tuple[list[Note], bool]:
        """Incidents that have ended, newest first, before the one of that id; and whether there are more.

        The same object for however many ask within a moment.
        """
        row = status_pages.NEWEST
        if before is not None:
            found = await status_pages.event_row(self._db, page.account_id, before)
            if found is None:
                raise NotFound("There is no page at this address.")
            row = found
        # By the row, which only an incident has: nonsense gets no place among what is kept.
        return await self._past.of((page.row, row), page, self._clock.now(), lambda: self._ended(page, row))

    async def _ended(self, page: StatusPage, row: int) -> tuple[list[Note], bool]:
        # What the page is of costs most of it, and is the same before whichever incident.
        now = self._clock.now()
        shown = await self._subjects.of(page.row, page, now, lambda: self._shown(page))
        events = await status_pages.ended_events(
            self._db, page.account_id, shown, before=row, limit=PAST_MOST + 1
        )
        return await notes(self._db, events[:PAST_MOST], shown), len(events) > PAST_MOST

    async def logo(self, page: StatusPage) -> tuple[str, bytes]:
        """The type and the bytes of the page's picture; NotFound where it has none."""
        found = await status_pages.logo(self._db, page.row)
        if found is None:
            raise NotFound("There is no page at this address.")
        return found

    async def single(self, slug: str, account_id: str | None = None) -> Single:
        """What the page of the monitor or heartbeat at /s/{slug} shows; NotFound for those who may not."""
        found = await self.subject(slug, account_id)
        now = self._clock.now()
        # What was made for everybody must not be given out, nor kept by a proxy, once it is public no more.
        key = (found.key, found.is_public)
        return await self._singles.of(key, self, now, lambda: self._single(found, now))

    async def subject(self, slug: str, account_id: str | None = None) -> Subject:
        """The monitor or heartbeat at /s/{slug}; NotFound where it is not public and of another account."""
        found = await status_pages.by_slug(self._db, slug)
        if found is None or not (found.is_public or found.account_id == account_id):
            raise NotFound("There is no page at this address.")
        return found

    async def chart(self, one: Subject) -> str:
        """The response times of a monitor's last day as an SVG."""
        now = self._clock.now()

        async def draw() -> str:
            points = await self._history.latency(one.row, now - times.DAY, now)
            return charts.latency(points, since=now - times.DAY, until=now)

        return await self._charts.of(one.key, self, now, draw)

    async def _single(self, one: Subject, now: int) -> Single:
        planned = await maintenance.of_account(self._db, one.account_id)
        lines = await self._lines([one], status_views.holding(planned, now), now, every=True)
        known = {one.key: one}
        current = await status_pages.open_events(self._db, one.account_id, known, CURRENT_MOST)
        past = await status_pages.ended_events(self._db, one.account_id, known, limit=PAST_MOST)
        return Single(
            subject=one,
            line=lines[one.key],
            current=tuple(await notes(self._db, current, known)),
            past=tuple(await notes(self._db, past, known)),
            planned=status_views.planned_for([one], planned, now),
        )

    async def _shown(self, page: StatusPage) -> dict[Key, Subject]:
        everything = await status_pages.subjects(self._db, page.account_id)
        groups = status_views.groups_of(page, everything)
        return {one.key: one for _, mine in groups for one in mine}

    async def _make(self, page: StatusPage, now: int) -> View:
        everything = await status_pages.subjects(self._db, page.account_id)
        groups = status_views.groups_of(page, everything)
        shown = {one.key: one for _, mine in groups for one in mine}
        kept, more = status_views.cut(groups)
        planned = await maintenance.of_account(self._db, page.account_id)
        holding = status_views.holding(planned, now)
        subjects = [one for _, mine in kept for one in mine]
        lines = await self._lines(subjects, holding, now)
        current = await status_pages.open_events(self._db, page.account_id, shown, CURRENT_MOST)
        past = await status_pages.ended_events(
            self._db, page.account_id, shown, since=now - status_views.RECENT, limit=PAST_MOST
        )
        ended = await status_pages.ended_events(self._db, page.account_id, shown, limit=len(past) + 1)
        # The order of the rows is that in which they were opened, not in which they began.
        current.sort(key=lambda one: (-one.started_at, -one.row))
        return View(
            page=page,
            banner=status_views.banner(shown.values()),
            sections=status_views.sections(kept, lines),
            current=tuple(await notes(self._db, current, shown)),
            past=tuple(await notes(self._db, past, shown)),
            planned=status_views.planned_for(list(shown.values()), planned, now),
            more=more,
            has_older=len(ended) > len(past),
        )

    async def _lines(
        self, subjects: Sequence[Subject], holding: Sequence[Maintenance], now: int, *, every: bool = False
    ) -> dict[Key, Line]:
        """The subjects as they are shown; with `every`, heartbeats have their share of good days too."""
        rows = {kind: [one.row for one in subjects if one.kind == kind] for kind in _KINDS}
        percents: dict[Key, float | None] = {}
        for kind in _KINDS if every else _KINDS[:1]:
            shares = await self._days.uptime(kind, rows[kind], status_views.UPTIME_DAYS, now)
            percents.update({(kind, row): share for row, share in shares.items()})
        days: dict[Key, list[Day]] = {}
        for kind in _KINDS:
            found = await self._bars(kind, rows[kind], now)
            days.update({(kind, row): bars for row, bars in found.items()})
        lines = {}
        for one in subjects:
            lines[one.key] = status_views.line(
                one,
                percent=percents.get(one.key),
                days=days.get(one.key, ()),
                holding=holding,
                now=now,
            )
        return lines

    async def _bars(self, kind: SubjectKind, rows: Sequence[int], now: int) -> dict[int, list[Day]]:
        """The days of these subjects: today's as it is, those before as they were a minute ago at most."""
        key = (kind, now // times.DAY, tuple(rows))
        whole = await self._before.of(
            key, self, now, lambda: self._days.of(kind, rows, status_views.DAYS, now)
        )
        # 90 days of a thousand are half of what a page costs, and hardly ever another than before.
        today = await self._days.of(kind, rows, 1, now)
        return {row: [*whole[row][:-1], *today[row]] for row in rows}

    def _know(self, page: StatusPage) -> None:
        self._forget(page.row)
        self._by_row[page.row] = self._by_slug[page.slug] = page
        if page.custom_domain:
            self._by_host[page.custom_domain] = page

    def _forget(self, row: int) -> None:
        before = self._by_row.pop(row, None)
        if before is not None:
            self._by_slug.pop(before.slug, None)
            self._by_host.pop(before.custom_domain, None)
        self._views.forget(row)


async def notes(db: Database, events: Sequence[Event], subjects: dict[Key, Subject]) -> list[Note]:
    """Incidents as a page tells them, each with what was said of it."""
    said = await status_pages.updates(db, [event.row for event in events])
    return [
        status_views.note(event, subjects[event.kind, event.subject].name, said[event.row])
        for event in events
    ]


def _found(page: StatusPage | None, identifier: str) -> StatusPage:
    if page is None:
        raise NotFound(f"no status page {identifier}")
    return page


def _check_subjects(tx: sqlite3.Connection, account_id: str, identifiers: Sequence[str]) -> None:
    unknown = maintenance.unknown_subject(tx, account_id, identifiers)
    if unknown is not None:
        raise Invalid("groups", f"must name ids of jobs, monitors or heartbeats: there is no {unknown}")
