"""Train the bundled embedding model: ``python -m index train``.

A static embedding (the mean of the vectors of a text's pieces) is small enough to come with the
package and fast enough for an office PC. Pieces are characters and short words found by byte-pair
encoding in laws and in the question bank. Two stages, each with in-batch negatives
(MultipleNegativesRankingLoss, Henderson et al. 2017): first what laws are about, from openly
licensed legal texts; then what officials ask, from the question bank, a batch holding articles of
one county only, so that the negatives are the neighbouring articles that it must be told from.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding
from sklearn.linear_model import LogisticRegression
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from index.build import build
from index.dense import Embedder
from index.questions import BankQuestion, read_bank
from index.ranking import CHANNELS, LEXICAL, Ranking, evidence_features, log_odds, write_ranking
from index.search import SearchIndex
from index.words import bigrams
from ingest.errors import SettingError
from ingest.law import Regulation

SEED = 20221012
VOCABULARY = 24_000
LONGEST_PIECE = 3
DIMENSIONS = 384
SILENT, SAME = 0.3, 0.85
"""Shares of a quote's bigrams in another county's article: below, the rule is silent; above, it says the same."""
STRANGERS = 300
"""Lay questions about other laws that the evidence is fitted on."""
HARDEST = 20
"""Articles of a question that the ranking is fitted on; the others are told apart anyway."""
UNFITTED = Ranking((1.0,) * len(CHANNELS), 0.0, (), 0.0)


class Pair(NamedTuple):
    """Two texts about the same thing."""

    anchor: str
    positive: str


Values = dict[str, npt.NDArray[np.float64]]
"""For each county the channel values of its articles, a row each."""


class Example(NamedTuple):
    """A held-out question and what the channels say of it."""

    question: BankQuestion
    values: Values


class Recipe(NamedTuple):
    """What can be varied in training.

    Attributes:
        dimensions: length of a vector.
        vocabulary: number of pieces.
        law_epochs: passes over the legal texts.
        bank_epochs: passes over the question bank.
        law_rate: learning rate of the first stage.
        bank_rate: learning rate of the second stage.
        scale: inverse temperature of the softmax.
        spread: standard deviation of the vectors before training; small, so that pieces never
            seen say little.

    """

    dimensions: int = DIMENSIONS
    vocabulary: int = VOCABULARY
    law_epochs: float = 1
    bank_epochs: float = 6
    law_rate: float = 5e-2
    bank_rate: float = 1e-2
    scale: float = 20.0
    spread: float = 0.1


def make(
    regulations: Sequence[Regulation],
    questions: Path,
    public: Path,
    out: Path,
    leave_out: str | None,
    say: Callable[[str], None],
) -> None:
    """Fit the ranking on held-out questions, train the model on all, and write both to ``out``.

    Raises:
        SettingError: the public data are not there.

    """
    if not (public / "law_articles.jsonl.gz").exists():
        raise SettingError(f"训练数据 {public} 里没有 law_articles.jsonl.gz。请用 --public 指到公开法律数据的文件夹")
    bank = read_bank(questions, leave_out)
    fitted = fit_ranking(regulations, *held_out(regulations, bank, public, say))
    say(f"排序权重：{fitted}")
    model = train(regulations, bank, public, Recipe(), say)
    save(model, out)
    write_ranking(fitted, out)


def save(model: SentenceTransformer, out: Path) -> None:
    """Write a model with half-precision weights; what else is in the folder stays."""
    with tempfile.TemporaryDirectory() as folder:
        model.half().save(folder, create_model_card=False)
        shutil.copytree(folder, out, dirs_exist_ok=True)


def held_out(
    regulations: Sequence[Regulation], bank: Sequence[BankQuestion], public: Path, say: Callable[[str], None]
) -> tuple[list[Example], list[Values]]:
    """Search a third of the questions with a model and an index that never saw them.

    Returns them with their channel values, and the values of lay questions about other laws, which
    no work rule answers.
    """
    kept = [q for q in bank if not _is_held_out(q)]
    say(f"用 {len(kept)} 个问题训练，{len(bank) - len(kept)} 个问题拟合排序")
    with tempfile.TemporaryDirectory() as folder:
        model, place = Path(folder) / "model", Path(folder) / "index"
        save(train(regulations, kept, public, Recipe(), lambda _: None), model)
        place.mkdir()
        build(regulations, kept, model, Path(), place)
        opened = SearchIndex(place, Embedder(model), UNFITTED)
        asked = [question for question in bank if _is_held_out(question)]
        examples = [Example(question, _values(opened, question.question)) for question in asked]
        strangers = [row["query"] for row in _jsonl(public / "stard" / "queries.jsonl") if row["split"] == "train"]
        strange = [_values(opened, text) for text in random.Random(SEED).sample(strangers, STRANGERS)]
        opened.close()
    return examples, strange


def _values(index: SearchIndex, text: str) -> Values:
    query = index.prepare(text)
    return {r.county: index.values(query, r) for r in index.regulations}


def _is_held_out(question: BankQuestion) -> bool:
    return zlib.crc32(question.question.encode()) % 3 == 0


def fit_ranking(regulations: Sequence[Regulation], examples: Sequence[Example], strange: Sequence[Values]) -> Ranking:
    """Fit both regressions of ``Ranking``.

    The first on each question's strongest articles, with the article that answers and once more
    without it, when none may look like an answer. The second on whole regulations: a question's
    own county answers it; another county does if it has nearly the words of the quote, and is
    silent if it has few of them; what lies between is left out. To ``strange`` questions all are.
    """
    rows, labels = [], []
    for example in examples:
        values, gold = example.values[example.question.county], example.question.article - 1
        for present in (True, False):
            shown = values if present else np.delete(values, gold, axis=0)
            strongest = np.argsort(-shown.sum(axis=1))[:HARDEST]
            rows.append(shown[strongest])
            labels.append((strongest == gold) if present else np.zeros(len(strongest), dtype=bool))
    weights, bias = _regress(np.vstack(rows), np.concatenate(labels))
    ranking = Ranking(weights, bias, (), 0.0)
    words = {r.county: [set(bigrams(a.text)) for a in r.articles] for r in regulations}
    features, answers = [], []
    for example in examples:
        quote = set(bigrams(example.question.quote))
        for county, values in example.values.items():
            held = max(len(quote & text) for text in words[county]) / max(1, len(quote))
            if held <= SILENT or held >= SAME:
                features.append(_evidence(values, example.values, ranking))
                answers.append(held >= SAME)
    for everywhere in strange:
        features += [_evidence(values, everywhere, ranking) for values in everywhere.values()]
        answers += [False] * len(everywhere)
    evidence_weights, evidence_bias = _regress(np.vstack(features), np.array(answers), balanced=True)
    return Ranking(weights, bias, evidence_weights, evidence_bias)


def _evidence(values: npt.NDArray[np.float64], everywhere: Values, ranking: Ranking) -> npt.NDArray[np.float64]:
    scores = ranking.score(values)
    odds = sorted((log_odds(p) for p in scores), reverse=True)
    anywhere = np.max([others.max(axis=0) for others in everywhere.values()], axis=0)[: len(LEXICAL)]
    return evidence_features(values[int(np.argmax(scores))], odds[0] - odds[1], anywhere)


def _regress(
    rows: npt.NDArray[np.float64], labels: npt.NDArray[np.bool_], *, balanced: bool = False
) -> tuple[tuple[float, ...], float]:
    regression = LogisticRegression(C=10.0, max_iter=5000, class_weight="balanced" if balanced else None)
    regression.fit(rows, labels)
    return tuple(round(float(w), 4) for w in regression.coef_[0]), round(float(regression.intercept_[0]), 4)


def train(
    regulations: Sequence[Regulation],
    bank: Sequence[BankQuestion],
    public: Path,
    recipe: Recipe = Recipe(),
    say: Callable[[str], None] = lambda _: None,
) -> SentenceTransformer:
    """Train a model from the bank, the regulations and the folder of public legal data.

    The same input gives the same weights on the same kind of machine (fixed seeds, one order).

    Args:
        regulations: whose articles the bank's questions are about; their own text is used too.
        bank: questions; leave a county out of it to measure what an unknown county gets.
        public: folder with ``law_articles.jsonl.gz``, ``stard/`` and ``pairs/``.
        recipe: see there.
        say: called with a line of progress.

    """
    torch.manual_seed(SEED)
    law = list(law_pairs(public))
    asked = bank_pairs(regulations, bank)
    texts = [text for pair in law for text in pair] + [t for pairs in asked.values() for p in pairs for t in p]
    say(f"文本对：法律 {len(law)}，题库 {sum(len(p) for p in asked.values())}")
    tokenizer = train_tokenizer(texts, recipe.vocabulary)
    say(f"词表：{tokenizer.get_vocab_size()}")
    static = StaticEmbedding(tokenizer, embedding_dim=recipe.dimensions)
    torch.nn.init.normal_(static.embedding.weight, std=recipe.spread)
    model = SentenceTransformer(modules=[static, Normalize()], device="cpu")
    _fit(model, {"law": law}, 1024, recipe.law_epochs, recipe.law_rate, recipe.scale)
    _fit(model, asked, 64, recipe.bank_epochs, recipe.bank_rate, recipe.scale)
    return model


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Find the pieces: characters and words of up to three, full- and half-width made one."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[^\p{L}\p{N}]+"), "removed")
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["[UNK]"],
        limit_alphabet=6000,
        max_token_length=LONGEST_PIECE,
        min_frequency=3,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def bank_pairs(regulations: Sequence[Regulation], bank: Sequence[BankQuestion]) -> dict[str, list[Pair]]:
    """Pair each question with its article, its quote and another question, a list a county and kind."""
    texts = {(r.county, a.number): a.text for r in regulations for a in r.articles}
    chapters = {(r.county, a.number): str(a.chapter or "") for r in regulations for a in r.articles}
    siblings: dict[tuple[str, int], list[str]] = {}
    for question in bank:
        siblings.setdefault((question.county, question.article), []).append(question.question)
    order = random.Random(SEED)
    pairs: dict[str, list[Pair]] = {}
    for question in bank:
        key = (question.county, question.article)
        if key not in texts:
            continue
        pairs.setdefault(f"{question.county}-条", []).append(Pair(question.question, f"{chapters[key]} {texts[key]}"))
        pairs.setdefault(f"{question.county}-句", []).append(Pair(question.question, question.quote))
        others = [text for text in siblings[key] if text != question.question]
        if others:
            pairs.setdefault(f"{question.county}-问", []).append(Pair(question.question, order.choice(others)))
    return pairs


def law_pairs(public: Path) -> Iterator[Pair]:
    """Yield pairs from legal texts: heading and article, sentence and rest, lay question and article."""
    order = random.Random(SEED)
    with gzip.open(public / "law_articles.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            text = row["text"]
            if not 20 <= len(text) <= 1200:
                continue
            sentences = [s for s in re.split(r"(?<=[。；;])", text) if len(s) >= 8]
            if len(sentences) >= 2:
                chosen = order.choice(sentences)
                yield Pair(chosen, text.replace(chosen, "", 1))
            elif row.get("chapter"):
                yield Pair(f"{row['law']} {row['chapter'].split('/')[-1]}", text)
    corpus: dict[str, str] = {}
    with gzip.open(public / "stard" / "corpus.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            corpus[row["id"]] = row["text"]
    for row in _jsonl(public / "stard" / "queries.jsonl"):
        if row["split"] == "train":
            if isinstance(row["answer"], str):  # a few have none
                yield Pair(row["query"], row["answer"])
            yield from (Pair(row["query"], corpus[gold]) for gold in row["gold"] if gold in corpus)
    for path in sorted((public / "pairs").glob("*.jsonl")):
        yield from (Pair(row["a"], row["b"]) for row in _jsonl(path))


def _jsonl(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file)


def _fit(
    model: SentenceTransformer, pairs: dict[str, list[Pair]], batch: int, epochs: float, rate: float, scale: float
) -> None:
    data = {
        name: Dataset.from_dict({"anchor": [p.anchor for p in rows], "positive": [p.positive for p in rows]})
        for name, rows in pairs.items()
    }
    arguments = SentenceTransformerTrainingArguments(
        output_dir=tempfile.gettempdir(),
        num_train_epochs=epochs,
        per_device_train_batch_size=batch,
        learning_rate=rate,
        warmup_steps=0.1,
        lr_scheduler_type="linear",
        batch_sampler="no_duplicates",
        seed=SEED,
        data_seed=SEED,
        save_strategy="no",
        report_to=[],
        logging_steps=50,
        use_cpu=True,
        disable_tqdm=True,
    )
    loss = MultipleNegativesRankingLoss(model, scale=scale)
    SentenceTransformerTrainer(model=model, args=arguments, train_dataset=data, loss=loss).train()
