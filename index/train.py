"""Train the bundled embedding model: ``python -m index train``.

A static embedding (the mean of the vectors of a text's pieces) is small enough to come with the
package and fast enough for an office PC. Pieces are characters and short words found by byte-pair
encoding in laws and in lay questions about them. Three stages, each with in-batch negatives
(MultipleNegativesRankingLoss, Henderson et al. 2017):

1. what laws are about: a sentence and the rest of its article, a heading and its article;
2. what people ask about laws: lay questions and articles, each with ``NEGATIVES`` articles that the
   model of the first stage takes for the right one;
3. what officials ask: the question bank, the invented rules' questions, and the second stage's once
   more. A batch holds articles of one county only, so that the negatives are the neighbouring
   articles that an article must be told from.

The first two know nothing of any county; they are made once for all counties left out.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
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
from index.invented import invented, invented_questions
from index.questions import TRAINING, BankQuestion, read_bank
from index.ranking import FILE, write_ranking
from index.settings import held_name
from ingest.errors import SettingError
from ingest.law import Regulation

FITTED_ON = 1500
"""Held-out questions that the ranking is fitted on."""
LONGEST_PIECE = 3
NEGATIVES = 3
NEAREST = slice(4, 30)
"""Which of the articles nearest to an anchor are its hard negatives."""
LAW_QUESTIONS = TRAINING / "law_questions.jsonl"
"""Everyday questions about articles of laws near to work rules, written for this project."""
PHRASES = TRAINING / "phrases.jsonl"
"""Phrases of official language, each with everyday ways of saying it, written for this project."""


class Pair(NamedTuple):
    """Two texts about the same thing."""

    anchor: str
    positive: str


class Stage(NamedTuple):
    """Passes over the data, pairs that are told apart at a time, learning rate."""

    epochs: float
    batch: int
    rate: float


class Hard(NamedTuple):
    """A pair, and articles that look right for the anchor and are not."""

    anchor: str
    positive: str
    negatives: tuple[str, ...]


class Recipe(NamedTuple):
    """What can be varied in training.

    Attributes:
        dimensions: length of a vector.
        vocabulary: number of pieces.
        law: first stage.
        lay: second stage.
        bank: third stage.
        scale: inverse temperature of the softmax.
        spread: standard deviation of the vectors before training; small, so that pieces never
            seen say little.

    """

    dimensions: int = 384
    vocabulary: int = 24_000
    law: Stage = Stage(epochs=2, batch=2048, rate=0.1)
    lay: Stage = Stage(epochs=6, batch=256, rate=0.02)
    bank: Stage = Stage(epochs=4, batch=64, rate=0.006)
    scale: float = 20.0
    spread: float = 0.1


def make(
    regulations: Sequence[Regulation],
    questions: Path,
    public: Path,
    out: Path,
    leave_out: str | None,
    keep: Path,
    say: Callable[[str], None],
    recipe: Recipe = Recipe(),
) -> None:
    """Train the model, fit the ranking to it, and write both to ``out``.

    The ranking is fitted on a third of the bank, and on invented rules, with a model that never saw
    either; the model that is written has seen all. The same input gives the same weights on the same
    kind of machine (fixed seeds, one order).

    Args:
        regulations: whose articles the bank's questions are about; their own text is used too.
        questions: folder of the bank.
        public: folder with ``law_articles.jsonl.gz``, ``stard/`` and ``pairs/``.
        out: folder to write to.
        leave_out: county whose questions are not used, to measure what an unknown county gets.
        keep: folder where the model of the first two stages is kept for the next time, and the one
            that the ranking was fitted with (``settings.held_name``).
        say: called with a line of progress.
        recipe: see there.

    Raises:
        SettingError: the public data are not there.

    """
    if not (public / "law_articles.jsonl.gz").exists():
        raise SettingError(f"训练数据 {public} 里没有 law_articles.jsonl.gz。请用 --public 指到公开法律数据的文件夹")
    bank = read_bank(questions, leave_out)
    rules = [*regulations, *(each.regulation for each in invented())]
    lay = list(lay_pairs(public))
    base = keep / _digest(public, recipe)
    if not (base / "modules.json").exists():
        say("法律文本和日常法律问题（各县共用，留着下次用）……")
        train_on_laws(public, lay, recipe).save(str(base), create_model_card=False)
    hard = _kept_pairs(base, lay, public)
    kept = [question for question in bank if not is_held_out(question)]
    kept += [question for each in invented() if not each.held_out for question in each.questions]
    say(f"{len(kept)} 个问题，用另外的拟合排序……")
    held = keep / held_name(leave_out)
    save(train_on_bank(_load(base), rules, kept, hard, recipe), held)
    ranking = fit(regulations, bank, Embedder(held), FITTED_ON, say=say)
    every = [*bank, *invented_questions()]
    say(f"全部 {len(every)} 个问题……")
    save(train_on_bank(_load(base), rules, every, hard, recipe), out)
    write_ranking(ranking, out / FILE)


def _kept_pairs(base: Path, lay: Sequence[Pair], public: Path) -> list[Hard]:
    """Read the hard negatives that the model of the first two stages gives, found once."""
    path = base / "hard.json"
    if not path.exists():
        path.write_text(json.dumps(hard_pairs(_load(base), lay, public), ensure_ascii=False), encoding="utf-8")
    return [Hard(anchor, positive, tuple(others)) for anchor, positive, others in json.loads(path.read_text("utf-8"))]


def _load(folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def _digest(public: Path, recipe: Recipe) -> str:
    """Name what the first two stages are made of."""
    digest = hashlib.sha256(repr((recipe._replace(bank=Stage(0, 0, 0)), LONGEST_PIECE, NEGATIVES, NEAREST)).encode())
    for path in (public / "law_articles.jsonl.gz", public / "stard" / "queries.jsonl", LAW_QUESTIONS, PHRASES):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:24]


def save(model: SentenceTransformer, out: Path) -> None:
    """Write a model with half-precision weights; what else is in the folder stays."""
    with tempfile.TemporaryDirectory() as folder:
        model.half().save(folder, create_model_card=False)
        shutil.copytree(folder, out, dirs_exist_ok=True)


def train_on_laws(public: Path, lay: Sequence[Pair], recipe: Recipe) -> SentenceTransformer:
    """Make a model of pieces found in laws and lay questions, and train it on both."""
    torch.manual_seed(SEED)
    law = [*law_pairs(public), *lay]
    static = StaticEmbedding(
        train_tokenizer((text for pair in law for text in pair), recipe.vocabulary), embedding_dim=recipe.dimensions
    )
    torch.nn.init.normal_(static.embedding.weight, std=recipe.spread)
    model = SentenceTransformer(modules=[static, Normalize()], device="cpu")
    _train(model, {"law": law}, recipe.law, recipe.scale)
    _train(model, {"lay": hard_pairs(model, lay, public)}, recipe.lay, recipe.scale)
    return model


def train_on_bank(
    model: SentenceTransformer,
    regulations: Sequence[Regulation],
    bank: Sequence[BankQuestion],
    lay: Sequence[Hard],
    recipe: Recipe,
) -> SentenceTransformer:
    """Train a model further on what officials ask."""
    _train(model, {**bank_pairs(regulations, bank), "lay": lay}, recipe.bank, recipe.scale)
    return model


def hard_pairs(model: SentenceTransformer, pairs: Sequence[Pair], public: Path) -> list[Hard]:
    """Add to each pair articles that the model finds near to the anchor.

    The very nearest are passed over: they often answer as well (``NEAREST``).
    """
    gold: dict[str, set[str]] = {}
    for pair in pairs:
        gold.setdefault(pair.anchor, set()).add(pair.positive)
    texts = [row["text"] for row in _articles(public)] + list(_corpus(public).values()) + [p.positive for p in pairs]
    pool = [text for text in dict.fromkeys(texts) if len(text) >= 15]
    articles = model.encode(pool, batch_size=1024, show_progress_bar=False)
    order, near = random.Random(SEED), {}
    anchors = list(gold)
    for start in range(0, len(anchors), 256):
        some = anchors[start : start + 256]
        cosines = model.encode(some, batch_size=256, show_progress_bar=False) @ articles.T
        for anchor, row in zip(some, cosines, strict=True):
            best = np.argpartition(-row, NEAREST.stop + 10)[: NEAREST.stop + 10]
            ranked = [pool[i] for i in best[np.argsort(-row[best])] if pool[i] not in gold[anchor]]
            near[anchor] = ranked[NEAREST]
    return [Hard(*pair, tuple(order.sample(near[pair.anchor], NEGATIVES))) for pair in pairs]


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
    """Yield lay questions, and answers that people gave, with the articles; everyday and official phrases."""
    corpus = _corpus(public)
    for row in _jsonl(public / "stard" / "queries.jsonl"):
        if row["split"] == "train":
            golds = [corpus[gold] for gold in row["gold"] if gold in corpus]
            yield from (Pair(row["query"], gold) for gold in golds)
            if isinstance(row["answer"], str):  # a few have none
                yield Pair(row["query"], row["answer"])
                yield from (Pair(row["answer"], gold) for gold in golds)
    for path in sorted((public / "pairs").glob("*.jsonl")):
        yield from (Pair(row["a"], row["b"]) for row in _jsonl(path))
    texts = {(row["law"], row["article"]): row["text"] for row in _articles(public)}
    for row in _jsonl(LAW_QUESTIONS):
        yield Pair(row["question"], texts[row["law"], row["article"]])
    for row in _jsonl(PHRASES):
        yield from (Pair(everyday, row["official"]) for everyday in row["everyday"])


def _corpus(public: Path) -> dict[str, str]:
    with gzip.open(public / "stard" / "corpus.jsonl.gz", "rt", encoding="utf-8") as file:
        return {row["id"]: row["text"] for row in map(json.loads, file)}


def _articles(public: Path) -> Iterator[dict[str, str]]:
    with gzip.open(public / "law_articles.jsonl.gz", "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def _jsonl(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file)


def _train(model: SentenceTransformer, pairs: Mapping[str, Sequence[Pair | Hard]], stage: Stage, scale: float) -> None:
    data = {name: Dataset.from_dict(_columns(rows)) for name, rows in pairs.items()}
    arguments = SentenceTransformerTrainingArguments(
        output_dir=tempfile.gettempdir(),
        num_train_epochs=stage.epochs,
        per_device_train_batch_size=stage.batch,
        learning_rate=stage.rate,
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


def _columns(rows: Sequence[Pair | Hard]) -> dict[str, list[str]]:
    columns = {"anchor": [row.anchor for row in rows], "positive": [row.positive for row in rows]}
    if isinstance(rows[0], Hard):
        for i in range(NEGATIVES):
            columns[f"negative_{i}"] = [row.negatives[i] for row in rows if isinstance(row, Hard)]
    return columns
