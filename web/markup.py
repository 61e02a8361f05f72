"""The two ways in which a text becomes HTML: escaped, or as a text of the interface."""

from __future__ import annotations

import html
import json

from web.texts import say


def escape(text: str) -> str:
    """Make a text harmless in HTML, in attributes and in Gradio's templates.

    Besides HTML's own characters, ``$ { } ` `` are escaped: Gradio fills its components from
    templates in which they have a meaning.
    """
    escaped = html.escape(text, quote=True)
    return escaped.replace("$", "&#36;").replace("{", "&#123;").replace("}", "&#125;").replace("`", "&#96;")


def t(key: str, tag: str = "span", kind: str = "", **values: object) -> str:
    """Write a text of the interface so that the page can switch its language."""
    name = f' class="{kind}"' if kind else ""
    return f"<{tag}{name}{marks(key, **values)}>{escape(say(key, **values))}</{tag}>"


def marks(key: str, attribute: str = "", /, **values: object) -> str:
    """Write the marks by which the page finds a text of the interface.

    Args:
        key: of the text.
        attribute: the attribute that holds the text (``aria-label``), which is written too; content if empty.
        values: what is filled in.

    """
    filled = f' data-v="{escape(json.dumps(values, ensure_ascii=False))}"' if values else ""
    if not attribute:
        return f' data-t="{key}"{filled}'
    return f' {attribute}="{escape(say(key, **values))}" data-t-{attribute}="{key}"{filled}'
