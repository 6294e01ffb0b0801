"""The lines of `policy`: who would be refused, and what it is about."""

from collections.abc import Iterator

from kubectl_caps.core.policy.preflight import Preflight
from kubectl_caps.core.text import first_few, plural
from kubectl_caps.report.terminal import escaped

_FEW = 5


def preflight_lines(namespace: str, found: Preflight, verb: str) -> Iterator[str]:
    """Every object that would be refused, with container and field; `verb` is what the policy does."""
    if found.filled:
        names = first_few([one.reference for one in found.filled], _FEW)
        yield escaped(f"namespace/{namespace}: new pods of {names} say nothing and would get drop ALL: they may fail")
    count = len(found.refused)
    judged = f"{found.judged} {plural('object', found.judged)} judged"
    gone = f", {found.inactive} that make no more pods passed over" if found.inactive else ""
    if not count:
        yield escaped(f"namespace/{namespace}: {judged}{gone}: nothing would be refused")
        return
    yield escaped(f"namespace/{namespace}: {judged}{gone}: the policy would {verb} {count}:")
    for item in found.refused:
        pods = f" (and {len(item.pods)} running {plural('pod', len(item.pods))})" if item.pods else ""
        yield escaped(f"  {item.workload.reference}{pods}")
        for field in item.fields:
            yield escaped(f"    {field.words}")
