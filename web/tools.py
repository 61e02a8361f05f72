"""What programs may ask for: ask, article and compare, as endpoints of the page and as MCP tools."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import gradio as gr

from assistant.answer import Answer, point, to_prediction
from assistant.ask import Assistant
from ingest.errors import SettingError, XianguiError
from ingest.law import Article, Locator, Regulation

LONGEST = 10_000
"""Characters of a question."""
P = ParamSpec("P")
R = TypeVar("R")


def register(assistant: Assistant) -> None:
    """Make the endpoints /ask, /article and /compare; to be called inside ``gr.Blocks``.

    They are not queued: nothing streams, and an MCP client would otherwise be answered by a detour
    over HTTP that has no right to sign in.
    """

    @_told
    def ask(question: str, county: str = "") -> dict[str, Any]:
        """Answer a question about how a county government works, in the words of the county's own work rules.

        按县人民政府工作规则回答一个问题：逐字引用原文，出处到条、款、项；规则没写的答“未规定”。

        Args:
            question: The question in everyday Chinese, for example 昌乐县政府常务会议多久开一次？
            county: The county to answer for where the question names none, for example 昌乐县; empty means every county.

        """
        return to_prediction(assistant.ask(_checked(question), county=assistant.find_county(county or None)))

    @_told
    def article(county: str, number: int, branch: int = 0) -> dict[str, Any]:
        """Fetch one article (条) of a county's work rules, word for word, with its chapter and its neighbours.

        取某县规则的一条全文，附章名和前后两条的名称。

        Args:
            county: The county, for example 昌乐县.
            number: The number of the article, 46 for 第四十六条.
            branch: The number after 之, 1 for 第四十六条之一; 0 where there is none.

        """
        return find_article(assistant, county, number, branch)

    @_told
    def compare(question: str, counties: list[str] = []) -> dict[str, Any]:  # noqa: B006 - the schema shows it; never changed
        """Compare what several counties' work rules say to one question: each county's own words, and what differs.

        比较几个县对同一问题的规定：每县一行原文和出处，没有规定的写“未规定”，另有一句说明哪里不同。

        Args:
            question: The question without county names, for example 政府常务会议多久开一次？
            counties: The counties to compare, for example ["昌乐县", "沂源县"]; empty means all of them.

        """
        return compare_counties(assistant, _checked(question), counties)

    for tool in (ask, article, compare):
        gr.api(tool, api_name=tool.__name__, queue=False)


def find_article(assistant: Assistant, county: str, number: int, branch: int = 0) -> dict[str, Any]:
    """Return an article of the rule in force of a county.

    Raises:
        SettingError: there is no rule of that county, or no such article in it.

    """
    name = assistant.find_county(county)
    rules = [rule for rule in assistant.index.in_force if rule.county == name]
    for rule in rules:
        for at, found in enumerate(rule.articles):
            if (found.number, found.branch or 0) == (number, branch):
                return _written(rule, at)
    asked = str(Locator("", number, branch or None))
    last = "、".join(f"《{rule.title}》到{_name(rule, rule.articles[-1])}为止" for rule in rules)
    raise SettingError(f"{name}没有{asked}。{last}")


def _written(rule: Regulation, at: int) -> dict[str, Any]:
    found = rule.articles[at]
    return {
        "county": rule.county,
        "regulation": rule.id,
        "title": rule.title,
        "doc_number": rule.doc_number,
        "issued_on": rule.issued_on,
        "chapter": str(found.chapter) if found.chapter else None,
        "article": found.number,
        "branch": found.branch,
        "label": point(rule, found).label,
        "text": found.text,
        "previous": _neighbour(rule, at - 1),
        "next": _neighbour(rule, at + 1),
    }


def _neighbour(rule: Regulation, at: int) -> dict[str, Any] | None:
    if not 0 <= at < len(rule.articles):
        return None
    other = rule.articles[at]
    return {"article": other.number, "branch": other.branch, "label": _name(rule, other), "text": other.text}


def _name(rule: Regulation, article: Article) -> str:
    return str(Locator(rule.id, article.number, article.branch))


def compare_counties(assistant: Assistant, question: str, counties: list[str]) -> dict[str, Any]:
    """Ask the same of several counties, of all where none is named.

    Raises:
        SettingError: there is no rule of one of them.

    """
    names = list(dict.fromkeys(str(assistant.find_county(name)) for name in counties)) or assistant.counties
    answer = assistant.ask(f"{'、'.join(names)}：{question}")
    rows = [_row(answer, name) for name in dict.fromkeys([*names, *answer.counties])]
    return {"question": question, "counties": names, "rows": rows, "difference": answer.difference}


def _row(answer: Answer, county: str) -> dict[str, Any]:
    said = [statement for statement in answer.statements if statement.county == county]
    reasons = [refusal for refusal in answer.refusals if refusal.county in (county, None)]
    return {
        "county": county,
        "words": "\n".join(s.lead + s.text for s in said) if said else "未规定",
        "answered": bool(said),
        "reason": None if said or not reasons else reasons[0].message,
        "citations": [
            {"label": c.source.label, "quote": c.quote} for c in dict.fromkeys(c for s in said for c in s.citations)
        ],
    }


def _checked(question: str) -> str:
    if not question.strip():
        raise SettingError("没有看到问题")
    if len(question) > LONGEST:
        raise SettingError(f"问题最多 {LONGEST} 个字")
    return question


def _told(tool: Callable[P, R]) -> Callable[P, R]:
    """Tell the caller of an endpoint what was wrong; other errors stay in the log."""

    @wraps(tool)
    def called(*given: P.args, **named: P.kwargs) -> R:
        try:
            return tool(*given, **named)
        except XianguiError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return called
