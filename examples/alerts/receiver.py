"""A receiver of tickd's alerts: verifies each signature, and takes every alert once, however often it comes.

Runs on Python alone. WEBHOOK_SECRET is the channel's `secret`, or else the account's `webhook_secret`.
PORT is 3001 unless set. SEEN, `alerts-seen.db` unless set, is the file of what was taken.
"""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = os.environ.get("WEBHOOK_SECRET", "")
BODY_MOST = 4 << 20


def key_of(secret: str) -> bytes:
    """What is signed with: behind `whsec_` it is base64, any other secret is used as it is."""
    if secret.startswith("whsec_"):
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    return secret.encode()


def verified(identifier: str, moment: str, signatures: str, body: bytes) -> bool:
    """Whether the call comes from somebody who knows the secret, and was sent within five minutes."""
    signed = f"{identifier}.{moment}.".encode() + body
    expected = base64.b64encode(hmac.digest(key_of(SECRET), signed, hashlib.sha256)).decode()
    given = [one.partition(",")[2] for one in signatures.split() if one.startswith("v1,")]
    fresh = moment.isdigit() and abs(time.time() - int(moment)) < 300
    return fresh and any(hmac.compare_digest(expected, one) for one in given)


def act(alert: dict[str, object]) -> None:
    """What the receiver is there for: call a pager, open a ticket. Here it prints a line."""
    who = alert["monitor_name"] or "tickd"
    print(f"{alert['event']} {who}: {alert['error'] or alert.get('note', '')}".rstrip(": "), flush=True)


def take(seen: sqlite3.Connection, body: bytes) -> None:
    """Act on the alerts of a message, one or a digest of many, that were not taken before."""
    message = json.loads(body)
    for alert in message["alerts"] if message["event"] == "digest" else [message]:
        # In one transaction: where the action fails, nothing is noted, and tickd sends it again.
        with seen:
            noted = seen.execute("INSERT OR IGNORE INTO alerts VALUES (?)", (alert["alert_id"],))
            if noted.rowcount:
                act(alert)


class Receiver(BaseHTTPRequestHandler):
    """Answers tickd's calls: 2xx is taken, anything else is sent again."""

    seen: sqlite3.Connection
    timeout = 10

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        if length > BODY_MOST:
            self.say(413, "too large\n")
            return
        body = self.rfile.read(length)
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        identifier, moment, signatures = (self.headers.get(name, "") for name in names)
        if not verified(identifier, moment, signatures, body):
            self.say(401, "wrong signature\n")
            return
        take(self.seen, body)
        self.say(200, "taken\n")

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
        sys.exit("WEBHOOK_SECRET begins with whsec_, so the rest of it must be base64")
    if not key:
        sys.exit("WEBHOOK_SECRET is not set. GET /v1/account of tickd shows it as webhook_secret")
    port = os.environ.get("PORT", "3001")
    if not port.isdecimal() or int(port) > 65535:
        sys.exit(f"PORT must be a number between 0 and 65535, and not {port}")
    Receiver.seen = sqlite3.connect(os.environ.get("SEEN", "alerts-seen.db"))
    Receiver.seen.execute("CREATE TABLE IF NOT EXISTS alerts (id TEXT PRIMARY KEY)")
    try:
        server = HTTPServer(("127.0.0.1", int(port)), Receiver)
    except OSError as error:
        sys.exit(f"can't listen on 127.0.0.1:{port}: {error.strerror}; end what does, or set another PORT")
    print(f"listening on http://127.0.0.1:{server.server_port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
        Receiver.seen.close()


if __name__ == "__main__":
    main()
