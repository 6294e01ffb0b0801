"""The labels that controllers write on their own pods."""

from collections.abc import Mapping

JOB_LABELS = ("controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name")
"""The labels on the pods of each Job (k8s.io/kubernetes pkg/registry/batch/job generateSelector).

The API server refuses a Job whose template has the labels of another Job.
"""

LABELS_OF: Mapping[str, tuple[str, ...]] = {
    "ReplicaSet": ("pod-template-hash",),
    "Job": JOB_LABELS,
    "StatefulSet": ("controller-revision-hash", "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"),
    "DaemonSet": ("controller-revision-hash", "pod-template-generation"),
}
"""The labels of each kind that owns pods (k8s.io/api apps/v1 and batch/v1 types.go)."""

ADDED_LABELS = frozenset(label for labels in LABELS_OF.values() for label in labels)
"""All labels of `LABELS_OF`. Their values differ from pod to pod or from owner to owner."""

CONTROLLER_LABELS = ADDED_LABELS | {"batch.kubernetes.io/job-completion-index"}
"""`ADDED_LABELS` and the label of indexed Jobs (kubernetes.io, Well-Known Labels, Annotations and Taints)."""
