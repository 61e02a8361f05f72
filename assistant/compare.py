"""Several counties' answers -> one line that says what differs, in the rules' own words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from assistant.expect import asked_quantity
from assistant.places import short_name
from index.words import bigrams

SAME = 0.9
"""Share of common bigrams from which two counties' words count as the same."""


def difference(question: str, quotes: Mapping[str, str], silent: Sequence[str]) -> str | None:
    """Say what differs between counties.

    Args:
        question: the last question, which tells whether a quantity is compared.
        quotes: each answering county's words.
        silent: counties whose rules do not answer.

    Returns:
        A line made of county names and of words that stand in the quotes, or None where fewer than
        two counties were asked.

    """
    if len(quotes) + len(silent) < 2 or not quotes:
        return None
    ends = f"{_join(silent)}未规定。" if silent else ""
    if len(quotes) == 1:
        return f"只有{_join(quotes)}有规定；{ends}"
    said = _quantities(question, quotes)
    if said is not None:
        different = len({re.sub(r"\s", "", words) for words in said.values()}) > 1
        if not different:
            return f"{_join(said)}都是“{next(iter(said.values()))}”；{ends}".rstrip("；") + ("" if ends else "。")
        return "；".join(f"{short_name(county)}“{words}”" for county, words in said.items()) + f"。{ends}"
    groups = _groups(quotes)
    if len(groups) == 1:
        return f"{_join(quotes)}的规定文字基本相同。{ends}"
    alike = "；".join(f"{_join(group)}文字基本相同" for group in groups if len(group) > 1)
    return (f"{alike}，其余各不相同。" if alike else f"{_join(quotes)}的规定各不相同。") + ends


def _quantities(question: str, quotes: Mapping[str, str]) -> dict[str, str] | None:
    """Take the quantity asked for out of each county's words, if all of them hold one."""
    asked = asked_quantity(question)
    if asked is None:
        return None
    found = {county: _said(asked, words) for county, words in quotes.items()}
    if not all(1 <= len(set(words)) <= 2 for words in found.values()):
        return None
    return {county: "、".join(dict.fromkeys(words)) for county, words in found.items()}


def _said(asked: re.Pattern[str], words: str) -> list[str]:
    """Find the quantities in words: figures, or where there are none what is said instead (及时, 时限)."""
    said = [match[0].strip() for match in asked.finditer(words)]
    return [each for each in said if _FIGURE.search(each)] or said


_FIGURE = re.compile(r"[0-9０-９一二两三四五六七八九十百半每]")


def _groups(quotes: Mapping[str, str]) -> list[list[str]]:
    """Put counties together whose words are nearly the same."""
    groups: list[list[str]] = []
    for county, words in quotes.items():
        own = set(bigrams(words))
        for group in groups:
            other = set(bigrams(quotes[group[0]]))
            if own and len(own & other) >= SAME * len(own | other):
                group.append(county)
                break
        else:
            groups.append([county])
    return groups


def _join(counties: Sequence[str] | Mapping[str, str]) -> str:
    return "、".join(short_name(county) for county in counties)
