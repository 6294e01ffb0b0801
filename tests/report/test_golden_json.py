"""The JSON of every kind, byte for byte; `UPDATE=1 pytest` writes golden/ anew: then read the difference."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import golden_values as values
import jsonschema
import pytest
import yaml

from kubectl_caps.main import main
from kubectl_caps.report import json as report
from kubectl_caps.report.documents.explanation import explanation_document
from kubectl_caps.report.documents.fit import fit_document
from kubectl_caps.report.documents.hardening import hardening_document
from kubectl_caps.report.documents.inspection import inspection_document
from kubectl_caps.report.documents.labelling import labelling_document
from kubectl_caps.report.documents.trace import trace_document

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"

DOCUMENTS: Mapping[str, Callable[[], Any]] = {
    "inspection": lambda: inspection_document(values.assessments(), values.ERRORS, values.COVERAGE),
    "inspection-empty": lambda: inspection_document([], []),
    "labelling": lambda: labelling_document(values.labellings(), values.ERRORS, values.COVERAGE),
    "labelling-empty": lambda: labelling_document([], []),
    "hardening": lambda: hardening_document(values.jobs(), values.ERRORS, values.COVERAGE),
    "hardening-empty": lambda: hardening_document([], []),
    "fit": lambda: fit_document(values.fits(), values.ERRORS),
    "fit-empty": lambda: fit_document([], []),
    "trace": lambda: trace_document(values.usages(), values.ERRORS),
    "trace-empty": lambda: trace_document([], []),
    "explanation": lambda: explanation_document(values.explanations(), 33),
    "explanation-empty": lambda: explanation_document([], 0),
}

COMMANDS = {
    "inspection-of-a-file": "inspect -f examples/debug.yaml --exemptions examples/ci/exemptions.yaml",
    "hardening-of-a-file": "harden -f examples/redis.yaml --remove-adds",
    "labelling-of-a-file": "label-ns -f examples/shop.yaml --enforce baseline:v1.30 --overwrite",
    "explanation-of-a-word": "explain kill",
}


def _compare(name: str, written: str) -> None:
    path = GOLDEN / f"{name}.json"
    if os.environ.get("UPDATE"):
        path.write_text(written)
    assert written == path.read_text()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_written_byte_for_byte(name: str) -> None:
    _compare(name, report.text(DOCUMENTS[name](), "json"))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_says_the_same_in_yaml(name: str) -> None:
    assert yaml.safe_load(report.text(DOCUMENTS[name](), "yaml")) == json.loads((GOLDEN / f"{name}.json").read_text())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_prints_its_document_byte_for_byte(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    main([*COMMANDS[name].split(), "-o", "json"])
    _compare(name, capsys.readouterr().out)


@pytest.mark.parametrize("name", [*DOCUMENTS, *COMMANDS])
def test_a_document_follows_the_schema_of_its_kind(name: str) -> None:
    document = json.loads((GOLDEN / f"{name}.json").read_text())
    schema = json.loads((ROOT / "docs" / f"{document['kind'].lower()}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
