"""The text output of `inspect --trace`: a table of checks for each workload, and what was never used."""

from collections.abc import Iterator

from kubectl_caps.core.trace.refusals import times
from kubectl_caps.core.trace.report import CapabilityCheck
from kubectl_caps.core.trace.usage import ContainerUsage, WorkloadUsage
from kubectl_caps.report.table import table
from kubectl_caps.report.terminal import escaped


def usage_lines(usage: WorkloadUsage) -> Iterator[str]:
    """What one workload used, was refused, and never used."""
    reference = usage.workload.reference
    pods = "1 pod" if usage.pods == 1 else f"{usage.pods} pods"
    rows = [_row(container, check) for container in usage.containers for check in container.checks]
    rows += [
        [item.name, "-", error.process, error.call, f"failed with {error.error} {times(error.count)}"]
        for item in usage.containers
        for error in (item.errors if usage.kind == "calls" else ())
    ]
    if rows:
        yield from table(["CONTAINER", "CAPABILITY", "PROCESS", "CALL", "RESULT"], rows)
    for container in usage.containers if usage.kind == "capabilities" else ():
        if container.never_used:
            never = f"never used in {usage.seconds:.0f} s: {', '.join(container.never_used)}"
            yield escaped(f"{reference}: container {container.name}: {never}")
    for container in usage.containers:
        yield from (escaped(f"{reference}: container {container.name}: {use.words}") for use in container.besides)
    yield escaped(f"{reference}: traced for {usage.seconds:.0f} s in {pods}: what it needs at another time, "
                  "at its start or at its end, is not among these")  # fmt: skip
    for gap in usage.gaps:
        yield escaped(f"{reference}: the record is incomplete: {gap}")


def _row(container: ContainerUsage, check: CapabilityCheck) -> list[str]:
    words = [f"granted {times(check.granted)}"] if check.granted else []
    words += [f"refused {times(check.refused)}"] if check.refused else []
    words += [f"the call failed {times(check.failed)}"] if check.failed else []
    return [container.name, check.capability, check.process, check.call, "; ".join([*words, *_why(check)])]


def _why(check: CapabilityCheck) -> Iterator[str]:
    if check.optional:
        yield f"not yet a need: {check.optional}"
