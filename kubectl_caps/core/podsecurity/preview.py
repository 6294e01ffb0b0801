"""What the API server says of a namespace's pods when its enforce label changes, and whether it is what we say.

Texts and grouping: k8s.io/pod-security-admission admission/admission.go (EvaluatePodsInNamespace). The warnings carry
reasons without details, name one pod of each group, list finished pods too, and are cut when they grow long.
"""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from kubectl_caps.core.podsecurity.messages import reasons
from kubectl_caps.core.podsecurity.policy import Policy
from kubectl_caps.core.podsecurity.registry import Violation

_PARTIAL = re.compile(
    r"new PodSecurity enforce level only checked against the first \d+ of \d+ existing pods", re.ASCII
)
_EXEMPT = " is exempt from Pod Security, and the policy "
_FAILED = "failed to list pods while checking new PodSecurity enforce level"
_LIMIT, _CUT = 4096, 256
"""Characters of warnings in one answer, beyond which the API server cuts each to so many and then leaves the rest out
(k8s.io/apiserver pkg/endpoints/filters/warning.go)."""


_POD = re.compile(r"[a-z0-9][-a-z0-9.]*( \(and \d+ other pods?\))?: .*", re.ASCII | re.DOTALL)


class Preview(Struct, frozen=True):
    """The server's warnings for one change: `lines` about pods, why they may not be all, and those of anybody else."""

    lines: tuple[str, ...]
    exempt: bool = False
    partial: bool = False
    others: tuple[str, ...] = ()


def read(warnings: Sequence[str], namespace: str) -> Preview:
    """The server's answer to one change of the labels."""
    exempts = [text for text in warnings if text.startswith(f'namespace "{namespace}"') and _EXEMPT in text]
    partly = [text for text in warnings if _PARTIAL.fullmatch(text) or text == _FAILED]
    header = f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level'
    start = next((at for at, text in enumerate(warnings) if text.startswith(header)), len(warnings))
    # After these come the warnings of webhooks; a pod's name that fills a cut line whole is no matter.
    lines = [text for at, text in enumerate(warnings) if at == start or (at > start and _POD.fullmatch(text))]
    cut = sum(map(len, warnings)) >= _LIMIT or any(len(text) == _CUT for text in warnings)
    others = [text for text in warnings if text not in (*exempts, *partly, *lines)]
    return Preview(tuple(lines), bool(exempts), bool(partly) or cut, tuple(others))


def expected(pods: Mapping[str, Sequence[Violation]], namespace: str, policy: Policy) -> list[str]:
    """What the server says of these pods (violations by the pod's name) if it knows nothing that we do not."""
    groups: dict[str, list[str]] = {}
    for name, violations in pods.items():
        if violations:
            groups.setdefault(reasons(violations), []).append(name)
    if not groups:
        return []
    lines = sorted((_line(min(names), len(names), text) for text, names in groups.items()), key=str.encode)
    return [f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{policy}"', *lines]


def compare(preview: Preview, wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """What only the server says, and what only we say; of an answer that is not complete, only the former."""
    extra = [line for line in preview.lines if not any(_same(ours, line, preview) for ours in wanted)]
    return extra, [] if preview.partial else [line for line in wanted if line not in preview.lines]


def _same(ours: str, line: str, preview: Preview) -> bool:
    if not preview.partial:
        return ours == line
    # Which pod a line names, and how many, depends on the pods that were looked at.
    cut, found = _reasons(line), _reasons(ours)
    return found.startswith(cut) if len(line) == _CUT else found == cut


def _line(name: str, count: int, text: str) -> str:
    others = "" if count == 1 else f" (and {count - 1} other pod{'' if count == 2 else 's'})"
    return f"{name}{others}: {text}"


def _reasons(line: str) -> str:
    return line.partition(": ")[2]
