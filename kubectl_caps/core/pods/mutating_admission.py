"""The webhooks and mutating policies (hooks) that may change real pods in a way that a dry run of pods does not show.

A dry run is a request of the user for a pod alone, before the labels are set. Expressions (CEL) are not evaluated, and
the bindings of policies are not read: a hook counts wherever its rules and its namespaceSelector match.
"""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from kubectl_caps.core.kubernetes.controller_labels import CONTROLLER_LABELS
from kubectl_caps.core.kubernetes.kinds import KINDS, Kind
from kubectl_caps.core.kubernetes.label_selector import LabelSelector
from kubectl_caps.core.kubernetes.pod import Metadata
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.pods.created import intermediate_kinds

_ONLY_REAL = {b"userInfo", b"authorizer", *(label.encode() for label in CONTROLLER_LABELS)}
"""What real pods have otherwise than pods of dry runs: the user (k8s.io/api admissionregistration/v1 types.go,
MatchCondition), and labels with generated values."""


class _Rule(Struct, frozen=True, rename="camel"):
    operations: list[str] = []
    api_groups: list[str] = []
    resources: list[str] = []

    def meets_new(self, kind: Kind) -> bool:
        resources = {"*", "*/*", kind.plural, f"{kind.plural}/*"}
        wanted = ((self.operations, {"*", "CREATE"}), (self.api_groups, {"*", kind.group}), (self.resources, resources))
        return all(words.intersection(allowed) for allowed, words in wanted)


class Hook(Struct, frozen=True, rename="camel"):
    """A webhook, or the constraints of a policy; `source` and `text` are reference and JSON of the object around it."""

    source: str = ""
    text: bytes = b""
    rules: list[_Rule] = []
    resource_rules: list[_Rule] = []
    namespace_selector: LabelSelector = LabelSelector()

    def meets_new(self, kinds: Collection[Kind]) -> bool:
        """Whether the rules name the creation of an object of one of these kinds."""
        return any(rule.meets_new(kind) for rule in (*self.rules, *self.resource_rules) for kind in kinds)

    def is_for_pods_and_names(self, words: Collection[bytes]) -> bool:
        """Whether the hook is for new pods, and its object names one of these words anywhere."""
        return self.meets_new(KINDS[:1]) and any(word in self.text for word in words)


class _PolicySpec(Struct, frozen=True, rename="camel"):
    match_constraints: Hook | None = None


class Mutator(Struct, frozen=True):
    """A MutatingWebhookConfiguration or a MutatingAdmissionPolicy (admissionregistration.k8s.io)."""

    metadata: Metadata = Metadata()
    webhooks: list[Hook] = []
    spec: _PolicySpec = _PolicySpec()

    @property
    def hooks(self) -> list[Hook]:
        """The webhooks, or the policy's constraints."""
        return [*self.webhooks, *filter(None, [self.spec.match_constraints])]


class MutatingAdmission(Struct, frozen=True):
    """The hooks of a cluster, and why others could not be read (`hidden`)."""

    hooks: Sequence[Hook]
    hidden: Sequence[str] = ()

    def doubts(
        self,
        before: Mapping[str, str],
        after: Mapping[str, str],
        active: Sequence[Workload],
        unproven: Sequence[Workload],
    ) -> list[str]:
        """The hooks because of which a namespace with these labels is not judged, in at most one sentence.

        These are hooks for objects that controllers create before pods, and hooks for pods whose object names a label
        that changes or, if there are `unproven` workloads, something that only real pods have. The unproven workloads
        are those of the `active` ones that pass only by a dry run. What is `hidden` may be such a hook.
        """
        between = {kind for workload in active for kind in intermediate_kinds(workload)}
        words = {key.encode() for key, _ in before.items() ^ after.items()} if active else set()
        words |= _ONLY_REAL if unproven else set()
        running = [hook for hook in self.hooks if any(map(hook.namespace_selector.matches, (before, after)))]
        found = [hook.source for hook in running if hook.meets_new(between) or hook.is_for_pods_and_names(words)]
        found += self.hidden if between or words else []
        return [f"{_UNSEEN}: {', '.join(dict.fromkeys(found))}"] if found else []


_UNSEEN = (
    "a dry run does not show what admission makes of real pods once the labels are set, by way of the Jobs or "
    "ReplicaSets before them, or for the user of a controller"
)
