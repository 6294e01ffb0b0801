"""The gates of `inspect`: exit status and words with every output; a file of exemptions is used whole or not at all."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from kubectl_caps.core.assess.assess import assess
from kubectl_caps.core.assess.assessment import NodeRuntime
from kubectl_caps.core.assess.gates import Gate, gate_failures
from kubectl_caps.core.kubernetes.container import Container
from kubectl_caps.core.kubernetes.pod import Metadata, PodSpec, PodTemplate
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.linux.runtimes import runtime_of
from kubectl_caps.main import main

EXAMPLES = Path(__file__).parents[2] / "examples"
PRIVILEGED = """\
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: dev}
spec: {containers: [{name: c, image: i, securityContext: {privileged: true}}]}
"""
HARDENED = """\
apiVersion: v1
kind: Pod
metadata: {name: hardened}
spec:
  containers:
  - {name: c, image: i, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, runAsUser: 1}}
"""
OUTPUTS = ("table", "wide", "json", "yaml", "name")
EXEMPTIONS = """\
apiVersion: kubectl-caps/v1alpha1
kind: Exemptions
exemptions:
"""
ENTRY = "- {name: web, capabilities: [NET_RAW], reason: pings, until: never}\n"

STATUS: list[tuple[str, tuple[str, ...], int]] = [
    ("nginx.yaml", (), 0),
    ("nginx.yaml", ("--fail-on", "critical"), 0),
    ("nginx.yaml", ("--fail-on", "high"), 1),
    ("nginx.yaml", ("--fail-on", "low"), 1),
    ("api.yaml", ("--fail-on", "low"), 0),
    ("debug.yaml", ("--fail-on", "critical"), 1),
    ("nginx.yaml", ("--require", "privileged"), 0),
    ("nginx.yaml", ("--require", "baseline"), 0),
    ("nginx.yaml", ("--require", "restricted"), 1),
    ("api.yaml", ("--require", "restricted", "--fail-on", "low"), 0),
    ("debug.yaml", ("--require", "baseline:latest"), 1),
    ("missing.yaml", ("--fail-on", "critical"), 2),
]


@pytest.mark.parametrize(("file", "flags", "status"), STATUS)
def test_a_gate_sets_the_exit_status(
    file: str, flags: tuple[str, ...], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", "-f", str(EXAMPLES / file), *flags]) == status


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_output_has_the_gate_and_its_words_are_not_in_it(output: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = EXAMPLES / "nginx.yaml"
    assert main(["inspect", "-f", str(path), "--fail-on", "high", "-o", output]) == 1
    captured = capsys.readouterr()
    said = f'{path}:4: deployment.apps/web, container "nginx": the risk is high: NET_RAW\n'
    assert captured.err == f"{said}Judged 1 object, passed over 0, left 0 unread.\n"
    assert said not in captured.out


COUNTED = {
    "inspect --fail-on critical": 0,
    "inspect --require privileged": 0,
    "harden --check": 1,
    "label-ns --check --enforce baseline": 1,
}


@pytest.mark.parametrize("command", COUNTED)
def test_a_gate_on_files_says_how_much_it_judged(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec: {containers: [{name: c, image: i}]}\n"
    service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\n"
    namespace = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
    (tmp_path / "a.yaml").write_text(pod + service + (namespace if "label-ns" in command else ""))
    (tmp_path / "values.yaml").write_text("a: b\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.yaml").write_text(pod)
    (tmp_path / "link").symlink_to("sub")
    name, *flags = command.split()
    assert main([name, "-f", ".", *flags, "-o", "json"]) == COUNTED[command]
    out, err = capsys.readouterr()
    unread = "Left 2 folders unread because -R is not given: link, sub"
    line = "Judged 1 object, passed over 2, left 2 unread."
    assert [said for said in err.splitlines() if said in (unread, line)] == [unread, line]
    summary = json.loads(out)["summary"]
    assert (summary["judged"], summary["passedOver"], summary["notRead"]) == (1, 2, 2)
    main([name, "-f", ".", "-R", *flags])
    assert "Judged 2 objects, passed over 2, left 1 unread.\n" in capsys.readouterr().err


NOT_OPENED = {
    "a file that is not there": (["gone.yaml"], 'the path "gone.yaml" does not exist'),
    "an address": (["https://x.io/y.yaml"], "addresses are not read"),
    "a chart": (["chart"], "a Helm chart"),
    "a resource of a kustomization that is not there": (["k"], "no file here, not read"),
    "a pattern of nothing": (["x*.yaml"], "does not exist"),
}


@pytest.mark.parametrize("name", NOT_OPENED)
def test_files_that_could_not_be_opened_count_as_unread(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for path, text in {"chart/Chart.yaml": "name: x\n", "k/kustomization.yaml": "resources: [gone.yaml]\n"}.items():
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text(text)
    paths, words = NOT_OPENED[name]
    assert main(["inspect", *(f"-f={path}" for path in paths), "--fail-on", "high"]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.endswith("Judged 0 objects, passed over 0, left 1 unread.\n")


def test_a_level_is_judged_by_the_version_that_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n"
        "spec:\n  containers:\n  - {name: c, image: i, securityContext: {runAsUser: 0, runAsNonRoot: true, "
        "allowPrivilegeEscalation: false, seccompProfile: {type: RuntimeDefault}, capabilities: {drop: [ALL]}}}\n"
    )
    assert main(["inspect", "-f", str(path), "--require", "restricted:v1.22"]) == 0
    assert main(["inspect", "-f", str(path), "--require", "restricted:v1.23"]) == 1
    assert 'pod/x, container "c": not restricted (v1.23): runAsUser' in capsys.readouterr().err


def test_objects_that_cannot_be_judged_do_not_pass_and_status_2_beats_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {template: 7}\n")
    assert main(["inspect", "-f", str(path), "-f", str(EXAMPLES / "nginx.yaml"), "--fail-on", "high"]) == 2
    err = capsys.readouterr().err
    assert "the risk is high" in err
    assert "1 could not be judged, which does not pass --fail-on" in err


VOID_ON_CONTAINERD = """
apiVersion: v1
kind: Pod
metadata: {name: x}
spec: {containers: [{name: c, securityContext: {capabilities: {drop: [ALL], add: [CAP_SYS_ADMIN]}}}]}
"""


@pytest.mark.parametrize(
    ("flags", "status", "words"),
    [
        ((), 1, 'pod/x, container "c": the risk is critical: SYS_ADMIN on cri-o and docker'),
        (("--runtime", "containerd"), 0, ""),
        (("--runtime", "cri-o"), 1, 'pod/x, container "c": the risk is critical: SYS_ADMIN'),
        (("-o", "sarif"), 1, 'pod/x, container "c": the risk is critical: SYS_ADMIN on cri-o and docker'),
        (("-o", "html"), 1, 'pod/x, container "c": the risk is critical: SYS_ADMIN on cri-o and docker'),
    ],
)
def test_a_gate_judges_an_unknown_runtime_as_the_worst_one(
    flags: tuple[str, ...], status: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(VOID_ON_CONTAINERD)
    assert main(["inspect", "-f", str(path), "--fail-on", "low", *flags]) == status
    captured = capsys.readouterr()
    assert words in captured.err
    if not flags:
        assert "Risk:        critical on cri-o and docker" in captured.out
    if "sarif" in flags:
        assert "the risk is critical: SYS_ADMIN on cri-o and docker (critical)" in captured.out
    if "html" in flags:
        assert "</span> on cri-o and docker" in captured.out


def test_a_workload_without_containers_does_not_pass() -> None:
    nothing = Workload(api_version="v1", kind="Pod", metadata=Metadata(name="x"), template=PodTemplate(), path=())
    assessment = assess(nothing, [], [NodeRuntime(runtime_of(None), 0, "assumed")], 37)
    assert [failure.why for failure in gate_failures([assessment], Gate("critical"))] == [
        "it has no containers, so its risk is not known"
    ]


def test_an_unknown_risk_does_not_pass() -> None:
    template = PodTemplate(spec=PodSpec(containers=[Container(name="c")]))
    pod = Workload(api_version="v1", kind="Pod", metadata=Metadata(name="x"), template=template, path=())
    assessment = assess(pod, [], [NodeRuntime(runtime_of(None), 0, "assumed")], 37)
    (container,) = assessment.containers
    unknown = replace(assessment, containers=(replace(container, risk="unknown"),))
    assert [failure.why for failure in gate_failures([unknown], Gate("critical"))] == ["the risk is unknown"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--fail-on", "none"), 'error: --fail-on: invalid value "none": must be one of low, medium, high, critical'),
        (("--require", "strict"), 'error: --require: invalid value "strict"'),
        (("--require", "baseline:1.30"), 'error: --require: invalid value "baseline:1.30"'),
        (("--require", "baseline:v1.99"), "error: Pod Security v1.99 is not known here, the newest is v1."),
        (
            ("--require", "baseline:v1.30", "--pod-security-version", "v1.31"),
            "error: --require and --pod-security-version name different versions",
        ),
    ],
)
def test_a_gate_that_does_not_exist_is_an_error(
    flags: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", "-f", str(EXAMPLES / "api.yaml"), *flags]) == 2
    assert capsys.readouterr().err.startswith(words)


def test_an_exempted_capability_passes_and_the_true_risk_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "exemptions.yaml"
    path.write_text(EXEMPTIONS + ENTRY)
    argv = ["inspect", "-f", str(EXAMPLES / "nginx.yaml"), "--fail-on", "high", "--exemptions", str(path)]
    assert main(argv) == 0
    captured = capsys.readouterr()
    assert "Risk:        high (medium without exempted findings)" in captured.out
    assert f"Exempted:    capability NET_RAW: pings (for good; {path}:4)" in captured.out
    assert captured.err == (
        f'{EXAMPLES / "nginx.yaml"}:4: deployment.apps/web, container "nginx": passes --fail-on only by an exemption: '
        f"capability NET_RAW: pings (for good; {path}:4)\nJudged 1 object, passed over 0, left 0 unread.\n"
    )


SELF_EXEMPTED = """
apiVersion: v1
kind: Pod
metadata:
  name: x
  annotations: {exempt.kubectl-caps/c: "ALL; trust me; never"}
spec: {containers: [{name: c, securityContext: {capabilities: {drop: [ALL], add: [SYS_ADMIN]}}}]}
"""
FOR_X = "- name: x\n  capabilities: [SYS_ADMIN]\n  reason: mounts\n  until: 2999-12-31\n"
BY_ANNOTATION = "capability ALL: trust me (for good; annotation exempt.kubectl-caps/c)"
BY_FILE = "capability SYS_ADMIN: mounts (until 2999-12-31; "
NOT_COUNTED = "pod/x: annotation exempt.kubectl-caps/c: exempts nothing, because only the file counts"


@pytest.mark.parametrize(
    ("source", "has_file", "status", "said"),
    [
        (None, False, 0, [BY_ANNOTATION]),
        ("all", False, 0, [BY_ANNOTATION]),
        ("annotation", False, 0, [BY_ANNOTATION]),
        ("file", False, 1, [NOT_COUNTED]),
        ("file", True, 0, [NOT_COUNTED, BY_FILE]),
        ("all", True, 0, [BY_ANNOTATION, BY_FILE]),
    ],
)
def test_an_exemption_that_opens_a_gate_is_said_and_annotations_count_only_where_they_may(
    source: str | None, has_file: bool, status: int, said: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, file = tmp_path / "x.yaml", tmp_path / "exemptions.yaml"
    path.write_text(SELF_EXEMPTED)
    file.write_text(EXEMPTIONS + FOR_X)
    flags = [*(["--exemptions-from", source] if source else []), *(["--exemptions", str(file)] if has_file else [])]
    assert main(["inspect", "-f", str(path), "--fail-on", "high", *flags]) == status
    err = capsys.readouterr().err
    for words in (BY_ANNOTATION, BY_FILE, NOT_COUNTED):
        assert (words in err) == (words in said), err
    passes = 'pod/x, container "c": passes --fail-on only by an exemption: '
    assert (passes in err) == (status == 0)


def test_exemptions_open_no_gate_if_no_gate_is_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(SELF_EXEMPTED)
    assert main(["inspect", "-f", str(path)]) == 0
    assert "only by an exemption" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (
            ("--exemptions-from", "none"),
            'invalid argument "none" for "--exemptions-from" flag: must be file, annotation',
        ),
        (("--exemptions-from=annotation", "--exemptions", "x"), "cannot be used together"),
    ],
)
def test_a_source_of_exemptions_that_does_not_exist_is_an_error(
    flags: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", "-f", str(EXAMPLES / "api.yaml"), *flags]) == 2
    assert words in capsys.readouterr().err


UNKNOWN = (
    "apiVersion: x.io/v1\nkind: Farm\nmetadata: {name: f, namespace: shop}\nspec: {containers: [{name: c, image: i}]}\n"
)
BROKEN, FINE = "kind: Pod\n  apiVersion: v1\n", (EXAMPLES / "api.yaml").read_text()
MALFORMED = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {template: 7}\n"

# The files, the target of the entry, its expiry, the exit status, and how many count as not judged.
NOT_JUDGED: list[tuple[str, dict[str, str], str, str, int, int]] = [
    ("an object by name", {"a": UNKNOWN}, "kind: farm, namespace: shop, name: f", "never", 0, 0),
    ("an object by patterns", {"a": UNKNOWN}, "name: '*'", "2999-01-01", 0, 0),
    ("a malformed object", {"a": MALFORMED}, "kind: Deployment, name: x", "never", 0, 0),
    ("a file", {"a": BROKEN}, "file: '*/a.yaml'", "never", 0, 0),
    ("an object of a file", {"a": UNKNOWN}, "file: '*/a.yaml', name: f", "never", 0, 0),
    ("a chart", {"chart/Chart": "name: x\nversion: 1.0.0\n"}, "file: '*/chart'", "never", 0, 0),
    ("expired", {"a": UNKNOWN}, "name: f", "2020-01-01", 2, 1),
    ("another name", {"a": UNKNOWN}, "name: g", "never", 2, 1),
    ("another kind", {"a": UNKNOWN}, "kind: Barn, name: f", "never", 2, 1),
    ("another namespace", {"a": UNKNOWN}, "namespace: web, name: f", "never", 2, 1),
    ("another file", {"a": BROKEN}, "file: '*/b.yaml'", "never", 2, 1),
    ("a file that is broken is no object", {"a": BROKEN}, "name: '*'", "never", 2, 1),
    ("a file that is broken has no kind", {"a": BROKEN}, "kind: '*', name: '*'", "never", 2, 1),
    ("one of two", {"a": UNKNOWN, "b": BROKEN}, "name: f", "never", 2, 1),
]


@pytest.mark.parametrize(
    ("what", "files", "target", "until", "status", "unknown"), NOT_JUDGED, ids=[row[0] for row in NOT_JUDGED]
)
def test_an_object_that_was_not_judged_passes_only_by_a_matching_valid_exemption(
    what: str, files: dict[str, str], target: str, until: str, status: int, unknown: int, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = tmp_path / "files"
    folder.mkdir()
    for name, text in {**files, "fine": FINE}.items():
        (folder / f"{name}.yaml").parent.mkdir(exist_ok=True)
        (folder / f"{name}.yaml").write_text(text)
    listed = tmp_path / "exemptions.yaml"
    listed.write_text(EXEMPTIONS + f"- {{{target}, notJudged: true, reason: elsewhere, until: {until}}}\n")
    argv = ["inspect", "-R", "-f", str(folder), "--fail-on", "high", "--exemptions", str(listed)]
    assert main(argv) == status, what
    err = capsys.readouterr().err
    accepted = len(files) - unknown
    assert err.count("exempted: ") == accepted
    assert err.count(f"(elsewhere ({'for good' if until == 'never' else f'until {until}'}; {listed}:4))") == accepted
    assert ("could not be judged, which does not pass" in err) == bool(unknown)
    assert ("counts again" in err) == (what == "expired")
    assert ("not used" in err) == (not accepted and what != "expired")
    assert main([*argv, "-o", "json"]) == status
    document = json.loads(capsys.readouterr().out)
    assert (document["summary"]["unknown"], document["summary"]["notJudgedExempted"]) == (unknown, accepted)
    assert sum(error["reason"] == "Exempted" for error in document["errors"]) == accepted
    assert main([*argv, "-o", "sarif"]) == status
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert run["invocations"][0]["executionSuccessful"] == (unknown == 0)


def test_no_gate_passes_if_every_object_is_exempted_from_being_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, listed = tmp_path / "x.yaml", tmp_path / "exemptions.yaml"
    path.write_text(UNKNOWN)
    listed.write_text(EXEMPTIONS + "- {name: f, notJudged: true, reason: elsewhere, until: never}\n")
    assert main(["inspect", "-f", str(path), "--fail-on", "high", "--exemptions", str(listed)]) == 2
    assert "nothing to judge" in capsys.readouterr().err


def test_no_check_passes_where_all_is_exempted_from_being_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, listed = tmp_path / "x.yaml", tmp_path / "exemptions.yaml"
    path.write_text(UNKNOWN)
    listed.write_text(EXEMPTIONS + "- {name: f, notJudged: true, reason: elsewhere, until: never}\n")
    assert main(["harden", "-f", str(path), "--check", "--exemptions", str(listed)]) == 2
    assert "nothing to judge" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["inspect", "--fail-on", "high"], ["harden", "--check"]])
def test_a_named_file_without_objects_is_an_error_beside_one_that_is_exempted(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = {"fine": HARDENED, "unknown": UNKNOWN, "empty": ""}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    listed = tmp_path / "exemptions.yaml"
    listed.write_text(EXEMPTIONS + "- {name: f, notJudged: true, reason: elsewhere, until: never}\n")
    files = [word for name in texts for word in ("-f", str(tmp_path / name))]
    assert main([*command, *files, "--exemptions", str(listed)]) == 2
    assert f"error: {tmp_path / 'empty'}: no objects passed to {command[0]}" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["inspect", "--fail-on", "high"], ["harden", "--check"]])
@pytest.mark.parametrize(
    ("text", "entry"),
    [
        (PRIVILEGED, "name: p, namespace: dev, capabilities: [privileged]"),
        (UNKNOWN, "name: f, namespace: shop, notJudged: true"),
    ],
)
def test_an_exemption_by_namespace_opens_no_gate_where_a_kustomization_sets_another(
    command: list[str], text: str, entry: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, listed = tmp_path / "folder", tmp_path / "exemptions.yaml"
    folder.mkdir()
    (folder / "a.yaml").write_text(text)
    (folder / "fine.yaml").write_text(HARDENED)
    listed.write_text(EXEMPTIONS + f"- {{{entry}, reason: it may, until: never}}\n")
    argv = [*command, "-f", str(folder), "--exemptions", str(listed)]
    assert main(argv) == 0, capsys.readouterr()
    (folder / "kustomization.yaml").write_text("namespace: prod\nresources: [a.yaml]\n")
    assert main(argv) == 2
    assert f"{listed}:4: an exemption by namespace is not judged: {folder} sets" in capsys.readouterr().err


def test_a_kustomization_that_is_not_rendered_can_be_exempted(tmp_path: Path) -> None:
    (tmp_path / "fine.yaml").write_text(HARDENED)
    (tmp_path / "kustomization.yaml").write_text("resources: [fine.yaml]\nreplacements: [{path: r}]\n")
    listed = tmp_path / "exemptions"
    listed.write_text(EXEMPTIONS + "- {file: '*/kustomization.yaml', notJudged: true, reason: later, until: never}\n")
    argv = ["inspect", "-f", str(tmp_path), "--fail-on", "high"]
    assert [main(argv), main([*argv, "--exemptions", str(listed)])] == [2, 0]


def test_an_annotation_exempts_nothing_from_being_judged(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    note = "{kubectl-caps/exempt: notJudged; elsewhere; never}"
    path.write_text(f"{UNKNOWN.replace('{name: f', '{annotations: ' + note + ', name: f')}---\n{FINE}")
    assert main(["inspect", "-f", str(path), "--fail-on", "high"]) == 2


WRONG: list[tuple[str, str]] = [
    ("", "holds no exemptions"),
    ("apiVersion: v1\nkind: List\nitems: []\n", "holds no exemptions"),
    ("apiVersion: v1\nkind: Pod\n", ":2: must be apiVersion kubectl-caps/v1alpha1, kind Exemptions, not v1 Pod"),
    (EXEMPTIONS, ":3: exemptions must be a list that is not empty"),
    (EXEMPTIONS + "- {}\n", ":4: name is required"),
    (EXEMPTIONS + ENTRY + "mode: lax\n", ':5: unknown key "mode"'),
    (EXEMPTIONS + ENTRY + "- name: x\n  reason: why\n  until: 2027-1-1\n  checks: [privileged]\n", ":7: "),
    (EXEMPTIONS + "- name: x\n  reasons: why\n", ':5: unknown key "reasons", did you mean reason?'),
    (EXEMPTIONS + "- name: x\n  name: y\n", ':5: duplicate key "name", first on line 4'),
    (EXEMPTIONS + "- notJudged: true\n  reason: why\n  until: never\n", ":4: name or file is required"),
    (EXEMPTIONS + "- name: x\n  notJudged: true\n  until: never\n", ":4: reason is required"),
    (EXEMPTIONS + "- name: x\n  notJudged: true\n  reason: why\n", ":4: until is required"),
    (EXEMPTIONS + "- name: x\n  notJudged: maybe\n  reason: why\n  until: never\n", ":5: notJudged must be true"),
    (EXEMPTIONS + "- name: x\n  notJudged: true\n  checks: [privileged]\n", ":6: checks does not go with notJudged"),
    (EXEMPTIONS + "- name: x\n  file: y\n  reason: why\n  until: never\n", ":5: file goes with notJudged"),
    (EXEMPTIONS + "- name: x\n  reason: why\n  until: never\n  capabilities:\n  - CHOWN\n  - FOO\n", ":9: unknown cap"),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_a_file_of_exemptions_that_is_wrong_is_an_error_with_its_line(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "exemptions.yaml"
    path.write_text(text)
    assert main(["inspect", "-f", str(EXAMPLES / "api.yaml"), "--exemptions", str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert f"{path}{words}" in captured.err or f"{path}: {words}" in captured.err


USER_NAMESPACE = """apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  hostUsers: false
  containers:
  - name: c
    image: i
    securityContext:
      runAsUser: 0
      allowPrivilegeEscalation: false
      capabilities: {drop: [ALL]}
      seccompProfile: {type: RuntimeDefault}
"""
OLDER = "note: on Kubernetes 1.34 pod/p violates restricted:latest: "


@pytest.mark.parametrize(
    ("flags", "status", "version", "notes"),
    [
        (["--require", "restricted"], 0, 37, ["runAsNonRoot", "runAsUser"]),
        (["--require", "restricted:v1.34"], 1, 34, []),
        (["--require", "restricted", "--pod-security-version", "v1.36"], 0, 36, []),
        (["--require", "baseline"], 0, 37, []),
    ],
)
def test_a_gate_names_its_rules_and_the_violations_of_older_servers(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    status: int,
    version: int,
    notes: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.yaml").write_text(USER_NAMESPACE)
    assert main(["inspect", "-f", "p.yaml", *flags]) == status
    err = capsys.readouterr().err.splitlines()
    level = flags[1].partition(":")[0]
    assert f"--require {level} is judged by the rules of v1.{version}" in err
    assert [line.removeprefix(OLDER).partition(":")[0] for line in err if line.startswith(OLDER)] == notes
