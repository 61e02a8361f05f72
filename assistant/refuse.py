"""Why there is no answer, said in one vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assistant.answer import Reason, Refusal, Source, point
from assistant.places import short_name
from assistant.references import Reference
from index.search import Hit
from ingest.corpus import label_document
from ingest.law import Regulation

NEAREST = 3
"""Articles named in a refusal."""
NOT_FOUND = "没有找到写明这一点的条文"
NO_QUANTITY = "有相关条文，但没有写明所问的数目、期限或次数"


def empty() -> Refusal:
    """Nothing was asked."""
    return Refusal(Reason.EMPTY, None, "没有看到问题，请写下想问的事，例如“副县长外出要向谁请假？”")


def talk(known: Sequence[str]) -> Refusal:
    """Nothing was asked of the rules: a greeting, thanks, a question about the assistant."""
    have = "、".join(known)
    message = (
        f"这里按县政府工作规则的原文回答怎么办事，现有：{have}。引文与原文逐字核对，正式使用以印发的文件为准。"
        "写下想问的事就行，例如“副县长外出要向谁请假？”"
    )
    return Refusal(Reason.TALK, None, message)


def silent(regulation: Regulation, hits: Sequence[Hit], why: str, elsewhere: Sequence[Source] = ()) -> Refusal:
    """Say that a rule does not settle the point, and which other counties' rules do."""
    message = f"{label_document(regulation)}未规定这一事项：{why}。"
    if elsewhere:
        counties = "、".join(short_name(source.county) for source in elsewhere)
        message += f"{counties}的规则有规定，见下，不能代替本县的规定。"
    return Refusal(Reason.SILENT, regulation.county, message, nearest(regulation, hits), tuple(elsewhere))


def outside(regulations: Iterable[Regulation]) -> Refusal:
    """Say that the matter is none of work rules at all."""
    counties = "、".join(dict.fromkeys(short_name(r.county) for r in regulations))
    message = f"未规定：{counties}的工作规则都没有这方面的内容，这看来不是政府工作规则管的事，请查相关的专门规定。"
    return Refusal(Reason.OUTSIDE, None, message)


def unverified(regulation: Regulation, hits: Sequence[Hit]) -> Refusal:
    """Say that nothing of what was found could be proved."""
    return Refusal(
        Reason.UNVERIFIED, regulation.county, "找到的文字没有通过核对，不予显示。", nearest(regulation, hits)
    )


def nearest(regulation: Regulation, hits: Sequence[Hit]) -> tuple[Source, ...]:
    """Name the articles that came nearest."""
    return tuple(point(regulation, hit.article) for hit in hits[:NEAREST])


def no_such_article(regulation: Regulation, reference: Reference, *, exists: bool) -> Refusal:
    """Say that a place does not exist, and how far the rule, or the article (``exists``), goes."""
    last = regulation.articles[-1]
    if exists:
        article = next(a for a in regulation.articles if (a.number, a.branch) == (reference.article, reference.branch))
        source = point(regulation, article)
        items = sum(len(p.items) for p in article.paragraphs)
        message = f"{source.label}没有这一款或这一项：该条共 {len(article.paragraphs)} 款" + (
            f"、{items} 项。" if items else "，没有分项。"
        )
        return Refusal(Reason.ARTICLE_MISSING, regulation.county, message, (source,))
    named = f"第 {reference.article} 条" if reference.chapter is None else f"第 {reference.chapter} 章"
    message = f"{label_document(regulation)}没有{named}：全文共 {last.number} 条。"
    return Refusal(Reason.ARTICLE_MISSING, regulation.county, message, (point(regulation, last),))


def missing_counties(names: Iterable[str], known: Sequence[str]) -> tuple[Refusal, ...]:
    """Say which of the places asked about have no rule here."""
    have = "、".join(known)
    return tuple(
        Refusal(Reason.COUNTY_MISSING, name, f"没有收入{name}的工作规则，不能用别的县的规则代答。现有：{have}。")
        for name in names
    )
