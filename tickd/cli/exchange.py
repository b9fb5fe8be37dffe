"""One request to a daemon and its answer, which has so much time and so many bytes, all in all."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from contextlib import suppress
from email.message import Message
from threading import Event, Thread
from typing import ClassVar, NamedTuple
from urllib.parse import urlsplit

from tickd import __version__
from tickd.cli.terminal import safe
from tickd.errors import TickdError

ANSWER_MOST = 64 * 1024 * 1024
"""The largest answer that is read, in bytes."""
SAID_MOST = 2_000
"""How many letters of a sentence of the daemon are shown."""


def shown(message: str) -> str:
    """A sentence with words of the daemon in it, as it may be shown: safe, and not endless."""
    return safe(message if len(message) <= SAID_MOST else message[: SAID_MOST - 1] + "…")


class Unreachable(TickdError):
    """No daemon answered, or not as tickd does."""

    code = "unreachable"
    exit_status: ClassVar[int] = 3

    def __init__(self, message: str) -> None:
        super().__init__(shown(message))


class Broken(Unreachable):
    """The connection broke off before the answer was there."""


class Call(NamedTuple):
    """What is asked: the path has its query, and the body becomes JSON where there is one."""

    method: str
    path: str
    body: object = None


Answer = tuple[int, Message, bytes]
"""A status, the headers and the body."""
_Connection = http.client.HTTPConnection


def exchange(url: str, key: str, call: Call, seconds: float) -> Answer:
    """What the daemon at that address answers within that time; else Unreachable.

    A thread talks, because the timeout of a socket begins anew with every byte, and the look-up of a name has
    none.
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else _Connection
    connection = kind(parts.hostname or "", parts.port, timeout=seconds)
    # The connection forgets its socket where the answer ends with it.
    sockets: list[socket.socket] = []
    got: list[Answer | BaseException] = []
    is_over = Event()

    def talk() -> None:
        try:
            connection.connect()
            sockets.append(connection.sock)
            if is_over.is_set():
                # Nothing is to be done that has been said to have failed.
                return
            got.append(_talk(connection, url, key, call._replace(path=parts.path + call.path)))
        except BaseException as error:
            got.append(error)
        finally:
            connection.close()

    thread = Thread(target=talk, daemon=True)
    thread.start()
    thread.join(seconds)
    try:
        if not got:
            is_over.set()
            _hang_up(*sockets)
            raise TimeoutError
        if isinstance(got[0], BaseException):
            raise got[0]
        return got[0]
    except TimeoutError as error:
        raise Unreachable(f"{url} does not answer within {seconds:.0f} s") from error
    except ssl.SSLCertVerificationError as error:
        raise Unreachable(f"{url} is not believed: {error.verify_message}") from error
    except (ConnectionResetError, BrokenPipeError, http.client.IncompleteRead) as error:
        raise Broken(f"{url} broke the connection off") from error
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Unreachable(f"{url} can't be reached: {words}") from error


def _hang_up(*sockets: socket.socket) -> None:
    """Let the thread that talks over them end."""
    for one in sockets:
        with suppress(OSError):
            # Not the shutdown of TLS: another thread is in the middle of it.
            socket.socket.shutdown(one, socket.SHUT_RDWR)


def _talk(connection: _Connection, url: str, key: str, call: Call) -> Answer:
    headers = {"User-Agent": f"tickd/{__version__}", "Accept": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    sent = None if call.body is None else json.dumps(call.body).encode()
    if sent is not None:
        headers["Content-Type"] = "application/json"
    connection.request(call.method, call.path, sent, headers)
    with connection.getresponse() as response:
        return response.status, response.headers, _read(response, url)


def _read(response: http.client.HTTPResponse, url: str) -> bytes:
    told = response.length or 0
    # Without a size to read, it says where less comes than was told.
    raw = b"" if told > ANSWER_MOST else response.read() if told else response.read(ANSWER_MOST + 1)
    if max(told, len(raw)) > ANSWER_MOST:
        raise Unreachable(f"{url} answers with more than {ANSWER_MOST // 2**20} MB")
    return raw
