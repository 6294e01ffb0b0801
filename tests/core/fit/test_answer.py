"""The answer in words and commands, as a table and as JSON."""

import json
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from kubectl_caps.cli.harden import harden_arguments
from kubectl_caps.cli.parser import parse
from kubectl_caps.core.diagnosis.line_cause import LineCause
from kubectl_caps.core.fit.answer import (
    AnswerContext,
    found_answer,
    grant_words,
    not_exercised,
    stuck_answer,
    unfinished_answer,
)
from kubectl_caps.core.fit.result import FitResult, RestrictedAnswer, TrialEnd, TrialResult
from kubectl_caps.core.fit.search_types import Found, Grants, Stuck
from kubectl_caps.core.harden.complaints import Complaint, Line
from kubectl_caps.core.harden.result import Diagnosis
from kubectl_caps.core.kubernetes.kinds import WORKLOADS
from kubectl_caps.core.kubernetes.workloads import read_workloads
from kubectl_caps.core.trace.privileged_use import PrivilegedUse
from kubectl_caps.errors import CapsError
from kubectl_caps.report import json as report
from kubectl_caps.report.documents.fit import fit_document
from kubectl_caps.report.fit import fit_answer, trial_line

SCHEMA = Path(__file__).parents[3] / "docs" / "fit.schema.json"
DEPLOYMENT = next(kind for kind in WORKLOADS if kind.kind == "Deployment")
LINE = 'chown("/data", 33) failed (1: Operation not permitted)'


def result_of(*containers: dict[str, Any]) -> FitResult:
    template = {"spec": {"containers": list(containers)}}
    obj = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"selector": {}, "template": template}}
    return FitResult(next(read_workloads(DEPLOYMENT, obj, {"context": "here"})))


def context_of(result: FitResult, **more: Any) -> AnswerContext:
    names = [one.name for one in result.workload.template.spec.containers or ()]
    return AnswerContext(program="kubectl caps", target="deployment.apps/web -n shop", containers=names, **more)


def end(number: int, adds: Grants | None, outcome: TrialResult, names: str = "") -> TrialEnd:
    cause = LineCause((names,), "chown", LINE, "log", "certain", "capability")
    diagnoses = (Diagnosis("a", cause),) if names else ()
    message = "" if outcome == "passed" else "container a exited with code 1"
    return TrialEnd(number, f"web-{number}", adds, outcome, 1.5, message, diagnoses)


A: Grants = frozenset({("a", "CHOWN")})
B: Grants = frozenset({("b", "SETUID")})
ENDS = [end(1, frozenset(), "failed", "CHOWN"), end(2, A, "failed"), end(3, A | B, "passed"), end(4, B, "failed")]


def answered(*containers: dict[str, Any], **more: Any) -> tuple[FitResult, AnswerContext]:
    result = result_of(*containers)
    result.trials = [end(0, None, "passed"), *ENDS]
    context = context_of(result, **more)
    found_answer(result, Found(A | B, {("a", "CHOWN"): 0, ("b", "SETUID"): 1}), ENDS, context)
    return result, context


def test_a_file_with_other_workloads_gets_no_command_that_would_change_them_too() -> None:
    result, context = answered({"name": "a"}, {"name": "b"}, is_alone=False)
    lines = list(fit_answer(result, not_exercised(result, context)))
    assert result.commands == ()
    assert any("would harden the other workloads there with the same adds" in line for line in lines)
    assert "# container a" in lines


def test_the_table_names_the_line_or_the_failure_that_proves_each_capability() -> None:
    result, context = answered({"name": "a"}, {"name": "b"}, {"name": "idle"})
    lines = list(fit_answer(result, not_exercised(result, context)))
    assert lines[0].split() == ["CONTAINER", "CAPABILITY", "NEEDED", "FOR"]
    assert lines[1] == f"a           CHOWN        {LINE} (trial 1)"
    assert lines[2] == "b           SETUID       container a exited with code 1 (trial 2)"
    assert "deployment.apps/web: container idle needs no capability" in lines
    assert "kubectl caps harden deployment.apps/web -n shop --add a=CHOWN --add b=SETUID" in lines
    assert any(line.startswith("deployment.apps/web: the smallest set that works (5 trials") for line in lines)
    assert any("--probe 'COMMAND' makes one" in line for line in lines)


COMMANDS: list[tuple[list[dict[str, Any]], dict[str, Any], str]] = [
    ([{"name": "a"}, {"name": "b"}], {}, "--add a=CHOWN --add b=SETUID"),
    ([{"name": "a"}, {"name": "b"}], {"escalation": "keep"}, "--allow-privilege-escalation keep"),
    ([{"name": "a"}, {"name": "b"}], {"chosen": ("a", "b")}, "-c a,b"),
    (
        [{"name": "a", "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}, {"name": "b"}],
        {},
        "--remove-adds",
    ),
]


@pytest.mark.parametrize(("containers", "more", "part"), COMMANDS, ids=lambda value: str(value)[:40])
def test_the_command_is_one_that_harden_takes(containers: list[Any], more: dict[str, Any], part: str) -> None:
    result, _ = answered(*containers, **more)
    (command,) = result.commands
    assert part in command
    asked = harden_arguments(parse(shlex.split(command)[2:]))
    assert set(asked.wanted.add_in) == {("a", "CHOWN"), ("b", "SETUID")}


def test_a_privileged_container_gets_lines_for_the_manifest_and_no_command() -> None:
    result, _ = answered({"name": "a", "securityContext": {"privileged": True}}, {"name": "b"})
    assert result.commands == ()
    assert "container a is privileged, and harden does not change it" in result.notes[-1]
    assert result.manifest["a"]["capabilities"] == {"drop": ["ALL"], "add": ["CHOWN"]}


def test_the_answer_names_a_capability_that_could_not_be_tried() -> None:
    result = result_of({"name": "a"}, {"name": "b"})
    found_answer(result, Found(A | B, {("a", "CHOWN"): 0}, B), ENDS, context_of(result))
    assert (result.result, result.needs[1].trial) == ("notProved", None)
    assert result.message == "it works; whether it needs b=SETUID could not be tried"


def test_an_unclear_log_line_leaves_the_answer_unproved() -> None:
    doubtful = Complaint(Line("web-3", "a", "WARN it may not be as it was"), None, is_doubtful=True)
    ends = [*ENDS[:2], replace(ENDS[2], doubtful=(doubtful,)), ENDS[3]]
    result = result_of({"name": "a"}, {"name": "b"})
    found_answer(result, Found(A | B, {("a", "CHOWN"): 0, ("b", "SETUID"): 1}), ends, context_of(result))
    assert result.result == "notProved"
    assert result.message.endswith("may show a missing capability: container a: WARN it may not be as it was")


def test_a_set_that_worked_before_the_trials_were_used_up_is_an_unproved_answer() -> None:
    result = result_of({"name": "a"}, {"name": "b"})
    unfinished_answer(result, ENDS, context_of(result), 4)
    assert (result.result, result.needed) == ("notProved", {"a": ("CHOWN",), "b": ("SETUID",)})
    nothing = result_of({"name": "a"})
    unfinished_answer(nothing, ENDS[:2], context_of(nothing), 2)
    assert (nothing.result, nothing.message) == ("failed", "no answer after 2 trials; --max-trials allows more")


def test_an_answer_whose_log_was_not_read_whole_is_not_proved() -> None:
    result = result_of({"name": "a"}, {"name": "b"})
    says = "the log of container a is long, and its middle was not read"
    ends = [*ENDS[:2], replace(ENDS[2], message=says)]
    found_answer(result, Found(A | B, {("a", "CHOWN"): 0, ("b", "SETUID"): 1}), ends, context_of(result))
    assert (result.result, result.message) == ("notProved", f"it works; {says}")


def test_a_capability_that_no_trial_could_add_is_the_first_reason() -> None:
    result = result_of({"name": "a"})
    spec, refused = result.workload.template.spec, "NET_RAW is not tried, because the server refuses it"
    said = stuck_answer(Stuck("everything", (1,)), ENDS, spec, context_of(result), refused)
    assert said.startswith("with every capability that may be added it still does not work")
    assert said.endswith(refused)


@pytest.mark.parametrize(
    ("stuck", "container", "says"),
    [
        (Stuck("everything", (1,)), {"name": "a"}, "try --allow-privilege-escalation=keep"),
        (Stuck("everything", (1,)), {"name": "a", "securityContext": {"privileged": True}}, "devices of the node"),
        (Stuck("contradiction", (2, 1)), {"name": "a"}, "trial 3 passed with a=CHOWN b=SETUID, and trial 2 failed"),
        (Stuck("notTried", (3,)), {"name": "a"}, "a trial could not be made: container a exited"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_search_without_an_answer_has_a_reason(stuck: Stuck, container: dict[str, Any], says: str) -> None:
    result = result_of(container)
    assert says in stuck_answer(stuck, ENDS, result.workload.template.spec, context_of(result))


def test_the_json_follows_its_schema() -> None:
    result, _ = answered({"name": "a"}, {"name": "b"})
    result.restricted = RestrictedAnswer("it works", {"securityContext": {"runAsUser": 33}}, 9)
    document = json.loads(report.text(fit_document([result, result_of({"name": "a"})], [CapsError("no")]), "json"))
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    item = document["items"][0]
    assert item["needed"] == {"a": ["CHOWN"], "b": ["SETUID"]}
    assert item["proof"][0] == {"container": "a", "capability": "CHOWN", "trial": 1, "evidence": LINE, "kernel": []}
    assert item["trace"] is None
    assert item["trials"][0]["adds"] is None
    assert item["trials"][1] == {
        "number": 1, "adds": {}, "outcome": "failed", "seconds": 1.5, "evidence": LINE, "named": {"a": ["CHOWN"]},
        "unconfined": [], "kernel": [],
    }  # fmt: skip
    patch = {"spec": {"template": {"spec": {"securityContext": {"runAsUser": 33}}}}}
    assert item["restricted"] == {"message": "it works", "trial": 9, "patch": patch}
    assert document["summary"] == {"workloads": 2, "trials": 5, "byResult": {"found": 1, "failed": 1}}


def test_a_trial_is_printed_as_one_line() -> None:
    assert grant_words(None) == "today's rights"
    assert grant_words(frozenset()) == "nothing added"
    assert trial_line("pod/x", ENDS[0]) == f"pod/x: trial 1 with nothing added fails: {LINE}"
    assert trial_line("pod/x", ENDS[2]) == "pod/x: trial 3 with a=CHOWN b=SETUID works (2 s)"


def test_a_trial_that_failed_by_chance_is_said_and_the_answer_is_not_proved() -> None:
    result = result_of({"name": "a"})
    trials = [end(1, frozenset(), "failed", "CHOWN"), end(2, A, "failed"), end(3, A, "passed")]
    found_answer(result, Found(A, {("a", "CHOWN"): 0}, chance=1), trials, context_of(result))
    assert result.result == "notProved"
    assert "trial 2 had at least these capabilities, and failed without naming one (" in result.message


PRIVILEGED = {"name": "a", "securityContext": {"privileged": True}}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("can't open '/dev/fuse': Operation not permitted", "can give it): /dev/fuse (trial 1: can't open"),
        ("open /dev/net/tun: no such file", "can give it): /dev/net/tun (trial 1"),
        ("sh: can't create /proc/sys/net/ipv4/ip_forward: Read-only file system", "the sysctl net.ipv4.ip_forward ("),
        ("/sys/kernel/mm/ksm/run: Read-only file system", "masked or read-only without it: /sys/kernel/mm/ksm/run ("),
        ("cannot read /proc/kcore: empty", "a path that is masked or read-only without it: /proc/kcore (trial 1"),
        ("sh: can't create /dev/null: nope", "devices of the node, an unmasked /proc and a writable /sys, or some"),
        ("container a exited with code 1", "which of these, its log does not say"),
    ],
)
def test_a_setting_that_privileged_implies_is_named_if_a_trial_needs_it(line: str, says: str) -> None:
    result = result_of(PRIVILEGED)
    failed = replace(end(1, A, "failed"), message=line)
    words = stuck_answer(Stuck("everything", (0,)), [failed], result.workload.template.spec, context_of(result))
    assert says in words
    assert "container a needs what else privileged gives" in words
    assert "Which capabilities it uses cannot be tried" in words


def test_what_the_kernel_shows_of_failed_trials_is_named_as_well() -> None:
    result = result_of(PRIVILEGED)
    shown = [PrivilegedUse("a", "readOnly", "sh", "openat", 1, f"shown {number}") for number in range(5)]
    spec = result.workload.template.spec
    words = stuck_answer(Stuck("everything", (0,)), [end(1, A, "failed")], spec, context_of(result), missed=shown)
    assert "needs what else privileged gives: shown 0; shown 1; shown 2. Which" in words


def test_the_lines_of_a_privileged_container_have_the_profiles_that_it_cannot_do_with() -> None:
    result = result_of(PRIVILEGED)
    trials = [end(1, frozenset(), "failed", "CHOWN"), end(2, A, "passed")]
    found_answer(result, Found(A, {("a", "CHOWN"): 0}), trials, context_of(result, unconfined=("seccompProfile",)))
    assert result.manifest["a"]["seccompProfile"] == {"type": "Unconfined"}
    assert result.commands == ()


def test_a_line_that_only_one_run_of_the_answer_logs_leaves_the_answer_open() -> None:
    result = result_of({"name": "a"})
    doubt = Complaint(Line("p", "a", "warning: cache disabled"), None, is_doubtful=True)
    trials = [
        end(1, frozenset(), "failed", "CHOWN"),
        replace(end(2, A, "passed"), doubtful=(doubt,), message="the log of container a is long"),
        end(3, A, "passed"),
    ]
    found_answer(result, Found(A, {("a", "CHOWN"): 0}), trials, context_of(result))
    assert result.result == "notProved"
    assert "cache disabled" in result.message
    assert "the log of container a is long" in result.message
