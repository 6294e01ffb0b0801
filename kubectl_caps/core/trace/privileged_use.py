"""What the kernel's records show of the rights besides capabilities that privileged gives: used, and missed in a trial.

The record has system calls by name, and no paths. So it is compared: what the baseline of a privileged container may do
and a trial without privileged may not, ends in the trial with an error that the baseline does not have.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

from kubectl_caps.core.trace.raw_arguments import operation_needs
from kubectl_caps.core.trace.refusals import times
from kubectl_caps.core.trace.report import CallError, MadeCall, TraceReport
from kubectl_caps.core.trace.runtime_default import MOUNTS, RECORDED_CALLS, is_refused_by_default, opening_capabilities

PrivilegedRight = Literal["mount", "seccomp", "readOnly", "refused", "notReached"]
"""A mount; a call that RuntimeDefault refuses; in a trial: a call that ended with EROFS; one that was refused although
no capability was; a capability check of the baseline that the trial does not come to."""

NOT_RECORDED = (
    "not recorded: which device nodes, sysctls and masked paths of /proc and /sys it opens. A program passes its "
    "trials if it goes on in silence where a device node is absent or a masked file is empty"
)
"""What no record of a privileged container shows."""


class PrivilegedUse(Struct, frozen=True):
    """One piece of evidence: which process of which container, in which call, how often, and the sentence about it."""

    container: str
    right: PrivilegedRight
    process: str
    call: str
    count: int
    words: str


def used_besides(made_calls: Iterable[MadeCall], held: Collection[tuple[str, str]]) -> Iterator[PrivilegedUse]:
    """The calls that a profile RuntimeDefault refuses. `held` are pairs of container and capability."""
    for made in made_calls:
        own = {capability for container, capability in held if container == made.container}
        did = f"{made.call} of {made.process} succeeded {times(made.count)}"
        if is_refused_by_default(made.call, own):
            names = " or ".join(opening_capabilities(made.call))
            without = f" without {names}" if names else ""
            words = f"{did}; the seccomp profile RuntimeDefault refuses this call{without}"
            yield PrivilegedUse(made.container, "seccomp", made.process, made.call, made.count, words)
        elif made.call in MOUNTS:
            words = f"{did}; the AppArmor profile RuntimeDefault denies mounts"
            yield PrivilegedUse(made.container, "mount", made.process, made.call, made.count, words)


def missed_without_privileged(
    report: TraceReport, usual: TraceReport, containers: Collection[str]
) -> Iterator[PrivilegedUse]:
    """What a trial without privileged was refused besides capabilities. `usual` is the record of the baseline.

    Nothing is compared with an incomplete baseline, and what an incomplete record of a trial lacks says nothing.
    """
    if usual.gap(()):
        return
    for error in new_errors(report, usual, containers):
        yield _missed(error)
    if not report.gap(()):
        yield from _not_reached(report, usual, containers)


def new_errors(report: TraceReport, usual: TraceReport, containers: Collection[str]) -> Iterator[CallError]:
    """The errors of a trial that the baseline does not have, and that no refused capability explains."""
    before = {_key(error) for error in usual.errors}
    for error in report.errors:
        if error.container in containers and _key(error) not in before and not _is_for_capability(error, report):
            yield error


def _not_reached(report: TraceReport, usual: TraceReport, containers: Collection[str]) -> Iterator[PrivilegedUse]:
    """Checks that the baseline passed and that the trial never made: what comes before them failed in silence."""
    if "calls" in (report.kind, usual.kind):
        return
    asked = {(check.container, check.capability) for check in report.checks}
    for check in usual.checks:
        needed = check.granted and not check.optional and check.container in containers
        if needed and (check.container, check.capability) not in asked:
            where = f" in {check.call}" if check.call else ""
            words = (f"without privileged {check.process} does not come to the check of {check.capability}{where}: "
                     "perhaps a device node or a path is absent or masked then")  # fmt: skip
            yield PrivilegedUse(check.container, "notReached", check.process, check.call, check.granted, words)


def _missed(error: CallError) -> PrivilegedUse:
    did = f"without privileged {error.call} of {error.process} ended with {error.error} {times(error.count)}"
    right: PrivilegedRight = "refused"
    if error.error == "EROFS":
        right, why = "readOnly", ": it writes to a path of /proc or /sys that is read-only then"
    elif error.call.removesuffix("2") in RECORDED_CALLS:
        why = ", and no capability was refused: a seccomp profile refuses the call, or AppArmor a mount"
    else:
        why = ", and no capability was refused: a device that is not allowed then, or a path that AppArmor denies"
    return PrivilegedUse(error.container, right, error.process, error.call, error.count, f"{did}{why}")


def _is_for_capability(error: CallError, report: TraceReport) -> bool:
    if error.error == "EROFS":
        return False
    if report.kind == "calls":
        return bool(operation_needs(error.call, error.error, error.arguments))
    return any(
        check.failed
        and (check.container, check.process) == (error.container, error.process)
        and check.call in ("", error.call)
        for check in report.checks
    )


def _key(error: CallError) -> tuple[str, str, str, str]:
    return error.container, error.process, error.call, error.error


def missed_in_trials(
    reports: Sequence[TraceReport], usual: TraceReport, containers: Collection[str]
) -> tuple[PrivilegedUse, ...]:
    """What several trials with the same rights missed, each process and call once.

    An error of one trial counts. A check that is not reached counts only if no trial reaches it: the time at which a
    program does something differs.
    """
    found = [{_place(one): one for one in missed_without_privileged(report, usual, containers)} for report in reports]
    each = dict[tuple[str, ...], PrivilegedUse]()
    for missed in found:
        each |= {place: one for place, one in missed.items() if place not in each}
    whole = [missed for missed, report in zip(found, reports, strict=True) if not report.gap(())]
    return tuple(one for place, one in each.items()
                 if one.right != "notReached" or all(place in missed for missed in whole))  # fmt: skip


def _place(one: PrivilegedUse) -> tuple[str, ...]:
    return one.container, one.right, one.process, one.call, one.words if one.right == "notReached" else ""
