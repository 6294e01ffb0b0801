"""Adds the kernel's records of the trials to the answer of a fit."""

from collections.abc import Sequence

from msgspec.structs import replace

from kubectl_caps.core.fit.privileged import privileged_containers
from kubectl_caps.core.fit.result import FitResult, Need, TraceAnswer, TrialEnd
from kubectl_caps.core.fit.search_types import Grants
from kubectl_caps.core.trace.privileged_use import PrivilegedUse, missed_in_trials, used_besides
from kubectl_caps.core.trace.refusals import KernelRefusal, granted_words
from kubectl_caps.core.trace.report import TraceReport


def baseline_facts(trace: TraceAnswer, report: TraceReport, containers: Sequence[str]) -> None:
    """Write the record of the baseline into the answer."""
    trace.kind = None if report.problem else report.kind
    trace.used = tuple(check for check in report.checks if check.granted and check.container in containers)
    trace.incomplete = report.gap(containers)


def add_privileged_use(
    result: FitResult, containers: Sequence[str], held: Grants, trials: Sequence[TrialEnd], baseline: TraceReport | None
) -> None:
    """Put what privileged containers used besides capabilities, and what these trials missed, into the result.

    `held` are the grants of the trials: those of the answer, or all of them where there is no answer.
    """
    privileged = privileged_containers(result.workload.template.spec, containers)
    if not (result.trace and baseline and privileged):
        return
    records = [end.trace for end in trials if end.trace]
    missed = missed_in_trials(records, baseline, privileged)
    if baseline.made is None:
        result.notes += ("the kernel has no trace events of system calls: mounts are not recorded",)
    made = [call for call in baseline.made or () if call.container in privileged]
    result.trace.besides = (*used_besides(made, held), *missed)


def missed_rights(result: FitResult) -> tuple[PrivilegedUse, ...]:
    """What trials without privileged missed."""
    besides = result.trace.besides if result.trace else ()
    return tuple(one for one in besides if one.right not in ("mount", "seccomp"))


def add_kernel_facts(result: FitResult, ends: Sequence[TrialEnd]) -> None:
    """Write the kernel's reasons, and the refusals that a program survives silently, into the result of a found answer.

    A refusal that made a system call fail changes the result to `notProved`.
    """
    trace = result.trace
    if trace is None or trace.kind is None:
        return
    needed = frozenset((container, name) for container, names in result.needed.items() for name in names)
    passed = [end for end in ends if end.outcome == "passed" and end.adds == needed]
    trace.confirmed = min((end.number for end in passed), default=None)
    result.needs = tuple(replace(need, kernel=_granted(trace, need)) for need in result.needs)
    gaps = dict.fromkeys(end.trace.problem for end in ends if end.trace and end.trace.problem)
    gaps |= dict.fromkeys(f"{end.trace.lost} events were lost in trial {end.number}"
                          for end in passed if end.trace and end.trace.lost)  # fmt: skip
    trace.incomplete = "; ".join(filter(None, [trace.incomplete, *gaps]))
    survived = list({(one.container, one.capability): one for end in passed for one in end.kernel}.values())
    silent = [one for one in survived if one.failed]
    result.notes += tuple(_goes_on(one) for one in survived)
    if silent and result.result == "found":
        result.result = "notProved"
        names = ", ".join(f"{one.container}={one.capability}" for one in silent)
        result.message = (f"it works; the kernel refuses {names}, which it grants today, and the program goes on "
                          "silently: --probe 'COMMAND' can show whether it serves as before")  # fmt: skip
    if (missed := missed_rights(result)) and result.result == "found":
        result.result = "notProved"
        result.message = (f"it works; container {missed[0].container} goes on without something that privileged gives: "
                          f"{missed[0].words}: --probe 'COMMAND' can show whether it serves as before")  # fmt: skip


def _granted(trace: TraceAnswer, need: Need) -> tuple[str, ...]:
    mine = [item for item in trace.used if (item.container, item.capability) == (need.container, need.capability)]
    return tuple(granted_words(check) for check in sorted(mine, key=lambda one: -one.granted))


def _goes_on(item: KernelRefusal) -> str:
    unsure = "" if item.failed else "; whether the call needed it is not recorded"
    return f"container {item.container}: with the answer {item.words}, and the program goes on{unsure}"
