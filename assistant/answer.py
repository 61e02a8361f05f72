"""What an answer is made of, and its two forms: plain text and the prediction of a batch run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from index.search import Hit
from ingest.corpus import label_document, locate
from ingest.law import Article, Locator, Regulation, Slip, Span


class Reason(StrEnum):
    """Why there is no answer; the value is how the page names it."""

    SILENT = "未规定"
    OUTSIDE = "不是工作规则管的事"
    COUNTY_MISSING = "没有收入这个县的规则"
    ARTICLE_MISSING = "没有这一条"
    UNVERIFIED = "没有通过核对"
    EMPTY = "没有看到问题"
    TALK = "可以问什么"


@dataclass(frozen=True, slots=True)
class Source:
    """A place that is pointed to: its key and its name for quoting."""

    county: str
    locator: Locator
    label: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A place and the words quoted from it.

    Attributes:
        source: the place, to 款 and 项.
        quote: verbatim words, ``article.text[span]``.
        span: where they stand in the text of the article (of the notice for 印发通知).
        slips: slips of the source (原文如此) within the quote.

    """

    source: Source
    quote: str
    span: Span
    slips: tuple[Slip, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence or list of an answer; each has at least one citation.

    Attributes:
        county: whose rule says it.
        text: what is said.
        citations: what proves it.
        lead: words that introduce the list which a quoted 项 stands in, where the 项 means nothing
            without them (不得有下列行为：); verbatim, and empty otherwise.

    """

    county: str
    text: str
    citations: tuple[Citation, ...]
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Related:
    """What the words quoted refer to: an article of the same document, or a law that is only named.

    Attributes:
        label: how it is called.
        source: the article, or None for a law.

    """

    label: str
    source: Source | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no answer, for one county or (``county`` None) at all.

    Attributes:
        reason: one of the fixed reasons.
        county: county that is silent or missing.
        message: the reason in a sentence.
        nearest: the articles that came nearest, best first.
        elsewhere: places in other counties' rules that settle what this one does not.

    """

    reason: Reason
    county: str | None
    message: str
    nearest: tuple[Source, ...] = ()
    elsewhere: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the assistant says.

    Attributes:
        question: as asked.
        resolved: as understood, a follow-up made whole.
        counties: the counties that it was asked of, in the order of the answer.
        statements: grouped by county in that order; empty where all is refused.
        refusals: the counties without an answer, or the one reason for all.
        difference: of several counties, one line that says what differs.
        notes: what was understood and what to mind, a sentence each.
        related: what the statements refer to.
        hits: what was found, a list a county, best first.
        settled: probability that a county's rule settles the point; 1 where it was fetched, not searched.
        mode: who wrote the statements.
        draft: whether a language model is still to put them in order.
        milliseconds: time of each step and ``total``.

    """

    question: str
    resolved: str
    counties: tuple[str, ...]
    statements: tuple[Statement, ...]
    refusals: tuple[Refusal, ...]
    difference: str | None = None
    notes: tuple[str, ...] = ()
    related: tuple[Related, ...] = ()
    hits: Mapping[str, Sequence[Hit]] = field(default_factory=dict)
    settled: Mapping[str, float] = field(default_factory=dict)
    mode: str = "extractive"
    draft: bool = False
    milliseconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """There is nothing that answers, for any county."""
        return not self.statements

    @property
    def confidence(self) -> float | None:
        """Probability of the least sure county that answers; of a refusal, of the surest; None if nothing was asked."""
        said = {statement.county for statement in self.statements}
        answering = [p for county, p in self.settled.items() if county in said]
        return min(answering) if answering else max(self.settled.values(), default=None)

    @property
    def citations(self) -> list[Citation]:
        """All citations in the order of their numbers, the same place and words once."""
        return list(dict.fromkeys(citation for s in self.statements for citation in s.citations))

    @property
    def grouped(self) -> list[tuple[str | None, list[Statement], list[Refusal]]]:
        """Statements and refusals by county, in the order of the counties; None is not of a county."""
        names: list[str | None] = [*self.counties]
        names += [r.county for r in self.refusals if r.county not in names]
        return [
            (name, [s for s in self.statements if s.county == name], [r for r in self.refusals if r.county == name])
            for name in dict.fromkeys(names)
        ]


def cite(regulation: Regulation, article: Article, span: Span, paragraph: int | None, item: int | None) -> Citation:
    """Quote a span of an article."""
    quote = article.text[slice(*span)]
    slips = tuple(s for s in regulation.slips if s.article == article.number and s.text in quote)
    return Citation(point(regulation, article, paragraph, item), quote, span, slips)


def point(regulation: Regulation, article: Article, paragraph: int | None = None, item: int | None = None) -> Source:
    """Name a place in an article."""
    locator = locate(regulation, article, paragraph, item)
    return Source(regulation.county, locator, f"{label_document(regulation)}{locator}")


def cite_notice(regulation: Regulation, quote: str) -> Citation:
    """Quote the notice that the rule came with; ``quote`` stands in it."""
    start = regulation.notice.index(quote)
    locator = Locator(regulation.id, 0)
    source = Source(regulation.county, locator, f"{label_document(regulation)}{locator}")
    return Citation(source, quote, Span(start, start + len(quote)))


def plain_text(answer: Answer) -> str:
    """Write the answer as it is shown where there is no page: statements, then numbered sources."""
    numbers = {citation: n for n, citation in enumerate(answer.citations, start=1)}
    several = len(answer.counties) > 1
    lines: list[str] = [answer.difference] if answer.difference else []
    for county, statements, refusals in answer.grouped:
        if several and county is not None and (statements or refusals):
            lines.append(f"【{county}】")
        lines += [s.lead + s.text + "".join(f"[{numbers[c]}]" for c in s.citations) for s in statements]
        for refusal in refusals:
            lines.append(refusal.message)
            if refusal.nearest:
                lines.append("最接近的条文：" + "、".join(source.label for source in refusal.nearest))
            if refusal.elsewhere:
                lines.append("其他县的规定：" + "、".join(source.label for source in refusal.elsewhere))
    if numbers:
        lines.append("")
        lines += [f"[{n}] {c.source.label}{'（引文含原文如此之处）' if c.slips else ''}" for c, n in numbers.items()]
    if answer.related:
        lines.append("另见：" + "、".join(related.label for related in answer.related))
    lines += answer.notes
    return "\n".join(lines)


def to_prediction(answer: Answer) -> dict[str, Any]:
    """Write the answer as a line of a batch run (see docs/evaluation.md), without an id."""
    related = [source for refusal in answer.refusals for source in (*refusal.nearest, *refusal.elsewhere)]
    return {
        "question": answer.question,
        "resolved": answer.resolved,
        "counties": list(answer.counties),
        "answer": plain_text(answer),
        "refused": answer.refused,
        "confidence": None if answer.confidence is None else round(answer.confidence, 4),
        "reasons": [refusal.reason.value for refusal in answer.refusals],
        "citations": [
            {**_place(c.source), "paragraph": c.source.locator.paragraph, "item": c.source.locator.item}
            | {"quote": c.quote, "label": c.source.label}
            for c in answer.citations
        ],
        "related": [_place(source) for source in related],
        "difference": answer.difference,
        "notes": list(answer.notes),
        "see_also": [related.label for related in answer.related],
        "retrieved": [
            {
                "regulation": hit.passage.locator.regulation,
                "county": county,
                "article": hit.article.number,
                "branch": hit.article.branch,
                "score": round(hit.score, 6),
            }
            for county, hits in answer.hits.items()
            for hit in hits
        ],
        "latency_ms": round(answer.milliseconds.get("total", 0.0), 2),
        "mode": answer.mode,
    }


def _place(source: Source) -> dict[str, Any]:
    locator = source.locator
    return {
        "regulation": locator.regulation,
        "county": source.county,
        "article": locator.article,
        "branch": locator.branch,
    }
