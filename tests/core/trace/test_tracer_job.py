"""The Job of the tracer, and how a pod is pinned to its node."""

import subprocess

import pytest

from kubectl_caps.core.trace.script import PROGRAM, asked, main_command
from kubectl_caps.core.trace.tracer_job import TracerOptions, pinned, tracer_job

OPTIONS = TracerOptions("shop", "busybox", 3600, 60)
SPEC = {"nodeSelector": {"disk": "ssd"}, "tolerations": [{"operator": "Exists"}], "serviceAccountName": "web"}
NODE = {"key": "metadata.name", "operator": "In", "values": ["n1"]}


def test_the_tracer_ends_by_itself_and_has_no_rights_in_the_cluster() -> None:
    job = tracer_job("abcde", OPTIONS, SPEC, sees_processes=False)
    pod = job["spec"]["template"]["spec"]
    assert job["spec"]["activeDeadlineSeconds"] == 3630
    assert pod["automountServiceAccountToken"] is False
    assert pod["nodeSelector"] == {"disk": "ssd"}
    assert not pod.keys() & {"hostPID", "hostNetwork", "serviceAccountName"}
    assert tracer_job("abcde", OPTIONS, SPEC, sees_processes=True)["spec"]["template"]["spec"]["hostPID"] is True


def test_nothing_of_the_programs_is_expanded_by_the_kubelet() -> None:
    assert "$(" in PROGRAM
    assert all("$(" not in word.replace("$$", "") for word in main_command("abcde", 60, 10))


def test_a_question_is_one_shell_command() -> None:
    assert asked("follow", "3", "(a b)") == "sh /caps/program.sh follow 3 '(a b)'"


def test_the_program_is_shell() -> None:
    assert subprocess.run(["sh", "-n"], input=PROGRAM, text=True, check=True).returncode == 0


@pytest.mark.parametrize(
    ("affinity", "terms"),
    [
        ({}, [{"matchFields": [NODE]}]),
        (
            {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [1]}, {"matchFields": [2]}],
            }}},
            [{"matchExpressions": [1], "matchFields": [NODE]}, {"matchFields": [2, NODE]}],
        ),
    ],
    ids=["none", "alternatives"],
)  # fmt: skip
def test_a_pinned_pod_keeps_what_else_it_requires(affinity: dict[str, object], terms: list[object]) -> None:
    spec = {"affinity": {**affinity, "podAffinity": {}}}
    found = pinned(spec, "n1")["affinity"]
    assert found["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"] == terms
    assert found["podAffinity"] == {}
    assert pinned({}, "n1")["affinity"]["nodeAffinity"]
