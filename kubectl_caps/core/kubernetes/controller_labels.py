"""The labels that controllers write on their own pods."""

from collections.abc import Mapping

JOB_LABELS = ("controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name")
"""On the pods of each Job (k8s.io/kubernetes pkg/registry/batch/job generateSelector).

The API server refuses a Job whose template has those of another Job.
"""

LABELS_OF: Mapping[str, tuple[str, ...]] = {
    "ReplicaSet": ("pod-template-hash",),
    "Job": JOB_LABELS,
    "StatefulSet": ("controller-revision-hash", "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"),
    "DaemonSet": ("controller-revision-hash", "pod-template-generation"),
}
"""By the kind that owns the pods (k8s.io/api apps/v1 and batch/v1 types.go)."""

ADDED_LABELS = frozenset(label for labels in LABELS_OF.values() for label in labels)
"""The labels of `LABELS_OF`: each pod of these kinds has its own."""

CONTROLLER_LABELS = ADDED_LABELS | {"batch.kubernetes.io/job-completion-index"}
"""Also the label of indexed Jobs (kubernetes.io, Well-Known Labels, Annotations and Taints)."""
