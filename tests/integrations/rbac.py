"""The rights of integrations/rbac, one by one, and the commands of docs/rbac.md that need them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "rbac.md"
FILES = sorted((ROOT / "integrations" / "rbac").glob("*.yaml"))


class RoleRight(NamedTuple):
    """A verb on a resource (`pods`, `pods/log`, `jobs.batch`), and the ClusterRole that allows it."""

    role: str
    verb: str
    resource: str
    group: str

    @property
    def kind(self) -> str:
        """The resource with its group, as kubectl writes it."""
        return f"{self.resource}.{self.group}" if self.group else self.resource

    @property
    def is_for_the_cluster(self) -> bool:
        """Whether a RoleBinding could not grant it."""
        return self.role.endswith("-cluster")

    @property
    def is_for_parameters(self) -> bool:
        """Whether it is bound in kube-system, where the parameters of policies are."""
        return self.role.endswith("-parameters")

    def is_named(self, text: str) -> bool:
        """Whether a text says in one line that it is missing: the verb, then the resource."""
        what = rf'{self.verb} (?:resource ")?{self.resource}(?:\.{self.group})?["\s,]'
        return bool(re.search(rf"\b(?:cannot|right to) (?:[^\n]*, )?{what}", text))


class Row(NamedTuple):
    """A command of the documentation, without `kubectl caps`, and the files with what it needs."""

    command: str
    files: tuple[str, ...]

    def rights(self) -> list[RoleRight]:
        """Everything that its files allow."""
        return [right for name in self.files for right in rights_of(name)]


def rights_of(name: str) -> Iterator[RoleRight]:
    """The rights of one file."""
    for role in yaml.safe_load_all((ROOT / "integrations" / "rbac" / f"{name}.yaml").read_text()):
        for rule in role["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for verb in rule["verbs"]:
                        yield RoleRight(role["metadata"]["name"], verb, resource, group)


def rows() -> list[Row]:
    """The first table of the page."""
    found = re.findall(r"^\| `kubectl caps (.+?)` \| (.+?) \|$", PAGE.read_text(), re.MULTILINE)
    return [Row(command, tuple(names.split(", "))) for command, names in found]


GOES_ON = {
    "kubectl-caps-inspect-cluster": {"list nodes", "get validatingadmissionpolicybindings"},
    "kubectl-caps-label-ns-cluster": {"list customresourcedefinitions"},
    "kubectl-caps-policy-cluster": {"list customresourcedefinitions"},
    "kubectl-caps-harden": {"create pods", "get pods/log", "list events"},
    "kubectl-caps-fit-cluster": {"get nodes"},
    "kubectl-caps-fit-trace": {"get pods/exec", "create pods/exec"},
    "kubectl-caps-trials": {
        "create pods",
        *(f"list {plural}" for plural in ("services", "replicationcontrollers", "poddisruptionbudgets")),
        *(f"list {plural}" for plural in ("networkpolicies", "deployments", "statefulsets", "daemonsets")),
        "list replicasets", "create localsubjectaccessreviews",
    },
}
"""The rights without which a command goes on, and says so. test_rbac_node.py runs the commands."""


def goes_on(right: RoleRight) -> bool:
    """Whether the command goes on without it."""
    return f"{right.verb} {right.resource}" in GOES_ON.get(right.role, ())
