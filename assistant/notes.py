"""What an answer says beside the rule's words: how the question was understood, and what to check."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from assistant.answer import Statement
from assistant.glossary import meanings
from assistant.places import short_name
from assistant.roles import roles_in, with_leaders
from assistant.understand import Understood
from ingest.law import Regulation

OLD_YEARS = 3
"""After so many years a rule may well have been replaced."""


def notes(
    understood: Understood,
    statements: Sequence[Statement],
    regulations: Iterable[Regulation],
    notices: Iterable[str | None],
    today: date,
) -> tuple[str, ...]:
    """Write the notes of an answer; without statements only the notices of what went wrong."""
    written = list(dict.fromkeys(notice for notice in notices if notice))
    if not statements:
        return tuple(written)
    words = "".join(statement.text for statement in statements)
    terms = [(everyday, formal) for everyday, formal in meanings(understood.topic) if everyday not in words]
    if terms and not understood.lookup:
        written.append("理解为：" + "、".join(f"“{everyday}”＝{formal}" for everyday, formal in terms) + "。")
    if understood.roles and not understood.references:
        written += _of_roles(understood.roles, statements)
    cited = {c.source.locator.regulation for s in statements for c in s.citations}
    old = [r for r in regulations if r.id in cited and is_old(r, today)]
    if old:
        issued = "、".join(f"{short_name(r.county)}（{(r.issued_on or '')[:4]}年）" for r in old)
        written.append(f"规则印发已超过{OLD_YEARS}年：{issued}，请核对是否已修订。")
    return tuple(written)


def _of_roles(roles: frozenset[str], statements: Iterable[Statement]) -> Iterator[str]:
    """Say whose case is quoted, where the words quoted are about somebody."""
    clauses = [clause for s in statements for clause in re.split(r"[。；;\n]", s.text)]
    bound = frozenset().union(*(with_leaders(roles_in(clause), clause) for clause in clauses))
    if bound & roles:
        yield f"按{'、'.join(sorted(bound & roles))}的情形选取。"
    elif bound:
        yield f"没有找到单独写明{'、'.join(sorted(roles))}的条文，请看清所引的是谁的情形。"


def is_old(regulation: Regulation, today: date) -> bool:
    """Tell whether a rule was issued more than ``OLD_YEARS`` years ago."""
    if regulation.issued_on is None:
        return False
    issued = date.fromisoformat(regulation.issued_on)
    return (today.year - issued.year, today.month, today.day) > (OLD_YEARS, issued.month, issued.day)
