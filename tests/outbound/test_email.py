"""Mail, to a real server: TLS of both kinds, accounts, refusals, and servers that hang up or say nothing."""

from __future__ import annotations

import asyncio
import re
import ssl
from datetime import UTC, datetime

import pytest

from tests.support.authority import Authority, self_signed
from tests.support.mail import MailServer, Step, mail_server
from tests.support.servers import both_loops, free_port, our_loop
from tickd.domain.alerts import About, Message, Story, Told
from tickd.domain.channels import Options
from tickd.outbound.email import Mailer, ascii_address, mail_host, server_of
from tickd.outbound.undelivered import Undelivered

AT = 1_772_539_205_000
SHOP = About("monitor", "mon_1", "Shop", "https://shop.example.com/", "http")
DOWN = Story(event="down", at=AT, since=AT, about=SHOP, incident_id="inc_1", error="connection refused")
TO = Options(to=("ops@example.com",))


def message(*stories: Story, identifier: str = "alt_1") -> Message:
    told = tuple(Told(f"alt_{number}", story) for number, story in enumerate(stories or (DOWN,), 1))
    return Message(id=identifier, told=told, moment=AT + 3_000, link="https://tickd.example.com")


def mailer(url: str, tls: ssl.SSLContext | None = None, *, sender: str = "", secs: float = 5.0) -> Mailer:
    return Mailer(url, sender, lambda: "https://tickd.example.com", tls=tls, timeout_secs=secs)


async def failing(
    one: Mailer, *words: str, to: Options = TO, told: Message | None = None, refused: bool = False
) -> Undelivered:
    with pytest.raises(Undelivered) as caught:
        await one.send(to, told or message())
    for word in words:
        assert word in caught.value.sentence
    assert caught.value.refused is refused
    assert caught.value.retry_after is None
    return caught.value


async def connected(server: MailServer, count: int) -> None:
    """Wait until so many are connected: the server counts on a thread of its own."""
    for _ in range(200):
        if server.open == count:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"{server.open} connections, not {count}")


# What is sent.


@both_loops
async def test_a_mail_is_taken_with_its_text_its_html_and_its_thread() -> None:
    with mail_server() as server:
        await mailer(server.url()).send(TO, message())
        await connected(server, 0)
        (taken,) = server.taken
    mail = taken.mail
    assert (taken.sender, taken.recipients) == ("tickd@tickd.example.com", ["ops@example.com"])
    assert mail["Subject"] == "[DOWN] Shop — connection refused"
    assert mail["From"] == "tickd <tickd@tickd.example.com>"
    assert mail["To"] == "ops@example.com"
    assert mail["Date"].datetime == datetime(2026, 3, 3, 12, 0, 8, tzinfo=UTC)
    assert mail["Message-ID"] == "<alt_1@tickd.example.com>"
    assert mail["In-Reply-To"] == mail["References"] == "<inc_1@tickd.example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Tickd-Alert-Id"] == "alt_1"
    assert mail.get_content_type() == "multipart/alternative"
    for subtype in ("plain", "html"):
        text = taken.part(subtype)
        assert "Shop is down" in text
        assert "2026-03-03 12:00:05 UTC" in text
        assert "https://tickd.example.com/incidents/inc_1" in text
    assert 'name="color-scheme" content="light dark"' in taken.part("html")
    assert max(map(len, taken.raw.split(b"\r\n"))) < 998


@both_loops
async def test_a_retry_has_the_same_message_id_and_its_recovery_the_same_thread() -> None:
    recovered = Story(event="recovered", at=AT, since=AT - 720_000, about=SHOP, incident_id="inc_1")
    with mail_server() as server:
        one = mailer(server.url())
        await one.send(TO, message())
        await one.send(TO, message())
        await one.send(TO, message(recovered, identifier="alt_2"))
    mails = [taken.mail for taken in server.taken]
    assert [mail["Message-ID"] for mail in mails] == [
        "<alt_1@tickd.example.com>",
        "<alt_1@tickd.example.com>",
        "<alt_2@tickd.example.com>",
    ]
    assert {str(mail["References"]) for mail in mails} == {"<inc_1@tickd.example.com>"}
    assert mails[2]["Subject"] == "[UP] Shop — was down for 12 min"
    assert server.connections == 3


@both_loops
async def test_what_somebody_else_wrote_can_break_out_of_no_header() -> None:
    name = "Shop\r\nBcc: all@example.com\n\nHello \u202e‮ Ünïcödé 💥"
    evil = Story(
        event="down",
        at=AT,
        about=About("monitor", "mon_1", name),
        error="<script>alert(1)</script>\r\n.\r\nRSET",
        note="a\r\n.\r\nQUIT",
    )
    with mail_server() as server:
        await mailer(server.url()).send(TO, message(evil))
        await mailer(server.url()).send(TO, message(evil, evil))
    for taken in server.taken:
        assert taken.mail["Bcc"] is None
        assert taken.mail["References"] is None
        assert taken.recipients == ["ops@example.com"]
        assert "Ünïcödé 💥" in taken.part("plain")
        assert "\u202e" not in taken.part("plain") + taken.part("html") + str(taken.mail["Subject"])
        assert "&lt;script&gt;" in taken.part("html")
        assert "<script>" not in taken.part("html")
        assert all(line.isascii() for line in taken.raw.split(b"\r\n\r\n")[0].splitlines())
    assert "Bcc: all@example.com Hello Ünïcödé 💥" in server.taken[0].mail["Subject"]


@both_loops
async def test_a_digest_has_all_its_stories() -> None:
    stories = [
        Story(
            event="recovered" if number % 4 == 0 else "down",
            at=AT,
            since=AT - 60_000,
            about=About("monitor", f"mon_{number}", f"Shöp {number}"),
            incident_id=f"inc_{number}",
            error="connection refused",
        )
        for number in range(1000)
    ]
    with mail_server() as server:
        await mailer(server.url()).send(TO, message(*stories, identifier="alt_9"))
    (taken,) = server.taken
    assert taken.mail["Subject"] == "[1000 alerts] 750 down, 250 up"
    assert taken.mail["X-Tickd-Alert-Id"] == "alt_9"
    assert taken.mail["References"] is None
    names = {f"Shöp {number}" for number in range(1000)}
    assert set(re.findall(r"Shöp \d+", taken.part("plain"))) == names
    assert set(re.findall(r"Shöp \d+", taken.part("html"))) == names


@both_loops
async def test_several_recipients_get_one_mail() -> None:
    to = Options(to=("a@example.com", "b@example.com"))
    with mail_server() as server:
        await mailer(server.url(), sender="Alérts <alerts@bücher.example>").send(to, message())
    (taken,) = server.taken
    assert taken.recipients == ["a@example.com", "b@example.com"]
    assert taken.mail["To"] == "a@example.com, b@example.com"
    assert taken.sender == "alerts@xn--bcher-kva.example"
    assert taken.mail["From"].addresses[0].display_name == "Alérts"


@both_loops
async def test_one_recipient_that_is_taken_is_enough(caplog: pytest.LogCaptureFixture) -> None:
    to = Options(to=("gone@example.com", "b@example.com"))
    with mail_server() as server:
        server.refuses["gone@example.com"] = "550 no such user"
        await mailer(server.url()).send(to, message())
    assert server.taken[0].recipients == ["b@example.com"]
    (record,) = [one for one in caplog.records if one.name == "tickd.email"]
    assert vars(record)["fields"]["to"] == "gone@example.com"


@our_loop
async def test_an_address_that_is_none_is_never_written_down() -> None:
    with mail_server() as server:
        for address in ("a@b.c\r\nBcc: d@e.f", "a@b.c, d@e.f", "a <d@e.f>"):
            await failing(mailer(server.url()), "is not an address", to=Options(to=(address,)))
    assert server.connections == 0


@both_loops
async def test_an_address_beyond_ascii_needs_a_server_that_takes_it() -> None:
    to = Options(to=("jürgen@bücher.example",))
    with mail_server() as server:
        await mailer(server.url()).send(to, message())
    assert server.taken[0].recipients == ["jürgen@xn--bcher-kva.example"]
    assert "SMTPUTF8" in server.taken[0].options
    with mail_server(utf8=False) as server:
        await failing(mailer(server.url()), "SMTPUTF8", to=to)


# The way there.


@both_loops
async def test_starttls_is_used_where_it_is_offered(
    authority: Authority, authority_tls: ssl.SSLContext
) -> None:
    context = authority.server("localhost")
    with mail_server(starttls=context) as server:
        await mailer(server.url(), authority_tls).send(TO, message())
        await mailer(server.url("smtp+starttls"), authority_tls).send(TO, message())
        await connected(server, 0)
    assert [taken.tls for taken in server.taken] == [True, True]


@both_loops
async def test_starttls_that_is_asked_for_is_not_done_without(authority_tls: ssl.SSLContext) -> None:
    with mail_server() as server:
        await mailer(server.url("smtp"), authority_tls).send(TO, message())
        await failing(mailer(server.url("smtp+starttls"), authority_tls), "STARTTLS", "not supported")
        await connected(server, 0)
    assert len(server.taken) == 1


@both_loops
async def test_a_mail_goes_over_tls_from_the_first_byte(
    authority: Authority, authority_tls: ssl.SSLContext
) -> None:
    with mail_server(tls=authority.server("localhost")) as server:
        await mailer(server.url("smtps"), authority_tls).send(TO, message())
        await connected(server, 0)
    assert len(server.taken) == 1


@both_loops
async def test_a_certificate_of_somebody_else_is_refused() -> None:
    context = self_signed("localhost")
    with mail_server(tls=context) as server:
        await failing(mailer(server.url("smtps")), "no TLS", "self-signed")
    with mail_server(starttls=context) as server:
        await failing(mailer(server.url("smtp+starttls")), "no TLS", "self-signed")
        # A password is at stake.
        await failing(mailer(server.url("smtp", "u:p@")), "no TLS", "self-signed")
        assert server.logins == []


@both_loops
async def test_tls_that_nobody_asked_for_is_not_verified() -> None:
    with mail_server(starttls=self_signed("postfix")) as server:
        await mailer(server.url()).send(TO, message())
    assert server.taken[0].tls


@both_loops
async def test_a_server_that_speaks_no_tls_is_told_from_one_that_does() -> None:
    with mail_server() as server:
        await failing(mailer(server.url("smtps")), "no TLS", "does not speak TLS")
        await connected(server, 0)


@both_loops
async def test_a_user_logs_in_with_a_password_of_any_letters(
    authority: Authority, authority_tls: ssl.SSLContext
) -> None:
    with mail_server(starttls=authority.server("localhost"), login=("al@rts", "s:c/r@t?#ü")) as server:
        url = server.url("smtp+starttls", "al%40rts:s%3Ac%2Fr%40t%3F%23%C3%BC@")
        await mailer(url, authority_tls).send(TO, message())
    assert server.taken[0].user == "al@rts"


@both_loops
async def test_a_wrong_password_is_no_fault_of_the_message(
    authority: Authority, authority_tls: ssl.SSLContext
) -> None:
    with mail_server(starttls=authority.server("localhost"), login=("me", "right")) as server:
        one = mailer(server.url("smtp+starttls", "me:wrongwrong@"), authority_tls)
        failure = await failing(one, "refused user name and password", "535")
        await failing(mailer(server.url("smtp+starttls"), authority_tls), "530")
        await connected(server, 0)
    assert "wrongwrong" not in failure.sentence
    assert not server.taken


# Trouble.


@pytest.mark.parametrize(
    ("step", "answer", "refused"),
    [
        ("connect", "421 too busy", False),
        ("connect", "554 go away", False),
        ("ehlo", "421 too busy", False),
        ("mail", "451 try later", False),
        ("mail", "550 not from you", False),
        ("mail", "552 too large", True),
        ("rcpt", "450 greylisted", False),
        ("rcpt", "421 closing", False),
        ("rcpt", "550 no such user", True),
        ("data", "451 disk full", False),
        ("data", "421 closing", False),
        ("data", "554 it looks like spam", True),
    ],
)
@both_loops
async def test_what_the_server_answers_is_told(step: Step, answer: str, refused: bool) -> None:
    with mail_server() as server:
        server.answers[step] = answer
        await failing(mailer(server.url()), answer, refused=refused)
        await connected(server, 0)
        server.answers.clear()
        await mailer(server.url()).send(TO, message())
    assert len(server.taken) == 1


@pytest.mark.parametrize("step", ["connect", "ehlo", "mail", "rcpt", "data"])
@both_loops
async def test_a_server_that_hangs_or_hangs_up_is_told_from_one_that_refuses(step: Step) -> None:
    with mail_server() as server:
        server.hangs_at = step
        await failing(mailer(server.url(), secs=0.1), "within 0.1 s", f"localhost:{server.port}")
        await connected(server, 0)
        server.hangs_at = None
        server.drops_at = step
        await failing(mailer(server.url()), "closed the connection")
        await connected(server, 0)
        assert not server.taken


@both_loops
async def test_a_server_that_hangs_behind_tls_keeps_no_connection(
    authority: Authority, authority_tls: ssl.SSLContext
) -> None:
    with mail_server(starttls=authority.server("localhost"), login=("me", "right")) as server:
        server.hangs_at = "login"
        one = mailer(server.url("smtp+starttls", "me:right@"), authority_tls, secs=0.3)
        await failing(one, "did not let us log in within 0.3 s")
        await connected(server, 0)
    with mail_server() as server:
        server.hangs_at = "connect"
        await failing(mailer(server.url("smtps"), secs=0.1), "did not let us connect within 0.1 s")
        await connected(server, 0)


@pytest.mark.parametrize("hangs", [True, False])
@both_loops
async def test_what_goes_wrong_after_the_mail_was_taken_sends_it_no_second_time(hangs: bool) -> None:
    with mail_server() as server:
        server.hangs_at, server.drops_at = ("quit", None) if hangs else (None, "quit")
        await mailer(server.url(), secs=0.3).send(TO, message())
    assert len(server.taken) == 1


@both_loops
async def test_nobody_there_is_told_without_the_password() -> None:
    url = f"smtp://user:hunter22@localhost:{free_port()}"
    failure = await failing(mailer(url), "connection refused by the mail server localhost:")
    assert "hunter22" not in failure.sentence
    await failing(mailer("smtp://no-such-host.invalid"), "can't be resolved: no-such-host.invalid")


@both_loops
async def test_without_a_server_mail_says_how_to_name_one() -> None:
    await failing(mailer(""), "no mail server is set: start tickd with --smtp-url")


@both_loops
async def test_a_send_that_is_called_off_leaves_no_connection() -> None:
    with mail_server() as server:
        server.hangs_at = "data"
        task = asyncio.create_task(mailer(server.url()).send(TO, message()))
        await connected(server, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await connected(server, 0)


# Names.


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("https://tickd.example.com/x", "tickd.example.com"),
        ("http://127.0.0.1:8090", "[127.0.0.1]"),
        ("http://[::1]:8090", "[IPv6:::1]"),
        ("http://bücher.example", "xn--bcher-kva.example"),
        ("http://localhost:1", "localhost"),
    ],
)
def test_the_host_of_the_base_url_can_stand_behind_an_at(base_url: str, host: str) -> None:
    assert mail_host(base_url) == host


def test_the_address_of_the_server_is_taken_apart() -> None:
    assert server_of("smtp://mail").port == 25
    assert server_of("smtp+starttls://mail").port == 587
    assert server_of("smtps://mail").port == 465
    server = server_of("smtps://a%40b:c%3Ad@[::1]:4650")
    assert (server.username, server.password, server.place) == ("a@b", "c:d", "[::1]:4650")
    assert ascii_address("ü@[127.0.0.1]") == "ü@[127.0.0.1]"
