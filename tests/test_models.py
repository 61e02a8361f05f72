"""Models of the user's own, end to end: tiny ones that the tests make and save."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast

from assistant.ask import Assistant
from assistant.settings import Settings
from index import fit, library
from index.invented import invented
from index.models import find_embedding, open_embedder, open_reranker
from index.points import read_points
from index.questions import BUNDLED as BANK
from index.ranking import read_ranking
from ingest.corpus import BUNDLED, ingest
from ingest.errors import SettingError

ONE = "渠县人民政府工作规则.txt"
ROOT = Path(__file__).parent.parent


def save_bert(kind, folder, **options):
    """Save a randomly initialised BERT of a few thousand weights, a piece a character."""
    characters = sorted({c for r in ingest([BUNDLED / ONE]).regulations for a in r.articles for c in a.text if c > " "})
    folder.mkdir(parents=True)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters]), encoding="utf-8")
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(characters) + 5,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        **options,
    )
    kind(config).save_pretrained(folder)
    BertTokenizerFast(vocab=str(vocabulary), model_max_length=128).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def embedding(tmp_path_factory):
    folder = tmp_path_factory.mktemp("embedding")
    words = Transformer(str(save_bert(BertModel, folder / "bert")))
    SentenceTransformer(modules=[words, Pooling(32)], device="cpu").save(str(folder / "model"))
    return folder / "model"


@pytest.fixture(scope="module")
def reranker(tmp_path_factory):
    return save_bert(BertForSequenceClassification, tmp_path_factory.mktemp("reranker") / "model", num_labels=1)


@pytest.fixture(scope="module")
def settings(embedding, reranker, tmp_path_factory):
    """Settings with models of the user's own, and an index built with them from one county."""
    folder = tmp_path_factory.mktemp("own")
    source = folder / "source"
    source.mkdir()
    shutil.copy(BUNDLED / ONE, source / ONE)
    few = folder / "bank"
    few.mkdir()
    lines = [line for path in BANK.glob("*.jsonl") for line in path.read_text(encoding="utf-8").splitlines()]
    (few / "few.jsonl").write_text("\n".join(lines[::10]), encoding="utf-8")
    own = Settings(
        home=folder / "home",
        source=source,
        questions=few,
        embedding=str(embedding),
        embedding_instruction="为这个问题找条文：",
        reranker=str(reranker),
    )
    rules, points = invented()[:2], read_points()[::30]
    with pytest.MonkeyPatch.context() as patched:  # a tenth of what a ranking is fitted on, and of what is known
        patched.setattr(library, "BANK", few)
        patched.setattr(library, "read_points", lambda leave_out=None: points)
        patched.setattr(library, "invented_questions", lambda: rules[0].questions)
        patched.setattr(fit, "invented", lambda: rules)
        library.rebuild(own)
        yield own


def test_own_models_answer_with_the_rules_words(settings):
    opened = library.Library(settings)
    answer = Assistant(opened, settings).ask("渠县的县政府全体会议由哪些人组成？")
    rule = opened.index().regulations[0]
    quotes = [c.quote for s in answer.statements for c in s.citations]
    texts = [a.text for a in rule.articles]
    assert quotes
    assert all(any(quote in text for text in texts) for quote in quotes)
    opened.close()


def test_ranking_is_fitted_once_to_a_model_without_one(settings):
    fitted = list((settings.home / "ranking").glob("*.json"))
    assert len(fitted) == 1
    before = fitted[0].stat().st_mtime_ns
    ranking = read_ranking(fitted[0])
    assert ranking.own != ranking.carried
    assert ranking.own.article.weights[0] > 0  # words tell more than a model that knows nothing
    library.rebuild(settings)
    assert fitted[0].stat().st_mtime_ns == before


def test_reranker_puts_the_best_in_its_order(settings, reranker):
    opened = library.Library(settings)
    plain = library.Library(settings.model_copy(update={"reranker": None}))
    question = "县长出差期间谁主持工作"
    hits = opened.index().search(opened.index().prepare(question), opened.index().regulations[0], 12)
    found = plain.index().search(plain.index().prepare(question), plain.index().regulations[0], 12)
    judge = CrossEncoder(str(reranker), device="cpu")
    values = judge.predict([(question, hit.article.text) for hit in hits[:10]])
    assert list(values) == sorted(values, reverse=True)
    assert {h.article.number for h in hits[:10]} == {h.article.number for h in found[:10]}
    assert [h.article.number for h in hits[:10]] != [h.article.number for h in found[:10]]
    assert [h.score for h in hits] == [h.score for h in found]
    for each in (opened, plain):
        each.close()


def test_instruction_is_put_before_questions_alone(embedding):
    with_it, without = open_embedder(str(embedding), "找："), open_embedder(str(embedding))
    assert with_it.question("印章") == pytest.approx(without.texts(["找：印章"])[0])
    assert with_it.texts(["印章"])[0] == pytest.approx(without.texts(["印章"])[0])


@pytest.mark.parametrize(
    ("open_model", "setting"), [(open_embedder, "XIANGUI_EMBEDDING"), (open_reranker, "XIANGUI_RERANKER")]
)
def test_missing_model_is_named_with_what_to_do(open_model, setting, tmp_path):
    for name in ("BAAI/bge-small-zh-v1.5", str(tmp_path / "none"), "没有:这个"):
        with pytest.raises(SettingError) as caught:
            open_model(name)
        message = str(caught.value)
        assert f"{setting}={name}" in message
        assert str(Path(name).absolute()) in message
        assert "hf download" in message
        assert "--local-dir" in message
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingError, match=f"{setting}=.*打不开.*hf download"):
        open_model(str(tmp_path / "empty"))


def test_a_hub_name_is_looked_up_in_the_download_cache(embedding, tmp_path):
    snapshot = tmp_path / "models--tiny--bert" / "snapshots" / "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(embedding, snapshot)
    (tmp_path / "models--tiny--bert" / "refs").mkdir()
    (tmp_path / "models--tiny--bert" / "refs" / "main").write_text(snapshot.name, encoding="utf-8")
    found = subprocess.run(
        [sys.executable, "-c", "from index.models import find_embedding; print(find_embedding('tiny/bert'))"],
        env={**os.environ, "HF_HUB_CACHE": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()).samefile(snapshot)
    assert find_embedding(str(embedding)) == embedding.resolve()


def test_command_says_what_is_missing(tmp_path, program):
    run = program("index", "search", "印章", XIANGUI_HOME=tmp_path, XIANGUI_EMBEDDING="nobody/nothing")
    assert run.returncode == 2
    assert "XIANGUI_EMBEDDING=nobody/nothing" in run.stderr
    assert "Traceback" not in run.stderr
