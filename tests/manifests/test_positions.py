"""The place of a field in a manifest: its own line and column, or its nearest parent's."""

from pathlib import Path

import pytest

from kubectl_caps.manifests.read.objects import ManifestObject, objects
from kubectl_caps.manifests.read.positions import Positions
from kubectl_caps.manifests.read.text import SourceFile, open_source

HEAD = "apiVersion: v1\nkind: Pod\n"
TEXTS: list[tuple[str, str, tuple[str | int, ...], str]] = [
    ("a value", "spec:\n  a: true\n", ("spec", "a"), "a: true"),
    ("an absent field", "spec:\n  a:\n    b: 1\n", ("spec", "a", "c", "d"), "a"),
    ("an absent field of an item", "spec:\n- name: x\n  b: 1\n", ("spec", 0, "c"), "name"),
    ("an absent item", "spec:\n- name: x\n", ("spec", 1, "c"), "spec"),
    ("an item", "spec: [a, b]\n", ("spec", 1), "b"),
    ("flow style", "spec: {a: {b: no, c: 'd'}}\n", ("spec", "a", "c"), "c: 'd'"),
    ("a text of several lines", "spec:\n  a: |\n    x\n    y\n", ("spec", "a"), "a"),
    ("an alias", "spec:\n  b: &x 1\n  a: *x\n", ("spec", "a"), "a"),
    ("a merge key", "x: &x {a: 1}\nspec:\n  <<: *x\n", ("spec", "a"), "a: 1"),
    ("behind other letters", "spec: {'ü€😀': 1, a: 2}\n", ("spec", "a"), "a: 2"),
    ("a key that stands twice", "spec:\n  a: 1\n  a: 2\n", ("spec", "a"), "a: 2"),
    ("windows line ends", "spec:\r\n  a: 1\r\n", ("spec", "a"), "a: 1"),
    ("behind a line separator of Unicode", "x: '\u2028'\nspec: {a: 1}\n", ("spec", "a"), "a: 1"),
]


def place(text: str, path: tuple[str | int, ...], which: int = 0) -> tuple[int, str]:
    """The line of a field, and the text that its columns cut out of it."""
    file = SourceFile("x.yaml", text)
    document = [item for item in objects(file, "x") if isinstance(item, ManifestObject)][which]
    span = Positions(file).of(document, path)
    return span.line, text.split("\n")[span.line - 1][span.column - 1 : span.end - 1]


@pytest.mark.parametrize(("text", "path", "wanted"), [row[1:] for row in TEXTS], ids=[row[0] for row in TEXTS])
def test_the_span_of_a_field_covers_its_key_and_value(text: str, path: tuple[str | int, ...], wanted: str) -> None:
    line, found = place(HEAD + text, path)
    assert found.rstrip("\r") == wanted
    assert wanted in (HEAD + text).split("\n")[line - 1]


def test_a_later_document_and_the_item_of_a_list_have_lines_of_the_file() -> None:
    item = "- apiVersion: v1\n  kind: Pod\n  spec: {a: 1}\n"
    text = f"# one\n---\n{HEAD}spec: {{a: 0}}\n---\napiVersion: v1\nkind: List\nitems:\n{item}"
    assert place(text, ("spec", "a"), 0) == (5, "a: 0")
    assert place(text, ("spec", "a"), 1) == (12, "a: 1")


def test_json_with_tabs_is_found() -> None:
    text = '{\n\t"apiVersion": "v1",\n\t"kind": "Pod",\n\t"spec": {"a": 1}\n}\n'
    assert place(text, ("spec", "a")) == (4, '"a": 1')


def test_a_byte_order_mark_does_not_move_positions(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfapiVersion: v1\nkind: Pod\n")
    file = open_source(str(path))
    (document,) = objects(file, "x")
    assert isinstance(document, ManifestObject)
    assert Positions(file).of(document, ("apiVersion",)).column == 1
