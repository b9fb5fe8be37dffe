"""Slips in the names of common providers: what is one, and above all what is none."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickd.domain.providers import KNOWN, distance, meant

SLIPS = """
gmail.com: gmail.con gmail.cmo gmail.ocm gmail.vom gmail.xom gmail.cim gmail.cpm gmail.comm gmail.coom
gmail.com: gmail.ccom gmail.co gmail.cm gmail.om gmail.c0m gmail.como gmial.com gmal.com gmil.com gamil.com
gmail.com: gnail.com gmaill.com gmai.com gmali.com gmial.con gmaik.com gmeil.com gmall.com
googlemail.com: googlmail.com goglemail.com googlemial.com googelmial.com googlemail.con
googlemail.de: googlmail.de googlemail.dee
yahoo.com: yaho.com yhaoo.com yahooo.com yaoo.com yahho.com ayhoo.com yahoo.con yahoo.co yahoo.cm
yahoo.co.uk: yaho.co.uk yahoo.com.uk yahoo.couk yahoo.ci.uk yahoo.vo.uk
yahoo.com.br: yahoo.con.br yahoo.co.br yahoo.combr
yahoo.fr: yaho.fr yahooo.fr yahoo.ffr yahoo.frr
hotmail.com: hotmial.com homtail.com hotmai.com hotmil.com hotmaill.com hotmal.com hotmail.con ohtmail.com
hotmail.com: hotmaul.com hitmail.com
hotmail.fr: hotmaill.fr hotmal.fr hotmial.fr
outlook.com: outlok.com outloo.com outlook.con otlook.com outlool.com oultook.com outllook.com
icloud.com: iclould.com icoud.com icloud.cm iclud.com iclod.com icloud.con icould.com icould.con
protonmail.com: protomail.com protonmial.com protomial.com protonmai.com
comcast.net: comcast.nt comcat.net comcst.net comcast.ney comcast.met
verizon.net: verison.net verizon.ner
t-online.de: t-onlien.de tonline.de t-onlne.de
laposte.net: lapost.net laposte.ent
btinternet.com: btinterent.com btinternt.com btinternet.con
rambler.ru: rambller.ru ramblr.ru
me.com: me.con me.cmo
msn.com: msn.con msn.co
aol.com: aol.con aol.cmo
qq.com: qq.con qq.cm
gmx.net: gmx.ney gmx.ent
gmx.de: gmx.dee gmx.dde gmx.ed
web.de: web.dee web.ed
freenet.de: freenet.ed
gmail.com: gmail.com.com gmail.com.con gmäil.com gma\u0131l.com ġmail.com
yahoo.com: yahoo.com.con yahoo.com.com
hotmail.com: hotma\u0131l.com
live.com: live.con live.vom
mail.com: mail.con
mailbox.org: mailbox.og mailbox.orgg mailbox.rog
proton.me: proton.mee
"""
# Neighbours of providers and other people's names; as near to another one; an ending that somebody may have;
# below a provider, or with one in the name; and nothing of the kind.
NONE = """
mail.com ymail.com email.com me.com web.de gmx.de gmx.at gmx.net yahoo.co.uk hotmail.fr live.nl mac.com
gail.com grail.com fmail.com qmail.com hmail.com jmail.com zmail.com incloud.com cloud.com googlemaps.com
photon.me chapter.net roger.com orage.fr home.com free.com onlive.com olive.com life.com love.com alive.com
fox.com aim.com sun.com ms.com man.com ox.com cox.com 162.com 164.com 136.com sine.com tutu.com
earthling.net planets.nl horizon.net pocketmail.com photonmail.com internet.com sky.net skype.com skynet.com
posted.de

gymail.com gemail.com mgail.com

gmail.de gmail.fr gmail.ru gmail.net gmail.org gmail.cam gmail.mom gmail.dev yahoo.dev hotmail.xyz gmx.dev
live.org yahoo.ch yahoo.us comcast.bet comcast.com outlook.eu icloud.net

mail.gmail.com gmail.com.example gmail.example.com students.gmail.com mygmail.com gmailer.com xn--
gmal-9pa.com
gmail.com.co gmail.com.cm gmail.com.net yahoo.com.cam gmail.con.com wéb.de frée.fr orangé.fr gmäil.de
gmäil.con home.ln.com live.es orange.se

example.com company.com x.example a.b g.co g.com gg.com uni-bonn.de bbc.co.uk gov.uk co.uk tickd.dev 1.com
"""


def _slips() -> list[tuple[str, str]]:
    lines = [line.split(": ") for line in SLIPS.strip().splitlines()]
    return [(slip, wanted) for wanted, slips in lines for slip in slips.split()]


@pytest.mark.parametrize(("given", "wanted"), _slips())
def test_a_slip_is_seen(given: str, wanted: str) -> None:
    assert meant(given) == wanted


@pytest.mark.parametrize("domain", NONE.split())
def test_a_name_of_its_own_is_left_alone(domain: str) -> None:
    assert meant(domain) == ""


@pytest.mark.parametrize("domain", sorted(KNOWN))
def test_a_provider_is_never_a_slip_of_another(domain: str) -> None:
    assert meant(domain) == ""


@given(
    st.one_of(
        st.sampled_from(sorted(KNOWN)).flatmap(
            lambda known: st.tuples(
                st.integers(0, len(known)),
                st.sampled_from(string.ascii_lowercase + "-."),
                st.integers(0, 2),
            ).map(lambda slip: known[: slip[0]] + slip[1] + known[slip[0] + slip[2] :])
        ),
        st.text(string.ascii_lowercase + string.digits + "-.", max_size=253),
    )
)
def test_what_is_meant_is_a_known_provider_and_never_what_was_given(domain: str) -> None:
    wanted = meant(domain)
    assert wanted == "" or (wanted in KNOWN and wanted != domain)


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [
        ("", "", 0),
        ("a", "", 1),
        ("gmail", "gmail", 0),
        ("gmial", "gmail", 1),
        ("gmal", "gmail", 1),
        ("gmaail", "gmail", 1),
        ("gmsil", "gmail", 1),
        ("mgial", "gmail", 2),
        ("ca", "abc", 3),
        ("hotmail", "gmail", 3),
    ],
)
def test_slips_are_counted(one: str, other: str, slips: int) -> None:
    assert distance(one, other) == distance(other, one) == slips
