"""What dry runs of pods cannot show is named, once for a namespace, and only where something depends on it."""

import msgspec
import pytest

from kubectl_caps.core.kubernetes.kinds import KINDS
from kubectl_caps.core.kubernetes.pod import Metadata, PodTemplate
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.label.admission_doubts import admission_doubts, needs_all_hooks
from kubectl_caps.core.pods.mutating_admission import AdmissionScope, Hook

ENFORCE = "pod-security.kubernetes.io/enforce"
BEFORE = {"team": "a"}
AFTER = {**BEFORE, ENFORCE: "baseline"}


def workload(kind: str) -> Workload:
    """A workload of a kind."""
    row = next(row for row in KINDS if row.kind == kind)
    metadata, template = Metadata(name="x", uid=kind), PodTemplate()
    return Workload(api_version=row.api_version, kind=kind, metadata=metadata, template=template, path=row.template)


def hook(source: str, resource: str, key: str = "", operator: str = "Exists") -> Hook:
    """A hook for new objects of a resource, in the namespaces that have a label or have it not."""
    group, _, plural = resource.rpartition("/")
    rule = {"operations": ["CREATE"], "apiGroups": [group], "resources": [plural]}
    selector = {"matchExpressions": [{"key": key, "operator": operator}]} if key else {}
    return msgspec.convert({"source": source, "rules": [rule], "namespaceSelector": selector}, Hook)


def doubts(*hooks: Hook, kinds: tuple[str, ...]) -> list[str]:
    """The doubts about a namespace that gets the label `enforce`, with workloads of these kinds."""
    return list(admission_doubts(AdmissionScope(hooks, BEFORE, AFTER), [*map(workload, kinds)]))


SWITCHED = " selects namespaces by a label that would be set: how pods are changed afterwards is not known"
UNTRIED = " that controllers create before pods, which is not tried"


@pytest.mark.parametrize(
    ("found", "kinds", "told"),
    [
        (hook("a", "pods"), ("Deployment",), []),
        (hook("a", "pods", "team"), ("Deployment",), []),
        (hook("a", "pods", ENFORCE), ("Deployment",), [f"a{SWITCHED}"]),
        (hook("a", "pods", ENFORCE, "DoesNotExist"), ("Pod",), [f"a{SWITCHED}"]),
        (hook("a", "pods", ENFORCE), (), []),
        (hook("a", "batch/jobs"), ("CronJob", "Deployment"), [f"a may change the Jobs{UNTRIED}"]),
        (hook("a", "batch/jobs"), ("Job", "Deployment"), []),
        (hook("a", "*/*"), ("DaemonSet", "Pod"), []),
        (hook("a", "batch/jobs", "other"), ("CronJob",), []),
        (hook("a", "apps/replicasets"), ("Deployment",), [f"a may change the ReplicaSets{UNTRIED}"]),
        (hook("a", "apps/*"), ("Service",), [f"a may change the Deployments and ReplicaSets{UNTRIED}"]),
        (
            hook("a", "batch/jobs", ENFORCE),
            ("CronJob",),
            [f"a{SWITCHED}", f"a may change the Jobs{UNTRIED}"],
        ),
    ],
)
def test_a_hook_is_named_if_it_may_change_objects_that_no_dry_run_shows(
    found: Hook, kinds: tuple[str, ...], told: list[str]
) -> None:
    assert doubts(found, kinds=kinds) == told


def test_hooks_of_one_doubt_are_named_together_and_each_object_once() -> None:
    hooks = [hook(source, "pods", ENFORCE) for source in ("a", "b", "a")]
    assert doubts(*hooks, kinds=("DaemonSet",)) == [f"a, b{SWITCHED}"]


@pytest.mark.parametrize(("by_user", "unproven", "told"), [(True, True, 1), (True, False, 0), (False, True, 0)])
def test_a_hook_that_reads_the_user_is_named_if_no_pod_proves_the_dry_run(
    by_user: bool, unproven: bool, told: int
) -> None:
    found = msgspec.structs.replace(hook("a", "pods"), by_user=by_user)
    active = [workload("DaemonSet")]
    said = list(admission_doubts(AdmissionScope([found], BEFORE, AFTER), active, active if unproven else []))
    named = [words for words in said if words.startswith("a may change the pods of daemonset.apps/x differently")]
    assert (len(said), len(named)) == (told, told)


@pytest.mark.parametrize(
    ("kinds", "after", "matters"),
    [
        (("DaemonSet",), AFTER, True),
        (("Deployment",), BEFORE, True),
        (("DaemonSet",), BEFORE, False),
        ((), AFTER, False),
    ],
)
def test_a_missing_right_matters_where_labels_change_or_objects_are_created_before_pods(
    kinds: tuple[str, ...], after: dict[str, str], matters: bool
) -> None:
    assert needs_all_hooks(AdmissionScope([], BEFORE, after), [*map(workload, kinds)]) is matters
