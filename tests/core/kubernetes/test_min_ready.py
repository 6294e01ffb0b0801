"""When `minReadySeconds` is raised for the time of a rollout, and that a patch and its inverse put it back."""

from typing import Any

import pytest

from kubectl_caps.core.harden.written_fields import others
from kubectl_caps.core.kubernetes.kinds import KINDS
from kubectl_caps.core.kubernetes.min_ready import MIN_READY, raised
from kubectl_caps.core.kubernetes.patch import ABSENT, Change, Patch

DEPLOYMENT = next(kind for kind in KINDS if kind.kind == "Deployment")


@pytest.mark.parametrize(
    ("kind", "spec", "settle", "change"),
    [
        pytest.param("Deployment", {}, 10, (ABSENT, 10), id="absent"),
        pytest.param("StatefulSet", {"minReadySeconds": 3}, 10, (3, 10), id="lower"),
        pytest.param("DaemonSet", {}, 2.5, (ABSENT, 3), id="a fraction of a second is rounded up"),
        pytest.param("Deployment", {"minReadySeconds": 10}, 10, None, id="as high already"),
        pytest.param("Deployment", {"minReadySeconds": 60}, 10, None, id="higher"),
        pytest.param("Deployment", {}, 0, None, id="nobody watches"),
        pytest.param("Deployment", {"progressDeadlineSeconds": 10}, 10, None, id="the deadline is not higher"),
        pytest.param("Deployment", {"progressDeadlineSeconds": 11}, 10, (ABSENT, 10), id="the deadline is higher"),
        pytest.param("CloneSet", {}, 10, None, id="a custom resource"),
        pytest.param("ReplicaSet", {}, 10, None, id="a kind that makes no rollout"),
    ],
)
def test_min_ready_seconds_is_raised_only_where_it_is_lower_and_the_api_allows_it(
    kind: str, spec: dict[str, Any], settle: float, change: tuple[Any, Any] | None
) -> None:
    assert raised(kind, {"spec": spec}, settle) == (Change(MIN_READY, *change) if change else None)


@pytest.mark.parametrize("spec", [{}, {"minReadySeconds": 3}])
def test_the_inverse_of_the_patch_restores_the_field(spec: dict[str, Any]) -> None:
    obj = {"spec": spec}
    change = raised("Deployment", obj, 10)
    assert change
    patch = Patch((change,))
    assert patch.applied(obj)["spec"]["minReadySeconds"] == 10
    assert patch.inverse().applied(patch.applied(obj)) == obj


@pytest.mark.parametrize(("value", "is_written"), [(10, True), ("10", False), ({}, False)])
def test_a_saved_undo_may_restore_the_field_and_only_to_a_number(value: Any, is_written: bool) -> None:
    patch = Patch((Change(MIN_READY, 10, value),))
    assert (list(others(patch, DEPLOYMENT)) == []) is is_written
