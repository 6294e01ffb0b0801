"""A template without containers, as a custom resource may have one, satisfies no level that is known."""

import pytest

from kubectl_caps.core.assessment import Assessment, Place, assess, worsened
from kubectl_caps.core.gates import Gate, failures
from kubectl_caps.core.linux.runtimes import runtime_of
from kubectl_caps.core.workloads import KINDS, read

ROLLOUT = next(kind for kind in KINDS if kind.kind == "Rollout")


def assessed(spec: object) -> Assessment:
    (workload,) = read(ROLLOUT, {"metadata": {"name": "x"}, "spec": {"template": {"spec": spec}}}, {})
    return assess(workload, [], [Place(runtime_of(None), 0, "assumed")], 37)


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


def test_what_is_not_known_passes_no_gate() -> None:
    reasons = [failure.why for failure in failures([assessed({})], Gate(require="baseline"))]
    assert reasons == ["it has no containers, so its Pod Security level is not known"]


def test_an_unknown_level_is_worse_than_a_known_one_but_privileged() -> None:
    unknown, baseline, privileged = (
        assessed(spec) for spec in ({}, {"containers": [{"name": "c"}]}, {"hostPID": True, "containers": [{}]})
    )
    assert worsened(baseline, unknown).level is None
    assert worsened(unknown, privileged).level == "privileged"
