"""The question bank: everyday questions that an article is known to answer.

It extends an article's searchable words, trains the bundled model and tells which sentence of an
article answers. It is training data: no quality figure may be reported on it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from ingest.errors import SourceError
from ingest.law import Article, Regulation, Span

BUNDLED = Path(__file__).parent / "questions"
"""The bank of the five bundled counties."""


@dataclass(frozen=True, slots=True)
class BankQuestion:
    """A question, the article that answers it, and the words of the article that do.

    ``quote`` is verbatim but for white space; see ``find_verbatim`` for its place.
    """

    county: str
    article: int
    question: str
    quote: str


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
                question = BankQuestion(row["county"], row["article"], row["question"], row["quote"])
            except (ValueError, KeyError, TypeError) as error:
                raise SourceError(path.name, number, f"不是题库的一行：{error}") from error
            if question.county != leave_out:
                bank.append(question)
    return tuple(bank)


def for_regulations(
    bank: Iterable[BankQuestion], regulations: Iterable[Regulation]
) -> dict[tuple[str, int], list[BankQuestion]]:
    """Group the questions by (regulation id, article), those only whose quote stands in the article.

    A bank is written for one text; when the county's rule is replaced, its questions go silent
    wherever the words have changed.
    """
    grouped: dict[tuple[str, int], list[BankQuestion]] = {}
    by_county: dict[str, list[BankQuestion]] = {}
    for question in bank:
        by_county.setdefault(question.county, []).append(question)
    for regulation in regulations:
        articles = {article.number: article for article in regulation.articles if article.branch is None}
        for question in by_county.get(regulation.county, ()):
            article = articles.get(question.article)
            if article is not None and find_verbatim(question.quote, article):
                grouped.setdefault((regulation.id, article.number), []).append(question)
    return grouped


def find_verbatim(quote: str, article: Article) -> Span | None:
    """Find words in an article's text, white space aside; None if they are not there."""
    words = re.sub(r"\s", "", quote)
    kept = [i for i, character in enumerate(article.text) if not character.isspace()]
    at = "".join(article.text[i] for i in kept).find(words)
    if at < 0 or not words:
        return None
    return Span(kept[at], kept[at + len(words) - 1] + 1)


def bank_hash(bank: Iterable[BankQuestion]) -> str:
    """Digest of the questions, whatever their order."""
    lines = sorted(f"{q.county}\t{q.article}\t{q.question}\t{q.quote}" for q in bank)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def write_bank(bank: Iterable[BankQuestion], path: Path) -> None:
    """Write questions as ``read_bank`` reads them."""
    lines = [json.dumps(asdict(question), ensure_ascii=False) for question in bank]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
