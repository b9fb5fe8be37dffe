"""The sockets of DNS queries: none is left open, whenever its query is cancelled."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.support.servers import both_loops
from tickd.outbound.dns_sockets import Sockets


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@both_loops
async def test_a_cancelled_query_leaves_no_socket(turns: int) -> None:
    task = asyncio.create_task(Sockets().make_socket(socket.AF_INET, socket.SOCK_DGRAM))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    # The harness of both loops fails a test that leaves a socket or a task behind.
    await asyncio.wait([task])
    if not task.cancelled():
        await task.result().close()


@both_loops
async def test_a_query_that_is_not_cancelled_has_its_socket() -> None:
    made = await Sockets().make_socket(socket.AF_INET, socket.SOCK_DGRAM)
    await made.sendto(b"x", ("127.0.0.1", 9), None)
    await made.close()
