"""A template without containers, as a custom resource may have one, satisfies no level that is known."""

import pytest

from kubectl_caps.core.assess.assess import assess
from kubectl_caps.core.assess.assessment import Assessment, NodeRuntime, with_worst
from kubectl_caps.core.assess.gates import Gate, gate_failures
from kubectl_caps.core.kubernetes.kinds import KINDS
from kubectl_caps.core.kubernetes.workloads import read_workloads
from kubectl_caps.core.linux.runtimes import runtime_of

ROLLOUT = next(kind for kind in KINDS if kind.kind == "Rollout")


def assessed(spec: object) -> Assessment:
    (workload,) = read_workloads(ROLLOUT, {"metadata": {"name": "x"}, "spec": {"template": {"spec": spec}}}, {})
    return assess(workload, [], [NodeRuntime(runtime_of(None), 0, "assumed")], 37)


@pytest.mark.parametrize(
    ("spec", "level"),
    [
        ({}, None),
        ({"containers": []}, None),
        ({"initContainers": [{"name": "c"}]}, None),
        ({"hostNetwork": True}, "privileged"),
        ({"containers": [{"name": "c"}]}, "baseline"),
    ],
)
def test_without_containers_only_privileged_is_known(spec: object, level: str | None) -> None:
    assert assessed(spec).level == level


def test_an_unknown_level_passes_no_gate() -> None:
    reasons = [failure.why for failure in gate_failures([assessed({})], Gate(require="baseline"))]
    assert reasons == ["it has no containers, so its Pod Security level is not known"]


def test_an_unknown_level_is_worse_than_a_known_one_but_privileged() -> None:
    unknown, baseline, privileged = (
        assessed(spec) for spec in ({}, {"containers": [{"name": "c"}]}, {"hostPID": True, "containers": [{}]})
    )
    assert with_worst(baseline, unknown).level is None
    assert with_worst(unknown, privileged).level == "privileged"
