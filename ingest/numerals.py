"""Chinese numerals as regulations write them: 一百二十三 <-> 123."""

from __future__ import annotations

import re

DIGITS = "零一二三四五六七八九"
NUMERAL = r"[零〇一二两三四五六七八九十百千]+|[0-9０-９]+"
"""Regular expression of one number, Chinese or Arabic, half- or full-width."""

_UNITS = {"十": 10, "百": 100, "千": 1000}
_VALUES = {digit: value for value, digit in enumerate(DIGITS)} | {"〇": 0, "两": 2}
_WELL_FORMED = re.compile(
    r"(?:([一二两三四五六七八九])千)?(?:(零)?([一二两三四五六七八九])百)?"
    r"(?:(零)?([一二三四五六七八九])?(十))?(?:(零)?([一二三四五六七八九]))?"
)


def to_chinese(number: int) -> str:
    """Write ``number`` (1 to 9999) as article numbers are written: 12 is 十二, 103 is 一百零三.

    Raises:
        ValueError: the number is outside 1 to 9999.

    """
    if not 1 <= number <= 9999:
        raise ValueError(f"cannot write {number} as an article number")
    written = ""
    pending_zero = False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, unit)
        if digit:
            written += ("零" if pending_zero else "") + DIGITS[digit] + name
            pending_zero = False
        elif written and number:
            pending_zero = True
    return written.removeprefix("一") if written.startswith("一十") else written


def to_int(text: str) -> int:
    """Read a Chinese or Arabic number (full-width digits too): 一百零三, 103 and １０３ are 103.

    Digit by digit notation (一〇三) is read as well.

    Raises:
        ValueError: the text is no number, or one that nobody writes (十百, 二三十).

    """
    if text.isdigit() and not any(c in _VALUES for c in text):
        return int(text)
    if len(text) > 1 and all(c in _VALUES for c in text):
        return int("".join(str(_VALUES[c]) for c in text))
    if not text or not _WELL_FORMED.fullmatch(text):
        raise ValueError(f"{text!r} is no number")
    total, digit = 0, None
    for character in text:
        if character in _UNITS:
            total += (1 if digit is None else digit) * _UNITS[character]
            digit = None
        else:
            digit = _VALUES[character]
    return total + (digit or 0)
