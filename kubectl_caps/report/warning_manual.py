"""The manual of a warning, as `explain` prints it and as docs/warnings.md has it, from the table of rules."""

import textwrap
from collections.abc import Iterator, Sequence

from kubectl_caps.core.surprises.rule import Rule

_WIDTH = 120
_HEAD = """\
# Warnings

What `kubectl caps inspect` says about a container's capabilities beside its risk. Each has a stable id and names the
field that deserves it. This page is made from the table of warnings and compared in CI.
"""


def page(rule: Rule) -> Iterator[str]:
    """The lines of one warning's manual, for a terminal."""
    yield f"{rule.id}: {rule.title}"
    for heading, text in _texts(rule):
        yield ""
        yield f"{heading}:"
        yield from textwrap.wrap(text, 78, initial_indent="    ", subsequent_indent="    ")
    for heading, example in (("Deserves it", rule.deserves), ("Instead", rule.instead)):
        yield ""
        yield f"{heading}:"
        yield from (f"    {line}" for line in example.splitlines())


def markdown(rules: Sequence[Rule]) -> str:
    """The page of all warnings for the docs."""
    return _HEAD + "".join(f"\n{text}" for rule in rules for text in _markdown(rule))


def _texts(rule: Rule) -> Iterator[tuple[str, str]]:
    yield "What happens", rule.happens
    yield "Why", rule.why
    yield "What to do", rule.do
    yield "Shown", rule.shown


def _markdown(rule: Rule) -> Iterator[str]:
    yield f"## {rule.id}\n"
    yield f"{rule.title}\n"
    for heading, text in _texts(rule):
        yield textwrap.fill(f"**{heading}:** {text}", _WIDTH, break_on_hyphens=False) + "\n"
    yield f"Deserves it:\n\n```yaml\n{rule.deserves}```\n"
    yield f"Instead:\n\n```yaml\n{rule.instead}```\n"
