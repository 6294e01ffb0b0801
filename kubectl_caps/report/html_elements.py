"""Elements of an HTML page, with every text escaped."""

from collections.abc import Iterable
from html import escape

from kubectl_caps.report.terminal import escaped

SOFT = 'class="soft"'
"""The attribute of less important text."""


def row(name: str, content: str) -> str:
    """A row of a table: a heading and its content. The content is markup."""
    return f'<tr><th scope="row">{name}</th><td>{content}</td></tr>'


def item_list(items: Iterable[str]) -> str:
    """A list. The items are markup."""
    return f'<ul class="items">{"".join(f"<li>{item}</li>" for item in items)}</ul>'


def badge(words: str, kind: str) -> str:
    """A badge with these words. `kind` is a risk, a level or another class of the style sheet."""
    return f'<span class="badge {kind}">{html_text(words)}</span>'


def class_attribute(kind: str) -> str:
    """The attribute for classes of the style sheet; empty without a class."""
    return f' class="{kind}"' if kind else ""


def breakable(reference: str) -> str:
    """A reference that the browser may break after the slash."""
    return html_text(reference).replace("/", "/<wbr>")


def html_text(text: str) -> str:
    """The text escaped: control characters are visible, and markup and quotes have no effect."""
    return escape(escaped(text), quote=True)
