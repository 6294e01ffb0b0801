"""The random requests as AdmissionReviews in a suite of Gatekeeper's CLI, with the evaluator's verdicts."""

import json
import re
from pathlib import Path
from random import Random
from typing import Any

from kubectl_caps.core.policy.gatekeeper import gatekeeper_manifests
from policies.random_policies import ADMIN, Request, policies, requests
from policies.verdicts import Verdict, today, without_nulls


def write_suites(folder: Path, count: int) -> list[str]:
    """Suites with so many random requests; the messages that are wanted, empty where the request is allowed."""
    random, wanted = Random(5), []
    for policy in policies(random, [f"shop-{index}" for index in range(10)]):
        place = folder / policy.namespace
        place.mkdir()
        template, constraint = gatekeeper_manifests(policy, ("deny",), "random")
        cases = []
        for index, request in enumerate(requests(random, policy.namespace, count // 10, "target", annotated=False)):
            message = Verdict(policy, request, 0, "").ours(today())
            (place / f"{index}.yaml").write_text(json.dumps(review(request, policy.namespace)))
            assertion = {"violations": 1, "message": f"^{re.escape(message)}\\s*$"} if message else {"violations": "no"}
            cases.append({"name": str(index), "object": f"{index}.yaml", "assertions": [assertion]})
            wanted.append(message)
        test = {"name": "random", "template": "template.yaml", "constraint": "constraint.yaml", "cases": cases}
        suite = {"apiVersion": "test.gatekeeper.sh/v1alpha1", "kind": "Suite", "tests": [test]}
        for name, content in (("template", template), ("constraint", constraint), ("suite", suite)):
            (place / f"{name}.yaml").write_text(json.dumps(content))
    return wanted


def review(request: Request, namespace: str) -> dict[str, Any]:
    """What the API server would ask Gatekeeper: after its own defaulting, as far as the policy reads that."""
    group, _, version = request.api_version.rpartition("/")
    plural = "pods" if request.is_ephemeral else request.path.partition("?")[0].rpartition("/")[2]
    obj = without_nulls(request.body)
    metadata = {"name": "target", **obj.get("metadata", {}), "namespace": namespace}
    if not request.is_ephemeral:
        metadata["creationTimestamp"] = f"{today().isoformat()}T12:00:00Z"
    spec = {**({"containers": []} if request.is_ephemeral else {}), **obj["spec"]}
    whole = {"apiVersion": request.api_version, "kind": request.kind, "metadata": metadata, "spec": spec}
    old = {**whole, "spec": {"containers": []}}
    body = {
        "uid": "1",
        "kind": {"group": group, "version": version, "kind": request.kind},
        "resource": {"group": group, "version": version, "resource": plural},
        "operation": "UPDATE" if request.is_ephemeral else "CREATE",
        "name": metadata["name"],
        "namespace": namespace,
        "userInfo": {"username": ADMIN},
        "object": whole,
        **({"subResource": "ephemeralcontainers", "oldObject": old} if request.is_ephemeral else {}),
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": body}
