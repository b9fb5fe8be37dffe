"""The daemon that commands talk to: which one is meant, with which key, and what is said when it fails."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from tests.support.authority import self_signed
from tests.support.commands import Run
from tests.support.servers import free_port
from tickd.cli import remote as module
from tickd.cli.remote import Refused, Remote, Unreachable, profiles_file, remote
from tickd.errors import StartupError

FINE = b'{"fine": true}'


def answer(status: str, body: bytes, *more: str) -> bytes:
    """An HTTP response."""
    head = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *more)
    return "\r\n".join((*head, "", "")).encode() + body


class Scripted:
    """Says one thing after another to whoever connects; None breaks the connection off."""

    def __init__(
        self, listener: socket.socket, script: list[bytes | None], tls: ssl.SSLContext | None
    ) -> None:
        self.heard: list[bytes] = []
        self.port = listener.getsockname()[1]
        self.scheme = "http" if tls is None else "https"
        self._listener, self._script, self._tls = listener, script, tls

    def serve(self) -> None:
        """Until the script has ended."""
        for said in self._script:
            connection, _ = self._listener.accept()
            with connection:
                try:
                    self._talk(connection, said)
                except OSError:
                    continue

    def _talk(self, connection: socket.socket, said: bytes | None) -> None:
        peer = connection if self._tls is None else self._tls.wrap_socket(connection, server_side=True)
        head = b""
        while b"\r\n\r\n" not in head and (piece := peer.recv(65536)):
            head += piece
        self.heard.append(head)
        if said is not None:
            peer.sendall(said)
        peer.shutdown(socket.SHUT_RDWR)


@contextmanager
def scripted(
    *script: bytes | None, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[Scripted]:
    """A server that says these things, one a connection."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen()
        server = Scripted(listener, list(script), tls)
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        yield server
        thread.join(5.0)


def _at(server: Scripted, host: str = "127.0.0.1") -> Remote:
    return Remote(f"{server.scheme}://{host}:{server.port}", "tk_mine", 2.0)


@pytest.fixture
def config(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where profiles are kept."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    path = profiles_file()
    assert path == folder / "tickd" / "profiles.toml"
    path.parent.mkdir()
    return path


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """A file of that mode."""
    path.write_text(text)
    path.chmod(mode)


# Which daemon, and which key.

PROD = '[prod]\nurl = "https://tickd.example.com/"\nkey = "tk_prod"\n'


def test_without_anything_it_is_the_daemon_of_this_machine(config: Path) -> None:
    assert remote(None, None, None) == Remote("http://127.0.0.1:8090", "")


def test_a_profile_has_an_address_and_its_key(config: Path) -> None:
    write(config, PROD)
    assert remote(None, None, "prod") == Remote("https://tickd.example.com", "tk_prod")
    assert remote(None, "tk_other", "prod").key == "tk_other"
    assert "tk_prod" not in repr(remote(None, None, "prod"))


def test_the_key_of_a_profile_goes_to_no_other_address(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(config, PROD.replace("prod]", "default]"))
    assert remote(None, None, None).key == "tk_prod"
    assert remote("http://elsewhere", None, None).key == ""
    monkeypatch.setenv("TICKD_PROFILE", "default")
    assert remote("http://elsewhere", None, None) == Remote("http://elsewhere", "")
    monkeypatch.delenv("TICKD_PROFILE")
    monkeypatch.setenv("TICKD_URL", "http://elsewhere")
    assert remote(None, None, None).key == ""
    with pytest.raises(click.UsageError, match="not both"):
        remote("http://elsewhere", None, "default")


def test_a_named_profile_wins_over_the_environment(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(config, PROD)
    monkeypatch.setenv("TICKD_URL", "http://elsewhere")
    monkeypatch.setenv("TICKD_API_KEY", "tk_env")
    assert remote(None, None, "prod") == Remote("https://tickd.example.com", "tk_prod")
    assert remote(None, None, None) == Remote("http://elsewhere", "tk_env")
    monkeypatch.setenv("TICKD_PROFILE", "prod")
    assert remote(None, None, None).key == "tk_prod"


def test_a_key_may_be_in_a_file_or_in_a_variable(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(config.with_name("key"), "tk_file\n")
    write(config, f'[a]\nurl = "http://a"\nkey_file = "{config.with_name("key")}"\n'
                  '[b]\nurl = "http://b"\nkey_env = "B_KEY"\n')  # fmt: skip
    assert remote(None, None, "a").key == "tk_file"
    # The key of the environment is perhaps another daemon's.
    monkeypatch.setenv("TICKD_API_KEY", "tk_env")
    with pytest.raises(StartupError, match="B_KEY, the key of profile b, is not set"):
        remote(None, None, "b")
    monkeypatch.setenv("B_KEY", "tk_b")
    assert remote(None, None, "b").key == "tk_b"


@pytest.mark.parametrize("name", ["prod", "default"])
def test_the_key_of_the_environment_goes_to_no_profile(
    config: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    write(config, f'[{name}]\nurl = "http://127.0.0.1:9"\n')
    monkeypatch.setenv("TICKD_API_KEY", "tk_env")
    assert remote(None, None, name).key == ""
    assert remote(None, "tk_mine", name).key == "tk_mine"
    monkeypatch.setenv("TICKD_PROFILE", name)
    assert remote(None, None, None) == Remote("http://127.0.0.1:9", "")
    assert remote("http://elsewhere", None, None) == Remote("http://elsewhere", "tk_env")


def test_without_the_key_of_a_profile_it_is_said_that_it_belongs_there(run: Run, config: Path) -> None:
    with scripted(answer("401 Unauthorized", b'{"error": "an API key is missing"}')) as server:
        write(config, f'[prod]\nurl = "http://127.0.0.1:{server.port}"\n')
        ended = run("status", "--profile", "prod")
    assert ended.status == 1
    assert "give one in the profile or --key" in ended.err
    assert b"Authorization" not in server.heard[0]


@pytest.mark.parametrize("option", ["--url", "--key", "--profile"])
@pytest.mark.parametrize("value", ["", " "])
def test_an_option_that_is_empty_is_refused(run: Run, option: str, value: str) -> None:
    ended = run("status", option, value)
    assert (ended.status, ended.out) == (2, "")
    assert f"{option} is given, but empty" in ended.err


@pytest.fixture
def homeless(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody, who has no home."""

    def nobody(_number: int) -> None:
        raise KeyError

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)


@pytest.mark.usefixtures("homeless")
def test_without_a_home_there_are_no_profiles(run: Run) -> None:
    assert remote(None, None, None) == Remote("http://127.0.0.1:8090", "")
    for arguments in (
        ["status", "--profile", "a"],
        ["profile", "list"],
        ["profile", "add", "a", "--url", "http://a"],
        ["profile", "remove", "a"],
    ):
        ended = run(*arguments)
        assert (ended.status, ended.out) == (1, "")
        assert ended.err == "tickd: ~/.config is nowhere: there is no home directory; set HOME\n"


@pytest.mark.usefixtures("homeless")
def test_without_a_home_a_key_is_not_in_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    profiles_file().parent.mkdir()
    write(profiles_file(), '[a]\nurl = "http://a"\nkey_file = "~/key"\n')
    with pytest.raises(StartupError, match="~/key is nowhere: there is no home directory"):
        remote(None, None, "a")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a", "is not valid TOML"),
        ('a = "b"', "profile a in .* must be a table with a url"),
        ('[a]\nkey = "b"', "must be a table with a url"),
        ('[a]\nurl = "http://a"\nkeys = "b"', "has an unknown field: keys"),
        ('[a]\nurl = "http://a"\nkey = 7', "key of profile a in .* must be text"),
        ('[a]\nurl = "a"', "url of profile a must be an address such as"),
        ('[b]\nurl = "http://b"', "there is no profile a in "),
    ],
)
def test_what_is_wrong_with_the_file_is_said(config: Path, text: str, said: str) -> None:
    write(config, text)
    with pytest.raises(StartupError, match=said):
        remote(None, None, "a")


def test_who_may_read_the_keys_of_others_is_told(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(config, PROD, 0o640)
    assert remote(None, None, "prod").key == "tk_prod"
    assert capsys.readouterr().err == f"tickd: others may read the keys in {config}; chmod 600 it\n"
    write(config, '[prod]\nurl = "http://a"\n', 0o644)
    remote(None, None, "prod")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "url",
    ["localhost:8090", "ftp://a", "http://", "http://u:p@a", "http://a?x=1", "http://a#b", "http://a b", "http://ä",
     "http://a:0", "http://a:99999", "http://a/\x1b[2J"],
)  # fmt: skip
def test_what_is_no_address_is_refused(config: Path, url: str) -> None:
    with pytest.raises(StartupError, match="--url must be an address such as https"):
        remote(url, None, None)


def test_a_key_that_is_no_key_is_refused(config: Path) -> None:
    with pytest.raises(StartupError, match="the API key must be plain text"):
        remote(None, "tk_\r\nEvil: 1", None)


# Profiles as commands.


def test_profiles_are_added_listed_and_removed(run: Run, config: Path) -> None:
    assert run("profile", "add", "prod", "--url", "https://a.example/", typed="tk_secret\n").status == 0
    assert run("profile", "add", "lab", "--url", "http://lab:8090", "--key-env", "LAB_KEY").status == 0
    assert config.stat().st_mode & 0o777 == 0o600
    assert remote(None, None, "prod") == Remote("https://a.example", "tk_secret")
    listed = run("profile", "list")
    assert listed.out.splitlines()[1:] == [
        "lab\thttp://lab:8090\tin the variable LAB_KEY",
        "prod\thttps://a.example\there",
    ]
    assert "tk_secret" not in listed.out
    assert run("profile", "remove", "prod").status == 0
    assert run("profile", "remove", "prod").status == 4
    assert [line.split("\t")[0] for line in run("profile", "list").out.splitlines()[1:]] == ["lab"]


def test_a_profile_with_a_wrong_address_is_not_kept(run: Run, config: Path) -> None:
    assert run("profile", "add", "a", "--url", "a.example").status == 1
    assert run("profile", "add", "a", "--url", "http://a", "--key-env", "A", "--key-file", "b").status == 2
    assert not config.exists()


# Calls.


def test_a_call_has_the_key_and_its_answer_is_decoded() -> None:
    with scripted(answer("200 OK", FINE), answer("204 No Content", b"")) as server:
        assert _at(server).call("POST", "/v1/x", {"a": 1}, {"q": "ä &", "none": None}) == {"fine": True}
        assert _at(server).call("DELETE", "/v1/x") is None
    head = server.heard[0].decode()
    assert head.startswith("POST /v1/x?q=%C3%A4+%26 HTTP/1.1\r\n")
    assert "\r\nAuthorization: Bearer tk_mine\r\n" in head


def test_a_daemon_may_have_an_address_of_the_sixth_version_and_a_path() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("needs IPv6")
    with scripted(answer("200 OK", FINE), host="::1") as server:
        at = Remote(f"http://[::1]:{server.port}/tickd", "", 2.0)
        assert at.call("GET", "/v1/x") == {"fine": True}
    assert server.heard[0].startswith(b"GET /tickd/v1/x ")


def test_a_call_that_reads_is_made_again_where_the_connection_breaks() -> None:
    with scripted(None, answer("200 OK", FINE)) as server:
        assert _at(server).call("GET", "/v1/x") == {"fine": True}
    assert len(server.heard) == 2


def test_a_call_that_writes_is_made_once() -> None:
    with scripted(None) as server, pytest.raises(Unreachable, match="broke the connection off"):
        _at(server).call("POST", "/v1/x")
    assert len(server.heard) == 1


def test_half_an_answer_is_none() -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
    with scripted(half, half) as server, pytest.raises(Unreachable, match="broke the connection off"):
        _at(server).call("GET", "/v1/x")


def test_a_redirect_is_not_followed() -> None:
    moved = answer("301 Moved", b"", "Location: https://b.example/")
    with (
        scripted(moved) as server,
        pytest.raises(Unreachable, match=r"redirects to https://b\.example/; give"),
    ):
        _at(server).call("GET", "/v1/x")


@pytest.mark.parametrize("status", ["200 OK", "502 Bad Gateway"])
def test_a_page_of_a_proxy_is_no_answer(status: str) -> None:
    page = answer(status, b"<html>Bad gateway</html>")
    with (
        scripted(page) as server,
        pytest.raises(Unreachable, match=f"answered {status[:3]}, but not as tickd"),
    ):
        _at(server).call("GET", "/v1/x")


def test_a_list_that_is_none_is_no_answer() -> None:
    with scripted(answer("200 OK", FINE)) as server, pytest.raises(Unreachable, match="not as tickd does"):
        list(_at(server).each("/v1/jobs", "jobs"))


def test_a_refusal_is_the_daemon_s_own_sentence() -> None:
    with (
        scripted(answer("404 Not Found", b'{"error": "no job x"}')) as server,
        pytest.raises(Refused) as refused,
    ):
        _at(server).call("GET", "/v1/x")
    assert (refused.value.status, refused.value.exit_status, refused.value.message) == (404, 4, "no job x")


def test_nothing_in_a_refusal_reaches_the_terminal() -> None:
    evil = json.dumps({"error": "\x1b]0;owned\x07 \x9b2J \u202e"}).encode()
    with scripted(answer("400 Bad", evil)) as server, pytest.raises(Refused) as refused:
        _at(server).call("GET", "/v1/x")
    assert refused.value.message.isprintable()


@pytest.mark.parametrize(("key", "said"), [("", "give one in"), ("tk_mine", "another key in")])
def test_without_a_good_key_it_is_said_where_one_comes_from(key: str, said: str) -> None:
    reply = answer("401 Unauthorized", b'{"error": "an API key is missing"}')
    with scripted(reply) as server, pytest.raises(Refused) as refused:
        Remote(f"http://127.0.0.1:{server.port}", key).call("GET", "/v1/x")
    assert refused.value.message.startswith("an API key is missing; give ")
    assert said in refused.value.message
    assert "`tickd key create`" in refused.value.message


@pytest.mark.parametrize("status", ["429 Too Many", "503 Unavailable"])
def test_how_long_to_wait_is_said(status: str) -> None:
    reply = answer(status, b'{"error": "not now"}', "Retry-After: 7")
    with scripted(reply) as server, pytest.raises(Refused, match=r"^not now; try again in 7 s$"):
        _at(server).call("GET", "/v1/x")


def test_where_nothing_listens_it_is_said() -> None:
    with pytest.raises(Unreachable, match="can't be reached: Connection refused"):
        Remote(f"http://127.0.0.1:{free_port()}", "").call("GET", "/v1/x")


def test_a_name_that_nobody_knows_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Unreachable, match="can't be reached: Name or service not known"):
        Remote("http://nowhere.invalid", "").call("GET", "/v1/x")


def test_one_that_is_too_slow_is_said() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(Unreachable, match="does not answer within"):
            Remote(url, "", 0.05).call("GET", "/v1/x")


def test_a_certificate_that_nobody_signed_is_not_believed() -> None:
    said = "is not believed: self-signed certificate"
    tls = self_signed("127.0.0.1")
    with scripted(answer("200 OK", FINE), tls=tls) as server, pytest.raises(Unreachable, match=said):
        _at(server).call("GET", "/v1/x")
    assert server.heard == []


def test_commands_end_with_3_where_there_is_no_daemon(run: Run) -> None:
    ended = run("status", "--url", f"http://127.0.0.1:{free_port()}")
    assert (ended.status, ended.out) == (3, "")
    assert ended.err.startswith("tickd: http://127.0.0.1:")
    assert module.TIMEOUT_SECS == 30
