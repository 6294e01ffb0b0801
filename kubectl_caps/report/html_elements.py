"""Elements of an HTML page, with every text escaped."""

from collections.abc import Iterable
from html import escape

from kubectl_caps.report.terminal import escaped

SOFT = 'class="soft"'
"""The attribute of text of less weight."""


def row(name: str, content: str) -> str:
    """A row of a table: a heading, and content that is markup already."""
    return f'<tr><th scope="row">{name}</th><td>{content}</td></tr>'


def item_list(items: Iterable[str]) -> str:
    """A list whose items are markup already."""
    return f'<ul class="items">{"".join(f"<li>{item}</li>" for item in items)}</ul>'


def badge(words: str, kind: str) -> str:
    """`kind` is a risk, a level or another class of the style sheet."""
    return f'<span class="badge {kind}">{html_text(words)}</span>'


def class_attribute(kind: str) -> str:
    """The attribute for classes of the style sheet; nothing without one."""
    return f' class="{kind}"' if kind else ""


def breakable(reference: str) -> str:
    """A reference that may go on in the next line behind its slash."""
    return html_text(reference).replace("/", "/<wbr>")


def html_text(text: str) -> str:
    """Text as nothing but text: visible control characters, no markup, no quotes."""
    return escape(escaped(text), quote=True)
