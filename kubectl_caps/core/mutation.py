"""What may change a pod between its template and the API server's store: admission that somebody has configured.

Conditions (CEL) are not read: what they might let pass is taken to pass, and not relied on. Nor are the bindings of
policies.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.pod import Metadata


class _Requirement(Struct, frozen=True):
    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class Selector(Struct, frozen=True, rename="camel"):
    """A label selector (meta/v1 LabelSelector); an empty one selects everything."""

    match_labels: dict[str, str] | None = None
    match_expressions: list[_Requirement] | None = None

    def meets(self, labels: Mapping[str, str], unknown: Sequence[str] = ()) -> bool:
        """Whether something with these labels is selected; it may have the `unknown` ones with any value, too."""
        wanted = (_Requirement(key, "In", [value]) for key, value in (self.match_labels or {}).items())
        return all(
            requirement.key in unknown or _is_met(requirement, labels.get(requirement.key))
            for requirement in (*wanted, *(self.match_expressions or ()))
        )

    def is_guessed(self, labels: Mapping[str, str], unknown: Sequence[str] | None) -> bool:
        """Whether the answer depends on a value that is made up, or (None) on labels that nobody knows of."""
        requirements = [("In", key) for key in self.match_labels or ()]
        requirements += [(one.operator, one.key) for one in self.match_expressions or ()]
        if unknown is None:
            return any(key not in labels for _, key in requirements)
        return any(key in unknown and operator not in ("Exists", "DoesNotExist") for operator, key in requirements)


def _is_met(requirement: _Requirement, value: str | None) -> bool:
    values = requirement.values or ()
    return {
        "In": value is not None and value in values,
        "NotIn": value is None or value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }.get(requirement.operator, True)


class _Rule(Struct, frozen=True, rename="camel"):
    operations: list[str] | None = None
    api_groups: list[str] | None = None
    resources: list[str] | None = None

    def meets_new(self, group: str, plural: str) -> bool:
        return all(
            any(word in (allowed or ()) for word in words)
            for allowed, words in (
                (self.operations, ("*", "CREATE")),
                (self.api_groups, ("*", group)),
                (self.resources, ("*", "*/*", plural, f"{plural}/*")),
            )
        )


class Mutation(Struct, frozen=True, rename="camel"):
    """A webhook, or the constraints of a policy."""

    rules: list[_Rule] | None = None
    resource_rules: list[_Rule] | None = None
    namespace_selector: Selector | None = None
    object_selector: Selector | None = None
    match_conditions: list[Any] | None = None

    def meets_new(self, group: str, plural: str) -> bool:
        """Whether it is about such objects that are created at all."""
        return any(rule.meets_new(group, plural) for rule in (*(self.rules or ()), *(self.resource_rules or ())))

    def turns(self, namespaces: Sequence[Mapping[str, str]]) -> bool:
        """Whether it works in a namespace with some of these labels, and with others not."""
        return len({(self.namespace_selector or Selector()).meets(labels) for labels in namespaces}) > 1

    def is_guessed(self, pod: Mapping[str, str], unknown: Sequence[str] | None) -> bool:
        """Whether it may do to a pod that a controller makes otherwise than to one that has made-up labels."""
        return bool(self.match_conditions) or (self.object_selector or Selector()).is_guessed(pod, unknown)

    def meets(
        self, namespaces: Sequence[Mapping[str, str]], pod: Mapping[str, str] | None, unknown: Sequence[str] = ()
    ) -> bool:
        """Whether it may change a pod with these labels (None: nobody knows which) in a namespace with any of those."""
        where, what = self.namespace_selector or Selector(), self.object_selector or Selector()
        return any(where.meets(labels) for labels in namespaces) and (pod is None or what.meets(pod, unknown))


class _PolicySpec(Struct, frozen=True, rename="camel"):
    match_constraints: Mutation | None = None
    match_conditions: list[Any] | None = None


class Mutator(Struct, frozen=True):
    """A MutatingWebhookConfiguration or a MutatingAdmissionPolicy (admissionregistration.k8s.io)."""

    metadata: Metadata = Metadata()
    webhooks: list[Mutation] | None = None
    spec: _PolicySpec = _PolicySpec()

    def mutations(self) -> Iterator[Mutation]:
        """Everything in it that may change something."""
        yield from self.webhooks or ()
        if self.spec.match_constraints:
            yield replace(self.spec.match_constraints, match_conditions=self.spec.match_conditions)


ON_THE_WAY = (("", "pods"), ("batch", "jobs"), ("apps", "replicasets"), ("apps", "deployments"))
"""What controllers create on the way from a template to its pods."""


def unknown_mutation(*resources: tuple[str, str]) -> Mutation:
    """What may change any new object of these resources, by whatever condition."""
    rules = [_Rule(["CREATE"], [group], [plural]) for group, plural in resources]
    return Mutation(rules, match_conditions=["unknown"])


def on_the_way(mutators: Sequence[Mutator]) -> list[Mutation]:
    """What may change a pod that is created, or what is created before it."""
    found = [mutation for mutator in mutators for mutation in mutator.mutations()]
    return [mutation for mutation in found if any(mutation.meets_new(*resource) for resource in ON_THE_WAY)]
