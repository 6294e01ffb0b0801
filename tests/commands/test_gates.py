"""The gates of `inspect`: exit status and words with every output; a file of exemptions is used whole or not at all."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from kubectl_caps.core.assessment import Place, assess
from kubectl_caps.core.gates import Gate, failures
from kubectl_caps.core.linux.runtimes import runtime_of
from kubectl_caps.core.pod import Container, Metadata, PodSpec, PodTemplate
from kubectl_caps.core.workloads import Workload
from kubectl_caps.main import main

EXAMPLES = Path(__file__).parents[2] / "examples"
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
def test_the_exit_status(file: str, flags: tuple[str, ...], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "-f", str(EXAMPLES / file), *flags]) == status


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_output_has_the_gate_and_its_words_are_not_in_it(output: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = EXAMPLES / "nginx.yaml"
    assert main(["inspect", "-f", str(path), "--fail-on", "high", "-o", output]) == 1
    captured = capsys.readouterr()
    said = f'{path}:3: deployment.apps/web, container "nginx": the risk is high: NET_RAW\n'
    assert captured.err == said
    assert said not in captured.out


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


def test_what_cannot_be_judged_does_not_pass_and_two_beats_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {template: 7}\n")
    assert main(["inspect", "-f", str(path), "-f", str(EXAMPLES / "nginx.yaml"), "--fail-on", "high"]) == 2
    err = capsys.readouterr().err
    assert "the risk is high" in err
    assert "1 could not be judged, which does not pass --fail-on" in err


def test_a_workload_without_containers_does_not_pass() -> None:
    nothing = Workload(api_version="v1", kind="Pod", metadata=Metadata(name="x"), template=PodTemplate(), path=())
    assessment = assess(nothing, [], [Place(runtime_of(None), 0, "assumed")], 37)
    assert [failure.why for failure in failures([assessment], Gate("critical"))] == [
        "it has no containers, so its risk is not known"
    ]


def test_a_risk_that_is_not_known_does_not_pass() -> None:
    template = PodTemplate(spec=PodSpec(containers=[Container(name="c")]))
    pod = Workload(api_version="v1", kind="Pod", metadata=Metadata(name="x"), template=template, path=())
    assessment = assess(pod, [], [Place(runtime_of(None), 0, "assumed")], 37)
    (container,) = assessment.containers
    unknown = replace(assessment, containers=(replace(container, risk="unknown"),))
    assert [failure.why for failure in failures([unknown], Gate("critical"))] == ["the risk is unknown"]


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
    assert "Risk:        high (medium without what is exempted)" in captured.out
    assert f"Exempted:    capability NET_RAW: pings (for good; {path}:4)" in captured.out
    assert captured.err == ""


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
