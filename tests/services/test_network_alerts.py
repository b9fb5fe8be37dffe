"""A lost network: what fails meanwhile opens no incident, and the end of it is told once."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.contract.beating import heartbeat, sent
from tests.services.test_network import blind, no_answer, settled, silent, well
from tests.services.watching import checked, stored, watch
from tests.support.clock import FakeClock
from tests.support.daemon import NOON, eventually, running
from tests.support.endpoint import serving as receiving
from tests.support.servers import free_port, serving
from tickd.domain import times


async def test_a_lost_network_is_told_once_and_opens_nothing(tmp_path: Path) -> None:
    """127.0.0.2 stands for another machine, 127.0.0.1 is this one, and the reference is a third."""
    clock, port = FakeClock(NOON), free_port()
    async with (
        receiving() as receiver,
        AsyncExitStack() as world,
        running(tmp_path / "t.db", clock=clock, reference=(f"127.0.0.3:{port}",)) as tickd,
    ):
        network = tickd.daemon._network
        network.is_local = lambda address: address == "127.0.0.1"
        far = await world.enter_async_context(serving(well, host="127.0.0.2"))
        await world.enter_async_context(serving(silent, host="127.0.0.3", port=port))
        hook = {"name": "programs", "kind": "webhook", "url": receiver.url}
        assert (await tickd.call("POST", "/v1/channels", hook)).status == 201
        remote = await watch(tickd, far.url, failure_threshold=1)
        await checked(tickd, remote["id"], 1)
        await settled(network)
        beat: dict[str, Any] = await heartbeat(tickd, interval_secs=3600, grace_secs=0, failure_threshold=1)
        await sent(tickd, f"/p/{beat['short_token']}")

        with pytest.MonkeyPatch.context() as patch:
            await world.aclose()
            patch.setattr(network, "_reach", no_answer)
            await clock.advance(30)
            assert (await checked(tickd, remote["id"], 2))[0]["status"] == "unknown"
            assert await blind(tickd)
            await clock.advance(3600)  # over the heartbeat's deadline
            assert receiver.calls == []
            # All comes back together: who is still away once the reference answers has failed by itself.
            await world.enter_async_context(serving(well, host="127.0.0.2", port=far.port))
            await world.enter_async_context(serving(silent, host="127.0.0.3", port=port))

        # How many seconds this takes is up to the machine's load, but they are far from the next deadline.
        async def told() -> bool:
            await clock.advance(1)
            return len(receiver.calls) > 0

        await eventually(told)
        for _ in range(5):
            await clock.advance(1)
        assert len(receiver.calls) == 1
        assert b'"event":"tickd.blind"' in receiver.calls[0].body
        ((started, ended),) = await stored(tickd, "SELECT started_at, ended_at FROM blind_intervals")
        for moment in (started, ended):
            assert times.iso_offset(moment).encode() in receiver.calls[0].body
        assert NOON <= started <= NOON + 30_000

        async def events() -> list[str]:
            answer = await tickd.call("GET", f"/v1/heartbeats/{beat['id']}/events")
            return [one["kind"] for one in answer.json["events"]]

        assert await eventually(events) == ["moved"]
        assert await stored(tickd, "SELECT * FROM incidents") == []
