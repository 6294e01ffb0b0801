"""Results as JSON text."""

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import kubectl_caps
from kubectl_caps.errors import ApiError, CapsError
from kubectl_caps.report.documents.frame import error_json
from kubectl_caps.report.json import text

DOCS = Path(__file__).parents[2] / "docs" / "json.md"

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.text(), VALUES))
def test_json_is_written_as_by_the_standard_library(document: dict[str, Any]) -> None:
    assert text(document, "json") == json.dumps(document, indent=2) + "\n"


@pytest.mark.parametrize("name", ["a\udcff.yaml", "é😀\x7f\u2028"], ids=["half a pair", "not ASCII"])
def test_characters_beyond_ascii_are_escaped(name: str) -> None:
    written = text({"file": name}, "json")
    assert written.isascii()
    assert json.loads(written) == {"file": name}


@pytest.mark.parametrize("name", ["a\udcff.yaml", "\ud800\ude00", "\ude00\ud800x"])
def test_a_single_surrogate_is_the_replacement_character_in_yaml(name: str) -> None:
    whole = re.sub("[\ud800-\udfff]", "\ufffd", name)
    assert yaml.safe_load(text({"name": name, "items": [{name: [name]}]}, "yaml")) == {
        "name": whole,
        "items": [{whole: [whole]}],
    }


def errors() -> list[type[CapsError]]:
    """Every class of errors of the whole package."""
    for module in pkgutil.walk_packages(kubectl_caps.__path__, "kubectl_caps."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return [CapsError, *(kind for kind in _below(CapsError) if kind.__module__.startswith("kubectl_caps."))]


def _below(parent: type[CapsError]) -> Iterator[type[CapsError]]:
    for child in parent.__subclasses__():
        yield child
        yield from _below(child)


def test_the_reason_of_an_error_is_a_documented_word_and_no_class_of_python() -> None:
    found = errors()
    names = {error.__name__ for error in found}
    documented = set(re.findall(r"^\| (\w+) \|", DOCS.read_text(), re.MULTILINE)) & {error.reason for error in found}
    assert len(names) > 8
    for kind in found:
        if kind is not ApiError:
            item = error_json(kind.__new__(kind, "x"))
            assert item.reason in documented - names, kind
            assert item.code == 0


@pytest.mark.parametrize(("reason", "wanted"), [("Forbidden", "Forbidden"), ("", "Unknown")])
def test_the_reason_of_an_answer_is_the_servers(reason: str, wanted: str) -> None:
    item = error_json(ApiError(418, reason, "no"))
    assert (item.code, item.reason, item.message) == (418, wanted, "no")
