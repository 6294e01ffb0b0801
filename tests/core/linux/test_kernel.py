"""Predictions against what the kernel said of 324 containers, and broken predictions that this has to notice.

The record is made by the node tier, on containerd 2.2.5 with runc 1.1.5 and kernel 6.18:
`UPDATE=1 pytest tests/cluster/test_matrix_node.py`.
"""

from collections.abc import Callable
from typing import Any

import matrix
import pytest
from msgspec.structs import replace

from kubectl_caps.core.linux import add_drop, prediction
from kubectl_caps.core.linux.add_drop import add_wins
from kubectl_caps.core.linux.prediction import ContainerRequest, predict
from kubectl_caps.core.linux.runtimes import Runtime, runtime_of
from kubectl_caps.core.linux.sets import CapabilitySet, ProcessSets

NODE, SEEN = matrix.read_record()
CONTAINERD = runtime_of("containerd://2.2.5")
uncached = predict.__wrapped__


def wrong(
    runtime: Runtime = CONTAINERD, node: CapabilitySet | None = NODE, asked: Any = lambda request: request
) -> int:
    """How many containers are not as predicted; that they started is part of it."""
    outcomes = [(uncached(runtime, asked(request), node), sets) for request, sets in SEEN]
    return sum(outcome.sets != sets or outcome.refused is not None for outcome, sets in outcomes)


def test_the_record_is_of_the_matrix() -> None:
    assert [request for request, _ in SEEN] == [matrix.request(row) for row in matrix.rows()]


def test_every_prediction_equals_the_recorded_sets() -> None:
    assert wrong() == 0


BROKEN_RUNTIMES: dict[str, dict[str, Any]] = {
    "an add beats a drop": {"add_drop": add_wins},
    "a prefix is taken off": {"prefix_optional": True},
    "unknown names are refused": {"unknown_added": "unknown {name}"},
    "unknown drops are refused": {"unknown_dropped": "unknown {name}"},
    "one default less": {"defaults": CONTAINERD.defaults - CapabilitySet.from_names(["MKNOD"])},
    "one default more": {"defaults": CONTAINERD.defaults | CapabilitySet.from_names(["SYS_PTRACE"])},
    "the inheritable set is filled": {"inheritable": True},
    "privileged fills the ambient set": {"privileged_ambient": True},
    "ALL is every number": {"all_by_number": True},
}


@pytest.mark.parametrize("change", BROKEN_RUNTIMES.values(), ids=BROKEN_RUNTIMES)
def test_a_broken_rule_is_noticed(change: dict[str, Any]) -> None:
    assert wrong(replace(CONTAINERD, **change)) > 0


IGNORED: dict[str, dict[str, Any]] = {
    "add": {"add": ()},
    "drop": {"drop": ()},
    "privileged": {"privileged": False},
    "allowPrivilegeEscalation": {"allow_privilege_escalation": None},
    "user": {"uid": 0, "non_root": False},
    "runAsNonRoot": {"non_root": False},
}


@pytest.mark.parametrize("change", IGNORED.values(), ids=IGNORED)
def test_a_setting_that_is_ignored_is_noticed(change: dict[str, Any]) -> None:
    assert wrong(asked=lambda request: replace(request, **change)) > 0


def test_a_prediction_for_another_node_is_noticed() -> None:
    assert wrong(node=None) > 0


def _no_user(case: Any) -> ProcessSets:
    return ProcessSets(case.held, case.held, case.held, no_new_privs=case.request.allow_privilege_escalation is False)


def _escalation_by_default(case: Any) -> ProcessSets:
    return replace(after_execve(case), no_new_privs=case.request.allow_privilege_escalation is not True)


after_execve = prediction._after_execve
BROKEN_CODE: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "letter case matters": (add_drop, "upper", str),
    "blanks do not matter": (add_drop, "upper", lambda name: name.strip().upper()),
    "every user is root": (prediction, "_after_execve", _no_user),
    "no_new_privs is the default": (prediction, "_after_execve", _escalation_by_default),
}


@pytest.mark.parametrize(("module", "name", "broken"), BROKEN_CODE.values(), ids=BROKEN_CODE)
def test_broken_code_is_noticed(
    module: Any, name: str, broken: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, broken)
    assert wrong() > 0


def test_a_request_has_the_settings_of_the_manifest() -> None:
    row = {**matrix.rows()[0], "add": ("ALL",), "add spelling": "lower", "user": "1000", "privileged": None}
    assert matrix.context(row)["capabilities"]["add"] == ["all"]
    assert matrix.request(row) == replace(matrix.request(row), add=("all",), uid=1000, privileged=False)
    assert ContainerRequest() == ContainerRequest(add=(), drop=())
