"""Answerers that are wrong in one way each: the score meant for it tells, and the others stay."""

import re

import pytest

from eval.case import CASES, read_cases
from eval.metrics import LOWER_IS_BETTER, SCORERS, rules_of, score, summarise
from eval.run import ask

DEV = read_cases(CASES / "dev.jsonl")
CITED = ("citation_precision", "citation_recall", "cell_right", "strict")
PLACES = ("paragraph_precision", "paragraph_recall", "item_precision", "item_recall")
LEAST = 0.02
"""A mean that moves less than this has stayed."""


@pytest.fixture(scope="module")
def rules(assistant):
    return rules_of(assistant.index.regulations)


@pytest.fixture(scope="module")
def predictions(assistant):
    return [ask(case, assistant) for case in DEV]


def body(prediction, change):
    """Change the statements as shown, and leave the sources below them."""
    said, mark, sources = prediction["answer"].partition("\n\n[1] ")
    return {**prediction, "answer": change(said) + mark + sources}


def quotes(prediction, change):
    return {**prediction, "citations": [{**c, "quote": change(c["quote"])} for c in prediction["citations"]]}


# each takes a case, what was rightly predicted, and the articles; it gives what the wrong answerer says


def cites_the_neighbour(case, prediction, articles):
    def next_to(c):
        after = (c["county"], c["article"] + 1, None)
        return {**c, "article": c["article"] + (1 if after in articles else -1)}

    return {**prediction, "citations": [next_to(c) for c in prediction["citations"]]}


def says_it_without_not(case, prediction, articles):
    return body(prediction, lambda said: said.replace("不得", ""))


def quotes_it_without_not(case, prediction, articles):
    return quotes(prediction, lambda quote: quote.replace("不得", ""))


def says_another_number(case, prediction, articles):
    def change(line):
        return re.sub(r"(?<!\[)\d+(?!\])", lambda m: str(int(m[0]) + 4), line) if re.search(r"\[\d+\]$", line) else line

    return body(prediction, lambda said: "\n".join(map(change, said.split("\n"))))


def quotes_another_number(case, prediction, articles):
    return quotes(prediction, lambda quote: re.sub(r"\d+", lambda m: str(int(m[0]) + 4), quote))


def answers_the_unanswerable(case, prediction, articles):
    if case.answerable or not prediction["related"]:
        return prediction
    nearest = prediction["related"][0]
    text = articles[nearest["county"], nearest["article"], nearest["branch"]].paragraphs[0].text
    cited = {**nearest, "paragraph": 1, "item": None, "quote": text, "label": "《某县人民政府工作规则》第一条"}
    said = {"answer": f"{text}[1]\n\n[1] {cited['label']}", "citations": [cited], "related": []}
    return {**prediction, "refused": False, **said}


def refuses_all(case, prediction, articles):
    return {**prediction, "refused": True, "citations": [], "answer": "未规定"}


def cites_another_county(case, prediction, articles):
    others = {"昌乐县": "高青县"}
    cited = [{**c, "county": others.get(c["county"], "昌乐县")} for c in prediction["citations"]]
    return {**prediction, "citations": cited} if case.type != "comparison" else prediction


def leaves_a_county_out(case, prediction, articles):
    if case.type != "comparison":
        return prediction
    left = case.gold[-1].county
    cited = [c for c in prediction["citations"] if c["county"] != left]
    counties = [county for county in prediction["counties"] if county != left]
    shown = re.sub(rf"【{left}】.*?(?=\n【|\n\n\[1\]|\Z)", "", prediction["answer"], flags=re.S)
    return {**prediction, "counties": counties, "citations": cited, "answer": shown}


def quotes_the_whole_article(case, prediction, articles):
    citations, said = [], prediction["answer"]
    for c in prediction["citations"]:
        article = articles.get((c["county"], c["article"], c["branch"]))
        citations.append({**c, "quote": article.text} if article else c)
        said = said.replace(c["quote"], citations[-1]["quote"])
    return {**prediction, "citations": citations, "answer": said}


WRONG = [
    (cites_the_neighbour, {"citation_precision", "citation_recall"}, {*CITED, *PLACES, "verbatim"}),
    (says_it_without_not, {"grounded"}, set()),
    (quotes_it_without_not, {"verbatim"}, {"grounded", "facts", "strict"}),
    (says_another_number, {"grounded"}, set()),
    (quotes_another_number, {"verbatim"}, {"grounded", "facts", "strict"}),
    (answers_the_unanswerable, {"refusal_right"}, {"strict"}),
    (
        refuses_all,
        {"refusal_wrong"},
        {*CITED, *PLACES, "facts", "cell_silenced", "cell_shown", "refusal_right", "verbatim", "grounded"},
    ),
    (cites_another_county, {"county_right"}, {*CITED, *PLACES}),
    (leaves_a_county_out, {"cell_shown"}, {*CITED, *PLACES, "facts", "cell_silenced"}),
    (quotes_the_whole_article, {"concision", "length_ratio"}, {"strict", "facts"}),
]
"""An answerer, the scores meant for it, and those that cannot but move with them."""


def loss(name, before, after):
    return (after - before) * (1 if name in LOWER_IS_BETTER else -1)


@pytest.mark.parametrize(("wrong", "meant", "with_it"), WRONG, ids=[wrong.__name__ for wrong, _, _ in WRONG])
def test_a_wrong_answerer_is_caught_by_the_score_meant_for_it(predictions, rules, wrong, meant, with_it):
    answers = [wrong(case, prediction, rules.articles) for case, prediction in zip(DEV, predictions, strict=True)]
    before = [score(case, prediction, rules) for case, prediction in zip(DEV, predictions, strict=True)]
    after = [score(case, answer, rules) for case, answer in zip(DEV, answers, strict=True)]
    changed = [n for n in range(len(DEV)) if answers[n] != predictions[n]]
    assert len(changed) >= 3
    for name in meant:
        worst = 1.0 if name == "refusal_wrong" else 0.0
        right = [n for n in changed if before[n][name].value not in (None, worst) and after[n][name].value is not None]
        gained = [DEV[n].id for n in right if loss(name, before[n][name].value, after[n][name].value) <= 0]
        assert len(right) >= 3 and len(gained) <= 0.05 * len(right), (name, gained)
        assert name in ("length_ratio", "concision") or all(
            after[n][name].why for n in right if DEV[n].id not in gained
        )
    for name in set(SCORERS) - meant - with_it - {"latency_ms", "length_ratio", "concision"}:
        both = [n for n in range(len(DEV)) if None not in (before[n][name].value, after[n][name].value)]
        if both:
            kept = [DEV[n] for n in both]
            means = [summarise(kept, [rows[n] for n in both], name).mean for rows in (before, after)]
            assert abs(means[1] - means[0]) < LEAST, (name, means)
