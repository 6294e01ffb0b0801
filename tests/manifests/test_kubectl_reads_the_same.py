"""What we read of a text is what the real kubectl reads of it; what kubectl cannot read is an error here as well."""

from pathlib import Path
from typing import Any

import pytest
import real_kubectl

from kubectl_caps.errors import InputError
from kubectl_caps.manifests.read.objects import ManifestObject, read_objects
from kubectl_caps.manifests.read.paths import NotRead
from kubectl_caps.report.json import text as written

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
JSON = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "j"}}'
TABS = '{\n\t"apiVersion":\t"v1",\n\t"kind": "Pod",\n\t"metadata": {"name": "j"}\n}\n'
LIST = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n"

SAME: dict[str, str | bytes] = {
    "booleans": POD + "x: [yes, No, on, Off, y, n, Y, N, true, TRUE, ~, null, Null, '', NULL, nUll, TRue, 'yes']\n",
    "integers": POD + "x: [0777, 0o17, 0x1F, 0b11, 1_000, 09, +1, -0, 0X1f, 0O17, 0B11, +0x1, -0b1, 1__0, 0_7, _1]\n",
    "floats": POD + "x: [1e3, .5, 1., 1E3, 1_0.5, 1e+3, .5e1, -.5, 1e500, ., .., +., 0o9]\n",
    "large": POD + "x: [9223372036854775807, -9223372036854775808]\n",
    "times": POD + "x: [12:30, 2001-01-01, 2001-01-01T00:00:00Z, !!timestamp 2001-01-01]\n",
    "tags": POD + "x: [!!str 123, !!int '123', !!float 1, !!bool 'yes', !!null '', !!binary aGVsbG8=, !foo true]\n",
    "the tag !": POD + "x: [! false, ! true, ! null, ! 1, ! '1', ! a, ! 1e3, ! , ! ~, !<!> true, ! {a: true}]\n",
    "the tag ! and an anchor": POD + "x: ! &a false\nb: &b ! true\nc: &c # !\n  ! on\nd: [*a, *b, *c]\n",
    "the tag ! alone in its line": POD + "x: !\n  false\nb: ! # c\n  false\nc: !\nd: ! |\n  false\n",
    "the tag ! of a key": POD + "x: {! true: a, ! <<: {c: d}}\n",
    "tags of numbers": POD + "x: [!!int 0x10, !!int '0b11', !!int 1_000, !!int -0, !!float 0x10, !!float '1e3']\n",
    "tags of null": POD + "x: [!!null ~, !!null null, !!null '~', !!null , !!null {a: 1}, !!int {a: 1}]\n",
    "collection tags": POD + "x: !!set {a, b}\nz: !!omap [a: 1]\nw: !foo {a: 1}\n",
    "keys": POD + "x:\n  1: a\n  true: b\n  yes: c\n  1.5: d\n  y: e\n  0x10: f\n  07: g\n  1e3: h\n  0.10: i\n",
    "duplicate keys": POD + "x: {a: 1, a: 2}\ny: {'1': a, '1': b}\n",  # not 1 beside '1': of those kubectl takes any
    "merge": POD + "b: &b {k: 1, j: 2}\nx:\n  <<: *b\n  k: 3\n",
    "merge after the key": POD + "b: &b {k: 1, j: 2}\nx:\n  k: 3\n  <<: *b\n",
    "merge of a list": POD + "b: &b {k: 1, j: 2}\nc: &c {j: 9}\nx:\n  <<: [*c, *b]\n  k: 3\n",
    "two merges": POD + "b: &b {k: 1, j: 2}\nc: &c {j: 9}\nx:\n  <<: *b\n  <<: *c\n",
    "merge within a merge": POD + "b: &b {k: 1}\nc: &c {j: 9, <<: *b}\nx:\n  <<: *c\n",
    "merge in quotes": POD + "b: &b {k: 1}\nx:\n  '<<': *b\n",
    "merge in place": POD + "x: {<<: {a: 1}, b: 2}\n",
    "same anchor in two documents": POD + "x: &a 1\n---\n" + POD + "x: &a 2\n",
    "tabs": POD + "x:\t1\t# a\tb\n",
    "CRLF": (POD + "x: |\n  a\n  b\n").replace("\n", "\r\n"),
    "CR": POD.replace("\n", "\r"),
    "BOM": "\ufeff" + POD,
    "UTF-16": ("\ufeff" + POD).encode("utf-16-le"),
    "UTF-16 big endian": ("\ufeff" + POD).encode("utf-16-be"),
    "Latin-1": (POD + "x: caf\xe9 # \xfc\n").encode("latin-1"),
    "no final newline": POD + "x: 1",
    "comments behind separators": f"--- # a\n{POD}--- # b\n{POD}",
    "comments directly behind separators": f"# a\n---# b\n{POD}---# c\n{POD}---#\n{POD}x: |\n  a\n---# d\n{POD}",
    "BOM behind separators": f"{POD}---\n\ufeff{POD}---# c\n\ufeff{POD}--- # c\n\ufeff# d\n{POD}---\n\ufeff---\n{POD}",
    "BOM behind a separator, CRLF": f"{POD}---\n\ufeff{POD}".replace("\n", "\r\n"),
    "BOM twice": "\ufeff\ufeff" + POD,
    "BOM in a text": POD + "x: 'a\ufeffb'\n",
    "blanks behind separators": f"---   \n{POD}---\t\n{POD}",
    "empty documents": f"---\n{POD}---\n---\n# only a comment\n---\nnull\n---\n",
    "separator in a block scalar": POD + "x: |\n  a\n  ---\n  b\n",
    "document end": f"{POD}...\n---\n{POD}",
    "emoji": POD + "x: \U0001f600 \xe4\n",
    "escapes": POD + 'x: "a\\0b\\u00e9\\U0001F600\\x41\\_"\n',
    "block scalars": POD + "x: |\n  a\n\n\ny: >-\n  a\n  b\nz: |+\n  a\n\nv: |2\n    a\n",
    "question mark": POD + "x:\n  ? a\n  : b\n",
    "equals sign": POD + "x: {=: =}\n",
    "JSON": JSON,
    "JSON with tabs": TABS,
    "JSON one after the other": f"{JSON}\n{TABS}{JSON}{JSON}",
    "JSON among YAML": f"{JSON}\n---\n{POD}---\n{TABS}---\n{POD}",
    "JSON behind a separator": f"---\n{TABS}",
    "JSON behind several separators": f"---\n---\n# c\n{TABS}",
    "JSON behind separators with comments": f"--- # a\n--- # b\n{JSON}\n",
    "JSON behind a comment": f"# c\n{TABS}",
    "JSON escapes": JSON[:-1] + ', "x": "\\u00e9\\/\\ud83d\\ude00", "y": "\u2028\x7f"}',
    "JSON behind BOMs": f"\ufeff{JSON}\n\ufeff{TABS}---\n\ufeff{JSON}",
    "JSON behind a separator with a comment": f"{POD}--- # a\n{TABS}---# b\n{TABS}",
    "JSON numbers": JSON[:-1] + ', "x": [1000.0, 1E3, -1e3, 1.5, -0.0, 1e18, 1e20, 1e22, 1e-7, 9007199254740993.0]}',
    "JSON with halves of pairs": JSON[:-1] + r', "x": ["a\ud800", "\ud800\ud83d\ude00", "\udead\ud800A", "\\ud800"]}',
    "JSON with half a pair in a key": JSON[:-1] + r', "\udc00k": {"\ud800": 1}}',
    "JSON with a duplicate key": JSON[:-1] + ', "x": 1, "x": 2}',
    "JSON with a trailing comma": JSON[:-1] + ",}",
    "JSON with a comment": JSON[:-1] + " # c\n}",
    "a list": LIST + "- apiVersion: v1\n  kind: Pod\n  metadata: {name: b}\n",
    "a list of a kind": "apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- metadata: {name: p}\n  spec: {}\n",
    "a list whose items say what they are": LIST.replace("kind: List", "kind: PodList"),
    "an empty list": "apiVersion: v1\nkind: List\nitems: []\n",
    "a list without items": "apiVersion: v1\nkind: List\n",
    "whatever has items": LIST.replace("kind: List", "kind: Foo"),
    "a kind that only ends in List": "apiVersion: foo/v1\nkind: AllowList\nmetadata: {name: x}\nspec: {}\n",
    "an object without metadata": "apiVersion: v1\nkind: Pod\n",
    "nothing": "",
    "only comments": "# a\n",
    "only separators": "---\n---\n",
}

REFUSED: dict[str, str | bytes] = {
    "null key": POD + "x: {null: a}\n",
    "infinite": POD + "x: .inf\n",
    "not a number": POD + "x: [.NaN]\n",
    "an anchor in itself": POD + "x: &x\n  y: *x\n",
    "an alias to nothing": POD + "x: *nope\n",
    "an alias to another document": f"{POD}a: &x 1\n---\n{POD}c: *x\n",
    "tab as indentation": POD + "x:\n\ty: 1\n",
    "list": f"- {JSON}\n",
    "text": "hello\n",
    "JSON array": f"[{JSON}]",
    "no kind": "apiVersion: v1\nmetadata: {name: x}\n",
    "kind is a number": "apiVersion: v1\nkind: 5\n",
    "apiVersion is a number": "apiVersion: 1\nkind: Pod\n",
    "metadata is a list": "apiVersion: v1\nkind: Pod\nmetadata: []\n",
    "items is a mapping": "apiVersion: v1\nkind: List\nitems: {a: b}\n",
    "an item is null": LIST + "-\n",
    "a template": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.x }}\n",
    "a template with conditions": "{{- if .Values.x }}\napiVersion: v1\nkind: Pod\n{{- end }}\n",
    "an open bracket": f"{POD}---\nfoo: [\n",
    "aliases of aliases": POD + "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{chr(at + 1)}: &{chr(at + 1)} [{','.join([f'*{chr(at)}'] * 10)}]\n" for at in range(97, 105)),
    "depth": POD + "x: " + "[" * 20_000 + "]" * 20_000 + "\n",
    "a binary file": bytes(range(256)),
    "NUL": POD + "x: a\0b\n",
    "BEL": POD + "x: a\ab\n",
    "a mapping as a key": POD + "x:\n  ? [a]\n  : b\n",
    "merge of a number": POD + "x: {<<: 1}\n",
    "merge of nothing": POD + "x: {<<: , b: 2}\n",
    "a bad tag": POD + "x: !!int abc\n",
    "a boolean as null": POD + "x: !!null true\n",
    "a text as null": POD + "x: !!null nUll\n",
    "a number as null": POD + "x: !!null '1'\n",
    "a key as null": POD + "!!null a: 1\n",
    "a fraction as an integer": POD + "x: !!int 1.0\n",
    "an exponent as an integer": POD + "x: !!int 1e3\n",
    "nothing as an integer": POD + "x: !!int\n",
    "an integer that is too large": POD + "x: !!int 18446744073709551616\n",
    "an underscore before an integer": POD + "x: !!int _1\n",
    "an underscore before a fraction": POD + "x: !!float _1.5\n",
    "a number as a boolean": POD + "x: !!bool 1\n",
    "percent": POD + "x: %a\n",
    "at": POD + "x: @a\n",
}  # fmt: skip


def put(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / f"{name}.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def ours(path: Path) -> tuple[list[Any], list[str]]:
    items = list(read_objects([str(path)], recursive=True, command="kubectl caps inspect"))
    items = [item.why if isinstance(item, NotRead) and isinstance(item.why, InputError) else item for item in items]
    objects = [real_kubectl.without_labels(item.object) for item in items if isinstance(item, ManifestObject)]
    return objects, [str(item) for item in items if isinstance(item, InputError)]


@pytest.fixture(scope="module")
def kubectls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What kubectl reads of every text of SAME, in one run: a marker stands before each."""
    folder = tmp_path_factory.mktemp("same")
    for at, text in enumerate(SAME.values()):
        put(folder, f"{at:03}-0", f"apiVersion: v1\nkind: Marker\nmetadata: {{name: m{at}}}\n")
        put(folder, f"{at:03}-1", text)
    objects, says = real_kubectl.read(folder)
    assert says == ""
    found: dict[str, list[Any]] = {}
    names = iter(SAME)
    for obj in objects:
        if obj["kind"] == "Marker":
            found[next(names)] = []
        else:
            found[list(found)[-1]].append(obj)
    return found


@pytest.mark.parametrize("name", SAME)
def test_kubectl_reads_the_same_objects(name: str, kubectls: dict[str, list[Any]], tmp_path: Path) -> None:
    assert ours(put(tmp_path, "x", SAME[name])) == (kubectls[name], [])


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_kubectl_refuses_is_an_error(name: str, tmp_path: Path) -> None:
    path = put(tmp_path, "x", REFUSED[name])
    _, says = real_kubectl.read(path)
    _, errors = ours(path)
    assert says
    assert len(errors) == 1
    assert len(errors[0]) < 400
    assert errors[0].startswith(
        f"error: error parsing {path}: " if "error parsing" in says else "error: unable to decode"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (POD + "a: &x 1\nb: &x 2\nc: *x\n", "line 5: an anchor is defined twice"),
        (JSON[:-1] + ', "x": ' + "[" * 20_000 + "]" * 20_000 + "}", "line 1: exceeded maximum nesting depth"),
        (("\ufeff" + POD).encode("utf-16-le")[:-1], "it has the byte order mark of UTF-16-LE, but is not UTF-16-LE"),
    ],
    ids=["an anchor defined twice", "depth in JSON", "half a character"],
)
def test_a_file_that_only_kubectl_can_read_is_an_error_too(text: str | bytes, problem: str, tmp_path: Path) -> None:
    objects, errors = ours(put(tmp_path, "x", text))
    assert (objects, len(errors)) == ([], 1)
    assert errors[0].endswith(problem)


WORDS = """y n Y N yes No ON off true TRUE null Null ~ - ? = << . .. 0 -1 +1 1e3 1E3 12e03 0o17 017 08 0x1f 0b1
1_000 .5 +.5 .5e1 1. .inf -.INF .nan 12:30 1:2 2001-01-01 nginx:1.27 /bin/sh -c a:b @x `x %x !x &x *x |x >x {x [x ,x
#x"""
STRINGS = (*WORDS.split(), "", " ", "a: b", "a #b", "a\nb\n", f"{'x' * 1200} y", "\u00e9\u2028\x85")


def test_kubectl_reads_a_string_that_we_write_as_that_string(tmp_path: Path) -> None:
    """`env: [{name: A, value: y}]` of a manifest that replaces a pod: read as true, the pod is deleted and not made."""
    strings = {string: string for string in STRINGS}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "x": strings}
    (tmp_path / "p.yaml").write_text(written(pod, "yaml"))
    objects, said = real_kubectl.read(tmp_path / "p.yaml")
    assert (said, objects[0]["x"]) == ("", strings)
