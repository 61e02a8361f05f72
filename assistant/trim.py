"""A clause that was chosen -> the run of its parts that answers, with all that this hangs on.

Rules are written in long sentences: a dozen tasks one after another, of which one was asked about.
How likely each part, from one comma to the next, belongs to what answers is told by a logistic
regression (``assistant.fit_trim``): by the words it shares with the question, by the quotes that
answered similar questions, by the kind of thing asked for, and by its place. Words are left out at
either end only, so that the rest stays one run of the rule. What the rest hangs on is kept: who or what
it is about, a condition, a negation, a limit, as far as the words at commas tell (``close``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from assistant.choose import Shares, asked_words, known, shared_words
from assistant.expect import ASKS, Kind, asked_quantity
from assistant.units import CLOSING, EXCEPTS, SENTENCE_END, Unit
from index.ranking import Regression
from index.search import Hit
from index.words import bigrams
from ingest.law import Article, Span

WEIGHTS = Path(__file__).parent / "trim.json"
SHORT = 40
"""A clause of so many characters is quoted whole."""
_PAUSES = "，,；;"
_ENDS = SENTENCE_END + _PAUSES
_OPENING = "“‘「『（(《"
_CLAUSES_KEPT = 4096
"""Of so many clauses the parts are kept once they have been looked at."""

_GOES_ON = re.compile(
    r"^\s*(?:并|且|而|但|不过|其|此|该|这|上述|也|还|同时|从而|否则|方|才|再|后|由|使|以|及|和|与|或|均|都|不再|仍|即|经|报|先|辅之|一律|应|须|必须|除)"
)
"""Begins a part that goes on with the one before it."""
_LIMITS = re.compile(rf"^\s*(?:但|不过|除|其中|否则|方可|方能)|制定本|{EXCEPTS}")
"""Stands in a part that takes something back of what stands before it, or is what that was said for."""
_DOES = (
    "加强|健全|完善|推进|推动|严格|落实|建立|坚持|规范|强化|深化|优化|促进|维护|提高|提升|不断|全面|深入|切实|认真|持续|大力|加快|"
    "做到|做好|抓好|注重|牢固|贯彻|执行|遵守|形成|实现|打造|培育|激发|创新|创造|保障|保证|确保|着力|努力|带头|厉行|减少|控制|简化|"
    "充分|进一步|更加|更好|增强|构建|统筹|严控|杜绝|力戒|反对|坚决|履行|支持|提倡|弘扬|探索|转变|防范|维持|树立|艰苦|勤俭|牢记|恪守|贴近|实行|全力|改善|整顿|加大|勤勉|真抓|依法(?:严格|加强|履行|行使)|把(?!关)"
)
_PERSONS = "县政府组成人员|县政府领导(?:同志|成员)?|县政府班子成员"
_ALL = f"县政府及其?(?:组成|工作)?各?部门|县政府各部门|{_PERSONS}|县政府|各部门"
_TASK = re.compile(rf"^\s*(?:(?:{_ALL})(?:及各部门负责人)?)?(?:要|应当?|须|必须)?(?:{_DOES})")
"""Begins a part that says by itself what is to be done, by nobody named or by all."""
_NOBODY = re.compile(rf"^\s*(?:{_DOES})")
_FORBIDS = re.compile(r"^\s*(?:不得|不准|不许|严禁|禁止)")
_NAMED = re.compile(
    r"^\s*(?:各?县|副?县长|各?(?:镇|乡|部门|单位)|规范性文件|出席人数|会议|(?:主办|牵头|协办|代拟|起草)部门)[^，,。；;]*?(?:应|须|要|不得|不超过|不少于|由|可|负责)"
)
"""A part with a subject of its own."""
_MEANS = re.compile(r"^\s*(?:按照|根据|依据|依照|依托|围绕|通过|结合|针对|以(?![便及免上下内外]))")
"""Begins a part that says how, or by what; what is done follows."""
_QUALIFIES = re.compile(
    r"原则上|一般|需要|必要时|可|除|未经|经|如|若|凡|遇|涉及|属于|对|因|为了|拟|(?:前|时|后|的|等|外|中|间|下|起|者|内|情况|情形|事项)\s*[，,]?$|：|:"
)
"""A condition, a time, a hedge, what is spoken of: what follows may hang on it."""
_NO_PREDICATE = re.compile(
    r"^[^，,]*?(?:按照|根据|依据|依照|通过|依托|围绕|利用|采取|结合|针对|一经|(?<!不)以(?!上|下|内|外))|(?:方式|形式|渠道|机制|载体|平台|需要)[，,]?$"
)
"""Says how or by what, not what: what is done follows."""


def narrow(hit: Hit, unit: Unit, topic: str, focus: str, least: float) -> Span:
    """Return the part of a chosen clause that answers.

    Args:
        hit: its article, with the similar questions that the article answers.
        unit: the clause; a 项 and a whole list stay whole.
        topic: the question, a follow-up made whole.
        focus: the words of the last question alone.
        least: a part is kept from this share of the likeliest part's probability; from a third of it where all is
            asked for.

    """
    if unit.item is not None or unit.whole or unit.span.end - unit.span.start < SHORT:
        return unit.span
    clause = read_clause(hit.article, unit)
    if len(clause.texts) < 2:
        return unit.span
    least = least / 3 if Kind.LIST.asks.search(topic) else least
    likely = _weights().probability(describe(hit, clause, topic, focus))
    first, last = close(clause.texts, *run_of(likely, least, clause.words, focus))
    start, end = clause.parts[first].span.start, clause.parts[last].span.end
    if last < len(clause.texts) - 1:
        end -= len(clause.texts[last]) - len(clause.texts[last].rstrip(_PAUSES))
    return Span(start, end)


class Clause(NamedTuple):
    """The parts of a clause: as units, their words, and the bigrams of these; ``shares`` as in ``choose.known``."""

    parts: list[Unit]
    texts: list[str]
    words: list[frozenset[str]]
    shares: Shares


@lru_cache(_CLAUSES_KEPT)
def read_clause(article: Article, unit: Unit) -> Clause:
    """Cut a clause after its commas, but for those inside brackets and quotation marks."""
    parts = [unit._replace(span=span) for span in _cut(article.text, unit.span)]
    texts = [article.text[slice(*part.span)] for part in parts]
    return Clause(parts, texts, [frozenset(bigrams(text)) for text in texts], {})


def run_of(
    likely: npt.NDArray[np.float64], least: float, words: Sequence[frozenset[str]], focus: str
) -> tuple[int, int]:
    """Return the first and the last part to be quoted.

    Those are the likely ones, and those that hold words of the question that none of these holds.

    Args:
        likely: probability of each part.
        least: share of the highest from which a part is likely.
        words: bigrams of each part.
        focus: the question.

    """
    kept = likely >= least * likely.max()
    held = frozenset().union(*(each for each, keep in zip(words, kept, strict=True) if keep))
    missed = frozenset(bigrams(focus)) - held
    places = [i for i, each in enumerate(words) if kept[i] or each & missed]
    return places[0], places[-1]


def _cut(text: str, span: Span) -> Iterator[Span]:
    start, depth = span.start, 0
    for at in range(span.start, span.end):
        if text[at] in _OPENING:
            depth += 1
        elif text[at] in CLOSING:
            depth = max(0, depth - 1)
        elif text[at] in _ENDS and depth == 0 and text[start:at].strip():
            yield Span(start, at + 1)
            start = at + 1
    if text[start : span.end].strip():
        yield Span(start, span.end)


def close(parts: Sequence[str], first: int, last: int) -> tuple[int, int]:
    """Widen a run of parts, given by its first and last, until it hangs on nothing that is left out."""
    while first > 0 and not _may_begin(parts, first):
        first -= 1
    while last < len(parts) - 1 and not _may_end(parts, last):
        last += 1
    return first, last


def _may_begin(parts: Sequence[str], first: int) -> bool:
    """Tell whether a run may begin with a part: it can be read by itself, and what stands before it in the sentence binds only itself."""
    part = parts[first]
    if _GOES_ON.search(part):
        return False
    before = list(takewhile(lambda each: each.strip()[-1:] not in SENTENCE_END, reversed(parts[:first])))
    if not before:
        return True
    forbids = bool(_FORBIDS.search(part))
    if forbids and any(re.match(_PERSONS, each.strip()) for each in before):
        return False
    stands = forbids or _TASK.search(part) or _NAMED.search(part)
    return bool(stands) and all(_is_apart(each, forbids=forbids) for each in before)


def _is_apart(part: str, *, forbids: bool) -> bool:
    """Tell whether a part is one of a row of tasks of nobody in particular (``forbids``: or of prohibitions), on which nothing else hangs."""
    in_row = _TASK.search(part) or (forbids and _FORBIDS.search(part))
    return bool(in_row) and not _QUALIFIES.search(part.strip())


def _may_end(parts: Sequence[str], last: int) -> bool:
    """Tell whether a run may end with a part: it is whole, the next one is another matter, and no limit follows."""
    part, after = parts[last].strip(), parts[last + 1]
    if any(_LIMITS.search(each) for each in parts[last + 1 :]):
        return False
    if part[-1:] in SENTENCE_END:
        return True
    forbids = _FORBIDS.search(part)
    whole = forbids or _TASK.search(part) or (_NAMED.search(part) and not _NO_PREDICATE.search(part))
    other = _NOBODY.search(after) or _MEANS.search(after) or (forbids and _FORBIDS.search(after))
    return bool(whole and other)


def describe(hit: Hit, clause: Clause, topic: str, focus: str) -> npt.NDArray[np.float64]:
    """Describe each part of a clause, a row each; the other arguments are those of ``narrow``."""
    texts, words, count = clause.texts, clause.words, len(clause.texts)
    asked, own = asked_words(topic, focus)
    held = shared_words(asked, own, words)
    common = np.log1p([sum(word in each for word in asked) for each in words])
    nearest, usual = known(hit.article, clause.parts, hit.similar, clause.shares)
    quantity = asked_quantity(focus)
    wanted = [quantity, *(kind.holds if kind.asks.search(focus) else None for kind in ASKS)]
    holds = np.array(
        [[0.0 if thing is None else 1.0 if thing.search(text) else -1.0 for thing in wanted] for text in texts]
    )
    opens = np.array([float(bool(_QUALIFIES.search(text.strip()))) for text in texts])
    goes_on = np.array([float(bool(_GOES_ON.search(text))) for text in texts])
    return np.column_stack(
        [
            *(values for column in (held, nearest, usual) for values in (column, column - column.max())),
            common,
            holds,
            *(values for column in (held, holds[:, 0], nearest) for values in (_before(column), _after(column))),
            np.arange(count) / (count - 1),
            np.arange(count) == 0,
            np.arange(count) == count - 1,
            np.log([len(text) for text in texts]),
            np.full(count, np.log(count)),
            np.full(count, float(nearest.any())),
            np.full(count, float(bool(Kind.LIST.asks.search(topic)))),
            opens,
            _before(opens),
            goes_on,
            _after(goes_on),
            [float(bool(_TASK.search(text))) for text in texts],
        ]
    )


def _before(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return for each part the value of the one before it."""
    return np.concatenate([[0.0], values[:-1]])


def _after(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.concatenate([values[1:], [0.0]])


@lru_cache(maxsize=1)
def _weights() -> Regression:
    weights, bias = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return Regression(tuple(weights), bias)


def write_weights(weights: Regression) -> None:
    """Write the weights as JSON."""
    WEIGHTS.write_text(json.dumps(weights, separators=(",", ":")) + "\n", encoding="utf-8")
