"""The story of a question; read this first.

``Assistant.ask`` understands the question, fetches what it names or searches for what it means,
refuses where the rule does not settle the point, writes, and shows only what ``cite.verify`` has
proved. The page, the command line, batch evaluation and anything else all call it.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

from assistant import choose, refuse
from assistant.about import tell
from assistant.actions import other_action
from assistant.answer import Answer, Refusal, Source, Statement, point
from assistant.choose import Asked, Choice, Weighed, likeliest
from assistant.cite import verify
from assistant.compare import difference
from assistant.expect import asked_quantity
from assistant.find import Found, counties, find, of_counties, rules_of
from assistant.follow import Reading, goes_on
from assistant.notes import notes
from assistant.parts import parts
from assistant.places import find_places, short_name
from assistant.references import resolve
from assistant.related import find_related
from assistant.roles import with_leaders
from assistant.settings import Settings
from assistant.subjects import absent_subject
from assistant.understand import Turn, Understood, authorities, leads_on, understand
from assistant.write import ExtractiveWriter, Task, Writer, Written, bind, has_place, quote_place
from index.library import Library
from index.models import find_embedding
from index.search import Hit, SearchIndex
from index.words import bigrams, overlap
from ingest.errors import SettingError
from ingest.law import Regulation

log = logging.getLogger(__name__)

RETRIEVED = 10
"""Articles a county that are kept with an answer."""
LIKELY = 0.4
LIKELY_BESIDE = 0.8
"""Least share of the best article's probability for an article to be quoted too; more where other counties stand beside."""
_FOLLOWED = 4096
"""Of so many questions it is kept whether they go on with the one before them."""
OUTSIDE = 0.25
"""Evidence below which, in every county, the matter is none of work rules at all."""


_NOTHING = Written(())


@dataclass(frozen=True, slots=True)
class _Part:
    """What one county's rule gives.

    ``near``: how near it, or another asked in its place, comes to the matter; ``settled``: how surely
    it settles the point, 1 where nothing had to be searched.
    """

    written: Written = _NOTHING
    refusal: Refusal | None = None
    hits: tuple[Hit, ...] = ()
    near: float = 1.0
    settled: float = 1.0


class _Look(NamedTuple):
    """What a county's rule offers: all of it weighed, and for each thing asked; why it is silent, if it is.

    ``beside``: other counties are asked too.
    """

    whole: Weighed
    parts: list[Weighed]
    silence: str | None
    beside: bool

    @property
    def best(self) -> str:
        """The words that answer likeliest."""
        return likeliest(self.whole.choices).text if self.whole.choices else ""


class _Other(NamedTuple):
    """Another county's place that may settle a point, how surely it does, and how near it comes to the matter."""

    source: Source
    settled: float
    near: float


class Assistant:
    """Answers questions from the regulations of a library."""

    def __init__(self, library: Library, settings: Settings, writer: Writer | None = None) -> None:
        self._library = library
        self._settings = settings
        self._writer = writer or ExtractiveWriter()
        self._drafter = None if self._writer.mode == "extractive" else Assistant(library, settings)
        self._writing = choose.read_writing(choose.find_writing(find_embedding(settings.embedding)))
        self._followed: tuple[SearchIndex | None, dict[tuple[Understood, Understood], bool]] = (None, {})

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
        return counties(self.index)

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

    def ask(
        self, question: str, history: Sequence[Turn] = (), county: str | None = None, role: str | None = None
    ) -> Answer:
        """Answer a question.

        Args:
            question: in everyday words.
            history: earlier messages of the conversation, oldest first.
            county: full name of the county chosen on the page.
            role: who asks (``roles.roles``), chosen on the page.

        """
        *_, answer = self._steps(question, history, county, role)
        return answer

    def stream(
        self, question: str, history: Sequence[Turn] = (), county: str | None = None, role: str | None = None
    ) -> Iterator[Answer]:
        """Answer a question county by county; each answer holds all that is ready, the last one everything.

        Nobody waits for a language model to see the rule's words: they come first, as drafts.
        """
        if self._drafter is None:
            yield from self._steps(question, history, county, role)
            return
        for draft in self._drafter.stream(question, history, county, role):
            yield replace(draft, draft=True)
        yield self.ask(question, history, county, role)

    def _steps(self, question: str, history: Sequence[Turn], county: str | None, role: str | None) -> Iterator[Answer]:
        clock = _Clock()
        index = self._library.index()
        with clock.step("understand"):
            understood = self._understand(question, history, county, role, index)
        if not (bigrams(understood.topic) or understood.references):
            nothing = refuse.talk(counties(index)) if bigrams(question) else refuse.empty()
            yield Answer(question, question, (), (), (nothing,), milliseconds=clock.done())
            return
        asked = understood.counties or (() if understood.missing else tuple(counties(index)))
        with clock.step("search"):
            found = find(understood, question, asked, index)
        with clock.step("weigh"):
            looks = self._look(understood, found, index)
        parts: dict[str, _Part] = {}
        for name, each in found.items():
            with clock.step("write"):
                parts[name] = self._answer(understood, each, looks.get(name), index)
            if len(parts) < len(found):
                yield self._assemble(question, understood, asked, parts, index, clock)
        yield self._assemble(question, understood, asked, parts, index, clock)

    def find(self, question: str, history: Sequence[Turn] = (), county: str | None = None) -> dict[str, list[Hit]]:
        """Find the articles of each county asked about, best first, without answering."""
        index = self._library.index()
        understood = self._understand(question, history, county, None, index)
        asked = understood.counties or (() if understood.missing else tuple(counties(index)))
        return {name: found.hits[:RETRIEVED] for name, found in find(understood, question, asked, index).items()}

    def _understand(
        self, question: str, history: Sequence[Turn], county: str | None, role: str | None, index: SearchIndex
    ) -> Understood:
        known = counties(index)

        def follows(before: Understood, alone: Understood, whole: Understood) -> bool:
            if before.about is not None or before.lookup:
                return leads_on(alone.topic)
            return self._goes_on(before, alone, whole, index)

        understood = understand(question, history, known, county, authorities(of_counties(index)), follows)
        if understood.completed:
            earlier = [str(turn.get("content", "")) for turn in history if turn.get("role") == "user"]
            whole = self._writer.rewrite(question, earlier)
            understood = replace(understood, topic=find_places(whole, known).rest) if whole else understood
        return replace(understood, roles=understood.roles or frozenset([role] if role else ()))

    def _goes_on(self, before: Understood, alone: Understood, whole: Understood, index: SearchIndex) -> bool:
        """Tell a follow-up, once: the turns of a conversation are gone through again with each question."""
        if self._followed[0] is not index or len(self._followed[1]) >= _FOLLOWED:
            self._followed = (index, {})
        told, key = self._followed[1], (before, alone)
        if key not in told:
            told[key] = goes_on(alone.topic, *self.read(before, alone, whole))
        return told[key]

    def read(self, before: Understood, alone: Understood, whole: Understood) -> tuple[Reading, Reading, Reading]:
        """Tell what a question comes to in the county asked, the first of several: the one before it, alone, and made whole."""
        index = self._library.index()
        county = (alone.counties or counties(index))[0]
        return (
            self._read(replace(before, completed=False, focus=before.topic), county, index),
            self._read(alone, county, index),
            self._read(whole, county, index),
        )

    def _read(self, understood: Understood, county: str, index: SearchIndex) -> Reading:
        found = find(understood, understood.topic, [county], index)[county]
        settled, _, left_open, _ = index.point_values(found.query, found.hits)
        return Reading(
            found.hits[0].article.number,
            index.evidence(found.query, found.hits),
            float(max(settled, left_open)),
            index.unknown(understood.topic),
        )

    def _look(self, understood: Understood, found: Mapping[str, Found], index: SearchIndex) -> dict[str, _Look]:
        """Weigh what was found in each county, where it had to be searched, and tell which rules are silent."""
        if understood.about is not None or understood.references:
            return {}
        looks, beside = {}, len(found) > 1
        for name, each in found.items():
            hits = each.hits[:RETRIEVED]
            whole = self._weigh(understood, each, hits, index)
            asked = [
                self._weigh(replace(understood, focus=part), each, hits, index) for part in parts(understood.focus)
            ]
            whole = whole._replace(settled=max([whole.settled, *(part.settled for part in asked)]))
            looks[name] = _Look(whole, asked, self._silence(understood, each, whole, index, beside=beside), beside)
        said = [look.best for look in looks.values() if look.silence is None]
        for name, look in looks.items():
            if look.silence is not None and any(overlap(look.best, words) >= _SAME_WORDS for words in said):
                silence = self._silence(understood, found[name], look.whole._replace(settled=1.0), index)
                looks[name] = look._replace(silence=silence)
        return looks

    def _answer(self, understood: Understood, found: Found, look: _Look | None, index: SearchIndex) -> _Part:
        """Answer from one county's rule."""
        if look is not None:
            part = self._search(understood, found, look, index)
        elif understood.about is not None:
            told = tell(understood.about, found.rule)
            part = _Part(refusal=told) if isinstance(told, Refusal) else _Part(Written((told,)))
        else:
            part = self._fetch(understood, found, index)
        return _verified(replace(part, hits=tuple(found.hits[:RETRIEVED])), found.rule)

    def _search(self, understood: Understood, found: Found, look: _Look, index: SearchIndex) -> _Part:
        """Answer from what was found, if the rule is not silent on the matter or on the point."""
        rule, hits, weighed, why = found.rule, found.hits[:RETRIEVED], look.whole, look.silence
        if why is not None:
            others = self._elsewhere(understood, found, index) if len(understood.counties) == 1 else []
            near = max([self._near(understood, found, index), *(other.near for other in others)])
            sources = [other.source for other in others if other.settled >= _SURE_ELSEWHERE]
            return _Part(refusal=refuse.silent(rule, hits, why, sources), near=near, settled=weighed.settled)
        answering = _answering(weighed.choices, understood.focus, LIKELY_BESIDE if look.beside else LIKELY)
        overview = not look.beside and _names_only(understood.topic, answering)
        if overview:
            answering = _answering(weighed.choices, understood.focus, _ON_IT)
        kept = {choice.hit.article.number for choice in answering}
        choices = [[c for c in part.choices if c.hit.article.number in kept] for part in look.parts]
        task = Task(understood, rule, answering, [part for part in choices if part], look.beside, overview)
        return _Part(self._writer.write(task), settled=weighed.settled)

    def _silence(
        self, understood: Understood, found: Found, weighed: Weighed, index: SearchIndex, *, beside: bool = False
    ) -> str | None:
        """Say why a rule counts as silent, or None if it answers; ``beside``: other counties are asked too."""
        absent = absent_subject(understood.topic, found.rule)
        if absent is not None and (absent.certain or weighed.settled < self._settings.evidence_in_doubt):
            return f"全文没有提到“{absent.name}”"
        if _of_another(understood, weighed.choices):
            return f"没有找到写明{'、'.join(sorted(understood.roles))}这方面的条文"
        doubted = beside and index.has_own_questions(found.rule.id) and found.hits[0].score < _DOUBTFUL
        least = max(self._settings.evidence, _IN_DOUBT) if doubted else self._settings.evidence
        least += _STRANGE * index.unknown(understood.topic)
        unsettled = weighed.settled < least or index.evidence(found.query, found.hits) < _FLOOR
        if unsettled and not _stands_in(understood.topic, weighed.choices):
            return refuse.NOT_FOUND
        if not _answering(weighed.choices, understood.focus):
            return refuse.NO_QUANTITY if _quantity(understood.focus) is not None else refuse.NOT_FOUND
        return None

    def _near(self, understood: Understood, found: Found, index: SearchIndex) -> float:
        """Tell how near a rule comes to the matter: not at all if it never mentions it."""
        absent = absent_subject(understood.topic, found.rule)
        if (absent is not None and absent.certain) or index.unknown(understood.topic) >= _STRANGER:
            return 0.0
        return index.evidence(found.query, found.hits)

    def _weigh(self, understood: Understood, found: Found, hits: Sequence[Hit], index: SearchIndex) -> Weighed:
        query = found.query
        if understood.focus != understood.topic:
            query = index.blend(query, understood.focus)
        asked = Asked(query, understood.topic, understood.focus, understood.roles)
        own = index.has_own_questions(found.rule.id)
        return choose.weigh(asked, hits, index, self._writing["own" if own else "carried"])

    def _elsewhere(self, understood: Understood, found: Found, index: SearchIndex) -> list[_Other]:
        """Find what other counties' rules say to what this one does not settle."""
        names = [county for county in counties(index) if county != found.rule.county]
        others = []
        for other in find(understood, found.query.text, names, index).values():
            weighed = self._weigh(understood, other, other.hits[:RETRIEVED], index)
            best = likeliest(weighed.choices)
            source = point(other.rule, best.hit.article, best.unit.paragraph, best.unit.item)
            silent = self._silence(understood, other, weighed, index) is not None
            others.append(_Other(source, 0.0 if silent else weighed.settled, self._near(understood, other, index)))
        return others

    def _fetch(self, understood: Understood, found: Found, index: SearchIndex) -> _Part:
        """Fetch the articles that were named; search inside them where more is asked."""
        rule = found.rule
        articles = {(a.number, a.branch): a for a in rule.articles}
        statements: list[Statement] = []
        for reference in resolve(understood.references, rule):
            article = articles.get((reference.article, reference.branch))
            if article is None or not has_place(article, reference.paragraph, reference.item):
                return _Part(refusal=refuse.no_such_article(rule, reference, exists=article is not None))
            if understood.lookup or reference.paragraph is not None or reference.item is not None:
                statements += quote_place(rule, article, reference.paragraph, reference.item)
            else:
                hits = [hit for hit in found.hits if hit.article is article]
                statements += self._within(understood, found._replace(hits=hits), index)
        return _Part(Written(tuple(statements)))

    def _within(self, understood: Understood, found: Found, index: SearchIndex) -> Sequence[Statement]:
        """Answer from an article that was named: with the 款 that answers, or with part of it if it is long."""
        choices = self._weigh(understood, found, found.hits, index).choices
        best = likeliest(choices)
        paragraph = best.hit.article.paragraphs[best.unit.paragraph - 1]
        if paragraph.span.end - paragraph.span.start <= _SHORT:
            return quote_place(found.rule, best.hit.article, paragraph.number)
        return self._writer.write(Task(understood, found.rule, choices)).statements

    def _assemble(
        self,
        question: str,
        understood: Understood,
        asked: Sequence[str],
        parts: Mapping[str, _Part],
        index: SearchIndex,
        clock: _Clock,
    ) -> Answer:
        """Put together what the counties gave."""
        statements = tuple(s for part in parts.values() for s in part.written.statements)
        refusals = tuple(part.refusal for part in parts.values() if part.refusal is not None)
        if len(refusals) == len(asked) > 0 and all(part.near < OUTSIDE for part in parts.values()):
            refusals = (refuse.outside(rules_of(asked, index)),)
        modes = {part.written.mode for part in parts.values() if part.written.statements}
        quotes = {name: "".join(s.text for s in p.written.statements) for name, p in parts.items()}
        said = {name: words for name, words in quotes.items() if words}
        silent = [name for name in parts if name not in said]
        whole = len(parts) == len(asked) > 1 and not understood.references and understood.about is None
        return Answer(
            question=question,
            resolved=understood.topic or question,
            counties=tuple(asked),
            statements=statements,
            refusals=(*refuse.missing_counties(understood.missing, counties(index)), *refusals),
            difference=difference(understood.focus, said, silent) if whole else None,
            notes=notes(
                understood, statements, index.regulations, [p.written.notice for p in parts.values()], date.today()
            ),
            related=find_related(statements, index.regulations),
            hits={name: part.hits for name, part in parts.items()},
            settled={name: part.settled for name, part in parts.items()},
            mode="llm" if "llm" in modes else "extractive",
            milliseconds=clock.done(),
        )


_STRANGE = 0.8
"""By how much the probability asked for rises with the share of words that no rule and no question here holds."""
_STRANGER = 0.5
"""Share of such words from which a question is about another world."""
_DOUBTFUL, _IN_DOUBT = 0.2, 0.4
"""Where counties are compared and a rule's likeliest article is less likely than the first, it settles the point
only from the second on: what is said of the matter elsewhere is easily taken for an answer."""
_FLOOR = 0.12
"""Evidence below which nothing was found, whatever the words that come nearest look like."""
_SHORT = 200
"""Characters of a 款 that is quoted whole where its article was named."""
_SAME_WORDS = 0.6
"""Share of common bigrams from which words settle what nearly the same words of another county settle."""
_SURE_ELSEWHERE = 0.5
"""Probability from which another county's rule is said to settle what this one does not."""


def _answering(choices: Sequence[Choice], question: str, least: float = LIKELY) -> list[Choice]:
    """Leave out what cannot answer.

    That is articles far less likely than the best; where a quantity is asked for, articles without
    one; and, if the best unit is one of them, units about another thing or another act than the one
    asked about.
    """
    if not choices:
        return []
    best = likeliest(choices)
    if best.other or other_action(question, best.text):
        return []
    score = max(choice.hit.score for choice in choices)
    quantity = _quantity(question)
    likely = [choice for choice in choices if choice.hit.score >= least * score]
    return [c for c in likely if quantity.search(c.hit.article.text)] if quantity is not None else likely


def _of_another(understood: Understood, choices: Sequence[Choice]) -> bool:
    """Tell whether leave is asked for somebody, and all that may answer binds others by name."""
    if not (understood.roles and _LEAVE.search(understood.topic) and choices):
        return False
    best = likeliest(choices)
    if not best.roles or with_leaders(best.roles, best.text) & understood.roles:
        return False
    return not bind(choices, understood.roles)


_LEAVE = re.compile(r"请假|外出|出差|休假|离开|出门|出远门|离县|报备|销假")


def _stands_in(topic: str, choices: Sequence[Choice]) -> bool:
    """Tell whether nothing is asked but a matter is named, word for word as in the likeliest unit (大额资金)."""
    named = topic.strip(_PUNCTUATION)
    return bool(choices) and len(named) > 1 and named in likeliest(choices).text


def _names_only(topic: str, choices: Sequence[Choice]) -> bool:
    """Tell a question that is nothing but the name of a matter (请假, 审计, 法律顾问)."""
    named = topic.strip(_PUNCTUATION)
    return 1 < len(named) <= _NAME and any(named in choice.text for choice in choices)


_PUNCTUATION = " ,.，。、？?！!"
_ON_IT = 0.6
"""Least share of the best article's probability for an article to be one on a matter that is only named."""
_NAME = 6
"""Characters that the name of a matter has at most."""


def _quantity(question: str) -> re.Pattern[str] | None:
    """Return the quantity that all of what is asked is about, or None."""
    asked = [asked_quantity(part) for part in parts(question)]
    return None if asked and None in asked else asked_quantity(question)


def _verified(part: _Part, regulation: Regulation) -> _Part:
    """Keep what is proved; a county left without a statement is refused, never left out."""
    verified = verify(part.written.statements, [regulation])
    for failure in verified.failures:
        log.warning("dropped a statement of %s: %s", regulation.county, failure.why)
    for failure in verified.replaced:
        log.info("shown as the quote, a statement of %s: %s", regulation.county, failure.why)
    refusal = part.refusal
    if not verified.statements and refusal is None:
        refusal = refuse.unverified(regulation, part.hits)
    return replace(part, written=part.written._replace(statements=verified.statements), refusal=refusal)


class _Clock:
    """Times the steps of a question, in milliseconds."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._steps: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._steps[name] = self._steps.get(name, 0.0) + (time.perf_counter() - start) * 1000

    def done(self) -> Mapping[str, float]:
        return {**self._steps, "total": (time.perf_counter() - self._start) * 1000}
