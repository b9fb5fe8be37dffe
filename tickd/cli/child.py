"""The command that `tickd exec` runs: begun at once, its output copied, signals passed on to it."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import threading
from collections.abc import Callable
from fcntl import ioctl
from struct import unpack
from termios import FIONREAD
from typing import TYPE_CHECKING

from tickd.cli.pings import BODY_BYTES, say

if TYPE_CHECKING:
    from tickd.clock import Clock

DRAIN_SECS = 0.5
"""How long output is waited for that something left behind by the command may still write."""
NOT_FOUND, NOT_STARTED, OUTPUT_LOST = 127, 126, 74
"""Exit statuses as shells have them, and EX_IOERR."""

ENDING = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM})
_PASSED_ON = ENDING | {signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT, signal.SIGWINCH}
# What Python ignores, and a command must not.
_TO_DEFAULT = (signal.SIGPIPE, signal.SIGXFSZ)
_FROM_KERNEL = 0x80
_CHUNK = 65_536


class Tail:
    """The end of what both streams carried."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = b""

    def add(self, chunk: bytes) -> None:
        """Keep the end of it; a few bytes more than are sent, to see where a letter begins."""
        with self._lock:
            self._bytes = (self._bytes + chunk)[-BODY_BYTES - 4 :]

    def get(self) -> bytes:
        """What is kept at the moment."""
        with self._lock:
            return self._bytes


class Pump:
    """Copies a pipe that the command writes to one of our own streams, on a thread."""

    def __init__(self, target: int, tail: Tail, ended: int, done: Callable[[], None]) -> None:
        self.source, self.inlet = os.pipe()
        self.finished = threading.Event()
        self.error: OSError | None = None
        self.clock: Clock | None = None
        self._target, self._tail, self._ended, self._done = target, tail, ended, done
        threading.Thread(target=self._run, name=f"pump {target}", daemon=True).start()

    def _run(self) -> None:
        try:
            self._copy()
        except BrokenPipeError:
            pass  # closing the source tells the command
        except OSError as error:
            self.error = error
        finally:
            os.close(self.source)
            self.finished.set()
            self._done()

    def _copy(self) -> None:
        poll = select.poll()
        poll.register(self.source, select.POLLIN)
        poll.register(self._ended, 0)
        poll.register(self._target, 0)
        clock, until, left = None, 0.0, 0
        while True:
            wait = None if clock is None else max(0.0, until - clock.monotonic()) * 1000
            ready = dict(poll.poll(wait))
            if self._target in ready:
                if ready[self._target] & select.POLLERR:
                    return  # nobody reads us any more: nobody reads the command
                poll.unregister(self._target)
            if self._ended in ready:
                poll.unregister(self._ended)
                clock, left = self.clock, _waiting(self.source)
                until = clock.monotonic() + DRAIN_SECS if clock is not None else 0.0
                continue
            if self.source not in ready:
                if clock is not None and clock.monotonic() >= until:
                    return
                continue
            chunk = os.read(self.source, _CHUNK)
            if not chunk:
                return
            self._tail.add(chunk)
            _write(self._target, chunk)
            left -= len(chunk)
            # All that the command wrote is out, however slowly; what it left behind has had its time.
            if clock is not None and left <= 0 and clock.monotonic() >= until:
                return


def _waiting(descriptor: int) -> int:
    """How many bytes a pipe holds."""
    return int(unpack("i", ioctl(descriptor, FIONREAD, b"\0" * 4))[0])


def _write(descriptor: int, data: bytes) -> None:
    """Write all of it, to a stream that another program may have made non-blocking, too."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            poll.poll()


class Child:
    """A running command, or what `failure` says became of it.

    From its making on, the signals that are passed on are blocked in this process: one loop waits for
    them and for the command, and reads who sent them.
    """

    def __init__(self, command: tuple[str, ...], *, capture: bool) -> None:
        self.tail = Tail()
        self.status: int | None = None
        self.failure = ""
        self.told_to_end = False
        self._pumps: list[Pump] = []
        self._pid = 0
        closed = _plug_holes()
        ignored = {one for one in _PASSED_ON if signal.getsignal(one) == signal.SIG_IGN}
        self._heard = _PASSED_ON - ignored | {signal.SIGCHLD}
        # Where it is ignored, the kernel throws exit statuses away.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        mask = {signal.Signals(one) for one in signal.pthread_sigmask(signal.SIG_BLOCK, self._heard)}
        self._ended, self._alive = os.pipe()
        actions = self._redirected({1, 2} - closed) if capture else []
        try:
            self._pid = _spawned(command, actions, mask)
        except OSError as error:
            missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
            self.status = NOT_FOUND if missing else NOT_STARTED
            self.failure = f"can't run {command[0]}: {error.strerror}"
        for pump in self._pumps:
            os.close(pump.inlet)

    def _redirected(self, streams: set[int]) -> list[tuple[int, int, int]]:
        """Begin to pump, and say how the command's streams become the pipes'."""
        found = {number: os.fstat(number) for number in sorted(streams)}
        # Where both lead to one place, as under cron, one pipe keeps what is written in its order.
        one_place = len({(file.st_dev, file.st_ino) for file in found.values()}) == 1
        actions = []
        for number in found:
            if not (one_place and self._pumps):
                try:
                    self._pumps.append(Pump(number, self.tail, self._ended, self.wake))
                except (OSError, RuntimeError) as error:
                    say(f"output is not kept: {error}")
                    break
            actions.append((os.POSIX_SPAWN_DUP2, self._pumps[-1].inlet, number))
        return actions

    @property
    def drained(self) -> bool:
        """Whether everything that was written has been copied."""
        return all(pump.finished.is_set() for pump in self._pumps)

    @property
    def lost(self) -> OSError | None:
        """Why output could not be written to our own streams, where it could not."""
        return next((pump.error for pump in self._pumps if pump.error is not None), None)

    def wake(self) -> None:
        """Let `heard` return; any thread may call it."""
        os.kill(os.getpid(), signal.SIGCHLD)

    def heard(self, secs: float | None) -> int:
        """The next signal, or 0 after `secs` (None: never) and where something is to be looked at."""
        if secs is None:
            found = signal.sigwaitinfo(self._heard)
        else:
            timed = signal.sigtimedwait(self._heard, secs)
            if timed is None:
                return 0
            found = timed
        self._pass_on(found)
        return 0 if found.si_signo == signal.SIGCHLD else found.si_signo

    def _pass_on(self, found: signal.struct_siginfo) -> None:
        number = found.si_signo
        if self.status is not None or number == signal.SIGCHLD:
            return
        if number in ENDING:
            self.told_to_end = True
        # The terminal tells its whole foreground group: a second SIGINT makes many a program drop everything.
        if found.si_code == _FROM_KERNEL and number in (signal.SIGINT, signal.SIGQUIT):
            return
        with contextlib.suppress(OSError):
            os.kill(self._pid, number)

    def wait(self) -> int:
        """The command's exit status when it has ended, 128 and the signal where one ended it."""
        while self.status is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self.status = code if code >= 0 else 128 - code
            else:
                self.heard(None)
        return self.status

    def drain(self, clock: Clock) -> None:
        """Give what the command has left behind a moment to write; `drained` says when it is over."""
        for pump in self._pumps:
            pump.clock = clock
        os.close(self._alive)

    def report(self) -> tuple[int, bytes]:
        """Exit status and the end of the output, complete or as far as it has come a moment after the end."""
        for pump in self._pumps:
            pump.finished.wait(DRAIN_SECS * 1.5)
        status, output = self.status or 0, self.tail.get()
        if self.lost is not None and not status:
            # The command could not know; whoever counts on its output must.
            return OUTPUT_LOST, output + f"\ntickd: output was lost: {self.lost.strerror}\n".encode()
        return status, output


def _plug_holes() -> set[int]:
    """Which of our three streams are closed; no pipe may get their numbers.

    The descriptors are not inherited: what is closed here is closed for the command.
    """
    closed = set()
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is this one.
            closed.add(os.open(os.devnull, os.O_RDWR))
    return closed


def _spawned(command: tuple[str, ...], actions: list[tuple[int, int, int]], mask: set[signal.Signals]) -> int:
    """Begin a command with our environment and inherited descriptors; OSError where that fails."""

    def spawn(path: str, words: tuple[str, ...]) -> int:
        return os.posix_spawnp(
            path, words, os.environ, file_actions=actions, setsigmask=mask, setsigdef=_TO_DEFAULT
        )

    try:
        return spawn(command[0], command)
    except OSError as error:
        from shutil import which

        script = which(command[0])
        if error.errno != errno.ENOEXEC or script is None:
            raise
        # A script without its first line, which every shell would run.
        return spawn("/bin/sh", ("sh", script, *command[1:]))
