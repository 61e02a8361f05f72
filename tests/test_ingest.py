"""Parsing: the real texts to the last character, and constructed ones for each rule."""

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.corpus import BUNDLED, in_force, ingest, label_document, locate, read_corpus, write_corpus
from ingest.errors import SourceError
from ingest.law import Regulation
from ingest.numerals import to_chinese, to_int
from ingest.parse import parse
from ingest.read import read_text


def squeeze(text: str) -> str:
    return re.sub(r"\s", "", text)


REGULATIONS = {r.county: r for r in ingest().regulations}
SOURCES = {r.county: read_text(BUNDLED / r.file) for r in REGULATIONS.values()}


def article(county: str, number: int):
    return next(a for a in REGULATIONS[county].articles if a.number == number)


@pytest.mark.parametrize(
    ("county", "articles", "chapters"),
    [("昌乐县", 96, 15), ("平阴县", 84, 12), ("乾安县", 87, 15), ("沂源县", 87, 13), ("渠县", 81, 13)],
)
def test_counts(county, articles, chapters):
    regulation = REGULATIONS[county]
    assert [a.number for a in regulation.articles] == list(range(1, articles + 1))
    assert [c.number for c in regulation.chapters] == list(range(1, chapters + 1))


@pytest.mark.parametrize(
    ("county", "number", "items"),
    [
        ("昌乐县", 45, [4, 0]),
        ("昌乐县", 46, [8, 0]),
        ("昌乐县", 47, [4, 0]),
        ("昌乐县", 60, [7]),
        ("昌乐县", 83, [0]),
        ("平阴县", 52, [0, 0]),
        ("平阴县", 53, [0, 0]),
        ("平阴县", 58, [0, 0]),
        ("平阴县", 67, [7]),
        ("平阴县", 73, [0, 0]),
        ("乾安县", 3, [0] * 9),
        ("乾安县", 63, [0] * 5),
        ("乾安县", 77, [0] * 5),
        ("沂源县", 46, [3, 0, 0]),
        ("沂源县", 47, [7, 0, 0]),
        ("沂源县", 70, [0, 8]),
        ("渠县", 30, [0, 11, 0, 0, 0]),
        ("渠县", 31, [0, 4, 0]),
        ("渠县", 66, [0]),
        ("渠县", 76, [0, 0, 0]),
    ],
)
def test_paragraphs_and_items(county, number, items):
    assert [len(p.items) for p in article(county, number).paragraphs] == items


@pytest.mark.parametrize(
    ("county", "number", "words"),
    [
        ("昌乐县", 4, "实事求是、民主公开、规范高效"),  # a page break inside a word
        ("昌乐县", 60, "出国审批公文，由县长签发；"),  # inside an item
        ("渠县", 66, "群众监督。对新闻媒体"),  # a line feed after 。 in a hard-wrapped block
        ("沂源县", 57, "《山东省<党政机关公文处理工作条例>实施办法(试行)》"),  # literal angle brackets
        ("昌乐县", 96, "同时废止。"),
        ("渠县", 9, "日常工作 and 县长"),
        ("沂源县", 77, "保密纪律和外事纪律, 严禁"),
    ],
)
def test_words_stand_in_article(county, number, words):
    assert words in article(county, number).text


@pytest.mark.parametrize(
    ("county", "number", "paragraph", "item", "text"),
    [
        ("渠县", 30, 2, 11, "通报和讨论县政府其他事项。"),
        ("渠县", 31, 2, 1, "研究县政府日常工作中需协调解决的重要事项；"),
        ("沂源县", 47, 1, 7, "通报和讨论其他重要事项。"),
        ("昌乐县", 47, 1, 1, "研究协调县政府领导分管工作范围内的具体问题；"),
    ],
)
def test_items_without_marker_and_bullet(county, number, paragraph, item, text):
    assert article(county, number).paragraphs[paragraph - 1].items[item - 1].text == text


@pytest.mark.parametrize("county", REGULATIONS)
def test_every_character_is_accounted_for(county):
    regulation, source = REGULATIONS[county], SOURCES[county]
    spans = [regulation.front, regulation.colophon, *(c.source for c in regulation.chapters)]
    spans += [a.source for a in regulation.articles]
    covered = Counter(i for start, end in spans for i in range(start, end))
    assert max(covered.values()) == 1
    assert squeeze("".join(c for i, c in enumerate(source) if i not in covered)) == ""
    bullets = {i for r in regulation.repairs if r.kind == "列表符号" for i in range(*r.source)}
    for a in regulation.articles:
        marker = re.match(r"第?[一二三四五六七八九十百零]+[条、]", source[a.source.start :])
        body = range(a.source.start + marker.end(), a.source.end)
        assert squeeze("".join(source[i] for i in body if i not in bullets)) == squeeze(a.text)


@pytest.mark.parametrize("county", REGULATIONS)
def test_every_part_maps_back_to_the_source(county):
    source = SOURCES[county]
    for a in REGULATIONS[county].articles:
        for at, (start, end) in a.pieces:
            assert a.text[at : at + end - start] == source[start:end]
        for p in a.paragraphs:
            assert a.text[slice(*p.span)].startswith(p.text)
            assert squeeze(p.text) in squeeze(source[slice(*p.source)])
            for i in p.items:
                assert a.text[slice(*i.span)] == i.text
                assert squeeze(source[slice(*i.source)]) == squeeze(i.text)


@pytest.mark.parametrize(
    ("county", "label", "issued_on", "adopted"),
    [
        ("昌乐县", "《昌乐县人民政府工作规则》（乐政发〔2022〕7号）", "2022-10-12", "县政府全体（扩大）会议审议通过"),
        ("平阴县", "《平阴县人民政府工作规则》（2022年7月15日印发）", "2022-07-15", "第五次会议审议通过"),
        ("乾安县", "《乾安县人民政府工作规则》（乾政发〔2022〕2号）", "2022-06-17", "第十三次政府常务会议讨论通过"),
        ("沂源县", "《沂源县人民政府工作规则》（2022年3月10日印发）", "2022-03-10", "第2次县政府常务会议研究通过"),
        ("渠县", "《渠县人民政府工作规则》（渠府发〔2020〕25号）", "2020-11-13", "第77次常务会议审议通过"),
    ],
)
def test_metadata(county, label, issued_on, adopted):
    regulation = REGULATIONS[county]
    assert label_document(regulation) == label
    assert regulation.issued_on == issued_on
    assert regulation.adopted_by.startswith(f"《{county}人民政府工作规则》已经")
    assert regulation.adopted_by.endswith(adopted)
    assert regulation.adopted_by in regulation.notice


@pytest.mark.parametrize(
    ("county", "title", "number", "issued"),
    [
        ("昌乐县", "昌乐县人民政府工作规则", "乐政发〔2012〕3号", "2012年2月25日"),
        ("乾安县", "乾安县人民政府关于印发乾安县人民政府工作规则的通知", "乾政发〔2018〕19号", "2018年5月28日"),
        ("沂源县", "沂源县人民政府工作规则", None, None),
        ("渠县", "渠县人民政府工作规则", None, "2015年8月25日"),
    ],
)
def test_repeals(county, title, number, issued):
    repeals = REGULATIONS[county].repeals
    assert (repeals.title, repeals.doc_number, repeals.issued and squeeze(repeals.issued)) == (title, number, issued)


def test_broken_metadata_is_unknown_and_reported():
    regulation = REGULATIONS["沂源县"]
    assert (regulation.doc_number, regulation.doc_number_raw) == (None, "源政发〔20222")
    reported = {(r.kind, r.line, r.text) for r in regulation.repairs}
    assert {
        ("文号残缺", 7, "源政发〔20222"),
        ("日期残缺", 13, "2022年3月7"),
        ("项号残缺", 185, ")通报和讨论其他重要事项"),
        ("缺句末标点", 35, ",确保与县委高度同频共振"),
    } <= reported
    assert {r.text for r in regulation.repairs if r.line > 350} == {"201919日", "源政发〔20192号"}


def test_every_listed_slip_stands_in_its_article():
    listed = json.loads((BUNDLED / "slips.json").read_text(encoding="utf-8"))
    assert {r.file: len(r.slips) for r in REGULATIONS.values() if r.slips} == {k: len(v) for k, v in listed.items()}


def test_corpus_round_trip(tmp_path):
    write_corpus(REGULATIONS.values(), tmp_path)
    assert {r.id: r for r in read_corpus(tmp_path)} == {r.id: r for r in REGULATIONS.values()}


def test_corpus_file_that_is_cut_names_file_and_line(tmp_path):
    (path,) = write_corpus([REGULATIONS["渠县"]], tmp_path)
    path.write_text(path.read_text(encoding="utf-8")[:9000], encoding="utf-8")
    with pytest.raises(SourceError, match=r"渠县.*jsonl:\d+"):
        read_corpus(tmp_path)


@given(st.integers(1, 9999))
def test_numerals_round_trip(number):
    assert to_int(to_chinese(number)) == number
    assert to_int(str(number)) == number


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("十", 10),
        ("十二", 12),
        ("一百零三", 103),
        ("一百一十", 110),
        ("二〇二二", 2022),
        ("１０３", 103),
        ("一千零二", 1002),
    ],
)
def test_numerals(written, number):
    assert to_int(written) == number


@pytest.mark.parametrize("text", ["", "十百", "二三十", "条", "一百十百"])
def test_what_is_no_numeral(text):
    with pytest.raises(ValueError, match="number"):
        to_int(text)


@pytest.mark.parametrize(
    ("paragraph", "item", "written"),
    [(None, None, "第四十六条"), (2, None, "第四十六条第二款"), (1, 3, "第四十六条第一款第三项")],
)
def test_locator_is_written_for_quoting(paragraph, item, written):
    regulation = REGULATIONS["昌乐县"]
    assert str(locate(regulation, article("昌乐县", 46), paragraph, item)) == written


def test_locator_leaves_a_single_paragraph_out():
    regulation = REGULATIONS["昌乐县"]
    assert str(locate(regulation, article("昌乐县", 60), 1, 3)) == "第六十条第三项"


# constructed texts -------------------------------------------------------------------------


def rule(body: str, front: str = "测试县人民政府工作规则") -> Regulation:
    return parse(f"{front}\n\n第一章 总则\n\n{body}", "测试.txt")


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        pytest.param("第一条 甲。\n第二条 乙。", ["甲。", "乙。"], id="articles without blank lines"),
        pytest.param(
            "第一条 甲。\n第二条规定的人员除外。\n第二条 乙。", ["甲。\n第二条规定的人员除外。", "乙。"], id="reference"
        ),
        pytest.param(
            "一、甲。\n\n二、乙：\n（一）丙；\n（二）丁。\n戊。",
            ["甲。", "乙：\n（一）丙；\n（二）丁。\n戊。"],
            id="list",
        ),
        pytest.param(
            "第一条 甲：\n一、乙；\n二、丙。\n第二条 丁。", ["甲：\n一、乙；\n二、丙。", "丁。"], id="inner list"
        ),
        pytest.param("第一条 甲\n\n乙。\n第二条 丙。", ["甲乙。", "丙。"], id="page break"),
        pytest.param("第一条 甲。\n第一条之一 乙。\n第二条 丙。", ["甲。", "乙。", "丙。"], id="branch"),
        pytest.param("第1条 甲。\n第2条 乙。", ["甲。", "乙。"], id="arabic"),
        pytest.param("第一条　甲。\n第二章　会议\n第二条　乙。", ["甲。", "乙。"], id="ideographic space"),
        pytest.param("第一节 会议\n第一条 甲。\n第二节 公文\n第二条 乙。", ["甲。", "乙。"], id="sections"),
        pytest.param(
            "第一条 甲：\n（一）乙：\n1.丙；\n2.丁；\n（二）戊。",
            ["甲：\n（一）乙：\n1.丙；\n2.丁；\n（二）戊。"],
            id="subitems",
        ),
    ],
)
def test_structure(body, texts):
    assert [a.text for a in rule(body).articles] == texts


def test_subitems_stay_inside_their_item():
    items = rule("第一条 甲：\n（一）乙：\n1.丙；\n2.丁；\n（二）戊。").articles[0].paragraphs[0].items
    assert [i.text for i in items] == ["乙：\n1.丙；\n2.丁；", "戊。"]


def test_branch_is_quoted():
    regulation = rule("第一条 甲。\n第一条之一 乙。\n第二条 丙。")
    assert [str(locate(regulation, a)) for a in regulation.articles] == ["第一条", "第一条之一", "第二条"]


def test_colophon_is_no_article_text():
    regulation = rule(
        "第一条 甲。\n第二条 本规则自印发之日起施行。\n\n抄送：县委办公室，\n县法院。\n\n2021年1月2日印发"
    )
    assert regulation.articles[-1].text == "本规则自印发之日起施行。"
    assert regulation.issued_on == "2021-01-02"
    assert "县法院。" in regulation.notice


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        ("第一条 甲。\n第三条 乙。\n第四条 丙。", 6, "不连续"),
        ("第一条 甲。\n第二条 乙。\n第二条 丙。", 7, "重复"),
        ("一、甲。\n二、乙。\n四、丙。", 7, "不连续"),
        ("第一条 甲。\n第三章 会议\n第二条 乙。", 6, "章的编号不连续"),
    ],
)
def test_broken_numbering_is_refused(body, line, message):
    with pytest.raises(SourceError, match=message) as caught:
        rule(body)
    assert (caught.value.file, caught.value.line) == ("测试.txt", line)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.txt", b"", "文件是空的"),
        ("blank.txt", b" \n\n", "文件是空的"),
        ("binary.txt", bytes(range(256)) * 4, "不是 UTF-8"),
        ("latin.txt", "café à la carte, déjà vu".encode("latin-1"), "不是 UTF-8"),
        ("letter.txt", "关于召开会议的通知\n各乡镇：\n请准时参加。".encode(), "没有找到条文"),
        ("nobody.txt", "工作规则\n第一条 甲。".encode(), "看不出是哪个县"),
        ("rule.xyz", b"a", "不支持"),
    ],
)
def test_bad_files_are_named_and_the_others_processed(tmp_path, name, content, message):
    bad, good = tmp_path / name, tmp_path / "good.txt"
    bad.write_bytes(content)
    good.write_bytes((BUNDLED / "渠县人民政府工作规则.txt").read_bytes())
    result = ingest([bad, good])
    assert [r.county for r in result.regulations] == ["渠县"]
    assert [str(e).startswith(name) and message in str(e) for e in result.errors] == [True]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_encodings(tmp_path, encoding):
    path = tmp_path / "rule.txt"
    path.write_text(SOURCES["昌乐县"], encoding=encoding)
    assert read_text(path) == SOURCES["昌乐县"]


def test_same_rule_twice_is_an_error(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(SOURCES["渠县"], encoding="utf-8")
    result = ingest([tmp_path])
    assert len(result.regulations) == 1
    assert "与 a.txt 是同一份规则" in str(result.errors[0])


def test_repealed_and_replaced_rules_are_not_in_force():
    now = next(r for r in ingest().regulations if r.county == "昌乐县")
    before = replace(now, id="before", doc_number="乐政发〔2012〕3号", issued_on="2012-02-25", repeals=None)
    renamed = replace(before, id="renamed", title="昌乐县人民政府工作规则（试行）")
    other = replace(before, id="other", title="昌乐县公文处理办法", doc_number="乐政发〔2012〕4号")
    elsewhere = replace(renamed, id="elsewhere", county="渠县")
    assert in_force([before, now, renamed, other, elsewhere]) == (now, other, elsewhere)
    assert in_force([before]) == (before,)
    assert in_force(ingest().regulations) == ingest().regulations


@pytest.mark.skipif(not Path("../shared/public/law_texts.tar.gz").exists(), reason="the bulk texts are not here")
def test_no_character_is_lost_in_any_law(tmp_path):
    """Laws in other shapes (编, 节, 之一): either refused with a reason or complete."""
    import tarfile

    parsed = 0
    with tarfile.open("../shared/public/law_texts.tar.gz") as archive:
        for member in archive.getmembers():
            if not member.isfile():
                continue
            text = archive.extractfile(member).read().decode("utf-8")
            text = re.sub(r"^#+ *", "", re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S), flags=re.M)
            try:
                regulation = parse("测试县人民政府关于规定的通知\n" + text, member.name)
            except SourceError:
                continue
            spans = [regulation.front, regulation.colophon, *(c.source for c in regulation.chapters)]
            spans += [a.source for a in regulation.articles]
            source = "测试县人民政府关于规定的通知\n" + text
            covered = {i for start, end in spans for i in range(start, end)}
            assert squeeze("".join(c for i, c in enumerate(source) if i not in covered)) == "", member.name
            parsed += 1
    assert parsed > 120
