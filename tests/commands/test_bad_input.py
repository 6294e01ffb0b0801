"""Input that cannot be judged: one line on stderr in kubectl's words, exit status 2, and all else still judged."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from as_a_user import as_a_user

from kubectl_caps.main import main

KUBECTL = Path(sys.prefix, "bin", "kubectl")
POD = "apiVersion: v1\nkind: Pod\nmetadata: {{name: {0}}}\nspec: {{containers: [{{name: c, image: i}}]}}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(path: str, text: str | bytes) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(text if isinstance(text, bytes) else text.encode())


def inspected(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, list[str], list[str]]:
    """The exit status, the names on stdout and the lines on stderr."""
    status = main(["inspect", "-o", "name", *argv])
    out, err = capsys.readouterr()
    return status, out.splitlines(), err.splitlines()


@pytest.mark.parametrize(
    "path", ["", "nosuch.yaml", "no/such", "dangling.yaml", "loop.yaml", "a.yaml/x", "empty", "no*.yaml"]
)
def test_a_missing_path_gives_kubectls_error(
    path: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put("a.yaml", POD.format("a"))
    Path("empty").mkdir()
    Path("dangling.yaml").symlink_to("gone")
    Path("loop.yaml").symlink_to("loop.yaml")
    command = [str(KUBECTL), "label", "--local", "-f", path, "a=b"]
    kubectl = subprocess.run(command, capture_output=True, text=True, check=False, env={"KUBECONFIG": "/nosuch"})
    assert kubectl.stderr.startswith("error: ")
    assert inspected(capsys, "-f", path, "-f", "a.yaml") == (2, ["pod/a"], kubectl.stderr.splitlines())


def test_a_file_that_may_not_be_read_is_an_error(folder: Path) -> None:
    put("secret.yaml", POD.format("a"))
    put("a.yaml", POD.format("b"))
    Path("secret.yaml").chmod(0)
    done = as_a_user("inspect", "-o", "name", "-f", ".")
    assert (done.returncode, done.stdout) == (2, "pod/b\n")
    assert done.stderr == "error: open secret.yaml: permission denied\n"


@pytest.mark.parametrize("mode", [0o000, 0o444], ids=["not listed", "listed and not entered"])
def test_a_folder_that_may_not_be_entered_is_an_error_and_hides_no_other_one(mode: int, folder: Path) -> None:
    put("a/secret.yaml", POD.format("a"))
    put("b/kustomization.yaml", "resources: [../a, b.yaml]\n")
    put("b/b.yaml", POD.format("b"))
    Path("a").chmod(mode)
    done = as_a_user("inspect", "-o", "name", "-R", "-f", ".")
    Path("a").chmod(0o755)
    assert (done.returncode, done.stdout) == (2, "pod/b\n")
    assert re.fullmatch(r"(error: open a\S*: permission denied\n)+", done.stderr)


BROKEN = {
    "a tab": ("a:\n\tb: 1\n", "error parsing x.yaml: error converting YAML to JSON: yaml: line 9: found character"),
    "an open bracket": ("a: [\n", "error parsing x.yaml: error converting YAML to JSON: yaml: line 9: did not find"),
    "a template": (
        "a: {{ .Values.a }}\n",
        "error parsing x.yaml: line 8: looks like a Helm template; render it first: helm template CHART | ",
    ),
    "a template's condition": (
        "{{- if .Values.a }}\na: 1\n{{- end }}\n",
        "error parsing x.yaml: line 8: looks like a Helm template; render it first: helm template CHART | ",
    ),
    "no kind": ("a: 1\n", "unable to decode \"x.yaml\": line 8: Object 'Kind' is missing in '{\"a\":1}'"),
    "no apiVersion": ("kind: Pod\n", "unable to decode \"x.yaml\": line 8: Object 'apiVersion' is missing in"),
    "a list": ("- a\n", 'unable to decode "x.yaml": line 8: not a Kubernetes object but a list'),
    "text": ("hello\n", 'unable to decode "x.yaml": line 8: not a Kubernetes object but a string'),
    "an escape": (
        "a: \x1b[31m\n",
        "error parsing x.yaml: error converting YAML to JSON: yaml: line 8: control characters are not allowed",
    ),
    "an unknown kind with pods": (
        "apiVersion: x.io/v1\nkind: Fleet\nspec: {pods: {containers: [{name: a, image: b}]}}\n",
        "x.yaml:8: x.io/v1 Fleet seems to make pods (spec.pods.containers), but the kind is unknown",
    ),
    "a wrong type": (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, securityContext: yes}]}\n",
        "x.yaml:8: Pod p: spec.containers[0].securityContext: expected object | null, got bool",
    ),
    "a string for a boolean": (
        POD.format("p").replace("image: i", "securityContext: {privileged: 'true'}"),
        "x.yaml:8: Pod p: spec.containers[0].securityContext.privileged: expected bool | null, got str",
    ),
    "a volume that is no object": (
        POD.format("p").replace("spec: {", "spec: {volumes: [{name: v, emptyDir: yes}], "),
        "x.yaml:8: Pod p: spec.volumes[0].emptyDir: expected object | null, got bool",
    ),
    "no template": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {selector: {}}\n",
        "x.yaml:8: Deployment d: spec.template: Required value",
    ),
    "no containers": (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nSpec: {containers: [{name: a, image: i}]}\n",
        "x.yaml:8: Pod p: spec.containers: Required value",
    ),
    "a kind in a group that has none": (
        "apiVersion: v1\nkind: Deployment\nmetadata: {name: d}\nspec: {}\n",
        'x.yaml:8: no matches for kind "Deployment" in version "v1"',
    ),
    "an item of a list": (
        "apiVersion: v1\nkind: List\nitems:\n- {kind: Pod}\n",
        "unable to decode \"x.yaml\": line 11: Object 'apiVersion' is missing in",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_document_hides_no_other_document(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, message = BROKEN[name]
    put("x.yaml", f"# a\n---\n{POD.format('a')}--- # b\n{text}---\n{POD.format('b')}")
    status, names, errors = inspected(capsys, "-f", "x.yaml")
    assert (status, names) == (2, ["pod/a", "pod/b"])
    assert [error[: len(message) + 7] for error in errors] == [f"error: {message}"]


def test_bytes_that_are_no_text_are_an_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put("x.yaml", bytes(range(256)))
    status, names, errors = inspected(capsys, "-f", "x.yaml")
    assert (status, names, len(errors)) == (2, [], 1)
    assert errors[0].endswith("control characters are not allowed")


GATES = {"inspect": ["--require=restricted"], "harden": ["--check"], "label-ns": ["--check"]}


@pytest.mark.parametrize("command", GATES)
@pytest.mark.parametrize("text", ["", "# c\n---\n", "apiVersion: v1\nkind: List\nitems: []\n"])
def test_a_gate_does_not_pass_a_file_without_any_object(
    text: str, command: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put("x.yaml", text)
    put("k/kustomization.yaml", "resources: [service.yaml]\n")
    for name in ("service.yaml", "k/service.yaml"):
        put(name, "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n")
    Path("link.yaml").symlink_to("service.yaml")
    assert main([command, "-f", "x.yaml", "-f", "service.yaml", "-f", "x.yaml", *GATES[command]]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert errors == [f"error: x.yaml: no objects passed to {command}"]
    for files in (["link.yaml", "service.yaml"], ["."], ["k/kustomization.yaml"]):
        assert main([command, *(f"-f={name}" for name in files), *GATES[command]]) == 2, files
        errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
        assert [error.partition(": the")[0] for error in errors] == ["error: nothing to judge"]


@pytest.mark.parametrize("command", GATES)
def test_the_output_of_a_failed_program_passes_no_gate(command: str) -> None:
    argv = [sys.executable, "-m", "kubectl_caps", command, "-f", "-", *GATES[command]]
    done = subprocess.run(argv, input="", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: STDIN: no objects passed to {command}\n")


def test_a_folder_without_objects_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put("x.yaml", "")
    assert main(["harden", "-f", "."]) == 0
    passed_over = "Passed over 1 file without objects to judge: x.yaml"
    assert capsys.readouterr().err.splitlines() == [passed_over, "No resources found"]
    assert main(["harden", "-f", ".", "--check"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        passed_over,
        "error: nothing to judge: the files hold no object that runs pods",
        "Judged 0 objects, passed over 1, left 0 unread.",
    ]


def test_control_characters_in_names_are_escaped(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put("x\x1b[31m.yaml", POD.format('"a\\e[31m\\u202e"') + "---\n- a\n")
    status, names, errors = inspected(capsys, "-f", ".")
    assert (status, names) == (2, ["pod/a\\x1b[31m\\u202e"])
    assert errors == ['error: unable to decode "x\\x1b[31m.yaml": line 6: not a Kubernetes object but a list']


@pytest.mark.parametrize("output", ["table", "wide", "json", "yaml", "name", "sarif", "html"])
def test_no_output_has_a_control_character_of_a_name(
    output: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put("x.yaml", POD.format('"a\\e[2J\\e]0;x\\a"') + "---\n" + POD.format("b"))
    main(["inspect", "-f", "x.yaml", "-o", output])
    assert not {"\x1b", "\x07"} & set("".join(capsys.readouterr()))


def test_a_duplicate_key_is_said_and_the_last_one_judged_as_kubectl_does(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put("x.yaml", POD.format("a, name: b"))
    warning = 'Warning: x.yaml:3: duplicate key "name", first on line 3; kubectl takes the last one'
    assert inspected(capsys, "-f", "x.yaml") == (0, ["pod/b"], [warning])


@pytest.mark.parametrize("output", ["table", "wide", "json", "yaml", "name", "sarif", "html"])
def test_half_a_character_in_a_name_is_read_and_written_as_go_does(
    output: str, folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    pod = (
        r'{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x\ud800"}, "spec": {"containers": [{"name": "c"}]}}'
    )
    put("a\udcff.json", pod)
    assert main(["inspect", "-o", output, "-f", "."]) == 0
    out, err = capfdbinary.readouterr()
    assert ("x\ufffd".encode() in out) or (rb"x\ufffd" in out.lower())
    assert err == b""


def test_an_address_is_not_read_and_says_how(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, errors = inspected(capsys, "-f", "https://x.io/y.yaml")
    assert (status, len(errors)) == (2, 1)
    assert "curl -sSL https://x.io/y.yaml | " in errors[0]


@pytest.mark.parametrize("argv", [["inspect"], ["harden", "--check"], ["label-ns"]], ids=lambda argv: argv[0])
def test_objects_that_could_not_be_judged_are_counted(
    argv: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put("x.yaml", "a: [\n---\n- b\n")
    assert main([*argv, "-f", "x.yaml", "-o", "json"]) == 2
    assert '"unknown": 2' in capsys.readouterr().out
