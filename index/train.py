"""Train the bundled embedding model: ``python -m index train``.

A static embedding (the mean of the vectors of a text's pieces) is small enough to come with the
package and fast enough for an office PC. Pieces are characters and short words found by byte-pair
encoding in laws and in the question bank. Two stages, each with in-batch negatives
(MultipleNegativesRankingLoss, Henderson et al. 2017): first what laws are about, from openly
licensed legal texts; then what people ask, from the question bank and from lay questions about
laws. A batch of the second stage holds articles of one county only, so that the negatives are the
neighbouring articles that an article must be told from.
"""

from __future__ import annotations

import copy
import gzip
import json
import random
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from index.dense import Embedder
from index.fit import SEED, fit, is_held_out
from index.questions import BankQuestion, read_bank
from index.ranking import FILE, write_ranking
from ingest.errors import SettingError
from ingest.law import Regulation

VOCABULARY = 24_000
LONGEST_PIECE = 3
DIMENSIONS = 384
LAW_QUESTIONS = Path(__file__).parent / "training" / "law_questions.jsonl"
"""Everyday questions about articles of laws near to work rules, written for this project."""


class Pair(NamedTuple):
    """Two texts about the same thing."""

    anchor: str
    positive: str


class Recipe(NamedTuple):
    """What can be varied in training.

    Attributes:
        dimensions: length of a vector.
        vocabulary: number of pieces.
        law_epochs: passes over the legal texts.
        law_batch: pairs that are told apart at a time.
        law_rate: learning rate of the first stage.
        bank_epochs: passes over the question bank.
        bank_batch: as above, of the second stage.
        bank_rate: learning rate of the second stage.
        scale: inverse temperature of the softmax.
        spread: standard deviation of the vectors before training; small, so that pieces never
            seen say little.

    """

    dimensions: int = DIMENSIONS
    vocabulary: int = VOCABULARY
    law_epochs: float = 3
    law_batch: int = 4096
    law_rate: float = 0.1
    bank_epochs: float = 6
    bank_batch: int = 64
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
    recipe: Recipe = Recipe(),
) -> None:
    """Train the model, fit the ranking to it, and write both to ``out``.

    The ranking is fitted on a third of the bank with a model that never saw that third; the model
    that is kept has seen all. The same input gives the same weights on the same kind of machine
    (fixed seeds, one order).

    Args:
        regulations: whose articles the bank's questions are about; their own text is used too.
        questions: folder of the bank.
        public: folder with ``law_articles.jsonl.gz``, ``stard/`` and ``pairs/``.
        out: folder to write to.
        leave_out: county whose questions are not used, to measure what an unknown county gets.
        say: called with a line of progress.
        recipe: see there.

    Raises:
        SettingError: the public data are not there.

    """
    if not (public / "law_articles.jsonl.gz").exists():
        raise SettingError(f"训练数据 {public} 里没有 law_articles.jsonl.gz。请用 --public 指到公开法律数据的文件夹")
    bank = read_bank(questions, leave_out)
    lay = list(lay_pairs(public))
    say("第一步：法律文本……")
    base = train_on_laws([*law_pairs(public), *lay], regulations, bank, recipe)
    kept = [question for question in bank if not is_held_out(question)]
    say(f"第二步：{len(kept)} 个题库问题，用另外 {len(bank) - len(kept)} 个拟合排序……")
    with tempfile.TemporaryDirectory() as folder:
        save(train_on_questions(copy.deepcopy(base), regulations, kept, lay, recipe), Path(folder))
        ranking = fit(regulations, bank, Embedder(Path(folder)), say=say)
    say(f"第三步：全部 {len(bank)} 个题库问题……")
    save(train_on_questions(base, regulations, bank, lay, recipe), out)
    write_ranking(ranking, out / FILE)


def save(model: SentenceTransformer, out: Path) -> None:
    """Write a model with half-precision weights; what else is in the folder stays."""
    with tempfile.TemporaryDirectory() as folder:
        model.half().save(folder, create_model_card=False)
        shutil.copytree(folder, out, dirs_exist_ok=True)


def train_on_laws(
    law: Sequence[Pair], regulations: Sequence[Regulation], bank: Sequence[BankQuestion], recipe: Recipe
) -> SentenceTransformer:
    """Make a model of pieces found in laws, rules and questions, and train it on the laws."""
    torch.manual_seed(SEED)
    texts = [text for pair in law for text in pair]
    texts += [text for pairs in bank_pairs(regulations, bank).values() for pair in pairs for text in pair]
    static = StaticEmbedding(train_tokenizer(texts, recipe.vocabulary), embedding_dim=recipe.dimensions)
    torch.nn.init.normal_(static.embedding.weight, std=recipe.spread)
    model = SentenceTransformer(modules=[static, Normalize()], device="cpu")
    _train(model, {"law": law}, recipe.law_batch, recipe.law_epochs, recipe.law_rate, recipe.scale)
    return model


def train_on_questions(
    model: SentenceTransformer,
    regulations: Sequence[Regulation],
    bank: Sequence[BankQuestion],
    lay: Sequence[Pair],
    recipe: Recipe,
) -> SentenceTransformer:
    """Train a model further on what people ask."""
    pairs = {**bank_pairs(regulations, bank), "lay": lay}
    _train(model, pairs, recipe.bank_batch, recipe.bank_epochs, recipe.bank_rate, recipe.scale)
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
    """Yield pairs from legal texts: sentence and rest of its article, heading and article."""
    order = random.Random(SEED)
    for row in _articles(public):
        text = row["text"]
        if not 20 <= len(text) <= 1200:
            continue
        sentences = [s for s in re.split(r"(?<=[。；;])", text) if len(s) >= 8]
        if len(sentences) >= 2:
            chosen = order.choice(sentences)
            yield Pair(chosen, text.replace(chosen, "", 1))
        elif row.get("chapter"):
            yield Pair(f"{row['law']} {row['chapter'].split('/')[-1]}", text)


def lay_pairs(public: Path) -> Iterator[Pair]:
    """Yield lay questions, each with its answer or the article of a law that answers it."""
    with gzip.open(public / "stard" / "corpus.jsonl.gz", "rt", encoding="utf-8") as file:
        corpus = {row["id"]: row["text"] for row in map(json.loads, file)}
    for row in _jsonl(public / "stard" / "queries.jsonl"):
        if row["split"] == "train":
            if isinstance(row["answer"], str):  # a few have none
                yield Pair(row["query"], row["answer"])
            yield from (Pair(row["query"], corpus[gold]) for gold in row["gold"] if gold in corpus)
    for path in sorted((public / "pairs").glob("*.jsonl")):
        yield from (Pair(row["a"], row["b"]) for row in _jsonl(path))
    texts = {(row["law"], row["article"]): row["text"] for row in _articles(public)}
    for row in _jsonl(LAW_QUESTIONS):
        yield Pair(row["question"], texts[row["law"], row["article"]])


def _articles(public: Path) -> Iterator[dict[str, str]]:
    with gzip.open(public / "law_articles.jsonl.gz", "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def _jsonl(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file)


def _train(
    model: SentenceTransformer,
    pairs: Mapping[str, Sequence[Pair]],
    batch: int,
    epochs: float,
    rate: float,
    scale: float,
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
