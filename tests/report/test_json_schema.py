"""docs/*.schema.json is made of the structs of the documents; `UPDATE=1 pytest` writes the files anew."""

import json
import os
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from json_schema import DOCS, KINDS, path_of, text_of
from msgspec import Meta, Struct, UnsetType


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_in_the_docs_is_that_of_the_structs(kind: type[Struct]) -> None:
    if os.environ.get("UPDATE"):
        path_of(kind).write_text(text_of(kind))
    assert path_of(kind).read_text() == text_of(kind)
    jsonschema.Draft202012Validator.check_schema(json.loads(text_of(kind)))


def test_every_schema_in_the_docs_is_of_a_kind() -> None:
    assert {path_of(kind) for kind in KINDS} == set(DOCS.glob("*.schema.json"))


class Inner(Struct):
    """Of a part."""

    text: Literal["a", "b"] | None


class Toy(Struct, rename="camel"):
    """A toy document.

    This is for who reads the source.
    """

    a_count: Annotated[Annotated[int, Meta(ge=1)] | UnsetType, Meta(description="how many")]
    parts: Annotated[tuple[Inner, ...], Meta(max_length=2)]
    by_name: dict[Literal["x"], str]
    either: Inner | str
    what: Any


SOUND: dict[str, Any] = {"parts": [{"text": None}], "byName": {"x": "y"}, "either": "", "what": [1]}


def test_a_schema_accepts_every_value_of_the_struct() -> None:
    schema = json.loads(text_of(Toy))
    jsonschema.validate(SOUND, schema)
    jsonschema.validate({**SOUND, "aCount": 1, "either": {"text": "b"}}, schema)
    assert schema["description"] == "A toy document."
    assert schema["properties"]["aCount"]["description"] == "how many"


@pytest.mark.parametrize(
    "wrong",
    [
        {"aCount": 0},
        {"aCount": None},
        {"a_count": 1},
        {"parts": [{"text": None}] * 3},
        {"parts": [{}]},
        {"parts": [{"text": "c"}]},
        {"byName": {"z": "y"}},
        {"byName": {"x": 1}},
        {"either": {"text": "a", "more": 1}},
        {"other": 1},
    ],
    ids=str,
)
def test_a_schema_refuses_values_that_the_struct_refuses(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**SOUND, **wrong}, json.loads(text_of(Toy)))


@pytest.mark.parametrize("missing", SOUND)
def test_a_field_that_is_always_written_is_asked_for(missing: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({name: SOUND[name] for name in SOUND if name != missing}, json.loads(text_of(Toy)))


class Untyped(Struct):
    """Of a type that no document has."""

    when: complex


def test_an_unknown_type_is_an_error() -> None:
    with pytest.raises(KeyError):
        text_of(Untyped)
