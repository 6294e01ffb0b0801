"""An API server that sends objects of a wrong shape: each is an error of that object, and the rest is judged.

No real server sends these, so a hand-made one does. "This is a bug" is for bugs of this program.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from loopback import Seen, reply, serving, status

from kubectl_caps.core.kubernetes.kinds import WORKLOADS
from kubectl_caps.main import main

POD_SPEC = {"containers": [{"name": "c", "image": "i"}]}
VERSION = {"major": "1", "minor": "37", "gitVersion": "v1.37.0"}


def good(kind: str, name: str = "good") -> dict[str, Any]:
    """An object of a kind as a server sends it in a list."""
    metadata = {"name": name, "namespace": "shop", "uid": f"{kind}-{name}", "generation": 1}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": POD_SPEC}
    body = {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    specs = {"Pod": POD_SPEC, "CronJob": {"jobTemplate": {"spec": {"template": template}}}}
    return {"metadata": metadata, "spec": specs.get(kind, body), "status": {}}


SERVED = [
    *((row.group, row.version, row.plural, row.kind, True) for row in WORKLOADS),
    ("", "v1", "namespaces", "Namespace", False),
    ("", "v1", "nodes", "Node", False),
    ("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False),
    ("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", False),
    ("admissionregistration.k8s.io", "v1", "mutatingadmissionpolicies", "MutatingAdmissionPolicy", False),
    ("example.com", "v1", "things", "Thing", True),
]
LISTS = [row[2] for row in SERVED]
WORKLOAD_LISTS = [row.plural for row in WORKLOADS]

NAMED = {"name": "x", "namespace": "shop"}
WRONG: list[Any] = [
    *(None, 7, "text", [], {}, {"metadata": None}, {"metadata": 7}, {"metadata": {"name": 7}}),
    *(
        {"metadata": {**NAMED, field: value}}
        for field in ("labels", "uid", "ownerReferences", "generation")
        for value in (7, [7], "text")
    ),
    *(
        {"metadata": NAMED, field: value}
        for field in ("spec", "status", "webhooks")
        for value in (None, 7, "text", [7], {"conditions": 7, "nodeInfo": 7, "template": 7, "selector": 7})
    ),
]


def discovery(groups: set[str]) -> dict[str, Any]:
    items = []
    for group in sorted(groups):
        rows = [row for row in SERVED if row[0] == group]
        resources = [
            {"resource": plural, "responseKind": {"kind": kind}, "scope": "Namespaced" if inside else "Cluster"}
            for _, _, plural, kind, inside in rows
        ]
        items.append({"metadata": {"name": group}, "versions": [{"version": rows[0][1], "resources": resources}]})
    return {"kind": "APIGroupDiscoveryList", "items": items}


def serve(wrong: dict[str, list[Any]], made: dict[str, Any] | None = None) -> Any:
    """A server with one good object of each kind of workload, and beside it what is wrong in some lists.

    `made` is what it answers when one of a resource is created; else it is what was sent.
    """
    groups = {row[0] for row in SERVED}
    namespace = {"kind": "Namespace", "metadata": {"name": "shop", "uid": "n"}}
    names = {row[2]: row[3] for row in SERVED}

    def answer(seen: Seen) -> Any:
        last = seen.path.rstrip("/").rpartition("/")[2]
        if seen.path == "/version":
            return reply(VERSION)
        if seen.path in ("/api", "/apis"):
            return reply(discovery({""} if seen.path == "/api" else groups - {""}))
        if seen.path == "/api/v1/namespaces/shop":
            return reply(namespace)
        if seen.method == "POST":
            return reply((made or {}).get(last, json.loads(seen.body)), 201)
        if last in names:
            kinds = {row.plural: row.kind for row in WORKLOADS}
            right = [namespace] if last == "namespaces" else [good(kinds[last])] if last in kinds else []
            return reply({"items": [*wrong.get(last, []), *right], "metadata": {}})
        return status(404, "NotFound", f"{seen.path} not found")

    return serving(answer)


def run(folder: Path, wrong: dict[str, list[Any]], *argv: str) -> int:
    with serve(wrong) as server:
        return main([*argv, "--kubeconfig", server.kubeconfig(folder)])


COMMANDS = [
    ("inspect", "-n", "shop", "-o", "name"),
    ("label-ns", "shop", "--dry-run=client", "-o", "name"),
    ("label-ns", "--all", "--dry-run=client", "-o", "name"),
    ("harden", "--all", "-n", "shop", "--dry-run=client", "-o", "name"),
]


@pytest.mark.parametrize("resource", LISTS)
@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_an_object_of_a_wrong_shape_ends_no_run(
    argv: tuple[str, ...], resource: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, {}, *argv)
    judged = capsys.readouterr().out.splitlines()
    status = run(tmp_path, {resource: WRONG}, *argv)
    out, err = capsys.readouterr()
    assert "this is a bug" not in err
    assert set(judged) <= set(out.splitlines())
    if resource in WORKLOAD_LISTS:
        assert status == 2


@pytest.mark.parametrize("resource", WORKLOAD_LISTS)
def test_an_object_of_a_wrong_shape_is_named(resource: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = {"metadata": {"name": "odd", "namespace": "shop", "uid": 7}}
    for argv in (COMMANDS[0], COMMANDS[3]):
        assert run(tmp_path, {resource: [wrong]}, *argv) == 2
        assert "/odd in namespace shop: metadata.uid: expected str" in capsys.readouterr().err


@pytest.mark.parametrize("resource", ["replicasets", "jobs", "pods"])
def test_a_malformed_answer_to_a_dry_run_is_not_judged(
    resource: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A webhook that cannot be read may change everything, so everything is tried on the server."""
    for made in ({}, {"metadata": {"name": 7}}, {"spec": 7}, {"spec": {"containers": 7, "template": 7}}):
        wrong = {"mutatingwebhookconfigurations": [7]}
        with serve(wrong, {resource: made}) as server:
            status = main([*COMMANDS[1], "-o", "json", "--kubeconfig", server.kubeconfig(tmp_path)])
        out, err = capsys.readouterr()
        assert "this is a bug" not in err, made
        assert (status, bool(json.loads(out)["items"][0]["notJudged"])) == (2, True), made
