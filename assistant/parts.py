"""A question that asks several things -> the things, each with the words it is asked in."""

from __future__ import annotations

import re

from assistant.expect import Kind, asked_quantity

_CLAUSE = re.compile(r"[，,。；;？?！!、：:]|还是(?!要|得)|(?:另外|还有)(?=\S{4})")
_WHERE = re.compile(r"哪(?:儿|里|边)")
_LEAST = 3
"""Characters of a clause that asks something by itself."""
_LONG = 500
"""Characters from which a text is no question that asks several things, but a document."""


def parts(question: str) -> list[str]:
    """Return the clauses that ask, each once, if there are several; the one thing asked is no part."""
    if len(question) > _LONG:
        return []
    clauses = [clause.strip() for clause in _CLAUSE.split(question) if clause.strip()]
    asking = [clause for clause in dict.fromkeys(clauses) if len(clause) >= _LEAST and _asks(clause)]
    return asking if len(asking) > 1 else []


def _asks(clause: str) -> bool:
    return (
        asked_quantity(clause) is not None
        or any(kind.asks.search(clause) for kind in Kind)
        or bool(_WHERE.search(clause))
    )
