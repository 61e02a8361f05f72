"""The story of a question; read this first.

``Assistant.ask`` understands the question, fetches what it names or searches for what it means,
refuses where the evidence is too weak, writes, and shows only what ``cite.verify`` has proved.
The page, the command line, batch evaluation and anything else all call it.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

from assistant.answer import Answer, Reason, Refusal, Source, Statement, cite_notice, point
from assistant.cite import verify
from assistant.expect import asked_quantity
from assistant.glossary import rule_words
from assistant.places import short_name
from assistant.references import Reference
from assistant.settings import Settings
from assistant.subjects import absent_subject
from assistant.understand import About, Turn, Understood, authorities, understand
from assistant.write import ExtractiveWriter, Task, Writer, has_place, quote_place
from index.library import Library
from index.search import Hit, Query, SearchIndex
from index.words import bigrams
from ingest.corpus import label_document
from ingest.errors import SettingError
from ingest.law import Regulation

log = logging.getLogger(__name__)

RETRIEVED = 10
"""Articles a county that are kept with an answer."""
NEAREST = 3
"""Articles named in a refusal."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What one county's rule gives."""

    statements: tuple[Statement, ...] = ()
    refusal: Refusal | None = None
    hits: tuple[Hit, ...] = ()


class _Found(NamedTuple):
    """What the search gave for one county: its rule, and all articles of it, best first."""

    query: Query
    rule: Regulation
    hits: list[Hit]


class Assistant:
    """Answers questions from the regulations of a library."""

    def __init__(self, library: Library, settings: Settings, writer: Writer | None = None) -> None:
        self._library = library
        self._settings = settings
        self._writer = writer or ExtractiveWriter()

    @property
    def mode(self) -> str:
        """Who writes the answers: extractive or llm."""
        return self._writer.mode

    @property
    def index(self) -> SearchIndex:
        """The index in use now."""
        return self._library.index()

    @property
    def counties(self) -> list[str]:
        """Full names of the counties whose rules are here."""
        return _counties(self.index)

    def find_county(self, name: str | None) -> str | None:
        """Return the full name of a county given by its full or short name.

        Raises:
            SettingError: no rule of that county is here.

        """
        if name is None:
            return None
        for county in self.counties:
            if name in (county, short_name(county)):
                return county
        raise SettingError(f"没有“{name}”的规则，现有：{'、'.join(self.counties)}")

    def ask(self, question: str, history: Sequence[Turn] = (), county: str | None = None) -> Answer:
        """Answer a question.

        Args:
            question: in everyday words.
            history: earlier messages of the conversation, oldest first.
            county: full name of the county chosen on the page.

        """
        clock = _Clock()
        index = self._library.index()
        with clock.step("understand"):
            understood = self._understand(question, history, county, index)
        if not (bigrams(understood.topic) or understood.references):
            refusal = Refusal(Reason.EMPTY, None, "没有看到问题，请写下想问的事，例如“副县长外出要向谁请假？”")
            return Answer(question, question, (), (), (refusal,), milliseconds=clock.done())
        with clock.step("search"):
            found = _find(understood, question, index)
        with clock.step("write"):
            parts = {name: self._answer(understood, each, index) for name, each in found.items()}
        return Answer(
            question=question,
            resolved=understood.topic or question,
            counties=tuple(found),
            statements=tuple(s for part in parts.values() for s in part.statements),
            refusals=(
                *_absent(understood, _counties(index)),
                *(part.refusal for part in parts.values() if part.refusal is not None),
            ),
            hits={name: part.hits for name, part in parts.items()},
            mode=self._writer.mode,
            milliseconds=clock.done(),
        )

    def find(self, question: str, history: Sequence[Turn] = (), county: str | None = None) -> dict[str, list[Hit]]:
        """Find the articles of each county asked about, best first, without answering."""
        index = self._library.index()
        understood = self._understand(question, history, county, index)
        return {name: found.hits[:RETRIEVED] for name, found in _find(understood, question, index).items()}

    def _understand(self, question: str, history: Sequence[Turn], county: str | None, index: SearchIndex) -> Understood:
        def follows(before: str, topic: str, counties: Sequence[str]) -> bool:
            return _is_clearer_after(before, topic, _rules(counties or _counties(index), index)[0], index)

        understood = understand(question, history, _counties(index), county, authorities(_of_counties(index)), follows)
        if understood.counties or understood.missing:
            return understood
        return replace(understood, counties=tuple(_counties(index)))

    def _answer(self, understood: Understood, found: _Found, index: SearchIndex) -> _Part:
        """Answer from one county's rule."""
        hits = tuple(found.hits[:RETRIEVED])
        if understood.about is not None:
            part = _about(understood.about, found.rule)
        elif understood.references:
            part = self._fetch(understood, found.query, found.rule, found.hits, index)
        else:
            part = self._search(understood, found.query, found.rule, hits, index)
        return _verified(part, hits, found.rule)

    def _search(
        self, understood: Understood, query: Query, regulation: Regulation, hits: Sequence[Hit], index: SearchIndex
    ) -> _Part:
        """Answer from what was found, if the rule is not silent on the matter or on the point."""
        evidence = index.evidence(query, hits)
        absent = absent_subject(understood.topic, regulation)
        if absent is not None and (absent.certain or evidence < self._settings.evidence_in_doubt):
            return _Part(refusal=_silent(regulation, hits, f"全文没有提到“{absent.name}”"))
        if evidence < self._settings.evidence:
            return _Part(refusal=_silent(regulation, hits, "没有找到足够相关的条文"))
        answering = _answering(hits, asked_quantity(understood.focus))
        if not answering:
            return _Part(refusal=_silent(regulation, hits, "有相关条文，但没有写明所问的数目、期限或次数"))
        return _Part(tuple(self._writer.write(Task(understood, query, regulation, answering), index)))

    def _fetch(
        self, understood: Understood, query: Query, regulation: Regulation, ranked: Sequence[Hit], index: SearchIndex
    ) -> _Part:
        """Fetch the articles that were named; search inside them where more is asked."""
        articles = {(a.number, a.branch): a for a in regulation.articles}
        statements: list[Statement] = []
        for reference in understood.references:
            article = articles.get((reference.article, reference.branch))
            if article is None or not has_place(article, reference.paragraph, reference.item):
                return _Part(refusal=_no_such_article(regulation, reference, article is not None))
            if understood.lookup or reference.paragraph is not None or reference.item is not None:
                statements += quote_place(regulation, article, reference.paragraph, reference.item)
            else:
                found = [hit for hit in ranked if hit.article is article]
                statements += self._writer.write(Task(understood, query, regulation, found), index)
        return _Part(tuple(statements))


def _answering(hits: Sequence[Hit], quantity: re.Pattern[str] | None) -> list[Hit]:
    """Take the best article, and a second one only if it is about as likely to answer.

    Where a quantity is asked for, only articles that hold one can answer.
    """
    likely = [hit for hit in hits if hit.score >= LIKELY * hits[0].score]
    if quantity is not None:
        likely = [hit for hit in likely if quantity.search(hit.article.text)]
    return [hit for hit in likely[:2] if hit is likely[0] or hit.score >= SECOND * likely[0].score]


LIKELY = 0.5
"""Least share of the best article's probability for an article to be taken instead of it."""
SECOND = 0.9
"""Least share of the best article's probability for a second article to be quoted too."""


def _about(about: About, regulation: Regulation) -> _Part:
    """Answer about the document itself from the notice that it came with."""
    if about is About.NUMBER:
        quote = regulation.doc_number or regulation.doc_number_raw
        if quote is None or not regulation.doc_number:
            message = f"{label_document(regulation)}的来源文本没有完整的文号"
            message += f"（原文作“{quote}”），不作推断。" if quote else "。"
            return _Part(refusal=Refusal(Reason.SILENT, regulation.county, message))
    elif about is About.ADOPTED:
        quote = regulation.adopted_by
    else:
        quote = _issue_line(regulation)
    if quote is None or quote not in regulation.notice:
        message = f"{label_document(regulation)}的印发通知没有写明。"
        return _Part(refusal=Refusal(Reason.SILENT, regulation.county, message))
    return _Part((Statement(regulation.county, quote, (cite_notice(regulation, quote),)),))


def _issue_line(regulation: Regulation) -> str | None:
    """Find the line of the notice or colophon that holds the date of issue."""
    if regulation.issued_on is None:
        return None
    year, month, day = (int(part) for part in regulation.issued_on.split("-"))
    dated = [line for line in regulation.notice.split("\n") if f"{year}年{month}月{day}日" in line]
    return dated[-1] if dated else None


def _verified(part: _Part, hits: tuple[Hit, ...], regulation: Regulation) -> _Part:
    """Keep what is proved; a county left without a statement is refused, never left out."""
    verified = verify(part.statements, [regulation])
    for failure in verified.failures:
        log.warning("dropped a statement of %s: %s", regulation.county, failure.why)
    refusal = part.refusal
    if not verified.statements and refusal is None:
        refusal = Refusal(
            Reason.UNVERIFIED, regulation.county, "找到的文字没有通过核对，不予显示。", _nearest(regulation, hits)
        )
    return _Part(verified.statements, refusal, hits)


def _silent(regulation: Regulation, hits: Sequence[Hit], why: str) -> Refusal:
    message = f"{label_document(regulation)}未规定这一事项：{why}。"
    return Refusal(Reason.SILENT, regulation.county, message, _nearest(regulation, hits))


def _nearest(regulation: Regulation, hits: Sequence[Hit]) -> tuple[Source, ...]:
    return tuple(point(regulation, hit.article) for hit in hits[:NEAREST])


def _no_such_article(regulation: Regulation, reference: Reference, exists: bool) -> Refusal:
    """Say that a place does not exist, and how far the rule, or the article, goes."""
    last = regulation.articles[-1]
    where = label_document(regulation)
    if exists:
        article = next(a for a in regulation.articles if (a.number, a.branch) == (reference.article, reference.branch))
        source = point(regulation, article)
        items = sum(len(p.items) for p in article.paragraphs)
        message = f"{source.label}没有这一款或这一项：该条共 {len(article.paragraphs)} 款" + (
            f"、{items} 项。" if items else "，没有分项。"
        )
        return Refusal(Reason.ARTICLE_MISSING, regulation.county, message, (source,))
    message = f"{where}没有第 {reference.article} 条：全文共 {last.number} 条。"
    return Refusal(Reason.ARTICLE_MISSING, regulation.county, message, (point(regulation, last),))


def _absent(understood: Understood, known: Sequence[str]) -> list[Refusal]:
    """Say which of the places asked about have no rule here."""
    have = "、".join(known)
    return [
        Refusal(Reason.COUNTY_MISSING, name, f"没有收入{name}的工作规则，不能用别的县的规则代答。现有：{have}。")
        for name in understood.missing
    ]


def _counties(index: SearchIndex) -> list[str]:
    return list(dict.fromkeys(r.county for r in _of_counties(index)))


def _of_counties(index: SearchIndex) -> list[Regulation]:
    """Leave out what is of no county: a law is no county's rule, and names places of all kinds."""
    return [r for r in index.in_force if r.county]


def _find(understood: Understood, question: str, index: SearchIndex) -> dict[str, _Found]:
    """Search each county asked about; articles that were named come first.

    Where a county has no questions of its own, the rule's words for everyday words are searched
    for too; where it has, they would only water the question down.
    """
    topic = understood.topic or question
    plain = index.prepare(topic)
    formal = rule_words(topic)
    widened = index.prepare(" ".join([topic, *formal])) if formal else plain
    named = {(reference.article, reference.branch) for reference in understood.references}
    found = {}
    for county in understood.counties:
        rules = _rules([county], index)
        rule = rules[0] if len(rules) == 1 else max(rules, key=lambda r: index.evidence(plain, index.search(plain, r)))
        query = plain if index.has_own_questions(rule) else widened
        hits = index.search(query, rule, len(rule.articles))
        hits.sort(key=lambda hit: (hit.article.number, hit.article.branch) not in named)
        found[county] = _Found(query, rule, hits)
    return found


def _rules(counties: Sequence[str], index: SearchIndex) -> list[Regulation]:
    return [r for county in counties for r in index.in_force if r.county == county]


def _is_clearer_after(before: str, topic: str, rule: Regulation, index: SearchIndex) -> bool:
    """Tell a follow-up that does not name what it goes on about (谁批, 要提前几天交材料).

    By itself it finds nothing sure; after the question before it, it finds one of the same articles
    with more certainty. A new topic is sure by itself, or finds other articles than the old one.
    """
    alone = index.search(index.prepare(topic), rule, _ALONE)
    if alone[0].score >= SURE:
        return False
    after = index.search(index.prepare(f"{before} {topic}"), rule, 1)[0]
    return after.score > alone[0].score and any(
        after.article is hit.article and hit.score >= MEANT * alone[0].score for hit in alone
    )


SURE = 0.5
"""Probability of the best article from which a question stands by itself."""
MEANT = 0.1
"""Least share of the best article's probability for another to be what a follow-up may mean."""
_ALONE = 5
"""How many of the articles that a follow-up finds by itself may be meant."""


class _Clock:
    """Times the steps of a question, in milliseconds."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._steps: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._steps[name] = (time.perf_counter() - start) * 1000

    def done(self) -> Mapping[str, float]:
        return {**self._steps, "total": (time.perf_counter() - self._start) * 1000}
