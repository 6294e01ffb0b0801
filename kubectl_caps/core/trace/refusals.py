"""Finds the capabilities that a trial took away and the kernel then refused, in the record of the trial."""

from collections.abc import Iterator, Mapping, Set

from msgspec import Struct

from kubectl_caps.core.trace.raw_arguments import operation_needs
from kubectl_caps.core.trace.report import CallError, CapabilityCheck, TraceReport

Taken = Mapping[str, Set[str]]
"""The capabilities (short names) that a trial takes from each container, by the container's name."""


class KernelRefusal(Struct, frozen=True):
    """A capability that the trial took away and the kernel refused.

    `is_certain` says that the kernel named the capability. If not, the failed system call suggests it. `failed` says
    that the system call failed.
    """

    container: str
    capability: str
    words: str
    is_certain: bool = True
    failed: bool = True


def refusals(report: TraceReport, taken: Taken, usual: TraceReport | None = None) -> Iterator[KernelRefusal]:
    """The refusals of a trial, each capability of a container once. `usual` is the record of the baseline.

    Optional checks are left out. Failed calls that the baseline had, too, are left out.
    """
    found = dict[tuple[str, str], KernelRefusal]()
    for item in _of_checks(report.checks, taken) if report.kind == "capabilities" else _of_calls(report, taken, usual):
        found.setdefault((item.container, item.capability), item)
    yield from found.values()


def granted_words(check: CapabilityCheck) -> str:
    """The grants of a check in words, such as `granted to chown in fchownat, 2 times`."""
    return f"granted to {check.process}{_in(check.call)}, {times(check.granted)}"


def times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _of_checks(checks: tuple[CapabilityCheck, ...], taken: Taken) -> Iterator[KernelRefusal]:
    for check in sorted(checks, key=lambda one: not one.failed):
        if check.refused and not check.optional and check.capability in taken.get(check.container, ()):
            ended = ", and the call failed" if check.failed else ""
            words = f"the kernel refused {check.capability} to {check.process}{_in(check.call)}{ended}"
            yield KernelRefusal(check.container, check.capability, words, failed=bool(check.failed))


def _of_calls(report: TraceReport, taken: Taken, usual: TraceReport | None) -> Iterator[KernelRefusal]:
    before = {_key(error) for error in usual.errors} if usual else set()
    for error in report.errors:
        if _key(error) in before:
            continue
        for names in operation_needs(error.call, error.error, error.arguments):
            if set(names) <= set(taken.get(error.container, ())):
                words = f"{error.call} of {error.process} ended with {error.error}, which needs "
                for name in names:
                    yield KernelRefusal(error.container, name, f"{words}{' and '.join(names)}", is_certain=False)
                break


def _key(error: CallError) -> tuple[str, str, str, str]:
    return error.container, error.process, error.call, error.error


def _in(call: str) -> str:
    return f" in {call}" if call else ""
