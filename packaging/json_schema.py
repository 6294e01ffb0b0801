"""Makes docs/*.schema.json from the structs in kubectl_caps/report/documents: the JSON contract as JSON Schema.

The module knows only the types of these structs. Another type is an error, so that no schema allows too much. msgspec's
own schemas refuse a union of structs, and require no field that has a default.
"""

import json
import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct, UnsetType
from msgspec.structs import fields

from kubectl_caps.report.documents.explanation import ExplanationDocument
from kubectl_caps.report.documents.fit import FitDocument
from kubectl_caps.report.documents.hardening import HardeningDocument
from kubectl_caps.report.documents.inspection import InspectionDocument
from kubectl_caps.report.documents.labelling import LabellingDocument
from kubectl_caps.report.documents.trace import TraceDocument

Schema = dict[str, Any]
Parts = dict[type[Struct], Schema]

DOCS = Path(__file__).parents[1] / "docs"
KINDS: tuple[type[Struct], ...] = (
    ExplanationDocument,
    FitDocument,
    HardeningDocument,
    InspectionDocument,
    LabellingDocument,
    TraceDocument,
)
_SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
_CONSTRAINTS = {"ge": "minimum", "pattern": "pattern", "max_length": "maxItems", "description": "description"}


def path_of(kind: type[Struct]) -> Path:
    """The file of a kind of document."""
    return DOCS / f"{_name(kind).lower()}.schema.json"


def text_of(kind: type[Struct]) -> str:
    """The text of the file. Raises ValueError if two structs have the same name, KeyError for an unknown type."""
    name = _name(kind)
    parts: Parts = {}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://kubectl-caps.invalid/schemas/v1alpha1/{name.lower()}.json",
        "title": name,
        **_struct(kind, parts),
    }
    definitions = {_name(part): parts[part] for part in sorted(parts, key=_name)}
    if len(definitions) < len(parts):
        raise ValueError(f"two structs of {name} have the same name")
    return json.dumps({**schema, "$defs": definitions}, indent=2) + "\n"


def _name(kind: type[Struct]) -> str:
    """The name of a struct in the schema: `Violation` for `ViolationJson`."""
    return kind.__name__.removesuffix("Json").removesuffix("Document")


def _struct(kind: type[Struct], parts: Parts) -> Schema:
    hints = get_type_hints(kind, include_extras=True)
    described = {field.encode_name: _schema(hints[field.name], parts) for field in fields(kind)}
    omitted = {field.encode_name for field in fields(kind) if _may_be_omitted(kind, field.required, hints[field.name])}
    return {
        "description": (kind.__doc__ or "").strip().split("\n\n")[0],
        "type": "object",
        "properties": described,
        "required": [name for name in described if name not in omitted],
        "additionalProperties": False,
    }


def _may_be_omitted(kind: type[Struct], required: bool, hint: Any) -> bool:
    bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return UnsetType in get_args(bare) or (kind.__struct_config__.omit_defaults and not required)


def _schema(hint: Any, parts: Parts) -> Schema:
    """The schema of a type. Structs in the type are added to the parts."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return {}
    if origin is Annotated:
        return {**_schema(arguments[0], parts), **_said(arguments[1:])}
    if origin is Literal:
        return {"enum": list(arguments)} if arguments[1:] else {"const": arguments[0]}
    if origin in (Union, types.UnionType):
        return _union([_schema(one, parts) for one in arguments if one is not UnsetType])
    if origin is list or (origin is tuple and arguments[1:] == (...,)):
        return {"type": "array", "items": _schema(arguments[0], parts)}
    if origin is dict:
        return _mapping(_schema(arguments[0], parts), _schema(arguments[1], parts))
    if isinstance(hint, type) and issubclass(hint, Struct):
        if hint not in parts:
            parts[hint] = {}
            parts[hint] = _struct(hint, parts)
        return {"$ref": f"#/$defs/{_name(hint)}"}
    return {"type": _SCALARS[hint]}


def _said(metas: tuple[Meta, ...]) -> Schema:
    """The constraints and the description in a type's `Meta`."""
    known = ((word, getattr(meta, name)) for meta in metas for name, word in _CONSTRAINTS.items())
    return {word: value for word, value in known if value is not None}


def _union(members: list[Schema]) -> Schema:
    if not members[1:]:
        return members[0]
    values = [_values(member) for member in members]
    if all(values):
        return {"enum": [value for some in values for value in some]}
    if all(member.keys() == {"type"} for member in members):
        return {"type": [member["type"] for member in members]}
    return {"anyOf": members}


def _values(member: Schema) -> list[Any]:
    """The values of an enumeration, or null."""
    if member == {"type": "null"}:
        return [None]
    return [member["const"]] if "const" in member else member.get("enum", [])


def _mapping(keys: Schema, values: Schema) -> Schema:
    names = {} if keys == {"type": "string"} else {"propertyNames": keys}
    return {"type": "object", **names, **({"additionalProperties": values} if values else {})}
