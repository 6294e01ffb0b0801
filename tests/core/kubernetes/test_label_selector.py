"""Which labels a label selector selects."""

from typing import Any

import msgspec
import pytest

from kubectl_caps.core.kubernetes.label_selector import LabelSelector


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    """A selector of one requirement."""
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ({}, True),
        ({"matchLabels": None, "matchExpressions": None}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "1", "b": "1"}}, False),
        (expression("a", "In", "0", "1"), True),
        (expression("a", "In", "0"), False),
        (expression("b", "In", "0"), False),
        (expression("a", "NotIn", "1"), False),
        (expression("b", "NotIn", "1"), True),
        (expression("a", "Exists"), True),
        (expression("b", "Exists"), False),
        (expression("a", "DoesNotExist"), False),
        (expression("b", "DoesNotExist"), True),
        (expression("b", "SomethingNew"), True),
    ],
)
def test_selectors_select_as_on_the_api_server(selector: dict[str, Any], matches: bool) -> None:
    assert msgspec.convert(selector, LabelSelector).matches({"a": "1"}) is matches
