"""Questions about the document itself, answered from the notice that it came with."""

from __future__ import annotations

from assistant.answer import Reason, Refusal, Statement, cite_notice
from assistant.understand import About
from ingest.corpus import label_document
from ingest.law import Regulation


def tell(about: About, regulation: Regulation) -> Statement | Refusal:
    """Quote the 文号, the meeting that adopted the rule, or the line with its date of issue."""
    if about is About.NUMBER:
        quote = regulation.doc_number or regulation.doc_number_raw
        if quote is None or not regulation.doc_number:
            message = f"{label_document(regulation)}的来源文本没有完整的文号"
            message += f"（原文作“{quote}”），不作推断。" if quote else "。"
            return Refusal(Reason.SILENT, regulation.county, message)
    elif about is About.ADOPTED:
        quote = regulation.adopted_by
    else:
        quote = _issue_line(regulation)
    if quote is None or quote not in regulation.notice:
        message = f"{label_document(regulation)}的印发通知没有写明。"
        return Refusal(Reason.SILENT, regulation.county, message)
    return Statement(regulation.county, quote, (cite_notice(regulation, quote),))


def _issue_line(regulation: Regulation) -> str | None:
    """Find the line of the notice or colophon that holds the date of issue."""
    if regulation.issued_on is None:
        return None
    year, month, day = (int(part) for part in regulation.issued_on.split("-"))
    dated = [line for line in regulation.notice.split("\n") if f"{year}年{month}月{day}日" in line]
    return dated[-1] if dated else None
