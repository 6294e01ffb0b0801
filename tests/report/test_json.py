"""Results as JSON text."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_caps.report.json import text

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.text(), VALUES))
def test_json_is_what_the_standard_library_writes(document: dict[str, Any]) -> None:
    assert text(document, "json") == json.dumps(document, indent=2) + "\n"


@pytest.mark.parametrize("name", ["a\udcff.yaml", "é😀\x7f\u2028"], ids=["half a pair", "not ASCII"])
def test_what_is_not_ascii_is_escaped(name: str) -> None:
    written = text({"file": name}, "json")
    assert written.isascii()
    assert json.loads(written) == {"file": name}
