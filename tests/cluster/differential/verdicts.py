"""What the server says of a pod under a policy, and what this project says of the same."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.podsecurity.policy import Policy, effective_minor
from kubectl_caps.core.podsecurity.registry import checks_for, evaluate

Json = dict[str, Any]
Kind = Literal["pod", "ephemeral containers", "warning", "template"]

CUT = 256
"""Characters to which the API server cuts each warning once all of them together are more than 4,096."""


class Verdict(Struct, frozen=True):
    """One judgement of the server: `said` is its text, empty where it accepts; `source` is the seed of the pod."""

    kind: Kind
    policy: Policy
    template: PodTemplate
    said: str
    source: str

    @property
    def minor(self) -> int:
        """The minor version whose rules apply."""
        return effective_minor(self.policy.version, None)

    @property
    def ours(self) -> str:
        """What this project says."""
        violations = evaluate(self.template, self.policy.level, self.minor)
        if not violations:
            return ""
        verb = "violates" if self.kind in ("pod", "ephemeral containers") else "would violate"
        details = (f"{item.reason} ({item.detail})" if item.detail else item.reason for item in violations)
        return f'{verb} PodSecurity "{self.policy}": {", ".join(details)}'

    @property
    def was_cut(self) -> bool:
        """Whether the text is a warning of which the server left out the end."""
        return self.kind in ("warning", "template") and len(self.said) == CUT

    @property
    def agrees(self) -> bool:
        """Whether the texts are the same, as far as the server's goes."""
        return self.ours[:CUT] == self.said if self.was_cut else self.ours == self.said


def judged(obj: Json, *, pod: bool) -> PodTemplate:
    """A pod or a template as this project judges it."""
    return as_admitted(msgspec.convert(obj, PodTemplate), pod=pod)


class Coverage(Struct):
    """How often each check ran and refused, in each of its revisions, and in which words."""

    ran: Counter[tuple[str, int]]
    refused: Counter[tuple[str, int]]
    shapes: Counter[tuple[str, str]]


def coverage(verdicts: Iterable[Verdict]) -> Coverage:
    """The figures of all verdicts."""
    found = Coverage(Counter(), Counter(), Counter())
    for verdict in verdicts:
        for check, since in checks_for(verdict.policy.level, verdict.minor):
            found.ran[check.id, since.minor] += 1
            if finding := since.check(verdict.template):
                found.refused[check.id, since.minor] += 1
                found.shapes[check.id, shape(finding.detail)] += 1
    return found


_SHAPES: Sequence[tuple[str, str]] = (
    (r'quo"ted|a"b', "x"),
    (r'"container\.apparmor[^"]*="[^"]*""', '"A"'),
    (r'(container\.|)seccomp\.[^"]*="[^"]*"(, (container\.|)seccomp\.[^"]*="[^"]*")*', "S"),
    (r'"[^"]*"(, "[^"]*")*', "Q"),
    (r"^(net|kernel|fs)[./].*", "names"),
    (r"\b\d+(, \d+)*", "N"),
)


def shape(detail: str) -> str:
    """A detail without its names, values and numbers: `container Q uses hostPorts N`. Sysctls are all names."""
    for pattern, short in _SHAPES:
        detail = re.sub(pattern, short, detail)
    return detail
