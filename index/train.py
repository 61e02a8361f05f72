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
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from sentence_transformers.training_args import BatchSamplers
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from index.questions import BankQuestion
from ingest.law import Regulation

SEED = 20221012
VOCABULARY = 24_000
LONGEST_PIECE = 4
DIMENSIONS = 256


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
        bank_epochs: passes over the question bank.
        law_rate: learning rate of the first stage.
        bank_rate: learning rate of the second stage.
        scale: inverse temperature of the softmax.
    """

    dimensions: int = DIMENSIONS
    vocabulary: int = VOCABULARY
    law_epochs: float = 2
    bank_epochs: float = 6
    law_rate: float = 5e-2
    bank_rate: float = 1e-2
    scale: float = 20.0


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
    model = SentenceTransformer(modules=[static, Normalize()], device="cpu")
    _fit(model, {"law": law}, 1024, recipe.law_epochs, recipe.law_rate, recipe.scale)
    _fit(model, asked, 64, recipe.bank_epochs, recipe.bank_rate, recipe.scale)
    return model


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    """Find the pieces: characters and words of up to four, full- and half-width made one."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[^\p{Han}\p{L}\p{N}]+|\p{N}+"), "removed")
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
        output_dir="/tmp/xiangui-train",
        num_train_epochs=epochs,
        per_device_train_batch_size=batch,
        learning_rate=rate,
        warmup_ratio=0.1,
        lr_scheduler_type="linear",
        batch_sampler=BatchSamplers.NO_DUPLICATES,
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
