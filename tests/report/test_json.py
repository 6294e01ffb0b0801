"""Results as JSON text."""

import json
import re
from typing import Any

import pytest
import yaml
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


@pytest.mark.parametrize("name", ["a\udcff.yaml", "\ud800\ude00", "\ude00\ud800x"])
def test_half_a_pair_is_the_replacement_character_in_yaml(name: str) -> None:
    whole = re.sub("[\ud800-\udfff]", "\ufffd", name)
    assert yaml.safe_load(text({"name": name, "items": [{name: [name]}]}, "yaml")) == {
        "name": whole,
        "items": [{whole: [whole]}],
    }
