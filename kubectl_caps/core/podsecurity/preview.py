"""What the API server says of a namespace's pods when its enforce label changes, and whether it is what we say.

Texts and grouping: k8s.io/pod-security-admission admission/admission.go (EvaluatePodsInNamespace). The warnings carry
reasons without details, name one pod of each group, list finished pods too, and are cut when they grow long.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from kubectl_caps.core.podsecurity.messages import reasons
from kubectl_caps.core.podsecurity.policy import Policy
from kubectl_caps.core.podsecurity.registry import Violation

_PARTIAL = re.compile(
    r"new PodSecurity enforce level only checked against the first \d+ of \d+ existing pods", re.ASCII
)
_EXEMPT = " is exempt from Pod Security, and the policy "
_FAILED = "failed to list pods while checking new PodSecurity enforce level"
_LIMIT = 4096
"""Characters of warnings in one answer, beyond which the API server cuts them (apiserver pkg/endpoints/filters)."""


class Preview(Struct, frozen=True):
    """The server's warnings for one change: `lines` about pods, and why they may not be all."""

    lines: tuple[str, ...]
    exempt: bool = False
    partial: bool = False


def read(warnings: Sequence[str], namespace: str) -> Preview:
    """The server's answer, warnings about anything else left out."""
    exempt = any(text.startswith(f'namespace "{namespace}"') and _EXEMPT in text for text in warnings)
    partial = any(_PARTIAL.fullmatch(text) or text == _FAILED for text in warnings)
    header = f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level'
    start = next((at for at, text in enumerate(warnings) if text.startswith(header)), None)
    lines = () if start is None else tuple(text for text in warnings[start:] if not _PARTIAL.fullmatch(text))
    return Preview(lines, exempt, partial or sum(map(len, lines)) >= _LIMIT)


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


def differences(preview: Preview, wanted: Sequence[str]) -> Iterator[str]:
    """Where the server and we disagree, in words; nothing where its answer is ours, or a part of ours."""
    if preview.exempt:
        yield "the server exempts this namespace from Pod Security, so its labels are ignored"
        return
    for line in preview.lines:
        if not any(ours == line or (preview.partial and _stem(ours) == _stem(line)) for ours in wanted):
            yield f"only the server says: {line}"
    if not preview.partial:
        yield from (f"the server does not say: {line}" for line in wanted if line not in preview.lines)


def _line(name: str, count: int, text: str) -> str:
    others = "" if count == 1 else f" (and {count - 1} other pod{'' if count == 2 else 's'})"
    return f"{name}{others}: {text}"


def _stem(line: str) -> str:
    """The reasons of a line, as far as a cut one may show them: which pod is named depends on which were looked at."""
    return line.partition(": ")[2][:100]
