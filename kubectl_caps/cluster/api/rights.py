"""Asks the server whether it grants a right, and words a missing right."""

from typing import Any

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.resources import Resource
from kubectl_caps.errors import ApiError, CapsError

_REVIEWS = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", False)
_OTHERS = Resource("authorization.k8s.io", "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview")


def access_review(
    cluster: Cluster, namespace: str, verb: str, resource: str, subresource: str = "", *, group: str = ""
) -> Any:
    """Whether the user has a right (authorization/v1 SubjectAccessReviewStatus.allowed); None if the answer lacks that.

    Raises ApiError if the user may not ask.
    """
    what = {"group": group, "resource": resource, "subresource": subresource}
    attributes = {"namespace": namespace, "verb": verb, **what}
    body = {"apiVersion": _REVIEWS.api_version, "kind": _REVIEWS.kind, "spec": {"resourceAttributes": attributes}}
    return cluster.create(_REVIEWS, None, body).get("status", {}).get("allowed")


def account_may_write_leases(cluster: Cluster, namespace: str, account: str) -> bool | None:
    """Whether a service account may update leases of its namespace; None where that is not told. Raises ApiError."""
    prefix = "system:serviceaccounts"
    spec = {
        "user": f"system:serviceaccount:{namespace}:{account}",
        "groups": [prefix, f"{prefix}:{namespace}", "system:authenticated"],
        "resourceAttributes": {
            "namespace": namespace, "verb": "update", "group": "coordination.k8s.io", "resource": "leases",
        },
    }  # fmt: skip
    body = {"apiVersion": _OTHERS.api_version, "kind": _OTHERS.kind, "metadata": {"namespace": namespace}, "spec": spec}
    allowed = cluster.create(_OTHERS, namespace, body).get("status", {}).get("allowed")
    return allowed if isinstance(allowed, bool) else None


def lacking(error: CapsError, verb: str) -> str:
    """`cannot list cronjobs.batch (forbidden)` for a missing right, else the error's own words.

    The words of a refused path (`cannot get path "/apis"`) have no resource in their details.
    """
    if not isinstance(error, ApiError) or error.code != 403 or "kind" not in error.details:
        return error.words
    group = str(error.details.get("group") or "")
    return f"cannot {verb} {error.details['kind']}{f'.{group}' if group else ''} (forbidden)"
