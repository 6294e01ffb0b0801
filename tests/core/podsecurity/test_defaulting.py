"""What the API server makes of a pod before it judges it: pods and templates differ."""

from typing import Any

import msgspec
import pytest

from kubectl_caps.core.kubernetes.pod import PodTemplate
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.podsecurity.registry import evaluate

A = "container.apparmor.security.beta.kubernetes.io/"


def template(spec: dict[str, Any], annotations: dict[str, str] | None = None) -> PodTemplate:
    return msgspec.convert({"metadata": {"annotations": annotations or {}}, "spec": spec}, PodTemplate)


def restricted_volumes(spec: dict[str, Any], *, pod: bool) -> list[str]:
    admitted = as_admitted(template(spec), pod=pod)
    return [item.detail for item in evaluate(admitted, "restricted", 37) if item.check == "restrictedVolumes"]


@pytest.mark.parametrize("pod", [True, False])
@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        ({"name": "v"}, []),
        ({"name": "v", "holodeck": {}}, []),
        ({"name": "v", "hostPath": None}, []),
        ({"name": "v", "hostPath": {}}, ['volume "v" uses restricted volume type "hostPath"']),
    ],
)
def test_a_volume_without_a_known_source_is_an_empty_dir(
    volume: dict[str, Any], pod: bool, expected: list[str]
) -> None:
    assert restricted_volumes({"containers": [{"name": "web"}], "volumes": [volume]}, pod=pod) == expected


def baseline(spec: dict[str, Any], annotations: dict[str, str] | None = None, *, pod: bool = True) -> str:
    found = evaluate(as_admitted(template(spec, annotations), pod=pod), "baseline", 37)
    return ", ".join(f"{item.reason} ({item.detail})" for item in found)


PORTS = [{"containerPort": 80}, {"containerPort": 81, "hostPort": 0}]


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        (True, 'host namespaces (hostNetwork=true), hostPort (containers "init", "web" use hostPorts 80, 81)'),
        (False, "host namespaces (hostNetwork=true)"),
    ],
)
def test_in_the_hosts_network_a_pods_ports_become_the_hosts_and_a_templates_do_not(pod: bool, expected: str) -> None:
    spec = {
        "hostNetwork": True,
        "containers": [{"name": "web", "ports": PORTS}],
        "initContainers": [{"name": "init", "ports": PORTS}],
    }
    assert baseline(spec, pod=pod) == expected


def test_ports_without_host_network_are_not_defaulted() -> None:
    assert baseline({"hostNetwork": False, "containers": [{"name": "web", "ports": PORTS}]}) == ""


TWICE = 'container "web" and annotation must not set AppArmor profile type to "Unconfined", "{0}web="unconfined""'
ONCE = 'annotation must not set AppArmor profile type to "{0}web="unconfined""'


@pytest.mark.parametrize(
    ("spec", "pod", "expected"),
    [
        ({}, True, TWICE),
        ({}, False, ONCE),
        ({"os": {"name": "windows"}}, True, ONCE),
        ({"os": {"name": "linux"}}, True, TWICE),
    ],
)
def test_an_app_armor_annotation_reaches_the_field_of_a_pod_only(
    spec: dict[str, Any], pod: bool, expected: str
) -> None:
    said = baseline({"containers": [{"name": "web"}], **spec}, {f"{A}web": "unconfined"}, pod=pod)
    count = "s" if expected is TWICE else ""
    assert said == f"forbidden AppArmor profile{count} ({expected.format(A)})"


def test_the_annotation_of_an_init_container_reaches_its_field_too() -> None:
    spec = {"containers": [{"name": "web"}], "initContainers": [{"name": "init"}]}
    said = baseline(spec, {f"{A}init": "unconfined"})
    assert said.startswith('forbidden AppArmor profiles (container "init" and annotation must not set')


def test_a_port_of_the_host_that_a_file_names_is_kept() -> None:
    """The API refuses such a pod; a file can say it all the same."""
    ports = [{"containerPort": 80, "hostPort": 8080}]
    said = baseline({"hostNetwork": True, "containers": [{"name": "web", "ports": ports}]})
    assert said.endswith('hostPort (container "web" uses hostPort 8080)')


def profiles(annotation: str, own: object, of_pod: object) -> object:
    spec = {
        "securityContext": {"appArmorProfile": of_pod},
        "containers": [{"name": "web", "securityContext": {"appArmorProfile": own}}],
    }
    admitted = as_admitted(template(spec, {f"{A}web": annotation}), pod=True)
    assert admitted.spec.containers
    return msgspec.to_builtins(admitted.spec.containers[0].security.app_armor_profile)


UNCONFINED = {"type": "Unconfined"}
LOCAL = {"type": "Localhost", "localhostProfile": "a/b"}
DEFAULT = {"type": "RuntimeDefault"}


@pytest.mark.parametrize(
    ("annotation", "own", "of_pod", "expected"),
    [
        ("unconfined", None, None, UNCONFINED),
        ("runtime/default", None, None, DEFAULT),
        ("localhost/a/b", None, None, LOCAL),
        ("localhost/", None, None, None),
        ("", None, None, None),
        ("Unconfined", None, None, None),
        ("unconfined", DEFAULT, None, DEFAULT),
        ("unconfined", None, UNCONFINED, None),
        ("unconfined", None, DEFAULT, UNCONFINED),
        ("localhost/a/b", None, LOCAL, None),
        ("localhost/c", None, LOCAL, {"type": "Localhost", "localhostProfile": "c"}),
    ],
)
def test_an_annotation_fills_a_field_that_the_pod_does_not_set(
    annotation: str, own: object, of_pod: object, expected: object
) -> None:
    assert profiles(annotation, own, of_pod) == expected


def test_a_pod_without_defaultable_fields_stays_as_it_is() -> None:
    pod = template({"containers": [{"name": "web"}], "volumes": [{"name": "v", "secret": {}}]})
    assert as_admitted(pod, pod=True) == pod


def test_admitting_twice_is_admitting_once() -> None:
    spec = {"hostNetwork": True, "volumes": [{"name": "v"}], "containers": [{"name": "web", "ports": PORTS}]}
    once = as_admitted(template(spec, {f"{A}web": "unconfined"}), pod=True)
    assert as_admitted(once, pod=True) == once
