"""What may be asked next: questions of the bank about the articles cited and those beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from assistant.answer import Answer, Citation
from assistant.places import short_name
from index.questions import BankQuestion
from index.search import SearchIndex
from index.words import overlap

MOST = 3
"""Questions suggested."""
TRIED = 9
"""Questions that are tried for them."""
_LONG, _SHORT = 22, 7
_ODD = re.compile(
    r"[“”‘’【】《》\s：:，,]|[咱俺啥咋瞅甭您嘛呗]|我|请问|不懂就问|这|那|它|他|她|规则|章程|头儿|老大|对吗|是不是|是吗|对不对|不[？?]$|没[？?]$"
)
"""Folksy, leading, about the text itself, or not to be understood without what went before."""
_ASKS = re.compile(r"谁|什么|哪|怎么|如何|多久|多长|几|多少|能不能|要不要|可不可以|可以|需要|是否|吗[？?]$")
_ALIKE = 0.5
"""Share of bigrams from which two questions ask the same."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A question that may follow, and the county that it is asked of."""

    question: str
    county: str


def suggest(
    answer: Answer,
    asked: Sequence[str],
    index: SearchIndex,
    ask: Callable[[str, str], Answer],
    *,
    named: bool = True,
) -> tuple[Suggestion, ...]:
    """Find up to three questions that may follow an answer.

    Each is about an article cited, or one beside it, asks for words not quoted yet, has not been
    asked, and is answered with that article: it is tried.

    Args:
        answer: what was said last.
        asked: the questions of the conversation.
        index: where the bank is.
        ask: answers a question for a county, as clicking the suggestion would.
        named: whether the question must name its county.

    """
    found: list[Suggestion] = []
    kept = [*asked, answer.question]
    for tried, (citation, question) in enumerate(_interleaved(answer, index)):
        if len(found) == MOST or tried >= TRIED * MOST:
            break
        if any(overlap(question.question, other) >= _ALIKE for other in kept):
            continue
        county = citation.source.county
        text = f"{short_name(county)}：{question.question}" if named else question.question
        if _answers(ask(text, county), citation.source.locator.regulation, question):
            found.append(Suggestion(text, county))
        kept.append(question.question)
    return tuple(found)


def _interleaved(answer: Answer, index: SearchIndex) -> Iterator[tuple[Citation, BankQuestion]]:
    """Yield candidates, the counties taking turns."""
    first: dict[str, Citation] = {}
    for citation in answer.citations:
        if citation.source.locator.article:
            first.setdefault(citation.source.county, citation)
    quotes = "".join(citation.quote for citation in answer.citations)
    by_county = [[(c, q) for q in _candidates(c, quotes, index)] for c in first.values()]
    return (pair for pair in chain.from_iterable(zip_longest(*by_county)) if pair is not None)


def _candidates(citation: Citation, quotes: str, index: SearchIndex) -> list[BankQuestion]:
    """Return the likeliest questions around a citation, those of its own article first, one for each quote."""
    place = citation.source.locator
    said = re.sub(r"\s", "", quotes)
    chosen = []
    for number in (place.article, place.article + 1, place.article - 1, place.article + 2, place.article - 2):
        by_quote: dict[str, BankQuestion] = {}
        for question in index.questions_of(place.regulation, number):
            words = re.sub(r"\s", "", question.quote)
            if words in said or not is_everyday(question.question):
                continue
            best = by_quote.get(words)
            if best is None or _plainness(question.question) < _plainness(best.question):
                by_quote[words] = question
        chosen += sorted(by_quote.values(), key=lambda q: _plainness(q.question))[:3]
    return chosen[:TRIED]


def is_everyday(question: str) -> bool:
    """Tell whether somebody would ask so, and whether it can be understood by itself."""
    return (
        _SHORT <= len(question) <= _LONG
        and question.endswith(("？", "?"))
        and not _ODD.search(question)
        and _ASKS.search(question) is not None
    )


def _plainness(question: str) -> tuple[int, str]:
    """Put questions of middling length first."""
    return abs(len(question) - 13), question


def _answers(answer: Answer, regulation: str, question: BankQuestion) -> bool:
    """Tell whether an answer quotes words that answer a question of the bank."""
    wanted = re.sub(r"\s", "", question.quote)
    quoted = [re.sub(r"\s", "", c.quote) for c in answer.citations if c.source.locator.regulation == regulation]
    return not answer.refusals and any(wanted in quote or quote in wanted for quote in quoted)
