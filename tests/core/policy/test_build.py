"""What a namespace has becomes what it may have: by owner, container and exemption."""

from datetime import date
from typing import Any

import pytest
from read_objects import DROP, adding, container, owned, workload

from kubectl_caps.core.assess.exemptions import Exemption, parse_exemption
from kubectl_caps.core.policy.build import PolicyOptions, build_policy, own_exemptions, top_owners
from kubectl_caps.core.policy.model import MalformedParameters, read_policy
from kubectl_caps.core.policy.preflight import preflight

TODAY = date(2026, 6, 15)


def lines(*workloads: Any, **options: Any) -> dict[str, str]:
    """The parameters without the controllers."""
    policy = build_policy("shop", list(workloads), PolicyOptions(**options)).policy
    return {key: value for key, value in policy.parameters().items() if key != "controllers"}


@pytest.mark.parametrize(
    ("security", "granted"),
    [
        pytest.param(DROP, "", id="nothing"),
        pytest.param(adding("SETUID", "CHOWN"), "CHOWN,SETUID", id="adds"),
        pytest.param(adding("chown"), "CHOWN", id="lower case"),
        pytest.param(adding("CAP_CHOWN"), "CAP_CHOWN", id="a prefix stays one"),
        pytest.param({**DROP, "capabilities": {"drop": ["ALL", "KILL"], "add": ["KILL"]}}, "", id="a void add"),
        pytest.param(adding("ALL"), "ALL", id="all"),
        pytest.param(None, "allowPrivilegeEscalation", id="says nothing"),
        pytest.param({"privileged": True}, "privileged", id="privileged"),
        pytest.param(adding("CHOWN", procMount="Unmasked"), "CHOWN,procMount", id="unmasked"),
        pytest.param(adding(appArmorProfile={"type": "Unconfined"}), "appArmorProfile", id="unconfined"),
        pytest.param(
            adding(runAsNonRoot=True, runAsUser=7, seccompProfile={"type": "RuntimeDefault"}),
            "runAsNonRoot=true,runAsUser=not-0,seccompProfile=confined", id="what must be kept",
        ),
        pytest.param(adding(runAsUser=0, seccompProfile={"type": "Unconfined"}), "", id="nothing to keep"),
    ],
)  # fmt: skip
def test_a_container_may_have_what_it_has(security: dict[str, Any] | None, granted: str) -> None:
    found = lines(workload("Deployment", "web", container("c", security)))
    assert found == {"deployment.apps_web": "default", "deployment.apps_web_c": granted}


def test_what_is_filled_in_is_no_grant_where_it_is_left_out() -> None:
    assert lines(workload("Deployment", "web", container()), fills=True)["deployment.apps_web_c"] == ""
    added = {"capabilities": {"add": ["SYS_ADMIN"]}}
    found = lines(workload("Deployment", "web", container("c", added)), fills=True)
    assert found["deployment.apps_web_c"] == "SYS_ADMIN,allowPrivilegeEscalation"


def test_pods_count_for_their_owner_and_add_only_containers_that_its_template_lacks() -> None:
    web = workload("Deployment", "web", container("c", adding("CHOWN")), serviceAccountName="shopkeeper")
    of_web = owned("apps/v1", "Deployment", "web")
    replica_set = workload("ReplicaSet", "web-5d4f", container("c", adding("KILL")), owner=of_web)
    injected = container("mesh", adding("NET_ADMIN"))
    pod = workload(
        "Pod", "web-5d4f-x", container("c", adding("KILL")), injected, group="",
        owner=owned("apps/v1", "ReplicaSet", "web-5d4f"),
    )  # fmt: skip
    assert lines(pod, replica_set, web) == {
        "deployment.apps_web": "shopkeeper",
        "deployment.apps_web_c": "CHOWN",
        "deployment.apps_web_mesh": "NET_ADMIN",
    }


def test_objects_whose_owner_cannot_hold_them_count_for_themselves() -> None:
    job = workload(
        "Job", "set-a-0", container("c", adding("CHOWN")), group="batch", owner=owned("x/v1", "JobSet", "set")
    )
    mirror = workload("Pod", "etcd-node", container("c", adding("KILL")), group="", owner=owned("v1", "Node", "node"))
    assert lines(job, mirror) == {
        "job.batch_set-a-0": "default",
        "job.batch_set-a-0_c": "CHOWN",
        "pod_etcd-node": "default",
        "pod_etcd-node_c": "KILL",
    }


def exemption(**fields: Any) -> Exemption:
    return parse_exemption({"name": "web", "reason": "why", "until": "2027-01-31", **fields}, "e.yaml:1")


@pytest.mark.parametrize(
    ("security", "accepted", "granted"),
    [
        (adding("CHOWN", "KILL"), {"capabilities": ["KILL"]}, "CHOWN,KILL@2027-01-31"),
        (adding("CHOWN"), {"capabilities": ["KILL"]}, "CHOWN"),
        (adding("CHOWN"), {"capabilities": ["CHOWN"], "container": "other"}, "CHOWN"),
        (adding("CHOWN"), {"capabilities": ["ALL"], "until": "never"}, "CHOWN"),
        ({"privileged": True}, {"capabilities": ["privileged"]}, "privileged@2027-01-31"),
        (None, {"checks": ["capabilities_restricted", "allowPrivilegeEscalation"]},
         "allowPrivilegeEscalation@2027-01-31,defaults@2027-01-31"),
    ],
)  # fmt: skip
def test_what_an_exemption_accepts_ends_with_it(
    security: dict[str, Any] | None, accepted: dict[str, Any], granted: str
) -> None:
    listed = [exemption(**accepted)]
    web = workload("Deployment", "web", container("c", security))
    built = build_policy(
        "shop", [web], PolicyOptions(exemptions=lambda one: own_exemptions(one, listed, annotations=False)[0])
    )
    assert built.policy.parameters()["deployment.apps_web_c"] == granted
    assert any("why" in reason for reason in built.policy.reasons) == ("@" in granted or "until" in accepted)


def test_the_parameters_are_read_back_as_the_same_policy() -> None:
    web = workload("Deployment", "web", container("c", adding("CHOWN", runAsUser=7)), container("d", DROP))
    policy = build_policy("shop", [web], PolicyOptions(controllers=("robot",))).policy
    again = read_policy("shop", policy.parameters())
    assert (again.parameters(), again.controllers) == (policy.parameters(), policy.controllers)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"deployment.apps_web_c": ""}, '"deployment.apps_web_c" belongs to no workload'),
        ({"x": ""}, '"x" belongs to no workload'),
        ({"pod_a": "default", "pod_a_c": "KILL@soon"}, '"KILL@soon" must end with a day'),
    ],
)
def test_parameters_that_mean_nothing_are_an_error(parameters: dict[str, str], says: str) -> None:
    with pytest.raises(MalformedParameters, match=says):
        read_policy("shop", parameters)


def test_preflight_names_objects_with_their_pods_and_leaves_out_what_makes_no_more() -> None:
    web = workload("Deployment", "web", container("c", {"capabilities": {"add": ["KILL"]}}))
    good = workload("StatefulSet", "db", container("c", adding("KILL")))
    pods = [
        workload("Pod", f"web-1-{index}", container("c", {"capabilities": {"add": ["KILL"]}}), group="",
                 owner=owned("apps/v1", "Deployment", "web"))
        for index in range(2)
    ]  # fmt: skip
    policy = build_policy("shop", [web, good, *pods], PolicyOptions()).policy
    found = preflight(policy, [web, good, *pods], TODAY)
    [item] = found.refused
    assert (item.workload.name, item.pods, found.judged) == ("web", ["web-1-0", "web-1-1"], 4)
    assert [field.words for field in item.fields] == ["container c: capabilities.drop lacks ALL"]
    assert preflight(policy, [web], TODAY, fills=True).refused != []  # it says something, so nothing is filled in


def test_the_top_owner_is_the_highest_that_can_hold_a_pod_and_a_circle_of_owners_ends() -> None:
    web = workload("Deployment", "web")
    replica_set = workload("ReplicaSet", "web-1", owner=owned("apps/v1", "Deployment", "web"))
    pod = workload("Pod", "web-1-a", group="", owner=owned("apps/v1", "ReplicaSet", "web-1"))
    one = workload("StatefulSet", "one", owner=owned("apps/v1", "StatefulSet", "other"))
    other = workload("StatefulSet", "other", owner=owned("apps/v1", "StatefulSet", "one"))
    found = top_owners([pod, web, replica_set, one, other])
    names = {uid: top.name for (uid, _, _), top in found.items()}
    assert names == {"web-1-a": "web", "web-1": "web", "one": "other", "other": "one"}


def test_a_custom_kinds_controller_has_to_be_named() -> None:
    rollout = workload("Rollout", "canary", container("c", adding("KILL")), group="argoproj.io")
    assert "--controller USER names it" in build_policy("shop", [rollout], PolicyOptions()).notes[0]
    assert build_policy("shop", [rollout], PolicyOptions(controllers=("argo",))).notes == ()
