"""What a pod got of its template's hardening: only what it may do beyond it counts."""

from typing import Any

import msgspec
import pytest

from kubectl_caps.core.harden.admitted import lost_in_admission
from kubectl_caps.core.harden.plan import HardenOptions
from kubectl_caps.core.kubernetes.pod import PodTemplate

HARD: dict[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}}
RESTRICTED = {"runAsNonRoot": True, "runAsUser": 101, "seccompProfile": {"type": "RuntimeDefault"}}
PLAIN, PROFILE = HardenOptions(), HardenOptions(profile="restricted", run_as_user=101)


def pod(
    context: Any, of_pod: Any = None, *others: dict[str, Any], annotations: dict[str, str] | None = None
) -> PodTemplate:
    """A pod with a container c, and others."""
    spec = {"securityContext": of_pod, "containers": [{"name": "c", "securityContext": context}, *others]}
    return msgspec.convert({"metadata": {"annotations": annotations or {}}, "spec": spec}, PodTemplate)


def capabilities(**lists: list[str]) -> dict[str, Any]:
    """The hardened context with other capabilities."""
    return {**HARD, "capabilities": lists}


@pytest.mark.parametrize(
    ("got", "field"),
    [
        pytest.param({**HARD, "privileged": True}, "privileged is true", id="privileged"),
        pytest.param({"privileged": True}, "privileged is true", id="the worst comes first"),
        pytest.param(None, "capabilities.drop is not set", id="all of it taken away"),
        pytest.param(capabilities(add=["CHOWN"]), "capabilities.drop is not set", id="drop taken away"),
        pytest.param(capabilities(drop=["NET_RAW"]), 'capabilities.drop is ["NET_RAW"]', id="another drop"),
        pytest.param(
            capabilities(drop=["ALL"], add=["CHOWN", "SYS_ADMIN"]), 'capabilities.add is ["CHOWN", "SYS_ADMIN"]',
            id="an add",
        ),
        pytest.param(
            {**HARD, "allowPrivilegeEscalation": True}, "allowPrivilegeEscalation is true", id="escalation"
        ),
        pytest.param(
            {"capabilities": HARD["capabilities"]}, "allowPrivilegeEscalation is not set", id="escalation by default"
        ),
    ],
)  # fmt: skip
def test_a_lost_field_of_an_admitted_pod_is_named(got: Any, field: str) -> None:
    assert next(lost_in_admission(pod(HARD), pod(got), PLAIN)) == f"container c: securityContext.{field}"


@pytest.mark.parametrize(
    "got",
    [
        pytest.param(HARD, id="the same"),
        pytest.param({**HARD, "privileged": False, "procMount": "Default", "runAsUser": 5}, id="defaults"),
        pytest.param(capabilities(drop=["ALL"]), id="fewer adds"),
        pytest.param(capabilities(drop=["all", "NET_RAW"], add=["chown"]), id="the same in other words"),
        pytest.param({**HARD, "readOnlyRootFilesystem": True, "runAsNonRoot": True}, id="more restricted"),
    ],
)
def test_defaults_and_further_restrictions_are_no_loss(got: Any) -> None:
    assert list(lost_in_admission(pod(HARD), pod(got), PLAIN)) == []


def test_a_container_that_drops_something_may_drop_all() -> None:
    some = {"capabilities": {"drop": ["NET_RAW"]}}
    assert list(lost_in_admission(pod(some), pod({"capabilities": {"drop": ["ALL"]}}), PLAIN)) == []


def test_an_injected_container_does_not_belong_to_the_template() -> None:
    sidecar = {"name": "proxy", "securityContext": {"privileged": True}}
    assert list(lost_in_admission(pod(HARD), pod(HARD, None, sidecar), PLAIN)) == []


def test_a_container_missing_in_the_admitted_pod_is_a_loss() -> None:
    missing = msgspec.convert({"spec": {"containers": [{"name": "d"}]}}, PodTemplate)
    assert list(lost_in_admission(pod(HARD), missing, PLAIN)) == ["container c is missing"]


def test_only_the_containers_that_were_meant_count() -> None:
    other = {"name": "d", "securityContext": {}}
    loose = pod(HARD, None, {"name": "d", "securityContext": {"privileged": True}})
    assert list(lost_in_admission(pod(HARD, None, other), loose, HardenOptions(containers=("c",)))) == []
    assert list(lost_in_admission(pod(HARD, None, other), loose, PLAIN)) == [
        "container d: securityContext.privileged is true"
    ]


def test_init_containers_count_too_in_whatever_place() -> None:
    def init(*contexts: Any) -> PodTemplate:
        items = [{"name": name, "securityContext": context} for name, context in contexts]
        return msgspec.convert({"spec": {"initContainers": items}}, PodTemplate)

    template, injected = init(("i", HARD)), ("new", {"privileged": True})
    assert list(lost_in_admission(template, init(injected, ("i", HARD)), PLAIN)) == []
    told = next(lost_in_admission(template, init(injected, ("i", {"privileged": True})), PLAIN))
    assert told == "container i: securityContext.privileged is true"


@pytest.mark.parametrize(
    ("got", "fields"),
    [
        pytest.param(pod(HARD, RESTRICTED), [], id="of the pod"),
        pytest.param(pod({**HARD, **RESTRICTED}), [], id="of the container"),
        pytest.param(
            pod(HARD, {**RESTRICTED, "seccompProfile": {"type": "Localhost", "localhostProfile": "x"}}), [],
            id="a seccomp profile of the node",
        ),
        pytest.param(pod(HARD, {**RESTRICTED, "runAsUser": 7}), [], id="another user who is not root"),
        pytest.param(
            pod(HARD), ["runAsUser is not set", "runAsNonRoot is not set", "seccompProfile is not set"], id="nothing"
        ),
        pytest.param(
            pod({**HARD, "runAsUser": 0, "runAsNonRoot": False, "procMount": "Unmasked"}, RESTRICTED),
            ["runAsUser is 0", "runAsNonRoot is false", 'procMount is "Unmasked"'],
            id="the container against its pod",
        ),
        pytest.param(
            pod({**HARD, "seccompProfile": {"type": "Unconfined"}}, RESTRICTED),
            ['seccompProfile is {"type": "Unconfined"}'],
            id="seccomp",
        ),
        pytest.param(
            pod(HARD, RESTRICTED, annotations={"container.apparmor.security.beta.kubernetes.io/c": "unconfined"}),
            ['appArmorProfile is {"type": "Unconfined"}'],
            id="AppArmor by annotation",
        ),
    ],
)  # fmt: skip
def test_the_profiles_fields_count_if_the_profile_was_requested(got: PodTemplate, fields: list[str]) -> None:
    template = pod(HARD, RESTRICTED)
    told = [text.removeprefix("container c: securityContext.") for text in lost_in_admission(template, got, PROFILE)]
    assert told == fields
    assert list(lost_in_admission(template, got, PLAIN)) == []
