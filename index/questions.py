"""The question bank: everyday questions that an article is known to answer.

It extends an article's searchable words, trains the bundled model and tells which sentence of an
article answers. It is training data: no quality figure may be reported on it.
"""

from __future__ import annotations

import hashlib
import json
import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

from index.words import bigrams
from ingest.errors import SourceError
from ingest.law import Article, Regulation, Span

CARRIED = 0.45
"""Least share of a quote's bigrams that another county's article must hold to answer its question."""
_TEXTS_KEPT = 4096
"""Of so many articles the letters are kept once quotes have been looked for in them."""
BUNDLED = Path(__file__).parent / "questions"
"""The bank of the five bundled counties."""


@dataclass(frozen=True, slots=True)
class BankQuestion:
    """A question, the article that answers it, and the words of the article that do.

    ``quote`` is verbatim but for white space; see ``find_verbatim`` for its place. ``generated``
    marks a question that the user's language model wrote (``index.generate``).
    """

    county: str
    article: int
    question: str
    quote: str
    generated: bool = False


TRAINING = Path(__file__).parent / "training"
"""What else the bundled model and ranking were made with: questions about laws, questions without an answer."""
Asked = dict[tuple[str, int], list[BankQuestion]]
"""Questions by (regulation id, number of the article that answers them)."""


def read_bank(folder: Path = BUNDLED, leave_out: str | None = None) -> tuple[BankQuestion, ...]:
    """Read all ``*.jsonl`` of a folder, but for the questions of the county left out.

    Raises:
        SourceError: a line is not a question of the bank.

    """
    bank = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                row = json.loads(line)
                question = BankQuestion(
                    row["county"], row["article"], row["question"], row["quote"], row.get("generated", False)
                )
            except (ValueError, KeyError, TypeError) as error:
                raise SourceError(path.name, number, f"不是题库的一行：{error}") from error
            if question.county != leave_out:
                bank.append(question)
    return tuple(bank)


def trained_on() -> list[str]:
    """Return every question and everyday phrase that the bundled model or its ranking has seen or is kept to be fitted on, STARD's own apart."""
    laws = (TRAINING / "law_questions.jsonl").read_text(encoding="utf-8").splitlines()
    phrases = (TRAINING / "phrases.jsonl").read_text(encoding="utf-8").splitlines()
    gaps = [
        line
        for name in ("gaps.jsonl", "points.jsonl")
        for line in (TRAINING / name).read_text(encoding="utf-8").splitlines()
    ]
    rules = [line for path in (TRAINING / "rules").glob("*.jsonl") for line in path.read_text("utf-8").splitlines()]
    return [
        *(question.question for question in read_bank()),
        *(asked["question"] for line in rules for asked in json.loads(line)["questions"]),
        *(json.loads(line)["question"] for line in [*laws, *gaps]),
        *(everyday for line in phrases for everyday in json.loads(line)["everyday"]),
        *(TRAINING / "strangers.txt").read_text(encoding="utf-8").splitlines(),
    ]


def for_regulations(bank: Sequence[BankQuestion], regulations: Iterable[Regulation]) -> Asked:
    """Group the questions by the article that answers them.

    A bank is written for one text; when the county's rule is replaced, its questions go silent
    wherever the words have changed. A county that nobody has written questions for is given those
    of other counties that its own articles answer in nearly the same words; what is of no county,
    a law, is given none.
    """
    grouped: Asked = {}
    by_county: dict[str, list[BankQuestion]] = {}
    for question in bank:
        by_county.setdefault(question.county, []).append(question)
    for regulation in regulations:
        if regulation.county and all(q.generated for q in by_county.get(regulation.county, ())):
            grouped |= carry_over((q for q in bank if q.county != regulation.county), regulation)
        articles = {article.number: article for article in regulation.articles if article.branch is None}
        for question in by_county.get(regulation.county, ()):
            article = articles.get(question.article)
            if article is not None and find_verbatim(question.quote, article):
                grouped.setdefault((regulation.id, article.number), []).append(question)
    return grouped


def carry_over(bank: Iterable[BankQuestion], regulation: Regulation) -> Asked:
    """Give a regulation other counties' questions, each to the article that holds most of its quote.

    Work rules are written after one another: much of what one county asks, another's rule answers
    in the same words. A question whose quote no article holds (``CARRIED``) is left out.
    """
    texts = [(a.number, set(bigrams(a.text))) for a in regulation.articles if a.branch is None]
    carried: Asked = {}
    for question in bank:
        words = set(bigrams(question.quote))
        if not words or not texts:
            continue
        held, number = max((len(words & text) / len(words), -number) for number, text in texts)
        if held >= CARRIED:
            carried.setdefault((regulation.id, -number), []).append(question)
    return carried


def find_verbatim(quote: str, article: Article) -> Span | None:
    """Find words in an article's text, white space aside; None if they are not there."""
    words = re.sub(r"\s", "", quote)
    letters, places = _letters(article.text)
    at = letters.find(words)
    if at < 0 or not words:
        return None
    return Span(places[at], places[at + len(words) - 1] + 1)


@lru_cache(_TEXTS_KEPT)
def _letters(text: str) -> tuple[str, Sequence[int]]:
    """Leave white space out of a text, and tell where each character stood."""
    places = array("I", (i for i, character in enumerate(text) if not character.isspace()))
    return "".join(text[i] for i in places), places


def bank_hash(bank: Iterable[BankQuestion]) -> str:
    """Digest of the questions, whatever their order."""
    lines = sorted(f"{q.county}\t{q.article}\t{q.question}\t{q.quote}" for q in bank)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


_FIELDS = [field.name for field in fields(BankQuestion)]


def write_asked(asked: Asked, path: Path) -> None:
    """Write the questions of each article of an index."""
    rows = [
        {"regulation": regulation, "answered_by": number, **{name: getattr(question, name) for name in _FIELDS}}
        for (regulation, number), questions in asked.items()
        for question in questions
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def read_asked(path: Path) -> Asked:
    """Read back what ``write_asked`` wrote."""
    asked: Asked = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        key = (row.pop("regulation"), row.pop("answered_by"))
        asked.setdefault(key, []).append(BankQuestion(**row))
    return asked
