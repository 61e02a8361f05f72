"""A conversation taken away as Word and as Markdown: both say the same, and quote to the character."""

import html
import io
import re
import zipfile
from datetime import UTC, datetime

import docx
import pytest
from docx.oxml.ns import qn
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from assistant.answer import Answer, Reason, Refusal, Related, point
from assistant.write import quote_place
from ingest.corpus import ingest
from web.export import SOURCES, Comparison, clean, escape_markdown, file_name, to_markdown, transcribe
from web.kept import Asked, Conversation, SavedTurn
from web.word import to_word

RULES = {r.county: r for r in ingest().regulations}
WHEN = datetime(2026, 5, 1, 9, 30).astimezone()
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
NASTY = [
    "<script>alert(1)</script>",
    "[点我](javascript:alert(1)) ![图](http://x/y.png) <http://x> https://x.cn www.x.cn a@b.cn",
    "# 标题\n- 列表\n1. 数\n1) 数\n> 引\n===\n---\n***\n\n    代码\n```\n围栏\n```\n| a | b |\n| - | - |",
    "a*b*c __d__ ~~e~~ `f` $g$ &lt; \\*",
    "👨‍👩‍👧‍👦 请假？🇨🇳",
    "字" * 10_000,
    "\u202e反 עברית",
    "末尾空格  \n下一行\t\n\n\n隔三行",
]


def article(county, number):
    return next(a for a in RULES[county].articles if a.number == number)


def quoted(county, number, paragraph=1, item=None):
    return tuple(quote_place(RULES[county], article(county, number), paragraph, item))


def turn(n, question, answer=None, **more):
    return SavedTurn(n, Asked(question, answer, corpus="0123456789abcdef", **more), WHEN)


def conversation(*turns, title="昌乐常务会议"):
    return transcribe(Conversation("k", title, WHEN, WHEN, len(turns)), turns)


@pytest.fixture(scope="module")
def talk():
    """A plain answer, a comparison with a silent county, the same place again, a refusal, a slip, an error."""
    silent = Refusal(
        Reason.SILENT,
        "平阴县",
        "平阴县的规则没有写明这一点。",
        (point(RULES["平阴县"], article("平阴县", 73), 1),),
        (point(RULES["渠县"], article("渠县", 30), 2),),
    )
    first = Answer("多久开一次？", "昌乐县政府常务会议多久开一次？", ("昌乐县",), quoted("昌乐县", 46, 2), ())
    several = Answer(
        "昌乐、平阴、沂源呢",
        "昌乐、平阴、沂源呢",
        ("昌乐县", "平阴县", "沂源县"),
        quoted("昌乐县", 46, 2) + quoted("沂源县", 57),
        (silent,),
        difference="次数不同。",
        notes=("“常务会”按县政府常务会议理解。",),
        related=(Related("《党政机关公文处理工作条例》", None),),
    )
    none = Answer("食堂", "食堂", (), (), (Refusal(Reason.OUTSIDE, None, "工作规则不管这件事。"),))
    slip = Answer("平阴八十条", "平阴八十条", ("平阴县",), quoted("平阴县", 80), (), mode="llm")
    return conversation(
        turn(1, "多久开一次？", first, county="昌乐县", role="副县长"),
        turn(2, "昌乐、平阴、沂源呢", several),
        turn(3, "食堂几点开\n饭？", none),
        turn(4, "平阴八十条", slip),
        turn(5, "坏了", error="这个问题没能处理"),
    )


@pytest.fixture(scope="module")
def word(talk):
    return docx.Document(io.BytesIO(to_word(talk)))


def said(talk):
    """Everything that both forms must say, line by line."""
    for exchange in talk.exchanges:
        yield exchange.heading
        yield exchange.question
        for part in exchange.answered:
            rows = part.rows if isinstance(part, Comparison) else [("", (part,))]
            for county, lines in rows:
                yield county
                for line in lines:
                    yield line.head
                    yield line.text
    for listed in talk.sources:
        yield listed.label
        yield from listed.quotes
        yield from (slip.note for slip in listed.slips)
    yield talk.notice


def shown(markdown):
    """What a reader of the rendered Markdown sees."""
    text = re.sub(r"<br\s*/?>\n?", "\n", MARKDOWN.render(markdown))
    return html.unescape(re.sub(r"<[^>]*>", "", text))


def words(document):
    cells = [p.text for t in document.tables for row in t.rows for c in row.cells for p in c.paragraphs]
    return "\n".join([*(p.text for p in document.paragraphs), *cells])


def test_what_is_said(talk):
    assert [len(e.answered) for e in talk.exchanges] == [3, 5, 1, 2, 1]
    assert talk.exchanges[0].heading == "问题1（2026-05-01 09:30，昌乐县，副县长）"
    assert talk.exchanges[0].answered[0].text == "理解为：昌乐县政府常务会议多久开一次？"
    assert talk.exchanges[3].answered[-1].text.startswith("大模型转述，已核验")
    assert "0123456789ab" in talk.notice


def test_a_place_is_listed_once_and_every_mark_leads_to_its_quote(talk):
    labels = [listed.label for listed in talk.sources]
    assert len(set(labels)) == len(labels) == 3
    assert labels[0] == "《昌乐县人民政府工作规则》（乐政发〔2022〕7号）第四十六条第二款"
    by_number = {listed.number: listed for listed in talk.sources}
    assert list(by_number) == [1, 2, 3]
    lines = [
        line
        for exchange in talk.exchanges
        for part in exchange.answered
        for line in ([x for _, ls in part.rows for x in ls] if isinstance(part, Comparison) else [part])
    ]
    marked = [line for line in lines if line.marks]
    assert [line.marks for line in marked] == [(1,), (1,), (2,), (3,)]
    for line in marked:
        assert all(quote in line.text for mark in line.marks for quote in by_number[mark].quotes)


def test_quotes_are_verbatim(talk):
    for listed, (county, number) in zip(talk.sources, [("昌乐县", 46), ("沂源县", 57), ("平阴县", 80)], strict=True):
        assert listed.quotes and all(quote in article(county, number).text for quote in listed.quotes)
    assert "<党政机关公文处理工作条例>" in talk.sources[1].quotes[0]
    assert "市政府组成人员" in talk.sources[2].slips[0].text


def test_word_and_markdown_say_the_same(talk, word):
    in_word, in_markdown = words(word), shown(to_markdown(talk))
    for line in said(talk):
        assert line in in_word
        assert line in in_markdown
    for text in (in_word, in_markdown):
        assert re.findall(r"\[\d\]", text).count("[1]") == 3


def test_word_has_real_headings_and_a_real_table(talk, word):
    headings = [p.text for p in word.paragraphs if p.style.name == "Heading 1"]
    assert headings == [*(e.heading for e in talk.exchanges), SOURCES]
    assert [p.text for p in word.paragraphs if p.style.name == "Title"] == ["昌乐常务会议"]
    (table,) = word.tables
    assert [row.cells[0].text for row in table.rows] == ["县", "昌乐县", "平阴县", "沂源县"]
    assert "未规定　平阴县的规则没有写明这一点。" in table.rows[2].cells[1].text
    assert "第七十三条第一款" in table.rows[2].cells[1].text
    assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None


@pytest.mark.parametrize(("style", "font"), [("Normal", "仿宋"), ("Title", "宋体"), ("Heading 1", "宋体")])
def test_word_is_in_chinese_fonts(word, style, font):
    fonts = word.styles[style].element.rPr.rFonts
    assert fonts.get(qn("w:eastAsia")) == font
    assert not [name for name in fonts.attrib if name.endswith("Theme")]


def test_word_tells_nothing_of_the_machine(talk, word):
    about = word.core_properties
    assert (about.author, about.last_modified_by, about.comments) == ("", "", "")
    assert (about.title, about.subject, about.language) == ("昌乐常务会议", "县规问答 对话记录", "zh-CN")
    with zipfile.ZipFile(io.BytesIO(to_word(talk))) as parts:
        assert not [n for n in parts.namelist() if b"python-docx" in parts.read(n)]
    assert about.created == about.modified == WHEN.astimezone(UTC)


@pytest.mark.parametrize("text", NASTY)
def test_what_was_typed_is_no_markup(text):
    talk = conversation(turn(1, text, error=text), title=text[:100])
    markdown = to_markdown(talk)
    tokens = [t for block in MARKDOWN.parse(markdown) for t in (block, *(block.children or ()))]
    assert {t.type for t in tokens} <= {
        *("heading_open", "heading_close", "paragraph_open", "paragraph_close", "blockquote_open"),
        *("blockquote_close", "inline", "text", "text_special", "hardbreak", "softbreak", "hr"),
    }
    assert "://" not in markdown.replace("\\://", "") and "www.x" not in markdown
    question = "\n".join(line.rstrip() for line in text.split("\n"))
    assert question in "\n".join(line.rstrip() for line in shown(markdown).split("\n"))
    document = docx.Document(io.BytesIO(to_word(talk)))
    assert text in [p.text for p in document.paragraphs]


PRINTED = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"]), min_size=1).filter(str.strip)
MARKED = st.text(st.sampled_from("\\`*_{}[]()#+-.!|<>&~$=:/@ wht1a\t"), min_size=1).filter(str.strip)


@settings(deadline=None)
@example("\xa00")
@given(PRINTED | MARKED)
def test_markdown_shows_any_line_as_it_is(text):
    rendered = MARKDOWN.render(escape_markdown(text)).strip("\n")
    assert rendered.startswith("<p>") and rendered.endswith("</p>")
    inside = rendered[3:-4]
    assert "<" not in inside
    assert html.unescape(inside).rstrip() == text.rstrip()


@settings(deadline=None)
@given(MARKED)
def test_markdown_keeps_a_cell_a_cell(text):
    rendered = MARKDOWN.render(f"| 县 | 规定 |\n| --- | --- |\n| a | {escape_markdown(text)} |")
    cells = re.findall(r"<td>(.*?)</td>", rendered, re.S)
    assert [html.unescape(cell).strip() for cell in cells] == ["a", text.strip()]


@settings(max_examples=25, deadline=None)
@given(st.text())
def test_word_takes_any_text(text):
    document = docx.Document(io.BytesIO(to_word(conversation(turn(1, text, error="x" + text)))))
    assert clean(text) in [p.text for p in document.paragraphs]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("请假的事", "请假的事_20260501.docx"),
        ('a<b>:"c/d\\e|f?g*', "a_b_c_d_e_f_g_20260501.docx"),
        ("../../etc/passwd", "etc_passwd_20260501.docx"),
        ("CON", "CON_20260501.docx"),
        ("con.txt", "con_txt_20260501.docx"),
        ("..", "对话_20260501.docx"),
        ("末尾. ", "末尾_20260501.docx"),
        ("一\n二\u202excod.exe", "一_二_xcod_exe_20260501.docx"),
        ("长" * 200, "长" * 40 + "_20260501.docx"),
    ],
)
def test_file_names(title, name):
    assert file_name(title, WHEN, "docx") == name


@settings(deadline=None)
@given(st.text())
def test_any_file_name_is_safe_on_windows(text):
    name = file_name(text, WHEN, "md")
    assert re.fullmatch(r'[^<>:"/\\|?*\x00-\x1f]+_20260501\.md', name)
    assert len(name.encode()) < 255 and name[0] not in " ." and re.split(r"[.]", name)[0].upper() not in {"CON", "NUL"}
