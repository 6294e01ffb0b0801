"""The table of minimal pods in `cases/`: one file a check, one case a pod.

A case says in `fails` in which minor versions the check refuses the pod (`8-24`, `0-`; without it, in none), and then
what exactly it says. Every case is judged in every version, so it is also a case of each version's passing.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR
from kubectl_caps.core.podsecurity.registry import CHECKS

MINORS = range(NEWEST_MINOR + 1)
REASONS = {
    "allowPrivilegeEscalation": "allowPrivilegeEscalation != false",
    "capabilities_baseline": "non-default capabilities",
    "capabilities_restricted": "unrestricted capabilities",
    "hostNamespaces": "host namespaces",
    "hostPathVolumes": "hostPath volumes",
    "hostPorts": "hostPort",
    "hostProbesAndHostLifecycle": "probe or lifecycle host",
    "privileged": "privileged",
    "procMount": "procMount",
    "procMount_restricted": "procMount",
    "restrictedVolumes": "restricted volume types",
    "runAsNonRoot": "runAsNonRoot != true",
    "runAsUser": "runAsUser=0",
    "seLinuxOptions": "seLinuxOptions",
    "seccompProfile_baseline": "seccompProfile",
    "seccompProfile_restricted": "seccompProfile",
    "sysctls": "forbidden sysctls",
    "windowsHostProcess": "hostProcess",
}
"""The reasons of the checks that have only one."""


class Case(msgspec.Struct, forbid_unknown_fields=True):
    """A pod and what its file's check says of it."""

    name: str
    spec: dict[str, Any]
    annotations: dict[str, str] = {}
    fails: str = ""
    reason: str = ""
    detail: str = ""
    containers: list[str] = []
    fields: list[str] = []

    @property
    def template(self) -> PodTemplate:
        """The pod, as it is: nothing is defaulted."""
        return msgspec.convert({"metadata": {"annotations": self.annotations}, "spec": self.spec}, PodTemplate)

    @property
    def failing(self) -> range:
        """The minor versions in which it is refused."""
        if not self.fails:
            return range(0)
        match = re.fullmatch(r"(\d+)-(\d*)", self.fails)
        assert match, f"{self.name}: fails: {self.fails}"
        return range(int(match[1]), int(match[2] or NEWEST_MINOR) + 1)


@cache
def cases(check: str) -> list[Case]:
    """The cases of a check."""
    path = Path(__file__).with_name("cases") / f"{check}.yaml"
    return msgspec.convert(yaml.safe_load(path.read_text()), list[Case])


def rows() -> Iterator[tuple[str, Case]]:
    """Every case with its check's id."""
    for check in CHECKS:
        yield from ((check.id, case) for case in cases(check.id))
