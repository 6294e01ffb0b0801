"""Writes the examples of a policy as files: pods with a list of verdicts, or tests for each engine's own CLI."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from kubectl_caps.core.policy.examples import Example
from kubectl_caps.core.policy.gatekeeper import gatekeeper_manifests
from kubectl_caps.core.policy.kyverno import kyverno_manifests
from kubectl_caps.core.policy.model import NamespacePolicy
from kubectl_caps.core.policy.vap import API_VERSION, Manifest, policy_name

Files = dict[str, Manifest]
"""The object of each file, by path."""


def _kubernetes(policy: NamespacePolicy, found: Sequence[Example]) -> Files:
    """Pods, and a list of users and expected verdicts.

    `kubectl create --dry-run=server --as USER -f` asks the server.
    """
    verdicts = [
        {"file": f"pods/{one.name}.yaml", "user": one.user, "allowed": not one.message, "message": one.message}
        for one in found
    ]
    expected = {"policy": f"{API_VERSION}/{policy_name(policy.namespace)}", "pods": verdicts}
    return {"expected.yaml": expected, **{f"pods/{one.name}.yaml": one.pod for one in found}}


def _kyverno(policy: NamespacePolicy, found: Sequence[Example]) -> Files:
    """The files for `kyverno test DIR`: a test for each pod, because a test has only one user."""
    [manifest] = kyverno_manifests(policy, ("audit",), "examples")
    files: Files = {"policy.yaml": manifest}
    for one in found:
        result = {
            "isValidatingPolicy": True,
            "kind": "Pod",
            "policy": manifest["metadata"]["name"],
            "resources": [one.pod["metadata"]["name"]],
            "result": "fail" if one.message else "pass",
        }
        files[f"{one.name}/pod.yaml"] = one.pod
        files[f"{one.name}/user.yaml"] = _cli("UserInfo", one.name, userInfo={"username": one.user})
        files[f"{one.name}/kyverno-test.yaml"] = _cli(
            "Test",
            one.name,
            policies=["../policy.yaml"],
            resources=["pod.yaml"],
            userinfo="user.yaml",
            results=[result],
        )
    return files


def _cli(kind: str, name: str, **fields: Any) -> Manifest:
    return {"apiVersion": "cli.kyverno.io/v1alpha1", "kind": kind, "metadata": {"name": name}, **fields}


def _gatekeeper(policy: NamespacePolicy, found: Sequence[Example]) -> Files:
    """The files for `gator verify DIR`: a suite with a case for each pod, in a review that names the user."""
    template, constraint = gatekeeper_manifests(policy, ("deny",), "examples")
    files: Files = {"template.yaml": template, "constraint.yaml": constraint}
    cases = []
    for one in found:
        files[f"reviews/{one.name}.yaml"] = _review(one)
        assertion = {"violations": 1, "message": re.escape(one.message)} if one.message else {"violations": "no"}
        cases.append({"name": one.name, "object": f"reviews/{one.name}.yaml", "assertions": [assertion]})
    test = {"name": constraint["metadata"]["name"], "template": "template.yaml", "constraint": "constraint.yaml"}
    files["suite.yaml"] = {
        "apiVersion": "test.gatekeeper.sh/v1alpha1",
        "kind": "Suite",
        "metadata": {"name": constraint["metadata"]["name"]},
        "tests": [{**test, "cases": cases}],
    }
    return files


def _review(example: Example) -> Manifest:
    metadata = example.pod["metadata"]
    request = {
        "uid": "00000000-0000-0000-0000-000000000000",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "operation": "CREATE",
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "userInfo": {"username": example.user},
        "object": example.pod,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


EXAMPLE_FILES: Final[Mapping[str, Callable[[NamespacePolicy, Sequence[Example]], Files]]] = {
    "vap": _kubernetes,
    "map": _kubernetes,
    "kyverno": _kyverno,
    "gatekeeper": _gatekeeper,
}
"""The function that makes the files, by the value of --form."""
