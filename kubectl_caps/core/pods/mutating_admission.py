"""The webhooks and mutating policies that may change pods, or the objects that controllers create before pods.

Conditions (CEL) are searched only for the variables of the user. They are not evaluated, and the bindings of policies
are not read. So a hook with conditions counts as a hook that may run.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.kubernetes.kinds import Kind
from kubectl_caps.core.kubernetes.pod import Metadata
from kubectl_caps.core.pods.created import GENERATED_LABELS


class _Requirement(Struct, frozen=True):
    key: str = ""
    operator: str = ""
    values: list[str] = []

    def is_met(self, value: str | None) -> bool:
        is_in = value in self.values
        answers = {"In": is_in, "NotIn": not is_in, "Exists": value is not None, "DoesNotExist": value is None}
        return answers.get(self.operator, True)


class Selector(Struct, frozen=True, rename="camel"):
    """A label selector (meta/v1 LabelSelector); an empty one selects everything."""

    match_labels: dict[str, str] = {}
    match_expressions: list[_Requirement] = []

    def meets(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        is_labeled = self.match_labels.items() <= labels.items()
        return is_labeled and all(one.is_met(labels.get(one.key)) for one in self.match_expressions)

    def keys(self, *ignored: str) -> set[str]:
        """The labels that the selector reads, without labels of `ignored` operators."""
        return {*self.match_labels, *(one.key for one in self.match_expressions if one.operator not in ignored)}


class _Rule(Struct, frozen=True, rename="camel"):
    operations: list[str] = []
    api_groups: list[str] = []
    resources: list[str] = []

    def meets_new(self, kind: Kind) -> bool:
        resources = {"*", "*/*", kind.plural, f"{kind.plural}/*"}
        wanted = ((self.operations, {"*", "CREATE"}), (self.api_groups, {"*", kind.group}), (self.resources, resources))
        return all(words.intersection(allowed) for allowed, words in wanted)


class Hook(Struct, frozen=True, rename="camel"):
    """A webhook, or the constraints of a policy; `source` is the object that configures the hook.

    `by_user` says that an expression of the object reads the user of the request.
    """

    source: str = ""
    by_user: bool = False
    rules: list[_Rule] = []
    resource_rules: list[_Rule] = []
    namespace_selector: Selector = Selector()
    object_selector: Selector = Selector()

    def meets_new(self, kinds: Collection[Kind]) -> bool:
        """Whether the rules name the creation of an object of one of these kinds."""
        return any(rule.meets_new(kind) for rule in (*self.rules, *self.resource_rules) for kind in kinds)

    @property
    def tells_samples(self) -> bool:
        """Whether the hook may treat pods of controllers and of dry runs differently: by user or generated label."""
        return self.by_user or bool(self.object_selector.keys("Exists", "DoesNotExist") & GENERATED_LABELS)


class _PolicySpec(Struct, frozen=True, rename="camel"):
    match_constraints: Hook | None = None


class Mutator(Struct, frozen=True):
    """A MutatingWebhookConfiguration or a MutatingAdmissionPolicy (admissionregistration.k8s.io)."""

    metadata: Metadata = Metadata()
    webhooks: list[Hook] = []
    spec: _PolicySpec = _PolicySpec()

    def hooks(self, source: str, text: bytes = b"") -> Iterator[Hook]:
        """The hooks of the object. `source` is the object's reference, `text` its JSON."""
        by_user = any(word in text for word in _USER)
        for hook in (*self.webhooks, *([self.spec.match_constraints] if self.spec.match_constraints else ())):
            yield replace(hook, source=source, by_user=by_user)


_USER = (b"userInfo", b"authorizer")
"""The variables of an expression that hold the user of the request (k8s.io/api admissionregistration/v1 types.go,
MatchCondition)."""


class AdmissionScope(Struct, frozen=True):
    """The hooks of a cluster, and the labels of a namespace before and after a change."""

    hooks: Sequence[Hook]
    before: Mapping[str, str]
    after: Mapping[str, str]

    def running(self, kinds: Collection[Kind]) -> list[Hook]:
        """The hooks that may change new objects of these kinds in the namespace, before or after."""
        hooks = [hook for hook in self.hooks if hook.meets_new(kinds)]
        return [hook for hook in hooks if any(map(hook.namespace_selector.meets, (self.before, self.after)))]

    def is_switched(self, hook: Hook) -> bool:
        """Whether the hook selects namespaces by a label that changes."""
        return bool(hook.namespace_selector.keys() & {key for key, _ in self.before.items() ^ self.after.items()})
