"""Quantities of CPU and memory, as the API writes them."""

from decimal import Decimal

import pytest

from kubectl_caps.cluster.read.quantities import quantity


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("500m", Decimal("0.5")),
        ("1500u", Decimal("0.0015")),
        ("2", 2),
        (2, 2),
        (0.5, Decimal("0.5")),
        ("1k", 1000),
        ("1Ki", 1024),
        ("1.5Gi", 3 * 2**29),
        ("2E", 2 * 10**18),
        ("2Ei", 2**61),
        ("1e3", 1000),
        ("1E3", 1000),
        ("a lot", 0),
        ("1mi", 0),
        ("", 0),
    ],
)
def test_a_quantity_is_read_as_a_number(value: object, number: Decimal | int) -> None:
    assert quantity(value) == number
