"""What is printed of several files is one stream, and the real kubectl reads the objects of all of them from it."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import real_kubectl
import yaml

from kubectl_caps.main import main
from kubectl_caps.manifests.edit.stream import stream

YAML = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml}\ndata: {a: b}\n"
OBJECT = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "json"}}'
TABS = '{\n\t"apiVersion":\t"v1",\n\t"kind": "ConfigMap",\n\t"metadata": {"name": "tabs"}\n}'
ESCAPES = (
    '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "escapes"},\n'
    r'"data": {"a": "\ud83d\ude00 \\ud83d\\ude00 \ud83d \/ \\/ \u00e9 \t", '
    '"b": "\x7f \x85 \u2028 \ufffe \uffff \U0001f600"}}'
)
TEXTS = {
    "YAML": YAML,
    "YAML behind a separator": f"---\n{YAML}",
    "YAML without a last newline": YAML[:-1],
    "two documents": f"{YAML}---\n{YAML}",
    "a directive": f"%YAML 1.1\n---\n{YAML}",
    "a comment and a directive": f"# c\n%YAML 1.1\n# d\n---\n{YAML}",
    "JSON": OBJECT,
    "JSON behind blanks": f"\n  {OBJECT}\n\n",
    "JSON with tabs": TABS,
    "JSON with escapes": ESCAPES,
    "two JSON values": f"{OBJECT}\n{TABS}{ESCAPES}",
    "JSON behind a comment": f"# c\n{OBJECT}\n",
    "JSON behind a separator": f"---\n{OBJECT}\n",
    "only a comment": "# c\n",
}
ALONE = {
    "a directive": YAML,
    "a comment and a directive": YAML,
    "only a comment": "kind: List\napiVersion: v1\nitems: []\n",
}
"""What has the same objects and can be read alone by kubectl, of texts that cannot."""


def read(path: Path, text: str) -> list[Any]:
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    objects, says = real_kubectl.read(path)
    assert says == "", text
    return objects


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What kubectl reads of each text alone."""
    path = tmp_path_factory.mktemp("alone") / "x.yaml"
    return {name: read(path, ALONE.get(name, text)) for name, text in TEXTS.items()}


@pytest.mark.parametrize("first", TEXTS)
def test_kubectl_reads_every_object_of_two_texts(first: str, alone: dict[str, list[Any]], tmp_path: Path) -> None:
    for second in TEXTS:
        if first == second == "only a comment":
            continue
        wanted = alone[first] + alone[second]
        assert read(tmp_path / "x.yaml", "".join(stream([TEXTS[first], TEXTS[second]]))) == wanted, (first, second)


def test_kubectl_reads_every_object_of_many_texts(alone: dict[str, list[Any]], tmp_path: Path) -> None:
    names = [*TEXTS, *reversed(TEXTS)]
    wanted = list(itertools.chain.from_iterable(alone[name] for name in names))
    assert read(tmp_path / "x.yaml", "".join(stream([TEXTS[name] for name in names]))) == wanted


@pytest.mark.parametrize("name", TEXTS)
def test_a_single_text_is_not_changed(name: str) -> None:
    text = TEXTS[name]
    assert "".join(stream([text])) == (text if text.endswith("\n") else f"{text}\n")


def test_json_alone_stays_json() -> None:
    text = "".join(stream([OBJECT, TABS]))
    first, at = json.JSONDecoder().raw_decode(text)
    assert (first, json.loads(text[at:])) == (json.loads(OBJECT), json.loads(TABS))


POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}]}\n"


@pytest.mark.parametrize("command", ["harden", "label-ns"])
def test_json_beside_yaml_is_printed_as_kubectl_reads_it(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    namespace = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
    texts = {"a.json": json.dumps(yaml.safe_load(POD), indent="\t"), "b.yaml": f"%YAML 1.1\n---\n{POD}{namespace}"}
    texts["c.json"] = json.dumps(yaml.safe_load(namespace)) * 2
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    main([command, *(f"-f={tmp_path / name}" for name in texts)])
    kinds = [one["kind"] for one in read(tmp_path / "all.yaml", capsys.readouterr().out)]
    assert kinds == [*(["Pod"] if command == "harden" else []), "Pod", "Namespace", "Namespace", "Namespace"]
