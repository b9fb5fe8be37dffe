"""An endpoint for jobs: verifies the signature, and reports long work on its done URL.

Runs on Python alone. SIGNING_SECRET is the job's `signing_secret`, PORT is 3000 unless set. A POST must be
signed; a GET does nothing but answer 200, so that a monitor has something to look at.
"""

import base64
import hashlib
import hmac
import os
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ.get("SIGNING_SECRET", "")
BODY_MOST = 1 << 20


def key_of(secret: str) -> bytes:
    """What is signed with: behind `whsec_` it is base64, any other secret is used as it is."""
    if secret.startswith("whsec_"):
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    return secret.encode()


def verified(identifier: str, moment: str, signatures: str, body: bytes) -> bool:
    """Whether the call comes from somebody who knows the secret, and is not older than five minutes."""
    signed = f"{identifier}.{moment}.".encode() + body
    expected = base64.b64encode(hmac.digest(key_of(SECRET), signed, hashlib.sha256)).decode()
    given = [one.partition(",")[2] for one in signatures.split() if one.startswith("v1,")]
    fresh = moment.isdigit() and abs(time.time() - int(moment)) < 300
    return fresh and any(hmac.compare_digest(expected, one) for one in given)


def work(execution: str) -> str:
    """What the job is there for; here it only takes a moment."""
    time.sleep(0.2)
    return f"{execution}: 3 reports written\n"


def work_and_report(execution: str, done_url: str) -> None:
    """Work, then tell tickd how it ended, and with what output."""
    try:
        url, output = done_url, work(execution)
    except Exception as error:
        url, output = f"{done_url}/fail", f"{type(error).__name__}: {error}\n"
    # tickd made this URL, and the signature says that it came from there.
    with urllib.request.urlopen(url, output.encode(), timeout=30) as answer:
        print(f"reported {execution}: {answer.status}", flush=True)


class Receiver(BaseHTTPRequestHandler):
    """Answers tickd's calls."""

    def do_GET(self) -> None:
        self.say(200, "the receiver is here; a job calls it with POST\n")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if length > BODY_MOST:
            self.say(413, "too large\n")
            return
        body = self.rfile.read(length)
        identifier = self.headers.get("webhook-id", "")
        moment = self.headers.get("webhook-timestamp", "")
        if not verified(identifier, moment, self.headers.get("webhook-signature", ""), body):
            missing = "" if identifier else "; the job has no signing_secret"
            self.say(401, f"wrong signature{missing}\n")
            return
        done_url = self.headers.get("X-Tickd-Done-Url")
        if done_url is None:
            self.say(200, work(identifier))
            return
        threading.Thread(target=work_and_report, args=(identifier, done_url)).start()
        self.say(202, "accepted\n")

    def say(self, status: int, text: str) -> None:
        """Answer with a status and a line."""
        raw = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def main() -> None:
    """Serve until interrupted."""
    try:
        key = key_of(SECRET)
    except ValueError:
        sys.exit("SIGNING_SECRET begins with whsec_, so the rest of it must be base64")
    if not key:
        sys.exit(
            "SIGNING_SECRET is not set. Give it the signing_secret of the job, for example:\n"
            "SIGNING_SECRET=not-so-secret python3 examples/receiver.py"
        )
    port = os.environ.get("PORT", "3000")
    if not port.isdecimal() or int(port) > 65535:
        sys.exit(f"PORT must be a number between 0 and 65535, and not {port}")
    try:
        server = ThreadingHTTPServer(("127.0.0.1", int(port)), Receiver)
    except OSError as error:
        sys.exit(f"can't listen on 127.0.0.1:{port}: {error.strerror}; end what does, or set another PORT")
    print(f"listening on http://127.0.0.1:{server.server_port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
