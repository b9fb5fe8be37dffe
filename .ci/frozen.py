"""Runs first in the single file, before any of tickd's own: sets right what being packed into one changes."""

import fcntl
import os
import sys

# Where distributions keep their roots. The packed OpenSSL looks only where its own distribution does.
ROOTS = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def _own_libraries_stay_ours() -> None:
    # Commands that `tickd exec` runs must not load the packed libraries, nor take themselves for part of us.
    before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    os.environ.pop("LD_LIBRARY_PATH", None)
    if before:
        os.environ["LD_LIBRARY_PATH"] = before
    for name in [name for name in os.environ if name.startswith("_PYI_")]:
        del os.environ[name]


def _roots() -> None:
    if os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"):
        return
    packed = os.path.join(sys._MEIPASS, "certifi", "cacert.pem")
    os.environ["SSL_CERT_FILE"] = next(filter(os.path.exists, ROOTS), packed)


def _watched() -> None:
    # systemd watches the process that it started: the one that unpacked us, and waits for us.
    if os.environ.get("WATCHDOG_PID") == str(os.getppid()):
        os.environ["WATCHDOG_PID"] = str(os.getpid())


def _keep_unpacked() -> None:
    # systemd-tmpfiles leaves a locked folder alone; else it empties ours after some days in /tmp.
    folder = os.open(sys._MEIPASS, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)


_own_libraries_stay_ours()
_roots()
_watched()
if os.path.basename(sys._MEIPASS).startswith("_MEI"):
    _keep_unpacked()
