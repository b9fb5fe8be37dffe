"""Our own network: who is asked, whose silence is believed, and what a failing check is worth meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.services.watching import checked, stored, watch, watched
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, Harness, eventually, opened, running
from tests.support.servers import Talk, answering, free_port, serving
from tickd.domain import times
from tickd.services.network import BASELINE_SECS, OwnNetwork, is_loopback, is_public
from tickd.services.witness import Witness

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
PUBLIC, PRIVATE = "93.184.216.34", "192.168.0.9"
BLIND = "SELECT started_at, ended_at, cause FROM blind_intervals"


class World:
    """References that answer as long as they are in `there`, and who was asked."""

    def __init__(self, *there: str) -> None:
        self.known = list(there)
        self.there = set(there)
        self.asked: list[str] = []

    async def reach(self, reference: str) -> bool:
        self.asked.append(reference)
        await asyncio.sleep(0)
        return reference in self.there


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


@pytest.fixture
async def witness(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Witness]:
    database = await opened(tmp_path / "t.db")
    yield Witness(database, clock)
    await database.close()


def made(world: World, clock: FakeClock, witness: Witness) -> OwnNetwork:
    return OwnNetwork(lambda: world.known, world.reach, clock, witness)


async def settled(network: OwnNetwork) -> None:
    """Let the asking under way end."""
    if network._asking is not None:
        await asyncio.wait({network._asking})


async def proven(world: World, clock: FakeClock, witness: Witness) -> OwnNetwork:
    """A network whose references have answered, a second ago."""
    network = made(world, clock, witness)
    network.worked(PUBLIC)
    await settled(network)
    await clock.advance(1)
    return network


async def test_a_reference_that_never_answered_says_nothing(clock: FakeClock, witness: Witness) -> None:
    world = World("gateway:80")
    world.there.clear()
    network = await proven(world, clock, witness)
    assert world.asked == ["gateway:80"]
    assert await network.is_up(clock.monotonic())
    assert network.blind_since is None


async def test_nobody_is_asked_before_another_machine_has_answered(
    clock: FakeClock, witness: Witness
) -> None:
    world = World("gateway:80")
    network = made(world, clock, witness)
    assert await network.is_up(clock.monotonic())
    assert world.asked == []


async def test_a_loss_is_noticed_at_the_first_failure_and_noted_once(
    clock: FakeClock, witness: Witness, caplog: pytest.LogCaptureFixture
) -> None:
    world = World("a:53", "b:80")
    network = await proven(world, clock, witness)
    woken = []
    network.wake = lambda: woken.append(True)
    world.there.clear()
    await clock.advance(4)
    with caplog.at_level(logging.ERROR, "tickd.network"):
        assert [await network.is_up(clock.monotonic()) for _ in range(5)] == [False] * 5
    assert len(caplog.records) == len(woken) == 1
    assert network.blind_since == NOON
    assert world.asked == ["a:53", "b:80"] * 2
    for _ in range(3):
        await clock.advance(1)
        assert await network.tick(clock.now()) == clock.now() + 1000
    begun = clock.monotonic()
    world.there.add("b:80")
    await clock.advance(1)
    assert await network.tick(clock.now()) is None
    # What began while it was away is not believed even now.
    assert not await network.is_up(begun)
    await clock.advance(1)
    assert await network.is_up(clock.monotonic())
    assert [(one.started_at, one.ended_at) for one in witness._blind] == [(NOON, NOON + 9_000)]
    assert await network.tick(clock.now()) is None


async def test_a_thousand_failures_ask_once(clock: FakeClock, witness: Witness) -> None:
    world = World("a:53")
    network = await proven(world, clock, witness)
    found = await asyncio.gather(*(network.is_up(clock.monotonic()) for _ in range(1_000)))
    assert set(found) == {True}
    assert len(world.asked) == 2


async def test_an_answer_of_before_the_failure_says_nothing(clock: FakeClock, witness: Witness) -> None:
    world = World("a:53")
    network = await proven(world, clock, witness)
    assert await network.is_up(clock.monotonic())
    world.there.clear()
    await clock.advance(0.1)
    asking = asyncio.ensure_future(network.is_up(clock.monotonic()))
    await asyncio.sleep(0)
    assert not asking.done()
    await clock.advance(0.5)  # the pause between two askings
    assert not await asking


async def test_one_that_answers_is_enough_and_the_silent_one_is_believed_no_more(
    clock: FakeClock, witness: Witness
) -> None:
    world = World("a:53", "b:80")
    network = await proven(world, clock, witness)
    world.there = {"b:80"}
    assert await network.is_up(clock.monotonic())
    assert network._believed == {"b:80"}
    await clock.advance(BASELINE_SECS)
    world.there = {"a:53", "b:80"}
    network.worked(PRIVATE)
    await settled(network)
    assert network._believed == {"a:53", "b:80"}


async def test_another_network_has_other_references(clock: FakeClock, witness: Witness) -> None:
    world = World("old:80")
    network = await proven(world, clock, witness)
    world.there, world.known = {"new:80"}, []
    assert not await network.is_up(clock.monotonic())
    network.worked(PRIVATE)  # the next room is not the world
    assert network.is_blind()
    world.known = ["new:80"]
    await clock.advance(1)
    network.worked(PUBLIC)
    await settled(network)
    assert not network.is_blind()
    assert network._believed == {"new:80"}
    assert len(witness._blind) == 1


async def test_a_loss_does_not_reach_back_for_hours(clock: FakeClock, witness: Witness) -> None:
    world = World("a:53")
    network = await proven(world, clock, witness)
    await clock.advance(6 * 3600)
    world.there.clear()
    assert not await network.is_up(clock.monotonic())
    assert network.blind_since == clock.now() - times.MINUTE


async def test_a_stop_while_blind_notes_what_was_not_seen(clock: FakeClock, witness: Witness) -> None:
    world = World("a:53")
    network = await proven(world, clock, witness)
    world.there.clear()
    assert not await network.is_up(clock.monotonic())
    await clock.advance(5)
    await network.stop()
    assert [(one.started_at, one.ended_at) for one in witness._blind] == [(NOON, NOON + 6_000)]


async def test_a_clock_put_back_while_blind_makes_no_interval_backwards(
    clock: FakeClock, witness: Witness
) -> None:
    world = World("a:53")
    network = await proven(world, clock, witness)
    world.there.clear()
    assert not await network.is_up(clock.monotonic())
    clock.step(-times.HOUR)
    await network.stop()
    (blind,) = witness._blind
    assert blind.started_at <= blind.ended_at == clock.now()


async def test_a_reference_that_breaks_is_a_silent_one(clock: FakeClock, witness: Witness) -> None:
    async def broken(_reference: str) -> bool:
        raise RuntimeError("a bug")

    network = OwnNetwork(lambda: ["a:53"], broken, clock, witness)
    network.worked(PUBLIC)
    await settled(network)
    assert await network.is_up(clock.monotonic())


@pytest.mark.parametrize(
    ("address", "local"),
    [
        *(("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True)),
        *(("0.0.0.0", True), ("::", True), ("10.0.0.1", False), ("128.0.0.1", False), ("fe80::1", False)),
        *(("::ffff:10.0.0.1", False), ("2001:db8::1", False)),
    ],
)
def test_what_is_on_this_machine(address: str, local: bool) -> None:
    assert is_loopback(address) is local
    assert not (local and is_public(address))


# The whole daemon.


async def silent(talk: Talk) -> None:
    """Accept, and say nothing."""
    await talk.until_closed()


async def well(talk: Talk) -> None:
    """Answer as a target should."""
    await talk.request()
    await talk.send(OK)


async def no_answer(_reference: str) -> bool:
    """Reach nobody."""
    return False


async def blind(tickd: Harness) -> bool:
    """Whether `/metrics` says that our own network is lost."""
    async with tickd._session.get(tickd.url + "/metrics") as answer:
        return "\ntickd_blind 1.0\n" in await answer.text()


async def test_a_lost_network_blames_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """127.0.0.2 stands for another machine, 127.0.0.1 is this one, and the reference is a third."""
    clock, port = FakeClock(NOON), free_port()
    async with (
        AsyncExitStack() as world,
        running(tmp_path / "t.db", clock=clock, reference=(f"127.0.0.3:{port}",)) as tickd,
    ):
        network = tickd.daemon._network
        network.is_local = lambda address: address == "127.0.0.1"
        near = await world.enter_async_context(answering(OK))
        ways = AsyncExitStack()
        far = await ways.enter_async_context(serving(well, host="127.0.0.2"))
        await ways.enter_async_context(serving(silent, host="127.0.0.3", port=port))
        remote = [await watch(tickd, f"{far.url}/{number}", failure_threshold=1) for number in range(4)]
        for one in remote:
            await checked(tickd, one["id"], 1)
        here = await watch(tickd, near.url, failure_threshold=1)
        await settled(network)
        assert network._believed == {f"127.0.0.3:{port}"}
        gone = await watch(tickd, "http://127.0.0.1:9/", failure_threshold=1)
        await checked(tickd, gone["id"], 1)

        # The network goes. On loopback a closed port refuses at once, so the reference's silence is played.
        await ways.aclose()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(network, "_reach", no_answer)
            await clock.advance(30)
            for one in remote:
                newest, _ = await checked(tickd, one["id"], 2)
                assert newest["status"] == "unknown"
                assert newest["error"].startswith("tickd's own network was lost: ")
                shown = await watched(tickd, one["id"])
                assert (shown["status"], shown["consecutive_failures"]) == ("active", 0)
            assert (await checked(tickd, here["id"], 2))[0]["status"] == "up"
            assert (await checked(tickd, gone["id"], 2))[0]["status"] == "down"
            assert await blind(tickd)

        # It comes back, and with the second second all is believed again.
        await world.enter_async_context(serving(silent, host="127.0.0.3", port=port))
        await world.enter_async_context(serving(well, host="127.0.0.2", port=far.port))

        async def back() -> bool:
            await clock.advance(1)
            return not await blind(tickd)

        await eventually(back)
        for one in remote:
            path = f"/v1/monitors/{one['id']}"
            assert (await tickd.call("POST", path + "/check")).json["status"] == "up"
            uptime = (await tickd.call("GET", path + "/uptime")).json
            assert (uptime["checks_failed"], uptime["uptime_percent"]) == (0, 100.0)

        async def noted() -> object:
            await clock.advance(1)
            return await stored(tickd, BLIND)

        ((started, ended, cause),) = await eventually(noted)
        assert cause == "tickd's own network was lost"
        assert NOON <= started < started + 30_000 <= ended <= clock.now()
    lost = [one for one in caplog.records if one.getMessage().startswith("own network lost")]
    assert len(lost) == 1
