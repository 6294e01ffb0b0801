"""The API server's warnings about existing pods when the enforce label changes, compared with our verdicts.

Texts and grouping: k8s.io/pod-security-admission admission/admission.go (EvaluatePodsInNamespace). The warnings have
reasons without details, name one pod of each group, include finished pods, and are cut if they are long.
"""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from kubectl_caps.core.podsecurity.policy import Policy
from kubectl_caps.core.podsecurity.registry import Violation

_PARTIAL = re.compile(
    r"new PodSecurity enforce level only checked against the first \d+ of \d+ existing pods", re.ASCII
)
_EXEMPT = " is exempt from Pod Security, and the policy "
_FAILED = "failed to list pods while checking new PodSecurity enforce level"
_LIMIT, _CUT = 4096, 256
"""If the warnings of an answer have more than `_LIMIT` characters, the API server cuts each to `_CUT` characters
and leaves out the rest (k8s.io/apiserver pkg/endpoints/filters/warning.go)."""


_POD = re.compile(r"[a-z0-9][-a-z0-9.]*( \(and \d+ other pods?\))?: .*", re.ASCII | re.DOTALL)


class EnforceWarnings(Struct, frozen=True):
    """The server's warnings for one change of the labels.

    `lines` are about pods. There are none if the namespace is `exempt`. Lines may be missing if they are `partial`.
    `others` are warnings of webhooks and other parts of the server.
    """

    lines: tuple[str, ...]
    exempt: bool = False
    partial: bool = False
    others: tuple[str, ...] = ()


def read_warnings(warnings: Sequence[str], namespace: str) -> EnforceWarnings:
    """The warnings in the server's answer to a change of the labels."""
    exempts = [text for text in warnings if text.startswith(f'namespace "{namespace}"') and _EXEMPT in text]
    partly = [text for text in warnings if _PARTIAL.fullmatch(text) or text == _FAILED]
    header = f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level'
    start = next((at for at, text in enumerate(warnings) if text.startswith(header)), len(warnings))
    # Warnings of webhooks follow these. A cut line that holds only a pod's name does not matter.
    lines = [text for at, text in enumerate(warnings) if at == start or (at > start and _POD.fullmatch(text))]
    cut = sum(map(len, warnings)) >= _LIMIT or any(len(text) == _CUT for text in warnings)
    others = [text for text in warnings if text not in (*exempts, *partly, *lines)]
    return EnforceWarnings(tuple(lines), bool(exempts), bool(partly) or cut, tuple(others))


def expected(pods: Mapping[str, Sequence[Violation]], namespace: str, policy: Policy) -> list[str]:
    """The warnings that the server should print about these pods. `pods` has our violations by the pod's name."""
    groups: dict[str, list[str]] = {}
    for name, violations in pods.items():
        if violations:
            groups.setdefault(", ".join(item.reason for item in violations), []).append(name)
    if not groups:
        return []
    lines = sorted((_line(min(names), len(names), text) for text, names in groups.items()), key=str.encode)
    return [f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{policy}"', *lines]


def compare(said: EnforceWarnings, wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """The warnings that only the server has, and those that only we have; empty if the answer is incomplete."""
    extra = [line for line in said.lines if not any(_same(ours, line, said) for ours in wanted)]
    return extra, [] if said.partial else [line for line in wanted if line not in said.lines]


def _same(ours: str, line: str, said: EnforceWarnings) -> bool:
    if not said.partial:
        return ours == line
    # The name and the number of pods in a line depend on the pods that the server checked.
    cut, found = _reasons(line), _reasons(ours)
    return found.startswith(cut) if len(line) == _CUT else found == cut


def _line(name: str, count: int, text: str) -> str:
    others = "" if count == 1 else f" (and {count - 1} other pod{'' if count == 2 else 's'})"
    return f"{name}{others}: {text}"


def _reasons(line: str) -> str:
    return line.partition(": ")[2]
