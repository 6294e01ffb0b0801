"""`policy` without a cluster: of manifests, of the JSON of other commands, and command lines that are refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_caps.cluster.api.resources import not_served
from kubectl_caps.commands.policy.objects import resource_of_kind
from kubectl_caps.errors import UsageError
from kubectl_caps.main import main

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web%s}
spec:
  template:
    spec:
      containers:
        - name: nginx
          image: nginx
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL], add: [CHOWN]}}
"""
FIT = {
    "apiVersion": "kubectl-caps/v1alpha1",
    "kind": "Fit",
    "items": [
        {
            "apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "web",
            "needed": {"nginx": ["CHOWN", "SETUID"]}, "result": "fitted",
            "manifest": {"nginx": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}},
        },
        {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "db", "message": "no"},
    ],
}  # fmt: skip


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "web.yaml"
    path.write_text(WEB % "")
    return path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[Any], str]:
    """The status, the printed objects and stderr."""
    status = main(["policy", *arguments])
    out, err = capsys.readouterr()
    return status, list(yaml.safe_load_all(out)), err


def test_files_give_a_policy_for_the_namespace_of_n(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, objects, err = printed(capsys, "-f", str(manifest), "-n", "shop")
    assert (status, [one["kind"] for one in objects]) == (
        0, ["ConfigMap", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"],
    )  # fmt: skip
    assert objects[0]["data"]["deployment.apps_web_nginx"] == "CHOWN"
    assert objects[2]["spec"]["validationActions"] == ["Audit", "Warn"]
    assert "nothing would be refused" in err


def test_files_of_several_namespaces_give_several_policies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(WEB % f", namespace: {name}")
    status, objects, _ = printed(capsys, "-f", str(tmp_path))
    assert (status, len(objects)) == (0, 6)
    assert {one["metadata"]["name"] for one in objects} == {"kubectl-caps-a", "kubectl-caps-b"}


def test_objects_without_a_namespace_need_n(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, objects, err = printed(capsys, "-f", str(manifest))
    assert (status, objects, "name no namespace (deployment.apps/web): -n names it" in err) == (2, [], True)


def test_a_fit_gives_what_it_found_and_names_what_it_does_not_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "fit.json"
    path.write_text(json.dumps(FIT))
    status, objects, err = printed(capsys, "--from", str(path))
    assert (status, objects[0]["metadata"]["name"]) == (0, "kubectl-caps-shop")
    held = {key: value for key, value in objects[0]["data"].items() if key != "controllers"}
    assert held == {"deployment.apps_web": "*", "deployment.apps_web_nginx": "CHOWN,SETUID"}
    assert "deployment.apps/db: no answer in the document: no" in err


def test_an_inspection_gives_what_it_has_seen(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["inspect", "-f", str(manifest), "-n", "shop", "-o", "json"])
    path = tmp_path / "inspection.json"
    path.write_text(capsys.readouterr().out)
    _, objects, _ = printed(capsys, "--from", str(path), "-n", "shop")
    assert objects[0]["data"]["deployment.apps_web_nginx"] == "CHOWN"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"apiVersion": "v1", "kind": "List", "items": []}'])
def test_a_document_of_another_kind_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    status, objects, err = printed(capsys, "--from", str(path))
    assert (status, objects, err.startswith(f"error: {path}: ")) == (2, [], True)


@pytest.mark.parametrize(
    ("form", "kinds"),
    [
        ("map", ["ConfigMap", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
                 "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"]),
        ("kyverno", ["ValidatingPolicy"]),
        ("gatekeeper", ["ConstraintTemplate", "KubectlCapsPolicy"]),
    ],
)  # fmt: skip
def test_each_form_has_its_objects(
    manifest: Path, capsys: pytest.CaptureFixture[str], form: str, kinds: list[str]
) -> None:
    status, objects, _ = printed(capsys, "-f", str(manifest), "-n", "shop", "--form", form, "--action", "deny")
    assert (status, [one["kind"] for one in objects]) == (0, kinds)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--apply", "--check"], "--apply, --check and --remove cannot be used together"),
        (["-f", "x", "--apply"], "--apply does not go with -f"),
        (["-f", "x", "--from", "y"], "--from does not go with -f"),
        (["--apply", "-o", "json"], "--output goes with a printed policy"),
        (["--check", "--dry-run", "server"], "--dry-run goes with --apply or --remove"),
        (["--action", "warn,deny"], "deny and warn cannot be used together"),
        (["--action", "block"], 'invalid argument "block" for "--action" flag'),
        (["--form", "opa"], 'invalid argument "opa" for "--form" flag'),
        (["--form", "kyverno", "--apply"], "--form kyverno is only printed"),
        (["--from", ""], 'invalid argument "" for "--from" flag'),
    ],
)
def test_a_wrong_command_line_is_refused(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    status, objects, err = printed(capsys, *arguments)
    assert (status, objects, says in err) == (2, [], True), err


class OldServer:
    """A server without admission policies."""

    def resource(self, text: str, /) -> Any:
        raise not_served(text)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("ValidatingAdmissionPolicy", "(Kubernetes 1.30 and later); `"),
        ("MutatingAdmissionPolicyBinding", "(Kubernetes 1.36 and later); `"),
    ],
)
def test_a_server_without_the_api_is_told_in_one_line_with_another_form(kind: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        resource_of_kind(OldServer(), "admissionregistration.k8s.io/v1", kind)  # type: ignore[arg-type]
    assert says in str(caught.value)
    assert ("--form kyverno" in str(caught.value)) == kind.startswith("Validating")


def test_objects_of_files_that_repeat_a_uid_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A manifest that was copied from a cluster, twice; one copy has ended."""
    container = {"name": "c", "image": "i", "securityContext": {"privileged": True}}
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "shop", "uid": "1"},
            "spec": {"containers": [container]},
            "status": {"phase": phase},
        }
        for name, phase in (("done", "Succeeded"), ("web", "Running"))
    ]
    path = tmp_path / "pods.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": pods}))
    status, objects, err = printed(capsys, "-f", str(path))
    assert (status, "namespace/shop: 1 object judged, 1 that make no more pods passed over" in err) == (0, True)
    assert objects[0]["data"] == {**objects[0]["data"], "pod_done_c": "privileged", "pod_web_c": "privileged"}
