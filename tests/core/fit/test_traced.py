"""The search after a traced baseline: its candidates, its trials, and what counts as a success."""

from kubectl_caps.core.fit.search import search_step
from kubectl_caps.core.fit.search_types import Found, Grants, SearchSpace, TrialRecord, Try
from kubectl_caps.core.fit.traced import traced_space
from kubectl_caps.core.trace.report import CapabilityCheck, TraceReport

HELD = ("CHOWN", "SETUID", "SETGID", "KILL", "FSETID", "MKNOD")


def grants(*names: str) -> Grants:
    return frozenset(("c", name) for name in names)


def record(*used: str, optional: tuple[str, ...] = (), lost: int = 0, seen: str = "c") -> TraceReport:
    checks = [CapabilityCheck("c", "sh", name, "call", granted=1) for name in used]
    checks += [CapabilityCheck("c", "sh", name, "call", granted=1, optional="why") for name in optional]
    checks.append(CapabilityCheck("c", "sh", "SYS_ADMIN", "brk", refused=3))
    return TraceReport(checks=tuple(checks), seen=frozenset({seen}), lost=lost)


def space(report: TraceReport, *, guess: tuple[str, ...] = ("KILL",), evidence: tuple[str, ...] = ()) -> SearchSpace:
    before = SearchSpace(grants(*HELD), grants(*guess, *evidence))
    return traced_space(before, report, ["c"], grants(*evidence))


def trials_of(wanted: SearchSpace, needed: Grants, parallel: int = 1) -> tuple[list[Grants], Found]:
    """The trials of a program that names what the kernel refused to it first, and its answer."""
    done: list[TrialRecord] = []
    while True:
        step = search_step(wanted, done, parallel=parallel)
        if isinstance(step, Found):
            return [trial.adds for trial in done], step
        assert isinstance(step, Try), step
        adds = step.sets[0]
        missing = sorted(needed - adds)
        done.append(TrialRecord(adds, "failed" if missing else "passed", frozenset(missing[:1])))


def test_a_complete_record_replaces_guesses() -> None:
    found = space(record("CHOWN", optional=("FSETID",)))
    assert (found.likely, found.used) == (grants("CHOWN"), grants("CHOWN", "FSETID"))


def test_an_incomplete_record_adds_to_guesses() -> None:
    for report in (record("CHOWN", lost=1), record("CHOWN", seen="other"), TraceReport(kind="calls")):
        found = space(report)
        assert found.likely >= grants("KILL")
        assert found.used is None


def test_files_of_evidence_stay_beside_a_record() -> None:
    assert space(record("CHOWN"), evidence=("MKNOD",)).likely == grants("CHOWN", "MKNOD")


def test_the_answer_stands_after_one_trial_and_each_proof_takes_one() -> None:
    trials, found = trials_of(space(record("CHOWN", "SETUID")), grants("CHOWN", "SETUID"))
    assert trials[0] == found.needed == grants("CHOWN", "SETUID")
    assert len(trials) == 3
    assert not found.unproved


def test_a_program_that_needs_nothing_takes_one_trial() -> None:
    assert trials_of(space(record()), grants())[0] == [grants()]


def test_what_only_optional_callers_use_is_tried_without_first() -> None:
    trials, found = trials_of(space(record("CHOWN", optional=("FSETID",))), grants("CHOWN"))
    assert trials[0] == found.needed == grants("CHOWN")
    trials, found = trials_of(space(record("CHOWN", optional=("FSETID",))), grants("CHOWN", "FSETID"))
    assert found.needed == grants("CHOWN", "FSETID")


def test_an_answer_without_something_that_was_used_has_to_work_twice() -> None:
    trials, found = trials_of(space(record("CHOWN", "SETUID")), grants("CHOWN"))
    assert found.needed == grants("CHOWN")
    assert trials.count(grants("CHOWN")) == 2


def test_no_pods_for_worse_guesses_run_beside_the_confirming_trial() -> None:
    step = search_step(space(record("CHOWN")), [], parallel=4)
    assert step == Try((grants("CHOWN"),))


def test_a_record_that_names_too_little_ends_with_the_right_answer() -> None:
    _, found = trials_of(space(record("CHOWN")), grants("CHOWN", "MKNOD"))
    assert found.needed == grants("CHOWN", "MKNOD")
