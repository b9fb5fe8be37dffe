"""The Tickstem SDK for Python with e-mail addresses. Needs `pip install tickstem` and TICKD_API_KEY."""

import os
import sys

from tickstem import APIError, VerifyClient, is_quota_exceeded


def main() -> None:
    """Verify three addresses, and look at the history."""
    key = os.environ.get("TICKD_API_KEY") or sys.exit("Set TICKD_API_KEY to a key of tickd.")
    url = os.environ.get("TICKD_URL", "http://127.0.0.1:8090")
    with VerifyClient(key, base_url=f"{url}/v1") as client:
        for email in ("someone@gmail.com", "info@gmail.com", "someone@@gmail.com"):
            found = client.verify(email)
            words = "is good" if found.valid else f"is not: {found.reason}"
            print(f"{email} {words}{', shared' if found.role_based else ''}")
        for entry in client.history(limit=3):
            print(f"{entry.created_at} {entry.email} {entry.valid}")


if __name__ == "__main__":
    try:
        main()
    except APIError as error:
        if is_quota_exceeded(error):
            sys.exit(f"the month's verifications are used up: {error}")
        sys.exit(f"tickd answers {error.status}: {error}")
