"""Chats -> the weights that tell a question which goes on with another: ``python -m assistant.fit_follow``.

Each chat is gone through as it was meant; each question is read alone and made whole. The right
reading is the one whose likeliest article answers; where both or neither do, the chat's own word
counts for a fifth of that. Where the rule is silent, the chat's word decides.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import typer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict

from assistant.ask import Assistant
from assistant.find import of_counties
from assistant.follow import Reading, Weights, describe, write_weights
from assistant.settings import Settings
from assistant.understand import Understood, authorities, take
from assistant.wording import Gram, ngrams, odds
from index.fit import SEED
from index.library import Library
from index.questions import read_bank
from index.ranking import Regression
from index.settings import read_settings
from index.terminal import ready, run, say

CHATS = Path(__file__).parent / "conversations.jsonl"
"""Chats written for this project: each turn with its kind, county, the article that answers it and its words."""
_IN_DOUBT = 0.2
_ALONE = 4000
"""So many of the bank's questions show how one is worded that stands alone."""
_FOLDS = 10
_LEAST = 4
"""Questions that an n-gram must stand in to be given a weight."""
_STRENGTH = 0.1
"""Inverse strength of the regularisation, of standardised signs."""


class Example(NamedTuple):
    """A question after another.

    Attributes:
        chat: whose it is.
        topic: its words.
        found: what the question before it, it alone, and it made whole find.
        right: for the question alone and made whole, whether it finds the article.
        meant: whether it was written to go on with the one before it.

    """

    chat: str
    topic: str
    found: tuple[Reading, Reading, Reading]
    right: tuple[bool, bool]
    meant: bool


def read_chats(assistant: Assistant) -> Iterator[Example]:
    """Go through the chats."""
    known, above = assistant.counties, authorities(of_counties(assistant.index))
    for line in CHATS.read_text(encoding="utf-8").splitlines():
        chat = json.loads(line)
        state: Understood | None = None
        for turn in chat["turns"]:
            meant = turn["kind"] not in ("first", "new")
            state, asked = _take(turn["question"], state, known, above, meant=meant)
            if asked is None or turn["kind"] == "back":
                continue
            found = assistant.read(*asked)
            gold = turn["article"]
            right = (not meant, meant) if gold is None else (found[1].article == gold, found[2].article == gold)
            yield Example(chat["id"], asked[1].topic, found, right, meant)


def _take(
    question: str, state: Understood | None, known: Sequence[str], above: str, *, meant: bool
) -> tuple[Understood, _Readings | None]:
    """Understand a question as it was meant, and return its readings where there is more than one."""
    asked: list[_Readings] = []

    def follows(*readings: Understood) -> bool:
        before, alone, whole = readings
        asked.append((before, alone, whole))
        return meant

    return take(question, state, known, None, above, follows), next(iter(asked), None)


_Readings = tuple[Understood, Understood, Understood]


def fit(examples: Sequence[Example], alone: Sequence[str]) -> Weights:
    """Fit the weights, and say how often the right reading is taken in chats not fitted on.

    Args:
        examples: ``read_chats``.
        alone: questions that go on with nothing.

    """
    right = np.array([each.right for each in examples])
    meant = np.array([each.meant for each in examples])
    differ = right[:, 0] != right[:, 1]
    labels = np.where(differ, right[:, 1], meant)
    trust = np.where(differ, 1.0, _IN_DOUBT)
    chats = np.array([each.chat for each in examples])
    topics = [each.topic for each in examples]
    worded = np.zeros(len(examples))
    for known, asked in GroupKFold(_FOLDS).split(topics, groups=chats):
        grams = _fit_wording([topics[i] for i in known], meant[known], alone)
        worded[asked] = [odds(ngrams(topics[i]), grams) for i in asked]
    signs = np.array([describe(e.topic, *e.found, w) for e, w in zip(examples, worded, strict=True)])
    scale = signs.std(axis=0) + 1e-9
    regression = LogisticRegression(C=_STRENGTH, max_iter=5000)
    folds, weighed = GroupKFold(_FOLDS), {"sample_weight": trust}
    chosen = cross_val_predict(regression, signs / scale, labels, groups=chats, cv=folds, params=weighed)
    found = np.where(chosen, right[:, 1], right[:, 0]).mean()
    say(
        f"{len(examples)} 个追问，没有参加拟合时读对的：{found:.3f}（两种读法至少一种对的：{right.any(axis=1).mean():.3f}）"
    )
    regression.fit(signs / scale, labels, sample_weight=trust)
    weights = tuple(round(float(w), 4) for w in regression.coef_[0] / scale)
    return Weights(Regression(weights, round(float(regression.intercept_[0]), 4)), _fit_wording(topics, meant, alone))


def _fit_wording(topics: Sequence[str], meant: npt.NDArray[np.bool_], alone: Sequence[str]) -> dict[str, Gram]:
    """Fit n-grams to tell questions that go on with others from those that stand alone."""
    vectors = TfidfVectorizer(analyzer=ngrams, min_df=_LEAST, sublinear_tf=True)
    rows = vectors.fit_transform([*topics, *alone])
    regression = LogisticRegression(max_iter=3000, class_weight="balanced")
    regression.fit(rows, [*meant, *(False for _ in alone)])
    return {
        gram: Gram(round(float(vectors.idf_[i]), 2), round(float(regression.coef_[0][i]), 2))
        for gram, i in sorted(vectors.vocabulary_.items())
    }


def main() -> None:
    """Fit the weights of follow-ups on the chats."""
    settings = read_settings(Settings)
    ready(settings)
    library = Library(settings)
    examples = list(read_chats(Assistant(library, settings)))
    library.close()
    alone = [question.question for question in read_bank()]
    write_weights(fit(examples, random.Random(SEED).sample(alone, _ALONE)))


if __name__ == "__main__":
    app = typer.Typer(add_completion=False)
    app.command()(main)
    run(app)
