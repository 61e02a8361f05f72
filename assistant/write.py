"""Hits -> statements. The extractive writer selects the rule's own sentences and adds no word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from assistant.answer import Statement, cite
from assistant.choose import Choice, likeliest
from assistant.expect import Kind
from assistant.trim import narrow
from assistant.understand import Understood
from assistant.units import Unit, list_start
from index.words import overlap
from ingest.law import Article, Paragraph, Regulation, Span

_INTRODUCES = re.compile(r"[：:]\s*$")


@dataclass(frozen=True, slots=True)
class Selection:
    """How many units are quoted; the values were tried on eval/cases/dev.jsonl (docs/evaluation.md).

    Attributes:
        keep: further units of the best one's article are kept down to this share of its probability.
        keep_long: the same for long questions, which ask for several things at once.
        within: parts of a clause are kept down to this share of the likeliest part's.
        beside: these three are so much higher where other counties are asked too.
        long: characters from which a question is long.
        elsewhere: units of other articles are kept down to this share.
        branch: so are clauses that say the same of another case, or of another role where the asker's
            is not known, down to this share.
        part: the best unit for one of several things asked is kept from this probability.
        alone: an item is quoted without the rest of its list if no other comes to this share of its probability.
        most: at most so many places are quoted for the whole question.

    """

    keep: float = 0.5
    keep_long: float = 0.3
    within: float = 0.3
    beside: float = 0.2
    long: int = 28
    elsewhere: float = 0.3
    branch: float = 0.1
    part: float = 0.3
    alone: float = 0.15
    most: int = 4


class Task(NamedTuple):
    """What a writer is given for one county.

    Attributes:
        understood: the question.
        regulation: the county's rule.
        choices: the units of the articles that may answer, weighed for the whole question.
        parts: the same units, weighed for each of the things that it asks, if these are several.
        beside: other counties' answers stand beside this one, so that it is to be short.
        overview: a matter is named and nothing asked of it: each article on it says something.

    """

    understood: Understood
    regulation: Regulation
    choices: Sequence[Choice]
    parts: Sequence[Sequence[Choice]] = ()
    beside: bool = False
    overview: bool = False


class Written(NamedTuple):
    """What a writer gives.

    Attributes:
        statements: with citations; they are verified before they are shown.
        mode: who wrote them, extractive or llm.
        notice: what went wrong on the way, to be told to the user.

    """

    statements: tuple[Statement, ...]
    mode: str = "extractive"
    notice: str | None = None


class Writer(Protocol):
    """Writes the statements of one county."""

    mode: str

    def write(self, task: Task) -> Written:
        """Write; nothing at all is a sign that no unit answers."""
        ...

    def rewrite(self, question: str, earlier: Sequence[str]) -> str | None:
        """Make a follow-up whole from what the user said before; None leaves it to ``understand``."""
        ...


class ExtractiveWriter:
    """Quotes the sentences, items or whole list that answer."""

    mode = "extractive"

    def __init__(self, selection: Selection = Selection()) -> None:
        self._selection = selection

    def write(self, task: Task) -> Written:
        """Quote the units that answer, those of the best one's article first."""
        return Written(tuple(self._statements(task)))

    def rewrite(self, question: str, earlier: Sequence[str]) -> str | None:
        """Leave it to ``understand``."""
        return None

    def _statements(self, task: Task) -> list[Statement]:
        if not task.choices:
            return []
        best = likeliest(task.choices)
        article = best.hit.article
        if best.unit.whole:
            return [_state(task.regulation, article, best.unit.span, best.unit.paragraph, None)]
        whole = _whole_list(article, best.unit, self._asks_for_list(task, best))
        if whole is not None:
            return [_state(task.regulation, article, whole.span, whole.paragraph, None)]
        chosen, asked = self._choose(task), task.understood
        within = self._selection.within + (self._selection.beside if task.beside else 0.0)
        statements = []
        for article, hit in {choice.hit.article: choice.hit for choice in (best, *chosen)}.items():
            units = [choice.unit for choice in chosen if choice.hit.article is article]
            for run in _join(units, article.text):
                ends = [narrow(hit, u, asked.topic, asked.focus, within) for u in dict.fromkeys((run[0], run[-1]))]
                span = Span(ends[0].start, ends[-1].end)
                statements.append(_state(task.regulation, article, span, run[0].paragraph, run[0].item))
        return statements

    def _asks_for_list(self, task: Task, best: Choice) -> bool:
        """Tell whether a whole list is asked for: in words, and so that none of its clauses or items stands out."""
        if not Kind.LIST.asks.search(task.understood.topic):
            return False
        beside = [c for c in task.choices if c.hit is best.hit and c.unit.paragraph == best.unit.paragraph]
        others = [c.probability for c in beside if not c.unit.whole and c.unit != best.unit]
        return max(others, default=0.0) >= self._selection.alone * best.probability

    def _choose(self, task: Task) -> list[Choice]:
        """Choose for the whole question and, if it asks several things, the best for each; in the order of the text."""
        chosen = self._near_best(task)
        for choices in task.parts:
            best = likeliest(c for c in choices if not c.unit.whole)
            if best.probability >= self._selection.part:
                chosen.append(best)
        kept = {(choice.hit.article.number, choice.unit) for choice in chosen}
        clauses = [choice for choice in task.choices if not choice.unit.whole]
        here = [(choice.hit.article.number, choice.unit) in kept for choice in clauses]
        for i in range(1, len(clauses)):
            here[i - 1] |= here[i] and _goes_on(clauses[i - 1], clauses[i], _HANGS)
        for i in range(1, len(clauses)):
            here[i] |= here[i - 1] and _goes_on(clauses[i - 1], clauses[i], _EXCEPTION)
        return [choice for choice, chosen in zip(clauses, here, strict=True) if chosen]

    def _near_best(self, task: Task) -> list[Choice]:
        if task.overview:
            clauses = [c for c in task.choices if not c.unit.whole and not _INTRODUCES.search(c.text)]
            best_of = {c.hit.article: c for c in sorted(clauses, key=lambda choice: choice.probability)}
            return [best_of[article] for article in dict.fromkeys(c.hit.article for c in clauses)][
                : self._selection.most
            ]
        understood = task.understood
        choices = _of_roles(task.choices, understood.roles)
        best = likeliest(choices)
        is_long = len(understood.focus) >= self._selection.long
        keep = self._selection.keep_long if is_long else self._selection.keep
        keep += self._selection.beside if task.beside else 0.0
        roles = best.roles if not understood.roles else frozenset()
        chosen = []
        says = [c for c in choices if not c.unit.whole and (c is best or not _INTRODUCES.search(c.text))]
        for choice in sorted(says, key=lambda choice: -choice.probability):
            share = choice.probability / best.probability
            here = choice.hit is best.hit
            branch = here and (_is_branch(roles, choice.roles) or _is_twin(best, choice))
            if share >= (self._selection.branch if branch else keep if here else self._selection.elsewhere):
                chosen.append(choice)
        return _whole_rows(chosen, choices, self._selection.most)


def _of_roles(choices: Sequence[Choice], roles: frozenset[str]) -> Sequence[Choice]:
    """Leave out what binds other roles than the asker's, if something that may answer binds the asker's."""
    if not bind(choices, roles):
        return choices
    return [choice for choice in choices if not choice.roles or choice.roles & roles]


def bind(choices: Sequence[Choice], roles: frozenset[str]) -> bool:
    """Tell whether something that may answer binds one of these roles by name."""
    least = _MAY_ANSWER * likeliest(choices).probability
    return any(roles & choice.roles and choice.probability >= least for choice in choices)


_MAY_ANSWER = 0.1
"""Share of the likeliest unit's probability from which one that binds the asker's role is taken for the asker's case."""


def _is_branch(roles: frozenset[str], others: frozenset[str]) -> bool:
    """Tell whether words say the same of another role than the asker's, where that is not known."""
    return bool(roles and others and not others & roles)


def _is_twin(best: Choice, choice: Choice) -> bool:
    """Tell a clause that says nearly the same of another case (一般公文…, 紧急公文…): one is easily taken for the other."""
    if best.unit.item is not None or choice.unit.item is not None or choice.unit == best.unit:
        return False
    return overlap(choice.text, best.text) >= _TWIN


_TWIN = 0.5
"""Least share of common bigrams, of the shorter one's, from which two clauses are twins."""


def _whole_rows(chosen: Sequence[Choice], choices: Sequence[Choice], most: int) -> list[Choice]:
    """Keep the likeliest places; a row of cases (…的是：…；…；) of which more than half was chosen is one, kept whole."""
    rows: list[list[Choice]] = []
    for choice in chosen:
        if any(choice in row for row in rows):
            continue
        here = (choice.hit.article, choice.unit.sentence, choice.unit.item)
        row = [c for c in choices if (c.hit.article, c.unit.sentence, c.unit.item) == here and not c.unit.whole]
        some = [c for c in row if c in chosen]
        introduced = "：" in row[0].text or ":" in row[0].text
        one = introduced and len(some) >= _ROW and len(some) > len(row) / 2
        rows.append(row if one else [choice])
    return [choice for row in rows[:most] for choice in row]


_ROW = 3
"""Chosen clauses of one sentence from which it may be a row of cases."""


def _goes_on(before: Choice, choice: Choice, signs: re.Pattern[str]) -> bool:
    """Tell a clause right after another of its 款 that begins with a sign that it hangs on it."""
    text, unit = choice.hit.article.text, choice.unit
    next_to = before.hit is choice.hit and not text[before.unit.span.end : unit.span.start].strip()
    same = before.unit.paragraph == unit.paragraph and before.unit.item is None and unit.item is None
    return next_to and same and bool(signs.match(choice.text))


_HANGS = re.compile(r"\s*(?:确需|确有|确因|因特殊|仍不能|必要时|需[^，,。；;]{2,12}的[，,])")
"""Begins a clause that means little without the one before it (不搞层层陪同。确需陪同的，…)."""
_EXCEPTION = re.compile(rf"{_HANGS.pattern}|\s*(?:特殊(?:情况|事项)|如?[遇有]+特殊)")
"""Begins a clause without which the one before it says more than the rule, or not what to do next."""


class _Whole(NamedTuple):
    span: Span
    paragraph: int


def _whole_list(article: Article, best: Unit, asks_for_list: bool) -> _Whole | None:
    """Return the whole list, with its introduction, that the best unit leads to."""
    paragraph = article.paragraphs[best.paragraph - 1]
    introduces = bool(_INTRODUCES.search(article.text[slice(*best.span)]))
    if paragraph.items and (introduces or (asks_for_list and _belongs_to_list(paragraph, best, article.text))):
        return _Whole(Span(list_start(paragraph, article.text), paragraph.span.end), paragraph.number)
    sentence = article.text[slice(*best.sentence)]
    if asks_for_list and best.item is None and ("：" in sentence or ":" in sentence) and sentence.count("；") >= 2:
        return _Whole(best.sentence, paragraph.number)
    return None


def _belongs_to_list(paragraph: Paragraph, best: Unit, text: str) -> bool:
    return best.item is not None or best.span.end >= paragraph.span.start + len(paragraph.text) - 1


def _join(units: Sequence[Unit], text: str) -> Iterator[list[Unit]]:
    """Put clauses together that follow one another in a 款."""
    run: list[Unit] = []
    for unit in units:
        if run and not (
            (run[-1].paragraph, run[-1].item, unit.item) == (unit.paragraph, None, None)
            and not text[run[-1].span.end : unit.span.start].strip()
        ):
            yield run
            run = []
        run.append(unit)
    if run:
        yield run


def _state(regulation: Regulation, article: Article, span: Span, paragraph: int, item: int | None) -> Statement:
    """Say a span's words, without white space around them."""
    text = article.text[slice(*span)]
    start = span.start + len(text) - len(text.lstrip())
    citation = cite(regulation, article, Span(start, start + len(text.strip())), paragraph, item)
    return Statement(regulation.county, citation.quote, (citation,), _lead(article, paragraph) if item else "")


_BINDS = re.compile(r"不得|不准|不|严禁|禁止|必须|应当?|须|除|下列|以下|情形")


def _lead(article: Article, number: int) -> str:
    """Return the words that introduce a list, where its items mean nothing, or the opposite, without them."""
    paragraph = article.paragraphs[number - 1]
    lead = article.text[list_start(paragraph, article.text) : paragraph.span.start + len(paragraph.text)].strip()
    return lead if _BINDS.search(lead) and _INTRODUCES.search(lead) else ""


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
