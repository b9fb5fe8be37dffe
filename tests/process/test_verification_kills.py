"""kill -9 and SIGTERM in the middle of a batch of addresses: every address has one result in the end."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import dns.message
import dns.rrset
import pytest

from tests.support.daemon import KEY
from tests.support.process import Child, eventually, query, served

BATCH = "/v1/verify/batch"
ADDRESSES = 300
FIRST = 130
"""So many domains get an answer before the name server falls silent."""


class Names:
    """A name server on a thread, which answers for every domain, and after so many for none."""

    def __init__(self, most: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.most = most
        self.answered: Counter[str] = Counter()

    def serve(self) -> None:
        while data := self._socket.recvfrom(4096):
            if not data[0]:
                return
            asked = dns.message.from_wire(data[0])
            name = asked.question[0].name
            domain = name.to_text(omit_final_dot=True)
            if len(self.answered) >= self.most and domain not in self.answered:
                continue
            self.answered[domain] += 1
            response = dns.message.make_response(asked)
            response.answer.append(dns.rrset.from_text(name, 300, "IN", "MX", f"10 mx.{domain}."))
            self._socket.sendto(response.to_wire(), data[1])

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))


@contextmanager
def naming(most: int) -> Iterator[Names]:
    """A name server that runs."""
    names = Names(most)
    thread = threading.Thread(target=names.serve)
    thread.start()
    try:
        yield names
    finally:
        names.close()
        thread.join(5)
        names._socket.close()


def begun(tickd: Child) -> str:
    """The id of a batch that is stored and under way."""
    body = json.dumps({"emails": [f"ada@domain-{number}.com" for number in range(ADDRESSES)]})
    headers = {"Authorization": f"Bearer {KEY}", "Prefer": "respond-async"}
    with closing(http.client.HTTPConnection(tickd.url.removeprefix("http://"), timeout=10)) as connection:
        connection.request("POST", BATCH, body, headers)
        answer = connection.getresponse()
        said = json.loads(answer.read())
    assert answer.status == 202, said
    return str(said["id"])


def batch(tickd: Child, identifier: str) -> Any:
    return tickd.call("GET", f"{BATCH}/{identifier}?limit=1000").json


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_batch_goes_on_behind_its_end_with_what_has_no_result(db: Path, end: str) -> None:
    with naming(FIRST) as names:
        server = f"127.0.0.1:{names.port}"
        with served(db, dns_server=server) as tickd:
            identifier = begun(tickd)
            eventually(lambda: batch(tickd, identifier)["done"] == FIRST)
            before = batch(tickd, identifier)
            assert before["status"] == "running"
            if end == "kill":
                tickd.kill()
            else:
                status, seconds = tickd.stop()
                assert (status, seconds < 3) == (0, True)
        names.most = ADDRESSES
        names.answered.clear()
        with served(db, dns_server=server) as tickd:
            eventually(lambda: batch(tickd, identifier)["status"] == "done", 20)
            after = batch(tickd, identifier)
            used = tickd.call("GET", "/v1/account").json["use"]["verifications_this_month"]
    assert (after["done"], after["valid"], after["unknown"]) == (ADDRESSES, ADDRESSES, 0)
    assert [one["index"] for one in after["results"]] == list(range(ADDRESSES))
    # What had a result has the same one still, and nobody was asked about it again.
    kept = {one["index"]: one["id"] for one in before["results"]}
    assert len(kept) == FIRST
    assert {one["index"]: one["id"] for one in after["results"] if one["index"] in kept} == kept
    assert len(names.answered) == ADDRESSES - FIRST
    assert used == ADDRESSES
    counted = query(db, "SELECT count(*), count(DISTINCT position) FROM verifications")
    assert counted == [(ADDRESSES, ADDRESSES)]
    assert query(db, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_what_is_deleted_under_way_does_not_come_back(db: Path, end: str) -> None:
    with naming(FIRST) as names:
        server = f"127.0.0.1:{names.port}"
        with served(db, dns_server=server) as tickd:
            identifier = begun(tickd)
            eventually(lambda: batch(tickd, identifier)["done"] == FIRST)
            one, another, *_ = batch(tickd, identifier)["results"]
            assert tickd.call("DELETE", f"/v1/verify/history/{one['id']}").status == 204
            deleted = tickd.call("DELETE", f"/v1/verify/history?email={another['email']}").json["deleted"]
            assert deleted == 1
            assert batch(tickd, identifier)["done"] == FIRST
            if end == "kill":
                tickd.kill()
            else:
                tickd.stop()
        with served(db, dns_server=server) as tickd:
            # Nobody answers still: what is told is what was stored.
            assert batch(tickd, identifier)["done"] == FIRST
            assert tickd.call("DELETE", "/v1/verify/history").json["deleted"] == FIRST - 2
            assert batch(tickd, identifier)["done"] == FIRST
            tickd.kill()
        names.most = ADDRESSES
        names.answered.clear()
        with served(db, dns_server=server) as tickd:
            eventually(lambda: batch(tickd, identifier)["status"] == "done", 20)
            after = batch(tickd, identifier)
            used = tickd.call("GET", "/v1/account").json["use"]["verifications_this_month"]
    assert (after["done"], after["valid"], after["unknown"], used) == (ADDRESSES, ADDRESSES, 0, ADDRESSES)
    assert [found["index"] for found in after["results"]] == list(range(FIRST, ADDRESSES))
    assert not {f"domain-{number}.com" for number in range(FIRST)} & set(names.answered)
    assert query(db, "SELECT count(*) FROM verifications") == [(ADDRESSES - FIRST,)]


def test_kills_at_random_lose_nothing(db: Path) -> None:
    with naming(ADDRESSES) as names:
        server = f"127.0.0.1:{names.port}"
        with served(db, dns_server=server) as tickd:
            made = [begun(tickd) for _ in range(5)]
            tickd.kill()
        for share in (0.2, 0.6):
            with served(db, dns_server=server) as tickd:
                wanted = share * len(made) * ADDRESSES
                eventually(lambda: sum(batch(tickd, one)["done"] for one in made) >= wanted)  # noqa: B023
                tickd.kill()
        with served(db, dns_server=server) as tickd:
            for identifier in made:
                eventually(lambda: batch(tickd, identifier)["status"] == "done", 20)  # noqa: B023
                done = batch(tickd, identifier)
                assert (done["valid"], done["done"]) == (ADDRESSES, ADDRESSES)
                assert [one["index"] for one in done["results"]] == list(range(ADDRESSES))
    assert query(db, "SELECT count(*) FROM verifications") == [(len(made) * ADDRESSES,)]
