"""Prints the manual of a warning, for `explain` and for docs/warnings.md."""

import textwrap
from collections.abc import Iterator, Sequence

from kubectl_caps.core.warnings.rule import Rule

_WIDTH = 120
_HEAD = """\
# Warnings

`kubectl caps inspect` warns of mistakes and surprises in a container's capabilities. Each warning has a stable id and
names a field. This page is generated from the table of warnings, and CI compares the two.
"""


def warning_page(rule: Rule) -> Iterator[str]:
    """The lines of one warning's manual, for a terminal."""
    yield f"{rule.id}: {rule.title}"
    for heading, text in _texts(rule):
        yield ""
        yield f"{heading}:"
        yield from textwrap.wrap(text, 78, initial_indent="    ", subsequent_indent="    ")
    for heading, example in (("Bad example", rule.bad_example), ("Good example", rule.good_example)):
        yield ""
        yield f"{heading}:"
        yield from (f"    {line}" for line in example.splitlines())


def warnings_markdown(rules: Sequence[Rule]) -> str:
    """The page of all warnings for the docs."""
    return _HEAD + "".join(f"\n## {rule.id}\n\n{chr(10).join(warning_section(rule))}" for rule in rules)


def _texts(rule: Rule) -> Iterator[tuple[str, str]]:
    yield "What happens", rule.happens
    yield "Why", rule.why
    yield "What to do", rule.do
    yield "Evidence", rule.evidence


def warning_section(rule: Rule) -> Iterator[str]:
    """The parts of one warning's section in Markdown, without the heading."""
    yield f"{rule.title}\n"
    for heading, text in _texts(rule):
        yield textwrap.fill(f"**{heading}:** {text}", _WIDTH, break_on_hyphens=False) + "\n"
    yield f"Bad example:\n\n```yaml\n{rule.bad_example}```\n"
    yield f"Good example:\n\n```yaml\n{rule.good_example}```\n"
