"""Label selectors, as the API server reads them (apimachinery, pkg/apis/meta/v1 LabelSelectorAsSelector)."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct


class Requirement(Struct, frozen=True):
    """One of a selector's matchExpressions."""

    key: str
    operator: str
    values: tuple[str, ...] | None = None

    def is_met(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels meets the requirement; an unknown operator may select anything."""
        present = self.key in labels
        is_in = present and labels[self.key] in (self.values or ())
        answers = {"In": is_in, "NotIn": not is_in, "Exists": present, "DoesNotExist": not present}
        return answers.get(self.operator, True)


class LabelSelector(Struct, frozen=True, rename="camel"):
    """A label selector (meta/v1 LabelSelector); an empty one selects everything."""

    match_labels: dict[str, str] | None = None
    match_expressions: tuple[Requirement, ...] | None = None

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        is_labeled = (self.match_labels or {}).items() <= labels.items()
        return is_labeled and all(one.is_met(labels) for one in self.match_expressions or ())


msgspec.json.Decoder(LabelSelector)  # completed before threads share it: see core/kubernetes/pod.py
