"""Questions of which it is known whether a county's rule settles them, and how near another comes to either kind.

An article can be about the matter and silent on the point asked. What officials ask beyond their
rule is much alike from one matter to the next (who keeps it, on what form, how many copies, what if
it is late), so that a question is told by its neighbours: it lies among those that the rule settles,
the bank's included, or among those that it leaves open.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from index.known import KnownQuestions
from index.named import named_in
from index.questions import TRAINING, Asked, BankQuestion
from ingest.corpus import BUNDLED, ingest
from ingest.law import Regulation

STRANGERS = TRAINING / "strangers.txt"
"""Questions that none of the bundled rules settles, one a line."""
GAPS = TRAINING / "gaps.jsonl"
"""Questions that some of the bundled rules settle, each county with its article or null. A county where it
can be argued is left out."""
POINTS = TRAINING / "points.jsonl"
"""The same, by matter: different points of it one after another."""
NEAREST = 5
"""So many neighbours of each kind are looked at."""
_ENOUGH = 3
"""Of so many counties it must be known that none settles a point to expect the same of another."""
_PLACES_KEPT = 1024
"""For so many pairs of a regulation and things named the points are kept."""


class Point(NamedTuple):
    """A question, and for each county of which it is known the article that settles it, None if none does.

    ``stranger``: no rule settles it. ``quotes``: the article's words that do, where they were noted.
    """

    question: str
    articles: dict[str, int | None]
    stranger: bool = False
    quotes: Mapping[str, str] = MappingProxyType({})

    def settles(self, county: str | None) -> bool | None:
        """Tell whether a county's rule settles the point; None where that is not known.

        ``county`` None is a rule that nobody has read: what no other rule settles, it hardly will.
        """
        if self.stranger:
            return False
        if county in self.articles:
            return self.articles[county] is not None
        return False if len(self.articles) >= _ENOUGH and not any(self.articles.values()) else None


def read_points(files: Sequence[Path] = (STRANGERS, GAPS, POINTS), leave_out: str | None = None) -> tuple[Point, ...]:
    """Read the points of some files, without what is known of the county left out."""
    points = []
    for path in files:
        for line in path.read_text(encoding="utf-8").splitlines():
            if path.suffix == ".txt":
                points.append(Point(line, {}, stranger=True))
                continue
            row = json.loads(line)
            points.append(Point(row["question"], row["counties"], quotes=row.get("quotes", {})))
    return without(points, leave_out)


def without(points: Iterable[Point], county: str | None) -> tuple[Point, ...]:
    """Forget what is known of a county, and the points of which nothing else is."""
    left = (
        p._replace(
            articles={c: a for c, a in p.articles.items() if c != county},
            quotes={c: q for c, q in p.quotes.items() if c != county},
        )
        for p in points
    )
    return tuple(point for point in left if point.articles or point.stranger)


def points_hash(points: Iterable[Point]) -> str:
    """Digest of the points, whatever their order."""
    lines = sorted(
        f"{p.question}\t{sorted(p.articles.items())}\t{p.stranger}\t{sorted(p.quotes.items())}" for p in points
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@lru_cache(maxsize=1)
def _read() -> frozenset[tuple[str, str]]:
    """Return county and digest of the texts that the points were read in."""
    return frozenset((r.county, r.source_hash) for r in ingest([BUNDLED]).regulations)


def _county(regulation: Regulation) -> str | None:
    """Return whose points hold for a regulation; None for a text that nobody has read."""
    return regulation.county if (regulation.county, regulation.source_hash) in _read() else None


def as_questions(points: Iterable[Point], regulations: Iterable[Regulation]) -> Asked:
    """Group the settled points whose words are not known by the article that settles them."""
    ours = {county: r for r in regulations if (county := _county(r)) is not None}
    grouped: Asked = {}
    for point in points:
        for county, article in point.articles.items():
            if article is not None and county in ours and county not in point.quotes:
                question = BankQuestion(county, article, point.question, "")
                grouped.setdefault((ours[county].id, article), []).append(question)
    return grouped


def quoted(points: Iterable[Point]) -> tuple[BankQuestion, ...]:
    """Return the settled points whose words are known, as the bank's questions are kept."""
    return tuple(
        BankQuestion(county, article, point.question, point.quotes[county])
        for point in points
        for county, article in point.articles.items()
        if article is not None and county in point.quotes
    )


class PointIndex:
    """For each regulation of a county, which of the points it leaves open, and how near a question comes to them."""

    def __init__(
        self, known: KnownQuestions, questions: Sequence[str], left_open: npt.NDArray[np.bool_], ids: Sequence[str]
    ) -> None:
        """Take the points' questions.

        Args:
            known: holds their vectors.
            questions: a point each.
            left_open: whether a regulation leaves the point open, a row a regulation, a column a point.
            ids: of the regulations.

        """
        self._known = known
        self._questions = list(questions)
        self._rows = known.rows(questions)
        self._left_open = left_open
        self._ids = list(ids)
        kinds: dict[frozenset[str], int] = {}
        self._kind_of = np.array([kinds.setdefault(named_in(q), len(kinds)) for q in questions], dtype=np.int64)
        self._kinds = list(kinds)
        self._of = lru_cache(_PLACES_KEPT)(self._find)

    @classmethod
    def build(cls, points: Sequence[Point], regulations: Iterable[Regulation], known: KnownQuestions) -> Self:
        """Take what is known of a county for the text that it was read in."""
        ours = [r for r in regulations if r.county]
        left_open = [[point.settles(_county(r)) is False for point in points] for r in ours]
        table = np.array(left_open, dtype=bool).reshape(len(ours), len(points))
        return cls(known, [point.question for point in points], table, [r.id for r in ours])

    def save(self, path: Path) -> None:
        """Write to a file; the vectors are kept with ``KnownQuestions``."""
        np.savez(
            path,
            questions=np.array(self._questions, dtype=str),
            left_open=self._left_open,
            ids=np.array(self._ids, dtype=str),
        )

    @classmethod
    def load(cls, path: Path, known: KnownQuestions) -> Self:
        """Read back what ``save`` wrote."""
        with np.load(path) as file:
            return cls(known, file["questions"].tolist(), file["left_open"], file["ids"].tolist())

    def near(self, vector: Sequence[float], names: frozenset[str], regulation: str) -> npt.NDArray[np.float32]:
        """Return the cosines of the nearest points that a regulation of a county leaves open, nearest first.

        Points about another thing than those named (``named_in``) say nothing of these.
        """
        return highest(self._known.cosines(vector)[self._of(regulation, names)])

    def _find(self, regulation: str, names: frozenset[str]) -> npt.NDArray[np.int64]:
        """Return the rows of these points among the known questions."""
        same = np.array([is_same(names, others) for others in self._kinds], dtype=bool)
        places = self._left_open[self._ids.index(regulation)] & same[self._kind_of]
        return np.asarray(self._rows[places])


def is_same(names: frozenset[str], others: frozenset[str]) -> bool:
    """Tell whether two texts may be about the same thing, by what they name."""
    return not names or not others or bool(names & others)


def highest(cosines: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the ``NEAREST`` highest, highest first; 0 where there are fewer."""
    padded = np.concatenate([cosines, np.zeros(NEAREST, dtype=np.float32)])
    return np.sort(np.partition(padded, -NEAREST)[-NEAREST:])[::-1]
