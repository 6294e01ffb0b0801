"""Reading, finding and editing take time in proportion to the text, whatever the text says.

Each text is read in two sizes, one four times the other. In proportion is four times as long; quadratic is sixteen.
"""

import time
from collections.abc import Callable

import pytest

from kubectl_caps.core.kubernetes.patch import ABSENT, Change, Patch
from kubectl_caps.manifests.edit.edit import Edit, edited
from kubectl_caps.manifests.read.objects import ManifestObject, objects
from kubectl_caps.manifests.read.positions import Positions
from kubectl_caps.manifests.read.text import SourceFile

HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
LIST = "apiVersion: v1\nkind: List\nitems:\n"
ITEM = "- {apiVersion: v1, kind: Pod, metadata: {name: x}}\n"
JSON = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}'
LINE = '{"apiVersion": "v1", "kind": "List", "items": [...]}'

TEXTS: dict[str, Callable[[int], str]] = {
    "ampersands": lambda n: f"{HEAD}data: {{a: '{'a&b' * n}'}}\n",
    "ampersands and number signs": lambda n: f"{HEAD}data: {{a: '{'&#' * n}'}}\n",
    "an anchor of number signs and a tag": lambda n: f"{HEAD}data: {{a: &{'a#' * n} ! x}}\n",
    "anchors and tags": lambda n: HEAD + "data:\n" + "".join(f"  k{at}: &a{at} ! 1\n" for at in range(n // 8)),
    "comments behind anchors": lambda n: f"{HEAD}data:\n  a: &x\n{'  # !' * 3}\n" + "  #\n" * n + "    ! 1\n",
    "exclamation marks": lambda n: f"{HEAD}data: {{a: '{'! ' * n}'}}\n",
    "separators that only YAML knows": lambda n: f"---\u2028{HEAD}a: &a 1\nb: *a\nc: ! 2\n" * (n // 16),
    "broken documents": lambda n: "---\n{a: ]\n" * (n // 16),
    "broken documents in JSON with comments": lambda n: '{"a": 1 // x\n}\n' + "---\n{a: ]\n" * (n // 16),
    "a string that does not end": lambda n: f'{{"a": "{chr(92)}"{(chr(92) + chr(34)) * n}\n',
    "comments that do not end": lambda n: '{"a": 1 ' + "/* " * n,
    "strings and backslashes": lambda n: '{"' + '\\"' * n + "\\",
    "one long number": lambda n: f"{HEAD}data: {{a: {'1' * n}}}\n",
    "one long number in JSON": lambda n: f'{{"apiVersion": "v1", "kind": "Pod", "a": {"1" * n}}}',
    "one long fraction": lambda n: f"{HEAD}data: {{a: {'1' * n}.{'1' * n}e}}\n",
    "underscores": lambda n: f"{HEAD}data: {{a: 1{'_' * n}x}}\n",
    "blank lines": lambda n: f"{' ' * n}\n{(' ' * 9 + chr(10)) * (n // 8)}---\n{HEAD}",
    "carriage returns": lambda n: f"---{chr(13) * n}\n{HEAD}",
    "separators": lambda n: f"---\n{HEAD}" * (n // 16),
    "a stream of JSON": lambda n: JSON * (n // 16),
    "halves of pairs": lambda n: f'{{"apiVersion": "v1", "kind": "Pod", "a": "{chr(92)}ud800{chr(92) * 2 * n}"}}',
    "a list": lambda n: LIST + ITEM * (n // 16),
    "a list on one line": lambda n: LINE.replace("...", ",".join([JSON] * (n // 16))),
    "a list with keys that stand twice": lambda n: f"{LIST}{ITEM * (n // 16)}x: 1\n" + "x: 1\n" * (n // 16),
    "a list with many keys": lambda n: "".join(f"x{at}: 1\n" for at in range(n // 8)) + LIST + ITEM * (n // 16),
    "many keys": lambda n: HEAD + "data:\n" + "".join(f"  k{at}: 1\n" for at in range(n // 8)),
    "merge keys in merge keys": lambda n: (
        "x0: &x0 {a: 1}\n" + "".join(f"x{at}: &x{at} {{<<: [*x{at - 1}, *x{at - 1}]}}\n" for at in range(1, 12))
        + LIST + "- {apiVersion: v1, kind: Pod, metadata: {<<: *x11}}\n" * (n // 400)
    ),
    "aliases": lambda n: f"{HEAD}a: &a 1\nb: [{', '.join(['*a'] * (n // 8))}]\n",
    "tabs behind keys": lambda n: f"{HEAD}data: {{a: b}}{chr(9) * n}\n",
}  # fmt: skip


def seconds(text: str) -> float:
    """The processor time of reading a text, finding a field of each object and adding one to each."""
    before = time.process_time()
    file = SourceFile("x.yaml", text)
    documents = [item for item in objects(file, "x") if isinstance(item, ManifestObject)]
    positions = Positions(file)
    for document in documents:
        positions.of(document, ("metadata", "labels", "a"))
    edited(file, [Edit(one, Patch((Change(("spec",), ABSENT, {"a": 1}),))) for one in documents])
    return time.process_time() - before


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_four_times_the_text_takes_four_times_as_long(text: Callable[[int], str]) -> None:
    small, large = (min(seconds(text(size)) for _ in range(2)) for size in (6_000, 24_000))
    assert large < 8 * small + 0.2
