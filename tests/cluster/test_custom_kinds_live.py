"""Custom kinds on a real API server: those of --kind, and those of the table in another version than their row's."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from labeling import custom_kinds, judged, make, refused, run, spec
from testbed.cluster import Cluster

TEMPLATE = {"spec": spec()}
SERVED = {
    "Fleet": ("example.org/v2", "fleeten"),
    "StatefulSet": ("apps.kruise.io/v1beta2", "statefulsets"),
    "DeploymentConfig": ("apps.openshift.io/v1", "deploymentconfigs"),
    "ScaledJob": ("keda.sh/v1alpha1", "scaledjobs"),
}
SPECS: dict[str, Any] = {
    "Fleet": {"jobs": [{"template": TEMPLATE}]},
    "StatefulSet": {"template": TEMPLATE},
    "DeploymentConfig": {"template": TEMPLATE},
    "ScaledJob": {"jobTargetRef": {"template": TEMPLATE}},
}
KIND = "--kind=example.org/Fleet=spec.jobs.*.template"


@pytest.fixture(scope="module")
def custom(api_cluster: Cluster) -> Iterator[Cluster]:
    """A cluster that serves them."""
    with custom_kinds(api_cluster, SERVED) as cluster:
        yield cluster


@pytest.mark.parametrize("kind", SERVED)
def test_a_custom_kind_is_inspected_hardened_and_judged(custom: Cluster, namespace: str, kind: str) -> None:
    api_version, plural = SERVED[kind]
    make(custom, namespace, f"{api_version}/{plural}", {"kind": kind, "metadata": {"name": "x"}, "spec": SPECS[kind]})
    flags = [KIND] if kind == "Fleet" else []
    word = f"{plural}.{api_version.partition('/')[0]}"
    inspected = run(custom, "inspect", word, "-n", namespace, "-o", "json", *flags)
    assert [item["kind"] for item in json.loads(inspected.out)["items"]] == [kind], inspected
    hardened = run(custom, "harden", "--all", "-n", namespace, "--dry-run=server", "-o", "json", "--yes", *flags)
    assert [item["result"] for item in json.loads(hardened.out)["items"]] == ["planned"], hardened
    labelled = judged(custom, namespace, "--dry-run=server", *flags)
    assert (labelled.status, refused(labelled.item)) == (1, {(kind, "x")}), labelled.item["notJudged"]


def test_a_kind_that_the_command_line_adds_is_shown_where_no_type_is_named(custom: Cluster, namespace: str) -> None:
    make(
        custom,
        namespace,
        "example.org/v2/fleeten",
        {"kind": "Fleet", "metadata": {"name": "x"}, "spec": SPECS["Fleet"]},
    )
    shown = run(custom, "inspect", "-n", namespace, "-o", "name", KIND)
    assert (shown.status, shown.out) == (0, "fleet.example.org/x\n")


def test_a_kind_that_the_server_does_not_have_is_an_error(api_cluster: Cluster, namespace: str) -> None:
    shown = run(api_cluster, "inspect", "-n", namespace, "--kind=example.net/Nothing=spec.template")
    assert (shown.status, shown.err) == (
        2,
        'error: the server doesn\'t have a resource type "Nothing" in group "example.net"\n',
    )
