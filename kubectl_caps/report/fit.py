"""The text output of `fit`: the answer as a table, the command, and the lines for the manifest."""

from collections.abc import Iterator

from kubectl_caps.core.fit.answer import grant_words, is_answered
from kubectl_caps.core.fit.privileged import profile_words
from kubectl_caps.core.fit.result import FitResult, Need, RestrictedAnswer, TrialEnd, restricted_patch_of
from kubectl_caps.core.kubernetes.pod import members
from kubectl_caps.core.trace.privileged_use import NOT_RECORDED
from kubectl_caps.report.json import text
from kubectl_caps.report.table import table
from kubectl_caps.report.terminal import escaped

_OUTCOMES = {"passed": "works", "refused": "is refused", "failed": "fails", "notTried": "could not be tried"}


def fit_answer(result: FitResult, not_exercised: str) -> Iterator[str]:
    """The answer for one workload."""
    reference = result.workload.reference
    if not is_answered(result.result):
        yield escaped(f"{reference}: no answer: {result.message}")
        yield from map(escaped, _used_besides(result))
        return
    rows = [[need.container, need.capability, _reason(need)] for need in result.needs]
    if rows:
        yield from table(["CONTAINER", "CAPABILITY", "NEEDED FOR"], rows)
    free = [name for name, names in result.needed.items() if not names]
    if free:
        yield escaped(f"{reference}: container {', '.join(free)} needs no capability")
    count, seconds = len(result.trials), sum(trial.seconds for trial in result.trials)
    proved = "the smallest set that works" if result.result == "found" else result.message
    yield escaped(f"{reference}: {proved} ({count} trials, {seconds:.0f} s of pods)")
    yield from map(escaped, _traced(result))
    for line in result.refused:
        yield escaped(f"{reference}: still refused, as today: {line}")
    for note in result.notes:
        yield escaped(f"{reference}: {note}")
    yield not_exercised
    yield from (escaped(command) for command in result.commands)
    if result.restricted:
        yield from _restricted(result, result.restricted)
    for name, context in result.manifest.items():
        yield escaped(f"# container {name}")
        yield from text({"securityContext": context}, "yaml").splitlines()


def _traced(result: FitResult) -> Iterator[str]:
    """What the kernel's records say of the answer, and what they miss."""
    trace, reference = result.trace, result.workload.reference
    if trace is None:
        return
    if trace.confirmed is not None:
        yield f"{reference}: trial {trace.confirmed} was the first one with exactly this set"
    for need in result.needs:
        if need.kernel:
            more = f", and {len(need.kernel) - 3} more" if len(need.kernel) > 3 else ""
            yield f"{reference}: {need.container}: {need.capability}: {'; '.join(need.kernel[:3])}{more}"
    spared = {(one.container, one.capability): one for one in trace.used if one.capability not in
              result.needed.get(one.container, ())}  # fmt: skip
    for check in spared.values():
        why = f": {check.optional}" if check.optional else ""
        where = f" in {check.call}" if check.call else ""
        what = f"{check.capability}, which {check.process} used{where}, is not needed"
        yield f"{reference}: {check.container}: {what}{why}"
    yield from _used_besides(result)
    if trace.incomplete:
        yield f"{reference}: the kernel's evidence is incomplete: {trace.incomplete}"


def _used_besides(result: FitResult) -> Iterator[str]:
    """What privileged containers used besides capabilities, and what of that no record shows."""
    trace, reference = result.trace, result.workload.reference
    if trace is None or trace.kind is None:
        return
    for use in trace.besides:
        yield f"{reference}: {use.container}: {use.words}"
    for member in members(result.workload.template.spec):
        if member.container.security.privileged:
            yield f"{reference}: {member.container.name}: {NOT_RECORDED}"


def _restricted(result: FitResult, found: RestrictedAnswer) -> Iterator[str]:
    says = f" (trial {found.trial}); the patch:" if found.patch else ""
    yield escaped(f"{result.workload.reference}: as restricted: {found.message}{says}")
    if patch := restricted_patch_of(result):
        yield from text(patch, "yaml").splitlines()


def trial_line(reference: str, end: TrialEnd) -> str:
    """One trial as news: `deployment.apps/web: trial 2 with CHOWN fails: chown(…) failed`."""
    why = f": {end.evidence}" if end.outcome != "passed" else f" ({end.seconds:.0f} s)"
    profiles = f" and {profile_words(end.unconfined)}" if end.unconfined else ""
    return f"{reference}: trial {end.number} with {grant_words(end.adds)}{profiles} {_OUTCOMES[end.outcome]}{why}"


def _reason(need: Need) -> str:
    if need.trial is None:
        return "not proved: no trial without it could be made"
    return f"{need.evidence} (trial {need.trial.number})"
