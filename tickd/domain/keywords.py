"""Keyword expressions, held against a body: `OK AND !error`, `healthy OR "ready AND waiting"`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from tickd.domain.assertions import quoted
from tickd.errors import Invalid

LONGEST = 500
"""The most characters of an expression."""
REASONS_MOST = 3
"""How many unmet alternatives a sentence names."""

# Quotes count only around a whole term, so that `"status":"ok"` is itself.
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"(?=\s+(?:AND|OR)(?:\s|$)|$)', re.DOTALL)
_PLAIN = re.compile(r"(?:(?!\s(?:AND|OR)(?:\s|$)).)+", re.DOTALL)
_OPERATOR = re.compile(r"(AND|OR)(?:\s+|$)")
_ESCAPE = re.compile(r'\\(["\\])')


@dataclass(frozen=True, slots=True)
class Term:
    """A piece of text that a body must hold, or must not."""

    text: str
    negated: bool = False

    def unmet(self, body: str) -> str | None:
        """What is wrong with a body, or None."""
        if (self.text in body) != self.negated:
            return None
        return f"keyword {quoted(self.text)} is {'present' if self.negated else 'missing'}"


@dataclass(frozen=True, slots=True)
class Keywords:
    """Alternatives, each of them terms that must all hold; with none, every body will do."""

    alternatives: tuple[tuple[Term, ...], ...] = ()

    def unmet(self, body: str) -> str | None:
        """What is wrong with a body, in a sentence that names a term an alternative; None when one holds."""
        reasons = []
        for terms in self.alternatives:
            reason = next((said for term in terms if (said := term.unmet(body))), None)
            if reason is None:
                return None
            reasons.append(reason)
        if len(reasons) > REASONS_MOST:
            reasons[REASONS_MOST:] = [f"{len(reasons) - REASONS_MOST} more"]
        return " and ".join(reasons) or None


@lru_cache(maxsize=4096)
def parse(expression: str) -> Keywords:
    """Read terms joined by AND and OR, AND binding tighter; raises `Invalid`."""
    if len(expression) > LONGEST:
        raise Invalid("keyword", f"must be at most {LONGEST} characters")
    text, at = expression.strip(), 0
    if not text:
        return Keywords()
    alternatives: list[list[Term]] = [[]]
    while True:
        term, at = _term(text, at)
        alternatives[-1].append(term)
        if at == len(text):
            return Keywords(tuple(tuple(terms) for terms in alternatives))
        operator = _OPERATOR.match(text, at)
        if operator is None:
            raise AssertionError("a term ends before an operator")
        if operator[1] == "OR":
            alternatives.append([])
        at = operator.end()


def _term(text: str, at: int) -> tuple[Term, int]:
    """The term at a place, and the place of the operator behind it."""
    if at == len(text) or _OPERATOR.match(text, at):
        word = text.split()[-1] if at == len(text) else text[at:].split()[0]
        raise Invalid("keyword", f"has {word} without a term beside it")
    negated = text[at] == "!"
    at = _past_space(text, at + negated)
    words = ""
    if found := _QUOTED.match(text, at):
        words = _ESCAPE.sub(r"\1", found[1])
    elif not _OPERATOR.match(text, at) and (found := _PLAIN.match(text, at)):
        words = found[0].rstrip()
    if found is None or not words:
        raise Invalid("keyword", "has an empty term")
    return Term(words, negated), _past_space(text, found.end())


def _past_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at
