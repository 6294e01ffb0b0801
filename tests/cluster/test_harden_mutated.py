"""harden where a policy changes objects on their way in: what was sent is not what is stored, or not what pods get.

Real MutatingAdmissionPolicies, each for the requests of one namespace. Pods are made and run nowhere.
"""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from testbed.cluster import Cluster

PRIVILEGED = (
    "Object{spec: Object.spec{containers: object.spec.containers.map(c, Object.spec.containers{name: c.name, "
    "securityContext: Object.spec.containers.securityContext{privileged: true, allowPrivilegeEscalation: true}})}}"
)
RESTRICTED = (
    "Object{spec: Object.spec{containers: object.spec.containers.map(c, Object.spec.containers{name: c.name, "
    "securityContext: Object.spec.containers.securityContext{runAsNonRoot: true, readOnlyRootFilesystem: true}})}}"
)
CONTEXT = "/spec/jobTemplate/spec/template/spec/containers/0/securityContext"
HARDENED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
PRIVILEGED_IT_IS = "container c: securityContext.privileged is true"
UNKEPT = "spec.jobTemplate.spec.template.spec.containers[0].securityContext"
IN_EARNEST = "!(has(request.dryRun) && request.dryRun)"
PATHS = {"deployments": "/apis/apps/v1", "cronjobs": "/apis/batch/v1"}
ADMISSION = "/apis/admissionregistration.k8s.io/v1"


class Place:
    """A namespace, and who changes what in it."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster, self.name = cluster, name

    def make(self, plural: str, spec: Mapping[str, Any]) -> None:
        """A workload x."""
        body = {"metadata": {"name": "x"}, "spec": spec}
        status, answer = self.cluster.api.request("POST", f"{PATHS[plural]}/namespaces/{self.name}/{plural}", body)
        assert status == 201, answer

    def spec(self, plural: str) -> Any:
        """What the server has of it."""
        return self.cluster.api.get(f"{PATHS[plural]}/namespaces/{self.name}/{plural}/x")["spec"]

    def harden(self, *args: str) -> tuple[int, str, str]:
        """Exit status, result and message of hardening x."""
        done = self.cluster.caps("harden", "-n", self.name, *args, "-o", "json")
        (item,) = json.loads(done.stdout)["items"]
        return done.returncode, item["result"], item["message"]

    @contextlib.contextmanager
    def policy(self, resource: str, mutation: Mapping[str, Any], when: str = "true") -> Iterator[None]:
        """A policy that changes what is sent of a resource (`batch/cronjobs`), in force."""
        group, _, plural = resource.rpartition("/")
        rule = {"apiGroups": [group], "apiVersions": ["v1"], "resources": [plural], "operations": ["CREATE", "UPDATE"]}
        # What is made to see whether it is in force is called probe, whoever makes it.
        probe = "has(object.metadata.name) && object.metadata.name == 'probe'"
        here = f"object.metadata.namespace == '{self.name}' && ({when} || {probe})"
        spec = {
            "matchConstraints": {"resourceRules": [rule]},
            "matchConditions": [{"name": "here", "expression": here}],
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "mutations": [mutation],
        }
        kinds = ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings")
        for kind, wanted in zip(kinds, (spec, {"policyName": self.name}), strict=True):
            body = {"metadata": {"name": self.name}, "spec": wanted}
            status, answer = self.cluster.api.request("POST", f"{ADMISSION}/{kind}", body)
            assert status == 201, answer
        try:
            self._await_force(group, plural)
            yield
        finally:
            for kind in kinds:
                self.cluster.api.request("DELETE", f"{ADMISSION}/{kind}/{self.name}")

    def _await_force(self, group: str, plural: str) -> None:
        path = f"{f'/apis/{group}' if group else '/api'}/v1/namespaces/{self.name}/{plural}?dryRun=All"
        pod = {"containers": [{"name": "c", "image": "x", "securityContext": {"runAsUser": 7}}]}
        probe = {"metadata": {"name": "probe"}, "spec": cron(pod) if plural == "cronjobs" else pod}
        deadline = time.monotonic() + 30
        while True:
            status, answer = self.cluster.api.request("POST", path, probe)
            assert status == 201, answer
            made = answer["spec"] if plural == "pods" else template(answer["spec"])
            if made["containers"][0].get("securityContext") != {"runAsUser": 7}:
                return
            assert time.monotonic() < deadline, "the policy never gets into force"
            time.sleep(0.1)


def apply(expression: str) -> dict[str, Any]:
    """A mutation that applies a configuration."""
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def strip(path: str) -> dict[str, Any]:
    """A mutation that takes a field away from a CronJob, and the whole context from the probe."""
    has = "has(object.spec.jobTemplate.spec.template.spec.containers[0].securityContext)"
    probe = "object.spec.jobTemplate.spec.template.spec.containers[0].securityContext.?runAsUser.orValue(0) == 7"
    remove = f'{has} ? [JSONPatch{{op: "remove", path: ({probe}) ? "{CONTEXT}" : "{path}"}}] : []'
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": remove}}


def template(spec: Mapping[str, Any]) -> Any:
    """The pod of a CronJob's template."""
    return spec["jobTemplate"]["spec"]["template"]["spec"]


def cron(pod: Mapping[str, Any]) -> dict[str, Any]:
    """A CronJob that does not run in our time."""
    run = {"spec": {"template": {"spec": {**pod, "restartPolicy": "Never"}}}}
    return {"schedule": "0 0 1 1 *", "jobTemplate": run}


def deployment(replicas: int) -> dict[str, Any]:
    """A deployment whose pods nobody schedules."""
    pod = {"schedulerName": "nobody", "containers": [{"name": "c", "image": "x"}]}
    labels = {"app": "x"}
    made = {"metadata": {"labels": labels}, "spec": pod}
    return {"replicas": replicas, "selector": {"matchLabels": labels}, "template": made}


@pytest.fixture
def place(api_cluster: Cluster, namespace: str) -> Place:
    """A fresh namespace."""
    return Place(api_cluster, namespace)


def test_a_policy_that_makes_pods_privileged_is_met_before_anything_is_sent(place: Place) -> None:
    place.make("deployments", deployment(0))
    with place.policy("pods", apply(PRIVILEGED)):
        for flags in (("--dry-run=server",), ()):
            status, result, message = place.harden("deploy/x", *flags)
            assert (status, result) == (2, "refused"), message
            assert message == f"admission changes its pods: {PRIVILEGED_IT_IS}"
    assert "securityContext" not in place.spec("deployments")["template"]["spec"]["containers"][0]


def test_a_policy_that_no_dry_run_meets_is_seen_in_the_pods_and_the_change_rolled_back(place: Place) -> None:
    place.make("deployments", deployment(1))
    with place.policy("pods", apply(PRIVILEGED), when=IN_EARNEST):
        status, result, message = place.harden("deploy/x", "--force", "--timeout", "20s")
    assert (status, result) == (2, "rolledBack"), message
    assert message.startswith("admission changed pod x-")
    assert message.endswith(f": {PRIVILEGED_IT_IS}")
    assert "securityContext" not in place.spec("deployments")["template"]["spec"]["containers"][0]


def test_a_policy_that_restricts_pods_further_is_no_failure(place: Place) -> None:
    place.make("deployments", deployment(0))
    with place.policy("pods", apply(RESTRICTED)):
        assert place.harden("deploy/x")[:2] == (0, "notProven")
    assert place.spec("deployments")["template"]["spec"]["containers"][0]["securityContext"] == HARDENED


def test_a_dry_run_shows_the_part_that_a_policy_removes(place: Place) -> None:
    place.make("cronjobs", cron({"containers": [{"name": "c", "image": "x"}]}))
    with place.policy("batch/cronjobs", strip(CONTEXT)):
        for flags in (("--dry-run=server",), ()):
            status, result, message = place.harden("cronjob/x", *flags)
            assert (status, result) == (2, "refused"), message
            assert message == f"the server accepted it and did not keep {UNKEPT}"
    assert "securityContext" not in template(place.spec("cronjobs"))["containers"][0]


@pytest.mark.parametrize(
    ("stripped", "flags", "result", "left"),
    [
        pytest.param("", (), "failed", None, id="nothing was kept"),
        pytest.param("/allowPrivilegeEscalation", (), "rolledBack", None, id="the half that was kept is taken back"),
        pytest.param(
            "/allowPrivilegeEscalation", ("--rollback=false",), "failed", {"capabilities": {"drop": ["ALL"]}},
            id="the half that was kept is left",
        ),
    ],
)  # fmt: skip
def test_a_change_that_a_policy_removes_after_the_dry_run_is_no_success(
    place: Place, stripped: str, flags: tuple[str, ...], result: str, left: Any
) -> None:
    place.make("cronjobs", cron({"containers": [{"name": "c", "image": "x"}]}))
    with place.policy("batch/cronjobs", strip(CONTEXT + stripped), when=IN_EARNEST):
        status, came_to, message = place.harden("cronjob/x", *flags)
    assert (status, came_to) == (2, result), message
    assert message.startswith(f"the server accepted it and did not keep {UNKEPT}")
    assert template(place.spec("cronjobs"))["containers"][0].get("securityContext") == left


def test_a_default_in_place_of_a_removed_field_is_no_lost_change(place: Place) -> None:
    loose = {
        "procMount": "Unmasked",
        "seccompProfile": {"type": "Unconfined"},
        "appArmorProfile": {"type": "Unconfined"},
    }
    place.make(
        "cronjobs", cron({"hostUsers": False, "containers": [{"name": "c", "image": "x", "securityContext": loose}]})
    )
    status, result, message = place.harden("cronjob/x", "--profile", "restricted")
    assert (status, result) == (0, "notProven"), message
