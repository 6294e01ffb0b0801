"""`--profile restricted`, check by check: what is set, what is taken away, what is left and said."""

from typing import Any

import pytest

from kubectl_caps.core.harden.plan import Hardening, HardenOptions, harden
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.workloads import read_workloads

POD = kind_of("v1", "Pod")


def run(obj: dict[str, Any], **options: Any) -> Hardening:
    """Harden a pod with the profile."""
    assert POD
    return harden(obj, tuple(read_workloads(POD, obj, {})), HardenOptions(profile="restricted", **options))


def pod(context: Any = None, annotations: Any = None, containers: int = 1, **spec: Any) -> dict[str, Any]:
    """A pod whose first container has this security context."""
    made: list[dict[str, Any]] = [{"name": f"c{number}", "image": "i"} for number in range(containers)]
    if context is not None:
        made[0]["securityContext"] = context
    return {"metadata": {"name": "p", "annotations": annotations or {}}, "spec": {"containers": made, **spec}}


PREFIX = "container.apparmor.security.beta.kubernetes.io/"


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param(pod(), id="nothing said"),
        pytest.param(pod({"seccompProfile": {"type": "Unconfined"}}), id="seccomp Unconfined"),
        pytest.param(pod({"runAsNonRoot": False}), id="runAsNonRoot false"),
        pytest.param(pod({"procMount": "Unmasked"}), id="procMount Unmasked"),
        pytest.param(pod({"appArmorProfile": {"type": "Unconfined"}}), id="AppArmor of the container"),
        pytest.param(pod(securityContext={"appArmorProfile": {"type": "Unconfined"}}), id="AppArmor of the pod"),
        pytest.param(pod(annotations={f"{PREFIX}c0": "unconfined"}), id="AppArmor annotation"),
        pytest.param(pod({"capabilities": {"add": ["NET_BIND_SERVICE"]}}), id="the add that restricted allows"),
    ],
)
def test_a_pod_becomes_restricted_without_its_loosening_settings(obj: dict[str, Any]) -> None:
    result = run(obj)
    assert result.refusals == ()
    assert [note.message for note in result.notes if "restricted still refuses" in note.message] == []


@pytest.mark.parametrize(
    ("obj", "reason"),
    [
        (pod(hostNetwork=True), "host namespaces"),
        (pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), "restricted volume types"),
        (pod(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}), "forbidden sysctls"),
        (pod({"seLinuxOptions": {"type": "spc_t"}}), "seLinuxOptions"),
        (pod({"capabilities": {"add": ["NET_ADMIN"]}}), "unrestricted capabilities"),
        (pod({"privileged": True}, containers=2), "privileged"),
    ],
)
def test_a_setting_that_the_application_may_need_stays_and_is_named(obj: dict[str, Any], reason: str) -> None:
    notes = [note.message for note in run(obj).notes]
    assert any(note.startswith("restricted still refuses: ") and reason in note for note in notes), notes


@pytest.mark.parametrize("options", [{"containers": ("c1",)}, {"containers": ("c1",), "run_as_user": 7}])
def test_the_pod_stays_as_it_is_if_only_one_container_is_hardened(options: dict[str, Any]) -> None:
    obj = pod(containers=2)
    spec = run(obj, **options).patch.applied(obj)["spec"]
    assert "securityContext" not in spec
    assert "securityContext" not in spec["containers"][0]
    own = spec["containers"][1]["securityContext"]
    assert (own["runAsNonRoot"], own["seccompProfile"]) == (True, {"type": "RuntimeDefault"})
    assert own.get("runAsUser") == options.get("run_as_user")


def test_containers_beside_a_privileged_one_get_the_fields_themselves() -> None:
    obj = pod({"privileged": True}, containers=2)
    spec = run(obj).patch.applied(obj)["spec"]
    assert "securityContext" not in spec
    assert spec["containers"][0]["securityContext"] == {"privileged": True}
    assert spec["containers"][1]["securityContext"]["runAsNonRoot"] is True
