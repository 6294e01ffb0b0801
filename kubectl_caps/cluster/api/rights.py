"""Asks the server whether a user has a right, and words a missing right."""

from typing import Any

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.resources import Resource
from kubectl_caps.errors import ApiError, CapsError

_REVIEWS = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", False)
_LOCAL_REVIEWS = Resource("authorization.k8s.io", "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview")


def access_review(
    cluster: Cluster, namespace: str, verb: str, resource: str, subresource: str = "", *, group: str = ""
) -> Any:
    """Whether the user has a right (authorization/v1 SubjectAccessReviewStatus.allowed); None if the answer lacks it.

    Raises ApiError if the user may not create the review.
    """
    what = {"group": group, "resource": resource, "subresource": subresource}
    attributes = {"namespace": namespace, "verb": verb, **what}
    body = {"apiVersion": _REVIEWS.api_version, "kind": _REVIEWS.kind, "spec": {"resourceAttributes": attributes}}
    return cluster.create(_REVIEWS, None, body).get("status", {}).get("allowed")


def account_may_write_leases(cluster: Cluster, namespace: str, account: str) -> bool | None:
    """Whether a service account may update Leases in its namespace; None if the answer lacks it. Raises ApiError."""
    prefix = "system:serviceaccounts"
    spec = {
        "user": f"system:serviceaccount:{namespace}:{account}",
        "groups": [prefix, f"{prefix}:{namespace}", "system:authenticated"],
        "resourceAttributes": {
            "namespace": namespace, "verb": "update", "group": "coordination.k8s.io", "resource": "leases",
        },
    }  # fmt: skip
    metadata = {"namespace": namespace}
    body = {"apiVersion": _LOCAL_REVIEWS.api_version, "kind": _LOCAL_REVIEWS.kind, "metadata": metadata, "spec": spec}
    allowed = cluster.create(_LOCAL_REVIEWS, namespace, body).get("status", {}).get("allowed")
    return allowed if isinstance(allowed, bool) else None


def lacking(error: CapsError, verb: str) -> str:
    """`cannot list cronjobs.batch (forbidden)` for a missing right, the error's own words for any other error.

    A missing right for a path (`cannot get path "/apis"`) also keeps the error's words: its details name no resource.
    """
    if not isinstance(error, ApiError) or error.code != 403 or "kind" not in error.details:
        return error.words
    group = str(error.details.get("group") or "")
    return f"cannot {verb} {error.details['kind']}{f'.{group}' if group else ''} (forbidden)"
