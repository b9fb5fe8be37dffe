"""Mailboxes that belong to a role and not to a person: RFC 2142 and the common ones."""

from __future__ import annotations

import re
import unicodedata

_STANDARD = """
info marketing sales support abuse noc security postmaster hostmaster usenet news webmaster www uucp ftp
list
"""
_UNREAD = """
noreply no-reply no_reply no.reply donotreply do-not-reply do_not_reply do.not.reply dontreply mailer-daemon
mailerdaemon bounce bounces null devnull nobody daemon
"""
_MACHINES = """
admin admins administrator administrators root sysadmin system it tech technical operations ops devops dev
developer developers webadmin dns ssl ssladmin mail email postbox mailbox server monitoring alert alerts
notification notifications notify status
"""
_DESKS = """
contact contacts contactus contact-us hello hi help helpdesk help-desk service services customerservice
customer-service customercare customer-care customersupport customer-support client clients care feedback
enquiry enquiries inquiry inquiries question questions ask office reception frontdesk team staff company
general billing invoice invoices invoicing account accounts accounting finance payment payments payroll
treasurer order orders purchasing procurement shipping returns refunds booking bookings reservations tickets
shop store sale partner partners partnerships affiliate affiliates advertising ads job jobs career careers hr
humanresources human-resources recruiting recruitment talent hiring press media pr publicity editor editors
communications events privacy legal compliance gdpr dpo dmca copyright trademark data-protection
dataprotection fraud phishing spam cert csirt newsletter newsletters subscribe unsubscribe subscription
subscriptions updates announce announcements all everyone members membership community forum moderator
registrar registration secretary
"""
_REQUEST = "-request"
_BETWEEN = re.compile("[-_.]")
_ROLES = frozenset((_STANDARD + _UNREAD + _MACHINES + _DESKS).split())


def is_role(local: str) -> bool:
    """Tell whether the part before the @-sign names a role, whatever its case and what follows a plus.

    Two roles together are one ("abuse-team"), and so is whoever takes the requests of a list (RFC 2142).
    """
    # The full-width letters of a Japanese keyboard are the same letters.
    name = unicodedata.normalize("NFKC", local).lower().partition("+")[0]
    if name in _ROLES or (name.endswith(_REQUEST) and name != _REQUEST):
        return True
    return all(word in _ROLES for word in _BETWEEN.split(name))
