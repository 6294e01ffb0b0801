"""`harden --write` on the files in tests/cases: NAME.before.* becomes NAME.after.*, to the byte.

Each case is run in other dress too: with CRLF, a byte order mark, as UTF-16, without the last line end, as the second
document of a file, put behind another with its mark. `UPDATE=1 pytest` writes the .after files anew; then read the
difference.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import real_kubectl

from kubectl_caps.main import main
from kubectl_caps.manifests.read.objects import ManifestObject, read_objects

CASES = Path(__file__).parents[1] / "cases"
BEFORE = sorted(CASES.glob("*.before.*"))
FLAGS = {
    "add": ["--add", "net_raw,CAP_CHOWN", "--yes"],
    "add-beside-lists-not-indented": ["--add", "chown", "--yes"],
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
    "BOM behind a separator": lambda text: f"{SERVICE}---# c\n\ufeff{text}".encode(),
    "Latin-1 in a comment": lambda text: b"---\n# caf\xe9\n" + text.encode(),
}


def fits(dress: str, name: str, text: str) -> bool:
    """Whether a case can wear it: some are about this very thing, and a directive or JSON must come first."""
    first = {"second document": "%", "BOM behind a separator": "%", "Latin-1 in a comment": "%{"}.get(dress, "")
    about = {
        "no last line end": ("block-scalars-last", "trailing-blanks"),
        "second document": ("json-stream",),
        "BOM behind a separator": ("json-stream",),
    }
    return text[0] not in first and name not in about.get(dress, ())


def name_of(path: Path) -> str:
    return path.name.partition(".")[0]


def after_of(path: Path) -> Path:
    return path.with_name(path.name.replace(".before.", ".after."))


def hardened(files: dict[str, bytes], case: Path, folder: Path) -> dict[str, bytes]:
    """The files, dress by dress, after `harden --write` of them all."""
    paths = {dress: folder / f"{dress}{case.suffix}" for dress in files}
    for dress, data in files.items():
        paths[dress].write_bytes(data)
    status = main(["harden", "-f", str(folder), "--write", *FLAGS.get(name_of(case), [])])
    assert status == (2 if name_of(case) in CANNOT_BE_READ_WHOLE else 0)
    return {dress: path.read_bytes() for dress, path in paths.items()}


@pytest.mark.parametrize("before", BEFORE, ids=name_of)
def test_only_the_lines_that_must_change_do(before: Path, tmp_path: Path) -> None:
    text, after = before.read_text(), after_of(before)
    dresses = {dress: dressed for dress, dressed in DRESSES.items() if fits(dress, name_of(before), text)}
    result = hardened({dress: dressed(text) for dress, dressed in dresses.items()}, before, tmp_path)
    if os.environ.get("UPDATE"):
        after.write_bytes(result["as it is"])
    assert result == {dress: dressed(after.read_text()) for dress, dressed in dresses.items()}
    assert hardened(result, before, tmp_path) == result


NOT_FOR_KUBECTL = ("broken-next-door", "document-with-dots")


def test_the_real_kubectl_reads_the_edited_files_as_we_do(tmp_path: Path) -> None:
    for path in CASES.glob("*.after.*"):
        if name_of(path) not in NOT_FOR_KUBECTL:
            shutil.copy(path, tmp_path)
    objects, says = real_kubectl.read(tmp_path)
    assert says == ""
    items = list(read_objects([str(tmp_path)], recursive=False, command=""))
    ours = [real_kubectl.without_labels(item.object) for item in items if isinstance(item, ManifestObject)]
    assert (len(items), ours) == (len(objects), objects)


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
    "a-tag": (8, "the value has an anchor or a tag"),
    "an-anchor-in-the-list": (10, "an item of drop is not a plain value"),
    "question-marks": (1, "the style of the text is not understood"),
}


@pytest.mark.parametrize("second", [False, True], ids=["alone", "second document"])
@pytest.mark.parametrize("case", sorted(CASES.glob("*.refused.*")), ids=name_of)
def test_an_object_that_cannot_be_edited_safely_is_refused_by_line_with_its_patch(
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
    assert 'its patch, for the document alone: kubectl patch --local -f - -o yaml --type=json -p \'[{"op": "te' in err
    assert out.startswith(f"pod/p not hardened ({where}")


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
    assert results == ["pod/a hardened", "pod/b not hardened", "pod/c hardened"]
