"""Settled points -> the weights that cut a clause down to what answers: ``python -m assistant.fit_trim``.

The points whose words are known are asked (``index.points``); what answers is a run of parts of a
clause. A question's own matter is left out of the similar questions, and each question is taken a
second time without any, as for a rule that nobody has written questions for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import typer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from assistant.choose import share
from assistant.fit import MATTER
from assistant.settings import Settings
from assistant.trim import close, describe, read_clause, run_of, write_weights
from assistant.units import cut
from assistant.write import Selection
from index.library import Library
from index.points import quoted, read_points
from index.questions import BankQuestion, find_verbatim
from index.ranking import Regression
from index.search import Hit, SearchIndex
from index.settings import read_settings
from index.terminal import ready, run, say


class Example(NamedTuple):
    """A question, and a clause that answers it.

    Attributes:
        question: in everyday words.
        county: whose rule it is.
        texts: the parts of the clause.
        words: bigrams of the parts.
        signs: of the parts, a row each.
        answers: for each part whether it belongs to what answers.

    """

    question: str
    county: str
    texts: list[str]
    words: list[frozenset[str]]
    signs: npt.NDArray[np.float64]
    answers: npt.NDArray[np.bool_]


def read_examples(index: SearchIndex) -> Iterator[Example]:
    """Ask the points."""
    rules = {rule.county: rule for rule in index.regulations}
    points = read_points()
    matter = {point.question: i // MATTER for i, point in enumerate(points)}
    for question in quoted(points):
        rule = rules[question.county]
        for hit in index.search(index.prepare(question.question), rule):
            if hit.article.number == question.article and hit.article.branch is None:
                own = matter[question.question]
                others = tuple(each for each in hit.similar if matter.get(each.question.question) != own)
                for similar in (others, ()):
                    yield from _read(hit._replace(similar=similar), question)


def _read(hit: Hit, question: BankQuestion) -> Iterator[Example]:
    """Yield the clause that holds the words that answer, if one clause does."""
    words = find_verbatim(question.quote, hit.article)
    for unit in cut(hit.article):
        if words is None or unit.item is not None or words.start < unit.span.start or words.end > unit.span.end:
            continue
        clause = read_clause(hit.article, unit)
        if len(clause.texts) > 1:
            answers = np.array([share(words, part) >= _HALF for part in clause.parts])
            signs = describe(hit, clause, question.question, question.question)
            yield Example(question.question, question.county, clause.texts, clause.words, signs, answers)


_HALF = 0.5


def fit(examples: Sequence[Example]) -> Regression:
    """Fit the weights, and say what they do to counties not fitted on."""
    rows = np.vstack([example.signs for example in examples])
    answers = np.concatenate([example.answers for example in examples])
    counties = [example.county for example in examples for _ in example.texts]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    unseen = LeaveOneGroupOut()
    likely = cross_val_predict(model, rows, answers, groups=counties, cv=unseen, method="predict_proba")
    ends = np.cumsum([len(example.texts) for example in examples])
    _tell(examples, np.split(likely[:, 1], ends[:-1]))
    model.fit(rows, answers)
    scaler, regression = model[0], model[1]
    weights = regression.coef_[0] / scaler.scale_
    bias = regression.intercept_[0] - float(weights @ scaler.mean_)
    return Regression(tuple(round(float(w), 4) for w in weights), round(float(bias), 4))


def _tell(examples: Sequence[Example], likely: Sequence[npt.NDArray[np.float64]]) -> None:
    cut_off, shorter, before, after = [], [], [], []
    for example, probabilities in zip(examples, likely, strict=True):
        run = run_of(probabilities, Selection().within, example.words, example.question)
        first, last = close(example.texts, *run)
        sizes = np.array([len(text) for text in example.texts])
        needed = np.flatnonzero(example.answers)
        wanted = max(1, sizes[needed].sum())
        cut_off.append(bool(len(needed)) and (needed[0] < first or needed[-1] > last))
        shorter.append(last - first + 1 < len(sizes))
        before.append(sizes.sum() / wanted)
        after.append(sizes[first : last + 1].sum() / wanted)
    say(
        f"{len(examples)} 句，没有参加拟合时：缩短了 {np.mean(shorter):.3f}，切掉了该引的字 {np.mean(cut_off):.3f}；"
        f"长度是该引的几倍，九成以内：{np.quantile(before, 0.9):.1f}，缩短以后 {np.quantile(after, 0.9):.1f}"
    )


def main() -> None:
    """Fit the weights that cut clauses down."""
    settings = read_settings(Settings)
    ready(settings)
    library = Library(settings)
    examples = list(read_examples(library.index()))
    library.close()
    write_weights(fit(examples))


if __name__ == "__main__":
    app = typer.Typer(add_completion=False)
    app.command()(main)
    run(app)
