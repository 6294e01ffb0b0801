"""Checks broken on purpose, to see that the server's verdicts would tell.

First every revision is broken wholesale: it never finds anything, it always does, it is forgotten so that the one
before it goes on. Then in each small way there is (`mutants.py`). What the API's validation keeps away from Pod
Security cannot be noticed here, nor a wrong field path, which the server does not print: the table in
tests/core/podsecurity does both.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from differential.mutants import mutants
from differential.verdicts import Verdict
from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.podsecurity.checks.check import Check, Finding, Revision
from kubectl_caps.core.podsecurity.registry import CHECKS, MODULES, checks_for

Words = tuple[str, str] | None
Case = tuple[PodTemplate, int, Words]
"""A pod, the minor version it was judged by, and what the check said of it, as the server said it too."""

UNNOTICEABLE = {"procMount v1.35 never finds anything"}
"""From v1.35 procMount judges only pods without a user namespace, and in those the API refuses anything but Default."""

_ENOUGH = 4000
"""Cases on which a small breakage has to show. Those that never do would take minutes with all of them."""


class Wrecks(Struct):
    """The broken checks of which the server's verdicts tell, and those of which they do not."""

    noticed: list[str]
    unnoticed: list[str]

    def take(self, name: str, broken: Check, cases: Sequence[Case]) -> None:
        """Try one broken check."""
        (self.noticed if _noticed(broken, cases) else self.unnoticed).append(name)


def wholesale(verdicts: Sequence[Verdict]) -> Wrecks:
    """Every revision broken as a whole, against the verdicts in which its check took part."""
    found = Wrecks([], [])
    cases = _cases(verdicts)
    for check in CHECKS:
        for name, broken in _wrecked(check):
            found.take(f"{check.id} {name}", broken, cases[check.id])
    return found


def small(verdicts: Sequence[Verdict]) -> Wrecks:
    """Every module of a check broken in each small way."""
    found = Wrecks([], [])
    cases = _cases(verdicts)
    for module in MODULES:
        for mutant in mutants(module):
            found.take(mutant.description, mutant.check, cases[module.CHECK.id][:_ENOUGH])
    return found


def _wrecked(check: Check) -> Iterator[tuple[str, Check]]:
    for at, since in enumerate(check.revisions):
        before, after = check.revisions[:at], check.revisions[at + 1 :]
        blind = Revision(since.minor, lambda template: None, since.overrides)
        eager = Revision(since.minor, lambda template: Finding("broken", "on purpose"), since.overrides)
        yield f"v1.{since.minor} never finds anything", Check(check.id, check.level, (*before, blind, *after))
        yield f"v1.{since.minor} always finds something", Check(check.id, check.level, (*before, eager, *after))
        yield f"v1.{since.minor} is forgotten", Check(check.id, check.level, (*before, *after))


def _cases(verdicts: Sequence[Verdict]) -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {check.id: [] for check in CHECKS}
    for verdict in verdicts:
        for check, since in checks_for(verdict.policy.level, verdict.minor):
            found[check.id].append((verdict.template, verdict.minor, _words(since.check(verdict.template))))
    return found


def _noticed(broken: Check, cases: Sequence[Case]) -> bool:
    """Whether a broken check says something else of any case, or breaks down."""
    try:
        return any(_said(broken, template, minor) != words for template, minor, words in cases)
    except (AttributeError, KeyError, NameError, TypeError, ValueError):
        return True


def _said(check: Check, template: PodTemplate, minor: int) -> Words:
    since = check.at(minor)
    return _words(since.check(template)) if since else None


def _words(finding: Finding | None) -> Words:
    return (finding.reason, finding.detail) if finding else None
