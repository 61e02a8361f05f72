"""Training, end to end, on very little: the real one takes minutes and public data that are not here."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from index import fit, train
from index.fit import is_held_out
from index.invented import invented
from index.leave_out import train_model
from index.questions import read_bank
from index.ranking import FILE, read_ranking
from index.settings import MODEL, IndexSettings
from index.train import Recipe, Stage, make
from ingest.corpus import ingest
from ingest.errors import SettingError

RULES = ingest().regulations
QUICK = Recipe(
    dimensions=16,
    vocabulary=3000,
    law=Stage(1, 64, 0.05),
    lay=Stage(1, 16, 0.02),
    bank=Stage(1, 32, 0.02),
)


def write_lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The rules themselves in the place of the laws, and a fortieth of the bank."""
    public = tmp_path / "public"
    laws = [
        {"law": r.title, "chapter": str(a.chapter), "article": str(a.number), "text": a.text}
        for r in RULES
        for a in r.articles
    ]
    corpus = [{"id": f"S{i}", "text": law["text"]} for i, law in enumerate(laws)]
    asked = [
        {"query": "一个人打听公章的事", "split": "train", "gold": ["S62"], "answer": "要县长同意"},
        {"query": "第二个人打听出差", "split": "train", "gold": ["S80"], "answer": None},
        {"query": "不许看的一问", "split": "dev", "gold": ["S1"], "answer": "不许看的答"},
    ]
    write_lines(public / "stard" / "queries.jsonl", asked)
    write_lines(public / "pairs" / "few.jsonl", [{"a": "会议多久开一次", "b": laws[45]["text"]}])
    for path, rows in ((public / "law_articles.jsonl.gz", laws), (public / "stard" / "corpus.jsonl.gz", corpus)):
        with gzip.open(path, "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    everyday = tmp_path / "law_questions.jsonl"
    write_lines(
        everyday, [{"law": x["law"], "article": x["article"], "question": f"{i}号怎么办"} for i, x in enumerate(laws)]
    )
    monkeypatch.setattr(train, "LAW_QUESTIONS", everyday)
    phrases = tmp_path / "phrases.jsonl"
    write_lines(phrases, [{"official": "由县长召集和主持", "everyday": ["归老大张罗", "一把手坐中间"]}])
    monkeypatch.setattr(train, "PHRASES", phrases)
    few = invented()[:2]
    for module in (train, fit):
        monkeypatch.setattr(module, "invented", lambda: few)
    monkeypatch.setattr(train, "invented_questions", lambda: [q for each in few for q in each.questions[::10]])
    some = [
        {"county": q.county, "article": q.article, "question": q.question, "quote": q.quote} for q in read_bank()[::40]
    ]
    write_lines(tmp_path / "bank" / "some.jsonl", some)
    return tmp_path


def test_training_writes_a_model_and_its_ranking_and_does_so_again_alike(data, monkeypatch):
    told = []
    taught = []
    real = train.train_on_bank
    monkeypatch.setattr(
        train, "train_on_bank", lambda m, r, bank, *rest: taught.append(bank) or real(m, r, bank, *rest)
    )
    for out in ("one", "two"):
        make(RULES, data / "bank", data / "public", data / out, "渠县", data / "keep", told.append, QUICK)
    bank = read_bank(data / "bank", "渠县")
    held, shown = invented()[:2]
    assert held.held_out and not shown.held_out
    assert taught[0] == [*(q for q in bank if not is_held_out(q)), *shown.questions]
    assert [*taught[1]] == [*bank, *held.questions[::10], *shown.questions[::10]]
    first, second = (SentenceTransformer(str(data / out), device="cpu").float() for out in ("one", "two"))
    texts = ["公章谁管", "常务会议多久开一次"]
    assert np.array_equal(first.encode(texts), second.encode(texts))
    assert first.encode(texts).shape == (2, 16)
    assert read_ranking(data / "one" / FILE) == read_ranking(data / "two" / FILE)
    assert sum("各县共用" in line for line in told) == 1  # the first two stages are kept


def test_nothing_of_stards_dev_is_trained_on(data):
    texts = {text for pair in train.lay_pairs(data / "public") for text in pair}
    assert "一个人打听公章的事" in texts
    assert not {"不许看的一问", "不许看的答"} & texts


def test_everyday_phrases_go_with_the_official_one(data):
    pairs = set(train.lay_pairs(data / "public"))
    assert {("归老大张罗", "由县长召集和主持"), ("一把手坐中间", "由县长召集和主持")} <= pairs


def test_hard_negatives_are_no_answers(data):
    model = SentenceTransformer(str(train.Path(train.__file__).parent / "model"), device="cpu").float()
    pairs = list(train.lay_pairs(data / "public"))
    gold = {}
    for pair in pairs:
        gold.setdefault(pair.anchor, set()).add(pair.positive)
    hard = train.hard_pairs(model, pairs, data / "public")
    assert [(row.anchor, row.positive) for row in hard] == [tuple(pair) for pair in pairs]
    for row in hard:
        assert len(set(row.negatives)) == train.NEGATIVES
        assert not set(row.negatives) & gold[row.anchor]


def test_without_the_public_data_the_option_is_named(data):
    with pytest.raises(SettingError, match="--public"):
        make(RULES, data / "bank", data / "nowhere", data / "out", None, data / "keep", lambda line: None, QUICK)


@pytest.mark.parametrize(("county", "out", "says"), [("渠县", MODEL, "--out"), ("安丘市", Path("x"), "安丘市")])
def test_a_model_without_a_county_never_takes_the_bundled_ones_place(county, out, says, data):
    before = (MODEL / FILE).stat().st_mtime_ns
    with pytest.raises(SettingError, match=says):
        train_model(IndexSettings(leave_out=county), data / "public", out, lambda line: None)
    assert (MODEL / FILE).stat().st_mtime_ns == before
