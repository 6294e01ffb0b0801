"""A template that is like an earlier one is not judged again; its assessment is as if it had been."""

from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
import pytest
from differential.pods import Maker

from kubectl_caps.core.assess.assess import assess
from kubectl_caps.core.assess.assessment import Assessment, NodeRuntime
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.label.verdicts import Verdicts
from kubectl_caps.core.linux.runtimes import by_name
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.podsecurity.policy import LEVELS, Policy
from kubectl_caps.core.podsecurity.registry import evaluate
from kubectl_caps.report.documents.inspection import inspected_items
from kubectl_caps.report.inspection import InspectionTable
from kubectl_caps.report.terminal import Screen

PLACES = [NodeRuntime(by_name("containerd"), 1, "observed")]
NAMES = ("web", "proxy", 'a "quoted" name', "\ue0000;", "")
IMAGES = ("web:1", "web:2", "registry.k8s.io/coredns/coredns:v1.12.0", "caddy", None)
SOURCES: tuple[dict[str, Any], ...] = (
    {"projected": {"sources": []}},
    {"secret": {"secretName": "a"}},
    {"hostPath": {"path": "/etc"}},
    {"hostPath": {"path": "/"}},
    {"nfs": {"server": "a", "path": "/"}},
    {},
)
SEEDS = 200
PIPE = Screen()
SOURCE = {"context": "here"}


def workload(template: Pod) -> Workload:
    return Workload(api_version="v1", kind="Pod", metadata=template.metadata, template=template, path=(), source=SOURCE)


def with_others(pod: dict[str, Any], chance: Random) -> Pod:
    """The pod with other names, images, volumes and node, with or without a user in the status of its containers."""
    made = msgspec.json.decode(msgspec.json.encode(pod))
    containers = [one for key in ("initContainers", "containers") for one in made["spec"].get(key, [])]
    for container in containers:
        container["image"] = chance.choice(IMAGES)
        if chance.random() < 0.8:
            container["name"] = chance.choice(NAMES)
    made["spec"]["nodeName"] = chance.choice(("node-1", "node-2"))
    if chance.random() < 0.7:
        names = [chance.choice(("data", "kube-api-access-1", "kube-api-access-2")) for _ in range(2)]
        made["spec"]["volumes"] = [{"name": name, **chance.choice(SOURCES)} for name in names]
        for container in containers:
            mounted = chance.sample(names, chance.choice((0, 1, 2)))
            mounts = [{"name": name, "mountPath": f"/{name}", "readOnly": chance.random() < 0.5} for name in mounted]
            container["volumeMounts"] = mounts
    if chance.random() < 0.5:
        uid = chance.choice((0, 1000))
        statuses = [{"name": one["name"], "user": {"linux": {"uid": uid}}} for one in containers]
        made["status"] = {"containerStatuses": statuses}
    return msgspec.convert(made, Pod)


def rows(assessments: Sequence[Assessment]) -> list[str]:
    """The lines of the wide table."""
    table = InspectionTable(wide=True)
    table.add(assessments)
    return list(table.lines(namespaces=False, shown_on=PIPE))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_template_that_differs_in_names_and_images_is_assessed_as_if_it_were_the_first(seed: int) -> None:
    chance = Random(seed)
    model = Maker(chance).pod()
    templates = [with_others(model, chance) for _ in range(8)]
    for template in templates:
        pods = [template, *chance.sample(templates, 1)]
        found = assess(workload(template), pods, PLACES, 37, once=True)
        assert found == assess(workload(template), pods, PLACES, 37)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_output_of_many_templates_is_that_of_each(seed: int) -> None:
    chance = Random(seed)
    models = [Maker(chance).pod() for _ in range(2)]
    templates = [with_others(chance.choice(models), chance) for _ in range(8)]
    alone = [assess(workload(template), [template], PLACES, 37) for template in templates]
    alike = [assess(workload(template), [template], PLACES, 37, once=True) for template in templates]
    assert list(inspected_items(alike)) == [item for one in alone for item in inspected_items([one])]
    assert rows(alike) == rows(alone)


ANNOTATIONS: tuple[dict[str, str], ...] = (
    {},
    {"note": "x"},
    {"container.apparmor.security.beta.kubernetes.io/web": "unconfined"},
    {"container.seccomp.security.alpha.kubernetes.io/web": "unconfined"},
)


@pytest.mark.parametrize("minor", [18, 37])
@pytest.mark.parametrize("seed", range(20))
def test_the_verdict_of_label_ns_on_a_pod_is_the_same_after_other_pods(seed: int, minor: int) -> None:
    chance = Random(seed)
    containers = [{"name": "web", "securityContext": {"runAsNonRoot": True}}, {"name": "proxy"}]
    level = chance.choice(LEVELS)
    verdicts = Verdicts(Policy(level), minor)
    for number in range(40):
        volumes = [{"name": name, **chance.choice(SOURCES)} for name in ("data", "token")]
        spec = {
            "containers": chance.sample(containers, chance.choice((1, 2))),
            "volumes": volumes,
            "hostNetwork": chance.random() < 0.2,
            "nodeName": f"node-{number}",
        }
        metadata = {"name": f"web-{number}", "annotations": chance.choice(ANNOTATIONS)}
        pod = msgspec.convert({"metadata": metadata, "spec": spec}, Pod)
        assert verdicts.template_verdict(workload(pod)) == evaluate(as_admitted(pod, pod=True), level, minor)


def pods_with_tokens() -> list[Pod]:
    """Three pods that differ in their names, their nodes and the volumes of their tokens."""
    model = Maker(Random(1)).pod()
    pods = []
    for number in range(3):
        token = f"kube-api-access-{number}"
        containers = [{"name": "web", "volumeMounts": [{"name": token, "mountPath": "/token", "readOnly": True}]}]
        volumes = [{"name": token, "projected": {"sources": []}}]
        spec = {**model["spec"], "containers": containers, "volumes": volumes, "nodeName": f"node-{number}"}
        pods.append(msgspec.convert({"metadata": {"name": token}, "spec": spec}, Pod))
    return pods


def test_a_pod_with_another_token_volume_and_node_is_not_judged_again() -> None:
    pods = pods_with_tokens()
    found = [assess(workload(pod), [pod], PLACES, 37, once=True) for pod in pods]
    assert found == [assess(workload(pod), [pod], PLACES, 37) for pod in pods]
    assert len({id(one.containers[0].predicted) for one in found}) == 1


def test_label_ns_evaluates_pods_that_differ_in_token_volume_and_node_once() -> None:
    verdicts = Verdicts(Policy("restricted"), 37)
    first, *others = [verdicts.template_verdict(workload(pod)) for pod in pods_with_tokens()]
    assert first
    assert all(one is first for one in others)


def test_the_tables_of_a_run_share_the_containers_of_equal_templates() -> None:
    model = Maker(Random(1)).pod()
    first, second = (msgspec.convert({**model, "metadata": {"name": name}}, Pod) for name in ("a", "b"))
    one, other = (assess(workload(pod), [pod], PLACES, 37, once=True) for pod in (first, second))
    assert one.containers is other.containers


@pytest.mark.parametrize("key", ["apparmor.security.beta", "seccomp.security.alpha"])
def test_an_annotation_that_names_a_container_counts_for_that_container_only(key: str) -> None:
    spec = {"containers": [{"name": "web"}, {"name": "proxy"}]}
    keys = [f"container.{key}.kubernetes.io/{name}" for name in ("web", "proxy")]
    pods = [msgspec.convert({"metadata": {"annotations": {one: "unconfined"}}, "spec": spec}, Pod) for one in keys]
    found = [assess(workload(pod), [pod], PLACES, 18, once=True) for pod in pods]
    assert found == [assess(workload(pod), [pod], PLACES, 18) for pod in pods]
    assert found[0].violations != found[1].violations
