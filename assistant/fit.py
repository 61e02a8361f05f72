"""Bank questions -> the weights that choose words and tell whether the point is settled.

As in ``index.fit``: two thirds of the bank are indexed with a model that never saw the other third,
which is asked; once with every county's questions, and once with each county's own left out. A unit
answers if it shares half of itself, or half of the quote, with the words that the bank gives; a whole
list, if they are half of it. Whether the rule settles the point is fitted on these questions and on a
third of those of which it is known (``index.points``), while the other two thirds are indexed.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
import typer
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from assistant.choose import (
    ARTICLES,
    FILE,
    Asked,
    Writing,
    describe_best,
    describe_search,
    describe_units,
    likelihood,
    share,
    wording,
    write_writing,
)
from assistant.roles import roles_of
from assistant.units import candidates
from assistant.wording import Gram
from index.build import build
from index.dense import Embedder
from index.fit import SEED, is_held_out, regress
from index.invented import invented
from index.points import Point, quoted, read_points, without
from index.questions import BankQuestion, find_verbatim, read_bank
from index.ranking import FILE as RANKING
from index.ranking import Regression, read_ranking
from index.search import Hit, Query, SearchIndex
from index.settings import MODEL, IndexSettings, held_name, read_settings
from index.terminal import run, say
from ingest.corpus import BUNDLED, ingest
from ingest.errors import SettingError
from ingest.law import Regulation

ASKED = 6000
"""Held-out questions that are asked, of all counties together."""


class Example(NamedTuple):
    """A question asked of one county.

    Attributes:
        text: the question.
        signs: of the units of the best articles, a row each.
        answers: for each unit whether it answers; None where the question is not the bank's.
        searched: what the search tells of the whole.
        settled: whether the rule answers.

    """

    text: str
    signs: npt.NDArray[np.float64]
    answers: npt.NDArray[np.bool_] | None
    searched: npt.NDArray[np.float64]
    settled: bool


def fit_writing(settings: IndexSettings, model: Path, say: Callable[[str], None]) -> None:
    """Fit the weights and write them beside a model's ranking.

    Args:
        settings: the bank, the county left out, and the home where training keeps its models.
        model: folder of the model and its ranking, made by ``index train``.
        say: called with a line of progress.

    Raises:
        SettingError: the model was not trained here.

    """
    held_model = settings.home / "training" / held_name(settings.leave_out)
    if not (held_model / "modules.json").exists():
        raise SettingError(f"没有 {held_model}。请先运行：python -m index train")
    bank = read_bank(settings.questions, settings.leave_out)
    kept = [q for q in bank if not is_held_out(q)]
    kept += [q for each in invented() if not each.held_out for q in each.questions]
    points = read_points(leave_out=settings.leave_out)
    asked = _some([q for q in bank if is_held_out(q)])
    regulations = ingest([BUNDLED]).regulations
    unseen = [each for each in invented() if each.held_out]
    lab = _Lab(model, held_model)
    say("拟合选句和取舍：各县有题库时一遍，逐县没有题库时一遍……")
    own = lab.ask(regulations, kept, asked, points)
    carried: list[Example] = []
    for county in sorted({q.county for q in bank}):
        alone = [q for q in kept if q.county != county]
        carried += lab.ask(regulations, alone, [q for q in asked if q.county == county], points, only=county)
    theirs = _some([q for each in unseen for q in each.questions])
    new = lab.ask([each.regulation for each in unseen], [*kept, *quoted(points)], theirs)
    weights = {"own": fit_settled(own, fit_unit(own)), "carried": fit_settled(carried, fit_unit(new))}
    write_writing(weights, model / FILE)


def _some(questions: Sequence[BankQuestion]) -> Sequence[BankQuestion]:
    return questions if len(questions) <= ASKED else random.Random(SEED).sample(questions, ASKED)


class _Lab:
    """Builds an index of given questions and asks others."""

    def __init__(self, model: Path, held_model: Path) -> None:
        self._ranking = read_ranking(model / RANKING)
        self._embedder = Embedder(held_model)

    def ask(
        self,
        regulations: Sequence[Regulation],
        indexed: Sequence[BankQuestion],
        asked: Sequence[BankQuestion],
        points: Sequence[Point] = (),
        *,
        only: str | None = None,
    ) -> list[Example]:
        """Ask bank questions and a third of the points; with ``only``, of a county of which no point is known."""
        others = [point for i, point in enumerate(points) if _is_held(i)]
        known = without((point for i, point in enumerate(points) if not _is_held(i)), only)
        with tempfile.TemporaryDirectory() as folder:
            build(regulations, [*indexed, *quoted(known)], known, self._embedder, BUNDLED, Path(folder))
            index = SearchIndex(Path(folder), self._embedder, self._ranking)
            try:
                here = {q.county for q in (*indexed, *asked)}
                rules = {r.county: r for r in regulations if r.county in here and only in (None, r.county)}
                found = [_ask(q.question, index.prepare(q.question), rules[q.county], index, q) for q in asked]
                found += _ask_points(others, rules, index)
            finally:
                index.close()
        return [example for example in found if example is not None]


def _is_held(place: int) -> bool:
    """Tell the third of the points that is asked; neighbours, which are of one matter, stay together."""
    return place // MATTER % 3 == 0


MATTER = 25
"""So many points stand together."""


def _ask_points(points: Sequence[Point], rules: dict[str, Regulation], index: SearchIndex) -> Iterator[Example | None]:
    """Ask what no rule settles of one county each, and the rest of every county where it is known."""
    order = random.Random(SEED)
    for point in points:
        settled = {county: known for county in rules if (known := point.settles(county)) is not None}
        if len(settled) == len(rules) and not any(settled.values()):
            settled = dict([order.choice(list(settled.items()))])
        words = {q.county: q for q in quoted([point])}
        query = index.prepare(point.question)
        for county, known in settled.items():
            yield _ask(point.question, query, rules[county], index, words.get(county), settled=known)


def _ask(
    text: str, query: Query, rule: Regulation, index: SearchIndex, gold: BankQuestion | None, *, settled: bool = True
) -> Example | None:
    hits = index.search(query, rule)
    signs = describe_units(Asked(query, text, text, roles_of(text)), hits, index)
    if not len(signs):
        return None
    answers = None
    if gold is not None:
        answers = np.array([a for hit in hits[:ARTICLES] for a in _answers(hit, gold)])
    return Example(text, signs, answers, describe_search(query, hits, index), settled)


def _answers(hit: Hit, gold: BankQuestion) -> Iterator[bool]:
    quoted = find_verbatim(gold.quote, hit.article) if hit.article.number == gold.article else None
    for unit in candidates(hit.article):
        yield quoted is not None and share(quoted, unit) >= 0.5


def fit_unit(found: Sequence[Example]) -> Regression:
    """Fit which units answer."""
    known = [e for e in found if e.answers is not None]
    answers = np.concatenate([e.answers for e in known if e.answers is not None])
    return regress(np.vstack([e.signs for e in known]), answers)


def fit_settled(found: Sequence[Example], unit: Regression) -> Writing:
    """Fit whether the rule settles the point, from the search and the best unit, and from the wording."""
    rows = np.vstack([describe_best(e.signs, likelihood(e.signs, unit), e.searched) for e in found])
    scale = rows.std(axis=0) + 1e-9
    vectors = TfidfVectorizer(analyzer=list, min_df=_LEAST, sublinear_tf=True)
    words = vectors.fit_transform([wording(e.text, row) for e, row in zip(found, rows, strict=True)])
    regression = LogisticRegression(max_iter=5000, class_weight="balanced")
    regression.fit(hstack([csr_matrix(rows / scale), words * _WORDING]), [e.settled for e in found])
    of_rows, of_words = regression.coef_[0][: rows.shape[1]] / scale, regression.coef_[0][rows.shape[1] :] * _WORDING
    settled = Regression(tuple(round(float(w), 4) for w in of_rows), round(float(regression.intercept_[0]), 4))
    grams = {
        gram: Gram(round(float(vectors.idf_[i]), 2), round(float(of_words[i]), 2))
        for gram, i in sorted(vectors.vocabulary_.items())
    }
    return Writing(unit, settled, grams)


_LEAST = 3
"""Questions that an n-gram must stand in to be given a weight."""
_WORDING = 2.0
"""How much the wording may weigh against the search, tried on questions that were not fitted on."""


app = typer.Typer(add_completion=False)


@app.command()
def main(
    model: Annotated[Path, typer.Option(help="模型的文件夹")] = MODEL,
    leave_out: Annotated[str | None, typer.Option(help="这个县的题目不用")] = None,
) -> None:
    """Fit the weights that choose words, after ``python -m index train`` (needs its models)."""
    fit_writing(read_settings(IndexSettings, leave_out=leave_out), model, say)


if __name__ == "__main__":
    run(app)
