"""What an address is worth: role names, disposable domains, and the order of what is wrong."""

from __future__ import annotations

import pytest
from disposable_email_domains import blocklist

from tickd.domain.addresses import Address, Mistake, read
from tickd.domain.disposable import Disposable
from tickd.domain.mailboxes import is_role
from tickd.domain.providers import KNOWN
from tickd.domain.verification import Exchange, Verdict, judge

RFC_2142 = """
info marketing sales support abuse noc security postmaster hostmaster usenet news webmaster www uucp ftp
list list-request
"""
NOTHING_LISTED = Disposable(kept=())


def judged(email: str, exchange: Exchange = "some", disposable: Disposable = NOTHING_LISTED) -> Verdict:
    return judge(read(email), exchange, disposable)


@pytest.mark.parametrize(
    "local",
    [
        *RFC_2142.split(),
        *(
            "admin",
            "administrator",
            "noreply",
            "no-reply",
            "no_reply",
            "donotreply",
            "do-not-reply",
            "contact",
        ),
        *(
            "help",
            "helpdesk",
            "billing",
            "accounts",
            "office",
            "hello",
            "team",
            "jobs",
            "careers",
            "hr",
            "press",
        ),
        *("media", "privacy", "legal", "root", "mailer-daemon", "newsletter", "orders", "service"),
        *("bugs-request", "Ann-Request+x", "abuse-team", "sales.team", "it_support", "it-support"),
        *("\uff21\uff24\uff2d\uff29\uff2e", "\uff49\uff4e\uff46\uff4f", "oﬃce"),
        *("Admin", "POSTMASTER", "NoReply", "admin+x", "Support+2026.11", "no-reply+a+b"),
    ],
)
def test_a_role_is_seen(local: str) -> None:
    assert is_role(local)


@pytest.mark.parametrize(
    "local",
    [
        "ann",
        "ann+admin",
        "admin.lee",
        "administrating",
        "infos",
        "salesman",
        "+admin",
        "",
        "adm\u0131n",
        "it-ann",
        "request",
        "-request",
        "requests",
        "ann-requested",
        "post.master",
        "team-",
        "-",
        "dog-owner",
        "\uff41\uff4e\uff4e",
    ],
)
def test_a_person_is_no_role(local: str) -> None:
    assert not is_role(local)


def test_full_width_letters_are_the_same_letters() -> None:
    assert judged("\uff21\uff24\uff2d\uff29\uff2e@x.example").role_based


def test_a_quoted_role_is_one_too() -> None:
    assert judged('"admin"@x.example').role_based


def test_the_kept_list_is_there_and_names_no_common_provider() -> None:
    kept = Disposable()
    assert kept.has("mailinator.com") and kept.has("10minutemail.com")
    assert not [domain for domain in KNOWN if kept.has(domain)]
    assert all(kept.has(domain) for domain in blocklist)


@pytest.mark.parametrize(
    ("domain", "listed"),
    [
        ("mailinator.com", True),
        ("a.mailinator.com", True),
        ("a.b.mailinator.com", True),
        ("nomailinator.com", False),
        ("mailinator.com.example", False),
        ("com", False),
    ],
)
def test_subdomains_of_a_listed_domain_are_disposable(domain: str, listed: bool) -> None:
    assert Disposable().has(domain) is listed


@pytest.mark.parametrize(
    ("domain", "listed"),
    [
        ("throw.example", True),
        ("deep.throw.example", True),
        ("kept.example", False),
        ("mine.kept.example", False),
        ("work.throw.example", False),
        ("a.work.throw.example", False),
        ("away.mine.example", True),
        ("b.away.mine.example", True),
        ("mine.example", False),
        ("other.example", False),
        ("xn--bcher-kva.example", True),
        ("both.example", False),
    ],
)
def test_the_most_specific_name_decides(domain: str, listed: bool) -> None:
    disposable = Disposable(
        added=["throw.example", "away.mine.example", "both.example"],
        allowed=["kept.example", "work.throw.example", "mine.example", "both.example"],
        kept=["kept.example", "bücher.example"],
    )
    assert disposable.has(domain) is listed


def test_an_allowed_domain_is_valid_whatever_the_kept_list_says() -> None:
    assert judged("a@mailinator.com", disposable=Disposable()).disposable
    allowed = judged("a@mailinator.com", disposable=Disposable(allowed=["mailinator.com"]))
    assert allowed == Verdict(valid=True, mx_found=True)


def test_a_good_address_has_no_reason() -> None:
    assert judged("ann@x.example") == Verdict(valid=True, mx_found=True)


def test_a_role_stays_valid() -> None:
    assert judged("admin+x@x.example") == Verdict(valid=True, mx_found=True, role_based=True)


def test_a_mistake_is_all_that_is_said_of_it() -> None:
    throwing = Disposable(kept=["gmail.con"])
    assert judged("admin@@gmail.con", disposable=throwing) == Verdict(
        valid=False, reason="the address has more than one @-sign"
    )
    assert judge(Mistake("why"), "some", throwing) == Verdict(valid=False, reason="why")


@pytest.mark.parametrize(
    ("exchange", "reason"),
    [
        ("none", "x.example has no MX record: it takes no mail"),
        ("null", "x.example says that it takes no mail (null MX)"),
        ("no_domain", "there is no domain x.example"),
    ],
)
def test_a_domain_without_exchange_comes_before_a_disposable_one(exchange: Exchange, reason: str) -> None:
    disposable = Disposable(kept=["x.example"])
    assert judged("a@x.example", exchange, disposable) == Verdict(valid=False, disposable=True, reason=reason)
    assert judged("a@x.example", exchange) == Verdict(valid=False, reason=reason)


def test_a_disposable_domain_is_not_valid_and_says_so() -> None:
    assert judged("a@b.x.example", disposable=Disposable(kept=["x.example"])) == Verdict(
        valid=False,
        mx_found=True,
        disposable=True,
        reason="b.x.example is a domain of throw-away mailboxes",
    )


def test_a_suggestion_names_the_domain_alone_and_changes_nothing_else() -> None:
    assert judged("ann@gmail.con", "no_domain") == Verdict(
        valid=False, reason="there is no domain gmail.con", suggestion="gmail.com"
    )
    assert judged("ann@gmial.com") == Verdict(valid=True, mx_found=True, suggestion="gmail.com")


def test_an_international_domain_is_named_as_it_was_typed() -> None:
    assert read("a@bücher.example") == Address("a", "xn--bcher-kva.example", "bücher.example")
    for domain in ("bücher.example", "xn--bcher-kva.example"):
        assert judged(f"a@{domain}", "none").reason == f"{domain} has no MX record: it takes no mail"


def test_an_accent_in_a_provider_s_name_is_a_slip() -> None:
    assert judged("ann@gmäil.com", "no_domain") == Verdict(
        valid=False, reason="there is no domain gmäil.com", suggestion="gmail.com"
    )
