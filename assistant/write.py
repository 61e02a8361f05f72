"""Hits -> statements. The extractive writer selects the rule's own sentences and adds no word.

Sentences are chosen by three signs: they are near the question in meaning, they hold its words,
and they are what a similar question of the bank was answered with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from assistant.answer import Statement, cite
from assistant.expect import asked_quantity
from assistant.glossary import rule_words
from assistant.understand import Understood
from index.questions import find_verbatim
from index.search import Hit, Query, SearchIndex, Similar
from index.words import bigrams
from ingest.law import Article, Paragraph, Regulation, Span

_LIST = re.compile(
    r"哪些|哪几|包括|包含|有什么|什么内容|任务|职责|情形|情况下|重点|内容|主要(?:干|做|管|讨论|议)|几种|几类|几项|几条|几件|列出|清单|"
    r"都有啥|都管|都干|干啥|干什么|做什么|议什么|议啥|讨论什么|讨论啥|分别是|方面|范围|几个(?:方面|步骤|环节)|什么事|"
    r"些什么|些啥|有啥|哪样|哪几样|逐[项条一]|一[条项]一[条项]|一条条|一项项"
)
_SENTENCE_END = "。！？!?\n"
_CLAUSE_END = _SENTENCE_END + "；;"
_CLOSING = "”’」』）)》"
_INTRODUCES = re.compile(r"[：:]\s*$")


@dataclass(frozen=True, slots=True)
class Selection:
    """How sentences are chosen; the values were tried on eval/cases/dev.jsonl (docs/evaluation.md).

    Attributes:
        meaning: weight of the cosine between question and sentence.
        words: weight of the share of the question's words in the sentence.
        known: weight of similar questions' quotes.
        quantity: added for a sentence that holds the quantity asked for.
        keep: further sentences are kept down to this share of the best one's score.
        keep_long: the same for long questions, which ask for several things at once.
        long: characters from which a question is long.
        most: at most so many places of one article are quoted.

    """

    meaning: float = 1.0
    words: float = 1.0
    known: float = 1.5
    quantity: float = 0.6
    keep: float = 0.8
    keep_long: float = 0.6
    long: int = 28
    most: int = 4


class Task(NamedTuple):
    """What a writer is given for one county: the question, and the articles that answer it."""

    understood: Understood
    query: Query
    regulation: Regulation
    hits: Sequence[Hit]


class Writer(Protocol):
    """Writes the statements of one county."""

    mode: str

    def write(self, task: Task, index: SearchIndex) -> list[Statement]:
        """Return statements with citations; they are verified before they are shown."""
        ...


class Unit(NamedTuple):
    """A clause of a 款, or a 项: what can be quoted by itself."""

    span: Span
    paragraph: int
    item: int | None
    sentence: Span


class ExtractiveWriter:
    """Quotes the sentences, items or whole list that answer."""

    mode = "extractive"

    def __init__(self, selection: Selection = Selection()) -> None:
        self._selection = selection

    def write(self, task: Task, index: SearchIndex) -> list[Statement]:
        """Quote from each article in turn."""
        return [statement for hit in task.hits for statement in self._quote(task, hit, index)]

    def _quote(self, task: Task, hit: Hit, index: SearchIndex) -> Iterator[Statement]:
        article = hit.article
        units = list(cut(article))
        if not units:
            return
        scores = self._score(task, article, units, hit.similar, index)
        best = max(range(len(units)), key=scores.__getitem__)
        whole = _whole_list(article, units[best], bool(_LIST.search(task.understood.topic)))
        if whole is not None:
            yield _state(task.regulation, article, whole.span, whole.paragraph, None)
            return
        ranked = sorted(range(len(units)), key=lambda i: -scores[i])
        is_long = len(task.understood.focus) >= self._selection.long
        least = (self._selection.keep_long if is_long else self._selection.keep) * scores[best]
        chosen = [i for i in ranked if scores[i] >= least][: self._selection.most]
        for unit in _join([units[i] for i in sorted(chosen)], article.text):
            yield _state(task.regulation, article, unit.span, unit.paragraph, unit.item)

    def _score(
        self, task: Task, article: Article, units: Sequence[Unit], similar: Sequence[Similar], index: SearchIndex
    ) -> list[float]:
        texts = [article.text[slice(*unit.span)] for unit in units]
        cosines = index.similarity(task.query, texts)
        focus = {w for text in (task.understood.focus, *rule_words(task.understood.focus)) for w in bigrams(text)}
        asked = {
            w for text in (task.understood.topic, *rule_words(task.understood.topic)) for w in bigrams(text)
        } | focus
        common = [set(bigrams(text)) for text in texts]
        rare = {word: 1 / sum(word in words for words in common) for word in asked if any(word in w for w in common)}
        total = sum(rare.values()) + sum(rare.get(word, 0) for word in focus)
        known = _known(article, units, similar)
        quantity = asked_quantity(task.understood.focus)
        scores = []
        for text, cosine, words, quoted in zip(texts, cosines, common, known, strict=True):
            held = sum(weight * (1 + (word in focus)) for word, weight in rare.items() if word in words)
            scores.append(
                self._selection.meaning * max(0.0, cosine)
                + self._selection.words * (held / total if total else 0.0)
                + self._selection.known * quoted
                + self._selection.quantity * bool(quantity and quantity.search(text))
            )
        return scores


def _known(article: Article, units: Sequence[Unit], similar: Sequence[Similar]) -> list[float]:
    """For each unit: how much of it similar questions were answered with, times their cosine."""
    values = [0.0] * len(units)
    for question, cosine in similar:
        quoted = find_verbatim(question.quote, article)
        if quoted is None or cosine <= 0:
            continue
        for i, unit in enumerate(units):
            shared = min(quoted.end, unit.span.end) - max(quoted.start, unit.span.start)
            if shared > 0:
                share = shared / min(quoted.end - quoted.start, unit.span.end - unit.span.start)
                values[i] = max(values[i], share * cosine * cosine)
    return values


def cut(article: Article) -> Iterator[Unit]:
    """Cut an article into clauses and items, each with the sentence that it stands in."""
    for paragraph in article.paragraphs:
        start = paragraph.span.start
        for sentence in _split(article.text, Span(start, start + len(paragraph.text)), _SENTENCE_END):
            for clause in _split(article.text, sentence, _CLAUSE_END):
                yield Unit(clause, paragraph.number, None, sentence)
        for item in paragraph.items:
            yield Unit(item.span, paragraph.number, item.number, item.span)


def _split(text: str, span: Span, ends: str) -> Iterator[Span]:
    start = at = span.start
    while at < span.end:
        if text[at] in ends:
            at += 1
            while at < span.end and text[at] in _CLOSING:
                at += 1
            if text[start:at].strip():
                yield Span(start, at)
            start = at
        else:
            at += 1
    if text[start : span.end].strip():
        yield Span(start, span.end)


class _Whole(NamedTuple):
    span: Span
    paragraph: int


def _whole_list(article: Article, best: Unit, asks_for_list: bool) -> _Whole | None:
    """Return the whole list, with its introduction, that the best unit leads to."""
    paragraph = article.paragraphs[best.paragraph - 1]
    introduces = bool(_INTRODUCES.search(article.text[slice(*best.span)]))
    if paragraph.items and (introduces or (asks_for_list and _belongs_to_list(paragraph, best, article.text))):
        return _Whole(Span(_last_sentence(paragraph, article.text), paragraph.span.end), paragraph.number)
    sentence = article.text[slice(*best.sentence)]
    if asks_for_list and best.item is None and ("：" in sentence or ":" in sentence) and sentence.count("；") >= 2:
        return _Whole(best.sentence, paragraph.number)
    return None


def _belongs_to_list(paragraph: Paragraph, best: Unit, text: str) -> bool:
    return best.item is not None or best.span.end >= paragraph.span.start + len(paragraph.text) - 1


def _last_sentence(paragraph: Paragraph, text: str) -> int:
    """Find where the sentence begins that introduces a list."""
    span = Span(paragraph.span.start, paragraph.span.start + len(paragraph.text))
    return list(_split(text, span, _SENTENCE_END))[-1].start


def _join(units: Sequence[Unit], text: str) -> Iterator[Unit]:
    """Join clauses that follow one another in a 款."""
    joined: list[Unit] = []
    for unit in units:
        last = joined[-1] if joined else None
        if (
            last is not None
            and (last.paragraph, last.item, unit.item) == (unit.paragraph, None, None)
            and not text[last.span.end : unit.span.start].strip()
        ):
            joined[-1] = last._replace(span=Span(last.span.start, unit.span.end))
        else:
            joined.append(unit)
    yield from joined


def _state(regulation: Regulation, article: Article, span: Span, paragraph: int, item: int | None) -> Statement:
    """Say a span's words, without white space around them."""
    text = article.text[slice(*span)]
    start = span.start + len(text) - len(text.lstrip())
    citation = cite(regulation, article, Span(start, start + len(text.strip())), paragraph, item)
    return Statement(regulation.county, citation.quote, (citation,))


def quote_place(
    regulation: Regulation, article: Article, paragraph: int | None = None, item: int | None = None
) -> list[Statement]:
    """Quote a place that was asked for by its number: an article 款 by 款, a 款, or a 项."""
    if paragraph is None and item is None:
        return [_state(regulation, article, p.span, p.number, None) for p in article.paragraphs]
    holder = article.paragraphs[(paragraph or _holder(article)) - 1]
    if item is None:
        return [_state(regulation, article, holder.span, holder.number, None)]
    return [_state(regulation, article, holder.items[item - 1].span, holder.number, item)]


def _holder(article: Article) -> int:
    """Find the 款 that an item without its 款 belongs to: the first that has items."""
    return next((p.number for p in article.paragraphs if p.items), 1)


def has_place(article: Article, paragraph: int | None, item: int | None) -> bool:
    """Tell whether an article has the 款 and the 项 asked for."""
    if paragraph is not None and not 1 <= paragraph <= len(article.paragraphs):
        return False
    if item is None:
        return True
    holder = article.paragraphs[(paragraph or _holder(article)) - 1]
    return 1 <= item <= len(holder.items)
