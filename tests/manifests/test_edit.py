"""Single changes that `harden` makes seldom, on the text they are made in."""

import pytest

from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.patch import ABSENT, Change, Patch, lookup
from kubectl_caps.manifests.edit.edit import Edit, edited
from kubectl_caps.manifests.read.objects import ManifestObject, objects
from kubectl_caps.manifests.read.text import SourceFile

HEAD = "apiVersion: v1\nkind: Pod\n"
NOTES: Path = ("metadata", "annotations")


def without(text: str, paths: list[Path], end: str = "\n") -> tuple[str, list[str]]:
    """The text without these fields, and why an edit was refused; with other line ends on the way."""
    file = SourceFile("x.yaml", (HEAD + text).replace("\n", end))
    (document,) = objects(file, "")
    assert isinstance(document, ManifestObject)
    changes = tuple(Change(path, lookup(document.object, path), ABSENT) for path in paths)
    result = edited(file, [Edit(document, Patch(changes))])
    return result.text.replace(end, "\n").removeprefix(HEAD), [error.words for error in result.refused.values()]


@pytest.mark.parametrize(
    ("before", "paths", "after"),
    [
        pytest.param(
            "metadata:\n  annotations:\n    a: b\n  name: x\n",
            [(*NOTES, "a")],
            "metadata:\n  annotations: {}\n  name: x\n",
            id="the last key of a block",
        ),
        pytest.param(
            "metadata:\n  annotations : # c\n    # d\n    a: b # e\n    # f\n    c: |\n      d\n\n  name: x\n",
            [(*NOTES, "a"), (*NOTES, "c")],
            "metadata:\n  annotations : {} # c\n    # d\n    # e\n    # f\n\n  name: x\n",
            id="all keys, comments stay",
        ),
        pytest.param(
            "metadata:\n  annotations:\n    a: b\n  name: x\n",
            [NOTES],
            "metadata:\n  name: x\n",
            id="a block as a whole",
        ),
        pytest.param(
            'metadata:\n  name: x\n  "annotations":\n    a: b\nspec: {}\n',
            [NOTES],
            "metadata:\n  name: x\nspec: {}\n",
            id="the last key as a whole",
        ),
        pytest.param(
            "metadata:\n  annotations:\n    a: b\nspec: {}\n",
            [NOTES],
            "metadata: {}\nspec: {}\n",
            id="a block as a whole, nothing beside it",
        ),
        pytest.param(
            "metadata:\n  annotations: {a: b}\nspec: {}\n",
            [NOTES],
            "metadata: {}\nspec: {}\n",
            id="flow style as a whole, nothing beside it",
        ),
        pytest.param(
            "metadata:\n  annotations:\n    a: b\nspec: {}\n", [("metadata",)], "spec: {}\n", id="the block around it"
        ),
        pytest.param(
            "metadata: {name: x, annotations: {a: b}}\n", [NOTES], "metadata: {name: x}\n", id="a key of flow style"
        ),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_removed_value_leaves_the_surrounding_lines(before: str, paths: list[Path], after: str, end: str) -> None:
    assert without(before, paths, end) == (after, [])


@pytest.mark.parametrize("mark", ["&n", "!!map", "&n # c"])
def test_a_block_with_an_anchor_or_a_tag_is_not_emptied(mark: str) -> None:
    text = f"metadata:\n  annotations: {mark}\n    a: b\n"
    assert without(text, [(*NOTES, "a")]) == (
        text,
        ["x.yaml:4: cannot be edited safely: annotations would be empty"],
    )


def test_an_object_before_a_broken_document_of_its_piece_is_refused() -> None:
    """YAML ends a line at a line separator of Unicode, and so a document where kubectl cuts none."""
    text = f"{HEAD}spec: {{}}\n---\u2028a: [\n"
    document = next(item for item in objects(SourceFile("a.yaml", text), "x") if isinstance(item, ManifestObject))
    result = edited(SourceFile("a.yaml", text), [Edit(document, Patch((Change(("spec", "x"), ABSENT, 1),)))])
    assert (result.text, list(result.refused)) == (text, [0])
