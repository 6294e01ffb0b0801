"""The kernel's facts in an answer: reasons, refusals that a program survives, gaps; as JSON and as lines."""

import json
from pathlib import Path

import jsonschema
from msgspec import convert
from msgspec.structs import replace

from kubectl_caps.core.fit.result import FitResult, Need, TraceAnswer, TrialEnd
from kubectl_caps.core.fit.trace_answer import add_kernel_facts, add_privileged_use, baseline_facts
from kubectl_caps.core.kubernetes.kinds import KINDS
from kubectl_caps.core.kubernetes.workloads import read_workloads
from kubectl_caps.core.trace.refusals import KernelRefusal
from kubectl_caps.core.trace.report import CallError, CapabilityCheck, MadeCall, TraceReport
from kubectl_caps.report import json as report
from kubectl_caps.report.documents.fit import fit_document
from kubectl_caps.report.fit import fit_answer

SCHEMA = Path(__file__).parents[3] / "docs" / "fit.schema.json"
CHECKS = (
    CapabilityCheck("c", "sh", "CHOWN", "chown", granted=2),
    CapabilityCheck("c", "nginx", "CHOWN", "fchown", granted=1),
    CapabilityCheck("c", "sh", "FSETID", "chmod", granted=1, optional="a mode changes"),
    CapabilityCheck("c", "sh", "SYS_ADMIN", "brk", refused=9),
)
REFUSED = KernelRefusal("c", "SYS_CHROOT", "the kernel refused SYS_CHROOT to sh in chroot, and the call failed")
BASELINE = TrialEnd(0, "t-0", None, "passed", 3.0, trace=TraceReport(checks=CHECKS, seen=frozenset("c")))


def result(
    kernel: tuple[KernelRefusal, ...] = (),
    *,
    lost: int = 0,
    privileged: bool = False,
    made: tuple[MadeCall, ...] | None = (),
    errors: tuple[CallError, ...] = (),
) -> FitResult:
    """An answered fit: CHOWN, proved by trial 2; trial 1 passed with it and `errors`; the baseline `made` calls."""
    container = {"name": "c", "securityContext": {"privileged": privileged}}
    obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [container]}}
    kind = next(kind for kind in KINDS if kind.kind == "Pod")
    (workload,) = read_workloads(kind, convert(obj, dict), {"context": "here"})
    refused = KernelRefusal("c", "CHOWN", "the kernel refused CHOWN to sh in chown, and the call failed")
    told = TraceReport(checks=CHECKS, errors=errors, seen=frozenset("c"), lost=lost)
    ends = [
        BASELINE,
        TrialEnd(1, "t-1", frozenset({("c", "CHOWN")}), "passed", 3.0, trace=told, kernel=kernel),
        TrialEnd(2, "t-2", frozenset(), "failed", 3.0, "it ended", trace=told, kernel=(refused,)),
    ]
    found = FitResult(workload, ends, {"c": ("CHOWN",)}, (Need("c", "CHOWN", ends[2]),), result="found")
    found.trace = TraceAnswer("n1")
    assert BASELINE.trace
    baseline_facts(found.trace, BASELINE.trace, ["c"])
    add_privileged_use(found, ["c"], frozenset({("c", "CHOWN")}), ends[1:2], replace(BASELINE.trace, made=made))
    add_kernel_facts(found, found.trials)
    return found


def test_a_need_has_the_kernel_s_reasons() -> None:
    (need,) = result().needs
    assert need.kernel == ("granted to sh in chown, 2 times", "granted to nginx in fchown, once")
    assert need.evidence == "the kernel refused CHOWN to sh in chown, and the call failed"


def test_the_trial_that_confirmed_the_answer_is_named() -> None:
    trace = result().trace
    assert trace
    assert (trace.confirmed, trace.kind, trace.incomplete) == (1, "capabilities", "")


def test_a_call_that_fails_in_silence_is_not_proved() -> None:
    found = result((REFUSED,))
    assert found.result == "notProved"
    assert "the kernel refuses c=SYS_CHROOT, which it grants today" in found.message
    assert "with the answer the kernel refused SYS_CHROOT to sh in chroot" in found.notes[0]


def test_lost_events_of_the_answer_s_trial_are_said() -> None:
    trace = result(lost=5).trace
    assert trace
    assert trace.incomplete == "5 events were lost in trial 1"


def test_the_json_follows_its_schema() -> None:
    document = json.loads(report.text(fit_document([result((REFUSED,))], []), "json"))
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    (item,) = document["items"]
    assert [one["capability"] for one in item["trace"]["used"]] == ["CHOWN", "CHOWN", "FSETID"]
    assert item["trials"][2]["kernel"][0]["kind"] == "capabilities"


def test_the_table_says_what_the_kernel_granted_and_what_is_not_needed() -> None:
    lines = "\n".join(fit_answer(result(), ""))
    assert "trial 1 was the first one with exactly this set" in lines
    assert "c: CHOWN: granted to sh in chown, 2 times; granted to nginx in fchown, once" in lines
    assert "c: FSETID, which sh used in chmod, is not needed: a mode changes" in lines


KEYCTL = MadeCall("c", "perl", "keyctl", 1)
READ_ONLY = CallError("c", "sh", "openat", "EROFS", 2)


def test_what_a_privileged_container_misses_in_silence_is_not_proved() -> None:
    found = result(privileged=True, made=(KEYCTL,), errors=(READ_ONLY,))
    assert found.result == "notProved"
    assert "c goes on without something that privileged gives: without privileged openat of sh" in found.message
    assert found.trace
    assert [one.right for one in found.trace.besides] == ["seccomp", "readOnly"]


def test_what_only_the_privileged_baseline_does_is_a_line() -> None:
    found = result(privileged=True, made=(KEYCTL,))
    assert found.result == "found"
    lines = "\n".join(fit_answer(found, ""))
    assert "c: keyctl of perl succeeded once; the seccomp profile RuntimeDefault refuses this call" in lines
    assert "c: not recorded: which device nodes, sysctls and masked paths" in lines


def test_other_containers_have_no_such_lines() -> None:
    found = result(made=(KEYCTL,), errors=(READ_ONLY,))
    assert found.result == "found"
    assert found.trace
    assert found.trace.besides == ()
    assert "not recorded" not in "\n".join(fit_answer(found, ""))


def test_a_kernel_without_events_of_system_calls_is_said() -> None:
    assert "the kernel has no trace events of system calls: mounts are not recorded" in (
        result(privileged=True, made=None).notes
    )
