"""What may change a pod between its template and the API server's store: admission that somebody has configured.

Selectors and conditions are not read: what may meet a pod in some namespace is taken to meet every pod.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from kubectl_caps.core.pod import Metadata


class _Rule(Struct, frozen=True, rename="camel"):
    operations: list[str] | None = None
    api_groups: list[str] | None = None
    resources: list[str] | None = None

    def meets_new_pods(self) -> bool:
        return all(
            any(word in (allowed or ()) for word in words)
            for allowed, words in (
                (self.operations, ("*", "CREATE")),
                (self.api_groups, ("*", "")),
                (self.resources, ("*", "*/*", "pods", "pods/*")),
            )
        )


class _Webhook(Struct, frozen=True):
    name: str = ""
    rules: list[_Rule] | None = None


class _Constraints(Struct, frozen=True, rename="camel"):
    resource_rules: list[_Rule] | None = None


class _PolicySpec(Struct, frozen=True, rename="camel"):
    match_constraints: _Constraints = _Constraints()


class Mutator(Struct, frozen=True):
    """A MutatingWebhookConfiguration or a MutatingAdmissionPolicy (admissionregistration.k8s.io)."""

    metadata: Metadata = Metadata()
    webhooks: list[_Webhook] | None = None
    spec: _PolicySpec = _PolicySpec()

    def _rules(self) -> Iterator[_Rule]:
        for webhook in self.webhooks or ():
            yield from webhook.rules or ()
        yield from self.spec.match_constraints.resource_rules or ()


def of_new_pods(mutators: Sequence[Mutator]) -> list[str]:
    """The names of those that may change a pod that is created."""
    return [item.metadata.name or "" for item in mutators if any(rule.meets_new_pods() for rule in item._rules())]
