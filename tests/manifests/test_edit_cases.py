"""`harden --write` on the files in tests/cases: NAME.before.* becomes NAME.after.*, to the byte.

Each case is run in other dress too: with CRLF, a byte order mark, as UTF-16, without the last line end, as the second
document of a file. `UPDATE=1 pytest` writes the .after files anew; then read the difference.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kubectl_caps.main import main

CASES = Path(__file__).parents[1] / "cases"
BEFORE = sorted(CASES.glob("*.before.*"))
FLAGS = {
    "add": ["--add", "net_raw,CAP_CHOWN"],
    "keep-escalation": ["--allow-privilege-escalation=keep"],
    "one-container": ["-c", "log"],
    "remove-adds": ["--remove-adds"],
    "restricted": ["--profile=restricted"],
    "restricted-pod-context": ["--profile=restricted"],
    "run-as-user": ["--run-as-user=101"],
}
CANNOT_BE_READ_WHOLE = ("broken-next-door",)

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n"
DRESSES: dict[str, Callable[[str], bytes]] = {
    "as it is": str.encode,
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "BOM": lambda text: ("\ufeff" + text).encode(),
    "UTF-16": lambda text: ("\ufeff" + text).encode("utf-16-le"),
    "no last line end": lambda text: text.rstrip("\n").encode(),
    "second document": lambda text: f"# c\n{SERVICE}---\n{text}".encode(),
    "Latin-1 in a comment": lambda text: b"---\n# caf\xe9\n" + text.encode(),
}
ONLY = {
    "Latin-1 in a comment": lambda name, text: not text.startswith(("%", "{")),
    "second document": lambda name, text: not text.startswith("%") and name != "json-stream",
    "no last line end": lambda name, text: name not in ("block-scalars-last", "trailing-blanks"),
}


def name_of(path: Path) -> str:
    return path.name.partition(".")[0]


def after_of(path: Path) -> Path:
    return path.with_name(path.name.replace(".before.", ".after."))


def hardened(data: bytes, name: str, folder: Path) -> bytes:
    path = folder / name
    path.write_bytes(data)
    stem = name.partition(".")[0]
    status = main(["harden", "-f", str(path), "--write", *FLAGS.get(stem, [])])
    assert status == (2 if stem in CANNOT_BE_READ_WHOLE else 0)
    return path.read_bytes()


@pytest.mark.parametrize("dress", DRESSES)
@pytest.mark.parametrize("before", BEFORE, ids=name_of)
def test_only_the_lines_that_must_change_do(before: Path, dress: str, tmp_path: Path) -> None:
    text = before.read_text()
    if dress in ONLY and not ONLY[dress](name_of(before), text):
        pytest.skip("the case is about this very thing")
    if os.environ.get("UPDATE") and dress == "as it is":
        after_of(before).write_bytes(hardened(text.encode(), before.name, tmp_path))
    result = hardened(DRESSES[dress](text), before.name, tmp_path)
    assert result == DRESSES[dress](after_of(before).read_text())
    assert hardened(result, before.name, tmp_path) == result


REFUSED = {
    "an-alias": (1, "spec.containers[0].securityContext is shared through an anchor"),
    "an-anchor-that-is-used-elsewhere": (7, "spec.containers[0].securityContext is shared through an anchor"),
    "a-container-that-is-an-alias": (6, "is shared through an anchor"),
    "a-merge-key": (9, "spec.containers[0].securityContext comes through a merge key (<<)"),
    "a-merge-key-that-overrides-what-stands-there": (
        10,
        "spec.containers[0].securityContext comes through a merge key (<<)",
    ),
    "a-duplicate-key": (8, 'duplicate key "image"'),
    "a-duplicate-key-in-JSON": (6, 'duplicate key "securityContext"'),
    "a-tag": (8, "it carries an anchor or a tag"),
    "an-anchor-in-the-list": (10, "an item of drop is not a plain value"),
    "question-marks": (1, "its style is not understood"),
}


@pytest.mark.parametrize("second", [False, True], ids=["alone", "second document"])
@pytest.mark.parametrize("case", sorted(CASES.glob("*.refused.*")), ids=name_of)
def test_what_cannot_be_edited_safely_is_refused_by_line_with_its_patch(
    case: Path, second: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, (line, reason) = case.read_text(), REFUSED[name_of(case)]
    above = f"{SERVICE}---\n" if second else ""
    path = tmp_path / "x.yaml"
    path.write_text(above + text)
    status = main(["harden", "-f", str(path), "--write"])
    out, err = capsys.readouterr()
    assert (status, path.read_text()) == (2, above + text)
    where = f"{path}:{line + above.count(chr(10))}: cannot be edited safely: "
    assert [said for said in err.splitlines() if said.startswith(f"error: {where}") and reason in said]
    assert 'its patch: kubectl patch pod p --type=json -p \'[{"op": "test"' in err
    assert out.startswith(f"pod/p not patched ({where}")


def test_an_object_that_cannot_be_edited_holds_back_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    item = "- apiVersion: v1\n  kind: Pod\n  metadata: {{name: {0}}}\n  spec: {{containers: [{{name: a, {1}}}]}}\n"
    soft, tagged = "securityContext: {}", "securityContext: !!map {}"
    hard = 'securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: ["ALL"]}}'

    def file(*contexts: str) -> str:
        return "apiVersion: v1\nkind: List\nitems:\n" + "".join(map(item.format, "abc", contexts))

    path = tmp_path / "x.yaml"
    path.write_text(file(soft, tagged, soft))
    assert main(["harden", "-f", str(path), "--write"]) == 2
    assert path.read_text() == file(hard, tagged, hard)
    results = [line.split(" (")[0] for line in capsys.readouterr().out.splitlines()[-3:]]
    assert results == ["pod/a patched", "pod/b not patched", "pod/c patched"]
