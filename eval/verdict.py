"""How each case ended, and what that means for somebody who decides whether to use the assistant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from statistics import mean
from typing import Any, NamedTuple

from eval.case import Case
from eval.intervals import Interval, Weighted, interval
from eval.metrics import UNSCORED, Score
from eval.report import Run, type_name


class Outcome(StrEnum):
    """How a case ended, each case in one; the value is how the report names it."""

    RIGHT = "全对"
    PARTIAL = "不完整"
    WRONG = "引错"
    SILENCED = "误说未规定"


MEANING = {
    Outcome.RIGHT: "该引的条文都引到，要点齐全，没有夹带过多；或者规则确实没有规定，也如实说了。",
    Outcome.PARTIAL: "引到了对的条文，但漏了条文或要点，或者太长。",
    Outcome.WRONG: "所引的条文多半答非所问，或者规则没有规定却给了答案。",
    Outcome.SILENCED: "规则本有规定，却对其中一个县或全部说“未规定”。",
}
READY, GUARDED = 0.95, 0.75
"""Least low end of the share all right, for use with spot checks and for use with every source checked."""
READY_HARM, GUARDED_HARM = 0.02, 0.10
"""Most that may be wrong or silenced for the same."""
FEWEST = 50
"""Fewer cases than this decide nothing."""
UNSURE = 0.5
"""A confidence below this is called low in the report."""


class Share(NamedTuple):
    """A part of the cases, with its 95% interval."""

    marked: int
    of: int
    interval: Interval | None

    @property
    def value(self) -> float:
        """The part, 0 to 1."""
        return self.marked / self.of if self.of else 0.0


class Verdict(NamedTuple):
    """The first paragraph of a report and what to mind."""

    title: str
    figures: str
    use: str
    mind: list[str]


def outcome(row: Mapping[str, Score]) -> Outcome:
    """Tell how a case ended by its scores, the worst that holds."""
    value = {name: row.get(name, UNSCORED).value for name in _DECIDE}
    if value["strict"] == 1:
        return Outcome.RIGHT
    if value["refusal_wrong"] == 1 or (value["cell_silenced"] or 0) > 0:
        return Outcome.SILENCED
    precision = value["citation_precision"]
    if value["refusal_right"] == 0 or (precision is not None and precision < _MOSTLY):
        return Outcome.WRONG
    return Outcome.PARTIAL


_DECIDE = ("strict", "refusal_wrong", "cell_silenced", "refusal_right", "citation_precision")
_MOSTLY = 0.5


def share(marks: Sequence[bool]) -> Share:
    """Count the marked cases."""
    return Share(sum(marks), len(marks), interval([[Weighted(float(mark), 1) for mark in marks]]))


def verdict(run: Run, outcomes: Sequence[Outcome]) -> Verdict:
    """Say in plain words what the figures mean for use."""
    shares = {each: share([o is each for o in outcomes]) for each in Outcome}
    right, harm = shares[Outcome.RIGHT], share([o in (Outcome.WRONG, Outcome.SILENCED) for o in outcomes])
    title, use = _use(run, right, harm)
    figures = (
        f"用 {right.of} 道题检验：{right.marked} 题全对，占 {percent(right.value)}{_range(right.interval)}；"
        f"{_part(shares[Outcome.PARTIAL])}答得不完整；{_part(shares[Outcome.WRONG])}引错条文；"
        f"{_part(shares[Outcome.SILENCED])}本有规定却说“未规定”。{_verbatim(run)}"
    )
    return Verdict(title, figures, use, [*_weakest(run, outcomes), *_confidence(run, outcomes), *_silence(run)])


def percent(value: float) -> str:
    """Write a share in whole percent; what is not nothing is not written as nothing, nor all as all."""
    if 0 < value < 0.005:
        return "不到 1%"
    return "99% 以上" if 0.995 <= value < 1 else f"{value:.0%}"


def _part(found: Share) -> str:
    return f"{found.marked} 题（{percent(found.value)}）"


def _range(found: Interval | None) -> str:
    return f"（95% 区间 {found.low:.0%}–{found.high:.0%}）" if found else ""


def _verbatim(run: Run) -> str:
    values = [row["verbatim"].value for row in run.scores if row["verbatim"].value is not None]
    if not values:
        return ""
    broken = sum(value < 1 for value in values)
    return f"有 {broken} 个回答的引文与原文不符。" if broken else "所有引文都与原文逐字一致。"


def _use(run: Run, right: Share, harm: Share) -> tuple[str, str]:
    if any((row["verbatim"].value or 0) < 1 for row in run.scores if row["verbatim"].value is not None):
        return "还不宜投入使用", "引文与原文不符，须先查明原因；在此之前不要使用。"
    if right.of < FEWEST:
        return "例数太少，不足以下结论", f"只有 {right.of} 题；至少要 {FEWEST} 题才作判断。"
    low = right.interval.low if right.interval else 0.0
    if low >= READY and harm.value <= READY_HARM:
        return "可以投入使用", "回答可作为办事依据，平时抽查出处即可。"
    if low >= GUARDED and harm.value <= GUARDED_HARM:
        return (
            "可以投入使用，但每次要核对出处",
            f"适合用来查规则、找条文、起草前摸底。大约每 {_every(harm)} 个回答有 1 个会误导（引错，或误说未规定），"
            "所以写进文件、据以办事之前，要点开出处看原文；看到“未规定”，要换个说法再问或查目录，不能当作结论。",
        )
    return (
        "还不宜投入使用",
        f"全对的比例或误导的比例（{percent(harm.value)}）没有达到下面所列的线；可以内部试用，由熟悉规则的人核对每个回答。",
    )


def _every(harm: Share) -> str:
    return str(round(harm.of / harm.marked)) if harm.marked else f"{harm.of} 以上"


def _weakest(run: Run, outcomes: Sequence[Outcome]) -> list[str]:
    """Name the type with the smallest share all right, where it has enough cases to say so."""
    found: dict[str, list[bool]] = {}
    for case, o in zip(run.cases, outcomes, strict=True):
        found.setdefault(case.type, []).append(o is Outcome.RIGHT)
    known = {label: marks for label, marks in found.items() if len(marks) >= _KNOWN}
    if len(known) < 2:
        return []
    weak = sorted(known, key=lambda label: mean(known[label]))[:2]
    if mean(known[weak[0]]) == 1:
        return []
    named = "、".join(f"“{type_name(label)}”（{len(known[label])} 题对 {sum(known[label])} 题）" for label in weak)
    return [f"最弱的是{named}这两类问题。"]


_KNOWN = 8


def _confidence(run: Run, outcomes: Sequence[Outcome]) -> list[str]:
    answered = [
        (prediction["confidence"] >= UNSURE, o is Outcome.RIGHT)
        for prediction, o in zip(run.predictions, outcomes, strict=True)
        if not prediction["refused"] and prediction.get("confidence") is not None
    ]
    low, high = ([right for sure, right in answered if sure is kind] for kind in (False, True))
    if not low or not high:
        return []
    return [
        f"把握低于 {UNSURE:.0%} 的回答更要小心：{len(low)} 个里对 {sum(low)} 个（{percent(mean(low))}）；"
        f"其余 {len(high)} 个里对 {sum(high)} 个（{percent(mean(high))}）。"
    ]


def _silence(run: Run) -> list[str]:
    refused = [case for case, prediction in zip(run.cases, run.predictions, strict=True) if prediction["refused"]]
    unanswerable = sum(not case.answerable for case in run.cases)
    if not unanswerable:
        return []
    rightly = sum(not case.answerable for case in refused)
    return [
        f"规则没有规定的 {unanswerable} 题里，{rightly} 题如实说了没有答案；全部说没有答案的 {len(refused)} 题里，"
        f"{len(refused) - rightly} 题其实有规定。"
    ]


def why(row: Mapping[str, Score], names: Mapping[str, str]) -> list[tuple[str, str]]:
    """List the reasons of a case's scores, the same reason once, with the first score that gives it."""
    found: dict[str, str] = {}
    for name, score in row.items():
        if score.why and name != "strict":
            found.setdefault(score.why, names.get(name, name))
    rest = row["strict"].why if "strict" in row else ""
    for reason in found:
        rest = rest.replace(reason, "")
    if rest.strip("；"):
        found[rest.strip("；")] = names.get("strict", "strict")
    return [(name, reason) for reason, name in found.items()]


def gold_article(case: Case, row: Mapping[str, Any]) -> bool:
    """Tell whether an article that was found is one of those that answer."""
    place = (row["county"], row["article"], row.get("branch"))
    return any((gold.county, gold.article, gold.branch) == place for gold in case.gold)
