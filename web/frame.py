"""What stands around the conversation: head, first-visit note, state of the answer, source pane, foot."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.corpus import corpus_hash, in_force
from ingest.law import Regulation
from web.markup import escape, marks, t
from web.source import chinese_date, collection_html
from web.texts import catalogue, say

BRIDGE = "/* 'visit' */ window.xiangui = Object.assign(window.xiangui ?? {}, { emit: (name, given) => trigger(name, given) });"
"""Runs once beside the conversation, so that the page's script can raise its events.

Gradio knows an event of our own by its name in quotes.
"""
_PANE_NAME = f'<h2>{t("pane")}<span class="of" lang="zh-CN"></span></h2>'


def head(*, account: bool = False, kept: bool = False) -> str:
    """Write title, settings of the page, and the first visit's note.

    Args:
        account: whether readers sign in, and have an account to go to.
        kept: whether conversations are kept, and there is a list of them to be opened.

    """
    buttons = (
        f'<button type="button" id="history" aria-expanded="false" aria-controls="sidebar"{marks("sidebar", "aria-label")}>{t("history")}</button>'
        if kept
        else ""
    )
    buttons += (
        f'<button type="button" id="language"{marks("language_name", "aria-label")}>{t("language")}</button>'
        f'<button type="button" id="theme">{t("dark")}</button>'
        f'<button type="button" id="about" aria-expanded="false" aria-controls="note">{t("about")}</button>'
    )
    if account:
        buttons += f'<a id="account" href="account">{t("account")}</a>'
    points = "".join(t(key, "li") for key in ("note_can", "note_cannot", "note_check"))
    return (
        f'<a class="skip" href="#question">{t("skip")}</a><header class="bar"><div>{t("name", "h1")}{t("tagline", "p")}</div>'
        f'<div class="settings" role="group"{marks("tools", "aria-label")}>{buttons}</div></header>'
        f'<section id="note" hidden{marks("note_title", "aria-label")}>{t("note_title", "h2")}<ul>{points}</ul>'
        f'<button type="button" id="note-close">{t("note_close")}</button></section>'
        f'<div id="texts" hidden data-texts="{escape(catalogue())}"></div>'
    )


def status() -> str:
    """Write where the page says what it is doing, and which question is being edited."""
    return (
        '<p id="editing" hidden><span id="editing-text"></span>'
        f'<button type="button" id="editing-cancel">{t("cancel")}</button></p>'
        f'<p id="status" role="status" aria-live="polite"></p>{t("keys", "p", "keys")}'
    )


def pane(regulations: Sequence[Regulation]) -> str:
    """Write the source pane: before anything is cited, the documents of the collection."""
    kept = {r.id for r in in_force(regulations)}
    return (
        f'<aside{marks("pane", "aria-label")}><div class="pane-head">{_PANE_NAME}{_steps()}</div>'
        f'<div class="pane" tabindex="0" role="region"{marks("pane", "aria-label")}>'
        f"{collection_html(regulations, kept)}</div></aside>"
    )


def sheet() -> str:
    """Write the sheet that shows a source where there is no room beside the conversation."""
    close = f'<button type="button" class="close" data-close{marks("close", "aria-label")}>{t("close")}</button>'
    return (
        f'<dialog id="sheet"{marks("pane", "aria-label")}><div class="pane-head">{_PANE_NAME}{_steps()}{close}</div>'
        f'<div class="pane" tabindex="0" role="region"{marks("pane", "aria-label")}></div></dialog>'
        '<div id="tip" role="tooltip" hidden></div>'
    )


def _steps() -> str:
    """Write the buttons that lead to the citation before and after."""
    return (
        '<span class="steps" hidden><span class="position"></span>'
        f'<button type="button" data-step="-1"{marks("previous", "aria-label")}>‹</button>'
        f'<button type="button" data-step="1"{marks("next", "aria-label")}>›</button></span>'
    )


def foot(regulations: Sequence[Regulation]) -> str:
    """Say what the answers come from."""
    dates = [r.issued_on for r in regulations if r.issued_on]
    corpus = t(
        "foot_corpus",
        count=len(regulations),
        names="、".join(dict.fromkeys(r.county for r in regulations)),
        date=chinese_date(max(dates)) if dates else say("no_date"),
        digest=corpus_hash(regulations)[:12],
    )
    return f"<footer><p>{corpus}</p><p>{t('foot_local')}</p></footer>"
