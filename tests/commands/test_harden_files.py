"""harden -f: printed, as a diff, in place, or only checked; what is written, how, and what is left alone."""

import json
import os
import pty
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from as_a_user import as_a_user

from kubectl_caps.main import main

KUBECTL = Path(sys.prefix, "bin", "kubectl")
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "hardening.schema.json").read_text())

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n"
SOFT = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: i\n"
HARD = (
    SOFT + '    securityContext:\n      allowPrivilegeEscalation: false\n      capabilities:\n        drop: ["ALL"]\n'
)
ALIAS = "x: &x {}\n" + SOFT + "    securityContext: *x\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(path: str, text: str) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    return Path(path)


def names(folder: str = ".") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def harden(*argv: str) -> int:
    return main(["harden", *argv])


# Printed


def test_all_documents_are_printed_the_unchanged_ones_too(capsys: pytest.CaptureFixture[str]) -> None:
    put("a.yaml", f"{SERVICE}---\n{SOFT}")
    put("b.yaml", SERVICE)
    put("c.json", '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}')
    put("d.yaml", HARD)
    assert harden("-f", ".") == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{SERVICE}---\n{HARD}---\n{SERVICE}---\n{{")
    assert [obj["kind"] for obj in yaml.safe_load_all(out)] == ["Service", "Pod", "Service", "Namespace", "Pod"]


def test_the_printed_stream_can_be_read_by_kubectl() -> None:
    put("a.json", json.dumps(yaml.safe_load(SOFT), indent="\t"))
    put("b.yaml", f"{SERVICE}---\n{SOFT}")
    put("c.json", json.dumps(yaml.safe_load(SOFT)))
    command = f"{sys.executable} -m kubectl_caps harden -f . | {KUBECTL} label --local -o json -f - a=b"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        check=True,
        env={"KUBECONFIG": "/nosuch", "PATH": os.environ["PATH"]},
    )
    assert (done.stdout.count('"kind": "Pod"'), done.stdout.count('"allowPrivilegeEscalation": false')) == (3, 3)


def test_standard_input_is_hardened_to_standard_output() -> None:
    argv = [sys.executable, "-m", "kubectl_caps", "harden", "-f", "-"]
    done = subprocess.run(argv, input=SOFT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (HARD, "")


def test_bytes_that_are_no_utf8_come_out_as_they_went_in() -> None:
    Path("a.yaml").write_bytes(b"# caf\xe9\n" + SOFT.encode())
    argv = [sys.executable, "-m", "kubectl_caps", "harden", "-f", "a.yaml"]
    assert subprocess.run(argv, capture_output=True, check=True).stdout == b"# caf\xe9\n" + HARD.encode()


def test_a_document_that_cannot_be_edited_is_printed_as_it_was_and_its_patch_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    put("a.yaml", f"{ALIAS}---\n{SOFT}")
    assert harden("-f", "a.yaml") == 2
    out, err = capsys.readouterr()
    assert out == f"{ALIAS}---\n{HARD}"
    lines = err.splitlines()
    assert lines[-2].startswith("error: a.yaml:1: cannot be edited safely: ")
    says, _, command = lines[-1].partition(": kubectl ")
    assert says == "its patch, for the document alone"
    local = [str(KUBECTL), *shlex.split(command)]
    done = subprocess.run(local, input=ALIAS, capture_output=True, text=True, check=True, env={"KUBECONFIG": "/nosuch"})
    assert yaml.safe_load(done.stdout)["spec"] == yaml.safe_load(HARD)["spec"]


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("apps/v1 Deployment", "kubectl patch deployment.apps p --type=json"),
        ("batch/v1 Job", "kubectl patch --local -f - -o yaml --type=json"),
    ],
)
def test_the_command_is_one_that_a_cluster_takes(kind: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    version, kind = kind.split()
    spec = "spec: {template: {spec: {containers: [{name: c, image: i, securityContext: !!map {}}]}}}"
    put("a.yaml", f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: p}}\n{spec}\n")
    assert harden("-f", "a.yaml") == 2
    assert f": {command} -p " in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("above", ["metadata:\n  name: p\n  annotations:\n", "metadata:\n  annotations:\n"])
def test_the_last_annotation_can_go(above: str, capsys: pytest.CaptureFixture[str]) -> None:
    unconfined = f"{above}    container.apparmor.security.beta.kubernetes.io/c: unconfined\n"
    put("a.yaml", SOFT.replace("metadata: {name: p}\n", unconfined))
    assert harden("-f", "a.yaml", "--profile", "restricted") == 0
    out = capsys.readouterr().out
    assert not yaml.safe_load(out)["metadata"].get("annotations")


# As a diff


@pytest.mark.parametrize("program", ["git apply", "patch -s -p1 --binary"])
def test_the_diff_and_write_give_the_same_files(program: str) -> None:
    if not shutil.which(program.split()[0]):
        pytest.skip(f"no {program.split()[0]} here")
    crlf, mark, no_end = SOFT.replace("\n", "\r\n"), "\ufeff" + SOFT, SOFT[:-1]
    texts = {"a.yaml": SOFT, "with blank/a b.yaml": SOFT, "c.yaml": crlf, "d.yaml": mark, "e.yaml": no_end}
    for name, text in texts.items():
        put(name, "").write_bytes(text.encode())
    argv = [sys.executable, "-m", "kubectl_caps", "harden", "-R", "-f", ".", "--diff"]
    diff = subprocess.run(argv, capture_output=True, check=True).stdout
    assert {name: Path(name).read_bytes() for name in texts} == {name: text.encode() for name, text in texts.items()}
    subprocess.run(program.split(), input=diff, check=True)
    patched = {name: Path(name).read_bytes() for name in texts}
    for name, text in texts.items():
        Path(name).write_bytes(text.encode())
    assert harden("-R", "-f", ".", "--write") == 0
    assert {name: Path(name).read_bytes() for name in texts} == patched


def on_a_terminal(*argv: str, **env: str) -> str:
    """What a command prints where stdout is a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "kubectl_caps", *argv]
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, env={**os.environ, **env}):
        os.close(theirs)
        text = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux says so when the other side is closed
                break
            if not part:
                break
            text += part
    os.close(ours)
    return text.decode().replace("\r\n", "\n")


def test_the_diff_is_coloured_only_on_a_terminal_and_without_NO_COLOR(capsys: pytest.CaptureFixture[str]) -> None:
    put("a.yaml", SOFT)
    green = "\x1b[32m+      allowPrivilegeEscalation: false\x1b[0m\n"
    assert green in on_a_terminal("harden", "-f", "a.yaml", "--diff")
    assert "\x1b" not in on_a_terminal("harden", "-f", "a.yaml", "--diff", NO_COLOR="1")
    assert harden("-f", "a.yaml", "--diff") == 0
    assert "\x1b" not in capsys.readouterr().out


def test_a_terminal_gets_no_control_character_of_a_file() -> None:
    put("a.yaml", f"{SOFT}---\na: \x1b]0;title\x07\n# \u202e\n")
    text = on_a_terminal("harden", "-f", "a.yaml")
    assert "\\x1b]0;title\\x07" in text
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


# In place


def test_write_reports_the_edited_files_and_edits_no_other_file(capsys: pytest.CaptureFixture[str]) -> None:
    soft, hard = put("a.yaml", SOFT), put("b.yaml", HARD)
    os.utime(hard, ns=(1, 1))
    assert harden("-f", ".", "--write") == 0
    assert (soft.read_text(), hard.stat().st_mtime_ns) == (HARD, 1)
    assert capsys.readouterr().out.splitlines()[-2:] == ["pod/p hardened", "pod/p unchanged"]
    assert names() == ["a.yaml", "b.yaml"]


def test_mode_and_owner_stay_and_a_link_keeps_pointing() -> None:
    real = put("real/a.yaml", SOFT)
    real.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(real, 1234, 5678)
    before = real.stat()
    Path("a.yaml").symlink_to("real/a.yaml")
    assert harden("-f", "a.yaml", "--write") == 0
    after = real.stat()
    assert real.read_text() == HARD
    assert Path("a.yaml").readlink() == Path("real/a.yaml")
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


@pytest.mark.parametrize("closed", ["file", "folder"])
def test_a_file_that_may_not_be_written_is_an_error_and_the_rest_is_written(closed: str) -> None:
    put("closed/a.yaml", SOFT)
    put("open/b.yaml", SOFT)
    path = Path("closed/a.yaml" if closed == "file" else "closed")
    mode = path.stat().st_mode
    path.chmod(mode & 0o555)
    done = as_a_user("harden", "-R", "-f", ".", "--write")
    path.chmod(mode)
    assert (done.returncode, done.stderr) == (2, "error: open closed/a.yaml: permission denied\n")
    assert "pod/p failed (open closed/a.yaml: permission denied)" in done.stdout
    assert (Path("closed/a.yaml").read_text(), Path("open/b.yaml").read_text()) == (SOFT, HARD)
    assert names("closed") == ["a.yaml"]


def test_a_full_disk_leaves_the_file_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    put("a.yaml", SOFT)
    monkeypatch.setattr(os, "fsync", full)
    assert harden("-f", "a.yaml", "--write") == 2
    assert (Path("a.yaml").read_text(), names()) == (SOFT, ["a.yaml"])


def test_a_file_that_somebody_changed_meanwhile_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = os.fsync

    def change(handle: int) -> None:
        put("a.yaml", SERVICE)
        real(handle)

    put("a.yaml", SOFT)
    monkeypatch.setattr(os, "fsync", change)
    assert harden("-f", "a.yaml", "--write") == 2
    assert (Path("a.yaml").read_text(), names()) == (SERVICE, ["a.yaml"])
    assert "error: a.yaml: was changed meanwhile, left alone" in capsys.readouterr().err


def test_a_pipe_cannot_be_edited_in_place() -> None:
    command = f"{sys.executable} -m kubectl_caps harden --write -f <(cat)"
    done = subprocess.run(["bash", "-c", command], input=SOFT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith(": not a regular file, cannot be edited in place\n")


# Only checked, and other outputs


def test_check_prints_the_changes_and_exits_1(capsys: pytest.CaptureFixture[str]) -> None:
    path = put("a.yaml", f"{SOFT}---\n{HARD}")
    assert harden("-f", "a.yaml", "--check") == 1
    assert path.read_text() == f"{SOFT}---\n{HARD}"
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["WORKLOAD", "CONTAINER", "FIELD", "OLD", "NEW"],
        ["pod/p", "c", "securityContext.allowPrivilegeEscalation", "<none>", "false"],
        ["pod/p", "c", "securityContext.capabilities.drop", "<none>", '["ALL"]'],
        ["pod/p", "would", "be", "hardened", "(check)"],
        ["pod/p", "unchanged"],
    ]


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({"a.yaml": HARD}, 0),
        ({"a.yaml": SERVICE}, 2),
        ({"a.yaml": SOFT}, 1),
        ({"a.yaml": SOFT, "b.yaml": "a: ["}, 2),
        ({"a.yaml": SOFT, "b.yaml": ALIAS}, 2),
        ({"a.yaml": SOFT.replace("image: i", "securityContext: {capabilities: {add: [ALL]}}")}, 2),
    ],
    ids=["hard", "no workload", "soft", "broken beside", "not editable beside", "adds ALL"],
)
def test_check_ends_with(files: dict[str, str], status: int) -> None:
    for path, text in files.items():
        put(path, text.replace("a: [", "kind: ["))
    assert harden("-f", ".", "--check") == status
    assert {path: Path(path).read_text().replace("kind: [", "a: [") for path in files} == files


def test_the_json_has_the_same_values_and_conforms_to_its_schema(capsys: pytest.CaptureFixture[str]) -> None:
    put("a.yaml", f"{SERVICE}---\n{SOFT}---\n{ALIAS}---\n{HARD}")
    assert harden("-f", "a.yaml", "-o", "json") == 2
    result = json.loads(capsys.readouterr().out)
    jsonschema.validate(result, SCHEMA)
    assert [(item["result"], item["source"]["line"]) for item in result["items"]] == [
        ("planned", 5),
        ("refused", 13),
        ("unchanged", 23),
    ]
    assert result["summary"]["unknown"] == 1


def test_output_name_prints_the_objects_that_would_change(capsys: pytest.CaptureFixture[str]) -> None:
    put("a.yaml", f"{SERVICE}---\n{HARD}---\n{SOFT.replace('name: p', 'name: soft')}")
    assert harden("-f", "a.yaml", "-o", "name") == 0
    assert capsys.readouterr().out == "pod/soft\n"


def test_the_patch_makes_the_same_of_the_object(capsys: pytest.CaptureFixture[str]) -> None:
    put("a.yaml", SOFT)
    assert harden("-f", "a.yaml", "-o", "patch") == 0
    Path("patch.json").write_text(capsys.readouterr().out)
    command = [str(KUBECTL), "patch", "--local", "-o", "json", "-f", "a.yaml", "--type=json", "--patch-file=patch.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"KUBECONFIG": "/nosuch"})
    assert json.loads(done.stdout)["spec"] == yaml.safe_load(HARD)["spec"]


# Which containers, which files


def test_a_named_container_is_hardened_in_every_file_and_must_exist_in_one(capsys: pytest.CaptureFixture[str]) -> None:
    put("a.yaml", SOFT)
    put("b.yaml", SOFT.replace("name: c", "name: d"))
    assert harden("-f", ".", "-c", "d", "--write") == 0
    assert (Path("a.yaml").read_text(), Path("b.yaml").read_text()) == (SOFT, HARD.replace("name: c", "name: d"))
    capsys.readouterr()
    assert harden("-f", ".", "-c", "c", "-c", "x", "--write") == 2
    assert capsys.readouterr().err == "error: container x is in none of the files; there are: c, d\n"
    assert Path("a.yaml").read_text() == SOFT


def test_an_add_for_a_container_applies_in_every_file_and_the_container_must_exist(
    capsys: pytest.CaptureFixture[str],
) -> None:
    put("a.yaml", SOFT)
    put("b.yaml", SOFT.replace("name: c", "name: d"))
    capsys.readouterr()
    assert harden("-f", ".", "--add", "x=CHOWN", "--write") == 2
    assert capsys.readouterr().err == "error: container x is in none of the files; there are: c, d\n"
    assert harden("-f", ".", "--add", "d=CHOWN", "--write") == 0
    assert Path("a.yaml").read_text() == HARD
    assert "CHOWN" in Path("b.yaml").read_text()


def test_a_file_that_is_named_twice_is_hardened_once(capsys: pytest.CaptureFixture[str]) -> None:
    put("a.yaml", SOFT)
    Path("b.yaml").symlink_to("a.yaml")
    assert harden("-f", "a.yaml", "-f", "./a.yaml", "-f", ".", "--write") == 0
    assert Path("a.yaml").read_text() == HARD
    assert capsys.readouterr().out.count("pod/p hardened") == 1


def test_a_file_may_be_called_as_standard_input_is() -> None:
    put("STDIN", SOFT)
    argv = [sys.executable, "-m", "kubectl_caps", "harden", "-f", "-", "-f", "STDIN"]
    done = subprocess.run(argv, input=SOFT, capture_output=True, text=True, check=True)
    assert done.stdout == f"{HARD}---\n{HARD}"


def test_a_chart_is_not_edited_and_the_command_to_render_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    put("chart/Chart.yaml", "name: web\n")
    template = put("chart/templates/pod.yaml", SOFT)
    for path in ("chart", "chart/templates", "chart/templates/pod.yaml"):
        assert harden("-R", "-f", path, "--write") == 2
        assert "helm template chart | " in capsys.readouterr().err
    assert template.read_text() == SOFT


def test_the_resources_of_a_kustomization_are_edited_and_its_patches_are_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    put("base/kustomization.yaml", "resources: [pod.yaml]\n")
    resource = put("base/pod.yaml", SOFT)
    put("prod/kustomization.yaml", "resources:\n- ../base\npatches:\n- path: patch.yaml\n")
    patch = put("prod/patch.yaml", SOFT)
    assert harden("-f", "prod", "--write") == 0
    assert (resource.read_text(), patch.read_text()) == (HARD, SOFT)
    err = capsys.readouterr().err.splitlines()
    assert err[0].startswith(
        "Warning: prod/kustomization.yaml: patches not applied here; for the result: "
    )
    assert err[0].endswith(" harden -k prod")
    assert err[1] == "Passed over 1 file listed as a patch by a kustomization: prod/patch.yaml"


@pytest.mark.parametrize(("flags", "status", "says"), [([], 0, "Warning: "), (["--check"], 2, "error: ")])
def test_resources_that_a_kustomization_changes_pass_no_gate(
    flags: list[str], status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put("base/pod.yaml", HARD)
    put("base/kustomization.yaml", "resources: [pod.yaml]\n")
    put("over/kustomization.yaml", "resources: [../base]\npatches: [{path: loosens.yaml}]\n")
    assert harden("-f", "base", *flags) == 0
    capsys.readouterr()
    assert harden("-f", "over", *flags) == status
    line = capsys.readouterr().err.splitlines()[0]
    assert line.startswith(f"{says}over/kustomization.yaml: patches not applied here; for the result: ")
    assert line.endswith(" harden -k over")


CHANGED = {"soft.yaml": SOFT, "hard.yaml": HARD, "values.yaml": "image: x\n", "broken.yaml": "a: [\n"}


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ("values.yaml", 0, "Judged 0 objects, passed over 1, left 0 unread."),
        ("hard.yaml values.yaml", 0, "Judged 1 object, passed over 1, left 0 unread."),
        ("soft.yaml values.yaml", 1, "Judged 1 object, passed over 1, left 0 unread."),
        ("soft.yaml broken.yaml", 2, "error parsing broken.yaml"),
        ("hard.yaml -c other", 0, "Judged 1 object"),
        ("", 2, "--changed-files: no files are given"),
        ("hard.yaml -f soft.yaml", 2, "only one of --changed-files or -f can be specified"),
        ("hard.yaml -k .", 2, "only one of --changed-files or -k can be specified"),
    ],
)
def test_changed_files_may_hold_no_object(
    arguments: str, status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in CHANGED.items():
        put(name, text)
    assert harden("--check", "--changed-files", *arguments.split()) == status
    assert says in capsys.readouterr().err


def test_a_named_file_must_hold_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    put("values.yaml", CHANGED["values.yaml"])
    assert harden("--check", "-f", "values.yaml") == 2
    assert "unable to decode" in capsys.readouterr().err


# What a container gains, keeps and lacks


@pytest.mark.parametrize("mode", ["--write", "--check", "--diff", ""])
def test_a_tight_container_is_not_widened_unless_the_user_accepts(
    mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = put("a.yaml", HARD)
    assert harden("-f", "a.yaml", "--add", "SYS_ADMIN", *filter(None, [mode])) == 2
    out, err = capsys.readouterr()
    assert path.read_text() == HARD
    says = "container c: gains SYS_ADMIN (critical risk), which it does not hold today; -c c or --yes accepts it"
    assert f"pod/p not hardened ({says})" in out + err


@pytest.mark.parametrize("consent", [["-c", "c"], ["--yes"], ["-y"], ["--force"]])
def test_an_accepted_gain_of_a_container_is_a_note(
    consent: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    put("a.yaml", HARD)
    assert harden("-f", "a.yaml", "--add", "SYS_ADMIN", *consent, "--write") == 0
    assert 'add: ["SYS_ADMIN"]' in Path("a.yaml").read_text()
    says = "pod/p: container c gains SYS_ADMIN (critical risk), which it does not hold today"
    assert says in capsys.readouterr().out.splitlines()


def test_gains_are_in_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    put("a.yaml", HARD)
    assert harden("-f", "a.yaml", "--add", "SYS_ADMIN", "-c", "c", "-o", "json") == 0
    result = json.loads(capsys.readouterr().out)
    jsonschema.validate(result, SCHEMA)
    everywhere = ["containerd", "cri-o", "docker"]
    gain = {"container": "c", "capability": "SYS_ADMIN", "risk": "critical", "runtimes": everywhere}
    assert result["items"][0]["gains"] == [gain]


def test_flags_without_meaning_for_files_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    put("a.yaml", SOFT)
    assert harden("-f", "a.yaml", "--yes") == 2
    assert capsys.readouterr().err == "error: --yes has no meaning with -f\n"


@pytest.mark.parametrize("text", [SOFT, HARD], ids=["hardened", "unchanged"])
def test_the_add_that_a_known_image_needs_is_said(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    put("a.yaml", text.replace("image: i", "image: registry.k8s.io/coredns/coredns:v1.12.0"))
    harden("-f", "a.yaml", "--check")
    says = (
        "pod/p: container c its image is known to have NET_BIND_SERVICE as a file capability, "
        "and does not start without; --add NET_BIND_SERVICE adds it"
    )
    assert says in capsys.readouterr().out
    harden("-f", "a.yaml", "--check", "--add", "NET_BIND_SERVICE", "-c", "c")
    assert "file capability" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-c", "c,x", "-c", "d, c"], "container x is in none of the files; there are: c, d"),
        (["-c", "c,"], 'invalid argument "c," for "--container" flag: a name is empty'),
        (["-c", ""], 'invalid argument "" for "--container" flag: a name is empty'),
    ],
)
def test_containers_are_split_at_commas(flags: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    put("a.yaml", SOFT)
    put("b.yaml", SOFT.replace("name: c", "name: d"))
    assert harden("-f", ".", *flags) == 2
    assert capsys.readouterr().err == f"error: {message}\n"


# What cannot be hardened

PRIVILEGED = SOFT + "    securityContext: {privileged: true}\n"
LEFT = "pod/p: container c is privileged (critical risk), which overrides capabilities: left as it is"


def exemptions(until: str, *capabilities: str) -> str:
    entry = {"name": "p", "capabilities": capabilities, "reason": "it is the node agent", "until": until}
    document = {"apiVersion": "kubectl-caps/v1alpha1", "kind": "Exemptions", "exemptions": [entry]}
    return str(put("../exemptions.json", json.dumps(document)))


@pytest.mark.parametrize("more", [[], ["-c", "c"], ["-o", "json"]])
def test_a_container_that_cannot_be_hardened_fails_the_check(
    more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    put("a.yaml", PRIVILEGED)
    assert harden("-f", ".", "--check", *more) == 1
    out, err = capsys.readouterr()
    assert LEFT in out.splitlines() or "is privileged (critical risk)" in out
    assert 'a.yaml:1: pod/p, container "c": cannot be hardened: it is privileged' in err.splitlines()


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        (SOFT + "  os: {name: windows}\n", []),
        (PRIVILEGED + "  - {name: d, image: i}\n", ["-c", "d", "--write"]),
        (PRIVILEGED, ["--write"]),
        (PRIVILEGED, []),
    ],
    ids=["windows", "another container", "write", "print"],
)
def test_kept_settings_are_named_and_do_not_fail_the_command(
    text: str, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    put("a.yaml", text)
    assert harden("-f", ".", *(flags or (["--check"] if "windows" in text else []))) == 0
    out, err = capsys.readouterr()
    assert ("left as it is" in out + err) == ("-c" not in flags)


@pytest.mark.parametrize(
    ("until", "names", "status", "says"),
    [
        ("never", ["privileged"], 0, "passes --check only by an exemption: "),
        ("2020-01-01", ["privileged"], 1, "exempted until 2020-01-01"),
        ("never", ["ALL"], 1, "cannot be hardened: it is privileged"),
    ],
)
def test_a_privileged_container_can_be_exempted_from_the_check(
    until: str, names: list[str], status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put("a.yaml", PRIVILEGED)
    file = exemptions(until, *names)
    assert harden("-f", ".", "--check", "--exemptions", file) == status
    assert says in capsys.readouterr().err


def test_an_exemption_in_an_annotation_counts_unless_only_the_file_does() -> None:
    annotated = "metadata: {name: p, annotations: {kubectl-caps/exempt: privileged; agent; never}}"
    put("a.yaml", PRIVILEGED.replace("metadata: {name: p}", annotated))
    assert harden("-f", ".", "--check") == 0
    assert harden("-f", ".", "--check", "--exemptions-from", "file") == 1


@pytest.mark.parametrize("flags", [["-f", "."], ["-f", ".", "--write"], ["deploy", "web"]])
def test_exemptions_go_with_the_check_of_files_only(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    put("a.yaml", SOFT)
    assert harden(*flags, "--exemptions", "x") == 2
    assert capsys.readouterr().err == "error: --exemptions goes with -f and --check\n"


def test_kept_adds_are_listed_with_their_risk_if_no_field_changes(capsys: pytest.CaptureFixture[str]) -> None:
    put("a.yaml", HARD.replace('drop: ["ALL"]', 'drop: ["ALL"], add: ["SYS_ADMIN"]').replace(
        "capabilities:\n        drop", "capabilities: {drop").replace('"SYS_ADMIN"]', '"SYS_ADMIN"]}'))  # fmt: skip
    assert harden("-f", ".", "--check") == 0
    assert capsys.readouterr().out.splitlines() == [
        "pod/p: container c keeps its declared add SYS_ADMIN (critical risk); --remove-adds removes it",
        "pod/p unchanged",
    ]
