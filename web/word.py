"""A transcript as a Word document."""

from __future__ import annotations

import io
from datetime import UTC

import docx
from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.table import _Cell
from docx.text.paragraph import Paragraph

from web.export import SOURCES, Comparison, Kind, Line, Transcript

BODY, HEADING, LATIN = "仿宋", "宋体", "Times New Roman"
_STYLES = {"Normal": (BODY, 14), "Title": (HEADING, 20), "Heading 1": (HEADING, 15), "List Bullet": (BODY, 14)}
"""East Asian font and size in points."""
_MARGIN = Mm(26)


def to_word(transcript: Transcript) -> bytes:
    """Write a transcript as .docx: A4, real headings and tables, Chinese fonts."""
    document = docx.Document()
    _set_up(document, transcript)
    document.add_heading(transcript.title, level=0)
    document.add_paragraph(f"县规问答　{transcript.date}").alignment = WD_ALIGN_PARAGRAPH.CENTER
    for exchange in transcript.exchanges:
        document.add_heading(exchange.heading, level=1)
        document.add_paragraph().add_run(exchange.question).bold = True
        for part in exchange.answered:
            if isinstance(part, Comparison):
                _table(document, part)
            else:
                _line(document.add_paragraph(), part)
    if transcript.sources:
        document.add_heading(SOURCES, level=1)
    for listed in transcript.sources:
        document.add_paragraph(f"[{listed.number}] {listed.label}").paragraph_format.keep_with_next = True
        for quote in listed.quotes:
            document.add_paragraph(quote).paragraph_format.left_indent = Pt(28)
        for slip in listed.slips:
            document.add_paragraph(f"原文如此：{slip.text}（{slip.note}）").paragraph_format.left_indent = Pt(28)
    document.add_paragraph(transcript.notice)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def _line(paragraph: Paragraph, line: Line) -> None:
    if line.kind is Kind.ENTRY:
        paragraph.style = "List Bullet"
    if line.head:
        paragraph.add_run(line.head).bold = True
        paragraph.add_run("　")
    paragraph.add_run(line.text + "".join(f"[{mark}]" for mark in line.marks))


def _table(document: Document, comparison: Comparison) -> None:
    table = document.add_table(rows=1, cols=2, style="Table Grid")
    table.autofit = False
    widths = (Mm(28), Mm(210) - 2 * _MARGIN - Mm(28))
    header = table.rows[0]
    repeated = OxmlElement("w:tblHeader")
    header._tr.get_or_add_trPr().append(repeated)
    for cell, text in zip(header.cells, ("县", "规定"), strict=True):
        cell.paragraphs[0].add_run(text).bold = True
    for county, lines in comparison.rows:
        cells = table.add_row().cells
        cells[0].text = county
        _fill(cells[1], lines)
    for row in table.rows:
        for cell, width in zip(row.cells, widths, strict=True):
            cell.width = width
    document.add_paragraph()


def _fill(cell: _Cell, lines: tuple[Line, ...]) -> None:
    for n, line in enumerate(lines):
        _line(cell.add_paragraph() if n else cell.paragraphs[0], line)


def _set_up(document: Document, transcript: Transcript) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = _MARGIN
    for name, (font, size) in _STYLES.items():
        style = document.styles[name]
        assert isinstance(style, ParagraphStyle)
        _dress(style, font, size)
    document.styles["Title"].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
    for language in document.styles.element.iter(qn("w:lang")):
        language.set(qn("w:val"), "zh-CN")
        language.set(qn("w:eastAsia"), "zh-CN")
    about = document.core_properties
    about.title, about.subject, about.language = transcript.title[:255], "县规问答 对话记录", "zh-CN"
    about.author = about.last_modified_by = about.comments = about.keywords = ""
    about.created = about.modified = transcript.written_at.astimezone(UTC).replace(tzinfo=None, microsecond=0)


def _dress(style: ParagraphStyle, font: str, size: int) -> None:
    """Set a style's fonts outright: a theme's would go before them."""
    style.font.name, style.font.size, style.font.color.rgb = LATIN, Pt(size), RGBColor(0, 0, 0)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for name in [name for name in fonts.attrib if name.endswith("Theme")]:
        del fonts.attrib[name]
    fonts.set(qn("w:eastAsia"), font)
