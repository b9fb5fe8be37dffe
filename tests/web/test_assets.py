"""Static files: served under a name that changes with them, packed as the browser takes it."""

from __future__ import annotations

import gzip
from importlib import resources
from pathlib import Path

import aiohttp
import brotli
import pytest

from tests.support.daemon import running
from tickd.web import assets, compression


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("", ""),
        ("identity", ""),
        ("gzip", "gzip"),
        ("gzip, deflate, br", "br"),
        ("GZIP;q=0.5, BR;q=0", "gzip"),
        ("br;q=nonsense", ""),
        ("br;q=0.001", "br"),
        ("zstd, *;q=0", ""),
    ],
)
def test_the_best_encoding_that_is_accepted_is_chosen(accepted: str, encoding: str) -> None:
    assert compression.chosen(accepted) == encoding


def test_every_file_has_a_path_with_its_mark_in_it() -> None:
    folder = resources.files("tickd") / "static"
    for name, asset in assets.assets().items():
        assert (folder / name).read_bytes() == asset.content
        assert asset.path.startswith("/static/" + name.rpartition(".")[0] + ".")
    assert assets.address("app.css") == assets.assets()["app.css"].path


def test_every_vendored_script_has_its_licence_beside_it() -> None:
    vendored = {Path(name).name.split(".")[0].split("-")[0] for name in assets.assets() if "vendor/" in name}
    licences = {Path(name).name.split(".")[0] for name in assets.assets() if name.endswith(".LICENSE.txt")}
    assert licences == vendored != set()


@pytest.mark.parametrize("encoding", ["", "gzip", "br"])
async def test_a_file_arrives_whole_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    asset = assets.assets()["app.css"]
    async with running(tmp_path / "t.db") as tickd, aiohttp.ClientSession(auto_decompress=False) as session:
        for _ in range(2):  # the second one comes out of memory
            async with session.get(tickd.url + asset.path, headers={"Accept-Encoding": encoding}) as answer:
                raw = await answer.read()
                assert answer.headers.get("Content-Encoding", "") == encoding
                assert "immutable" in answer.headers["Cache-Control"]
                assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
            unpacked = {"": bytes, "gzip": gzip.decompress, "br": brotli.decompress}[encoding](raw)
            assert unpacked == asset.content


async def test_a_file_under_another_mark_is_not_there(tmp_path: Path) -> None:
    async with running(tmp_path / "t.db") as tickd:
        assert (await tickd.call("GET", "/static/app.0000000000.css", key=None)).status == 404
        assert (await tickd.call("GET", "/static/../app.py", key=None)).status == 404
