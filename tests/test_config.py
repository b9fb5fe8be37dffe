"""Settings that are taken apart: what is read, what is refused, and what a refusal never shows."""

from __future__ import annotations

import pytest

from tickd.config import load
from tickd.errors import StartupError


@pytest.mark.parametrize(
    "text",
    [
        "smtp://localhost",
        "smtp+starttls://alerts:s%40cret@mail.example.com:587",
        "smtps://user@[::1]:465/",
    ],
)
def test_the_address_of_a_mail_server_is_kept_as_it_is(text: str) -> None:
    settings = load({}, {"TICKD_SMTP_URL": text})
    assert settings.smtp_url == text
    assert text not in repr(settings)


@pytest.mark.parametrize(
    "text",
    [
        "mail.example.com",
        "http://u:hunter22@mail.example.com",
        "smtp://u:hunter22@",
        "smtp://u:hun#ter22@mail.example.com",
        "smtp://u:hunter22@mail.example.com:0",
        "smtp://u:hunter22@mail.example.com:x",
        "smtp://u:hunter22@[::1",
        "smtp://u:hunter22@mail.example.com/path",
        "smtp://u:hunter22@mail.example.com?x=1",
        "smtp://mail\x00.example.com",
    ],
)
def test_a_wrong_address_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(StartupError) as caught:
        load({"smtp_url": text}, {})
    assert caught.value.message.startswith(
        "--smtp-url must be like smtps://user:password@mail.example.com:465"
    )
    assert "hunter22" not in caught.value.message and "ter22" not in caught.value.message


@pytest.mark.parametrize(
    "text", ["alerts@example.com", "Alerts <alerts@example.com>", "Ü <a@bücher.example>"]
)
def test_mails_come_from_an_address_with_or_without_a_name(text: str) -> None:
    assert load({"mail_from": text}, {}).mail_from == text


@pytest.mark.parametrize("text", ["alerts", "a@b@c", "a@", "<>", "x\r\nBcc: a@b.c", "Alerts <a b@c>"])
def test_what_is_no_address_sends_no_mail(text: str) -> None:
    with pytest.raises(StartupError, match="--mail-from must be an address"):
        load({"mail_from": text}, {})
