"""Tries `--profile restricted`: pods without capabilities, as another user, until one works or no setting is left."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.commands.trials.run import TrialRun
from kubectl_caps.core.diagnosis.attribution import Loss
from kubectl_caps.core.fit.replacements import (
    RestrictedPod,
    irreplaceable,
    restricted_patch,
    restricted_spec,
    sysctls_for,
    unwritable_folder,
)
from kubectl_caps.core.fit.result import RestrictedAnswer, TrialEnd
from kubectl_caps.core.fit.search_types import Grants
from kubectl_caps.core.harden.restricted import what_is_left

_MOST = 10
"""The most trials. Each trial may name one more folder that must be writable."""


class RestrictedSubject(Struct, frozen=True):
    """The containers, the grants that they hold and need, and the user id of their processes (None if all are root)."""

    containers: list[str]
    held: Grants
    needed: Grants
    user: int | None


def try_restricted(
    run: TrialRun, subject: RestrictedSubject, own: Mapping[str, Any], report: Callable[[TrialEnd], None], most: int
) -> RestrictedAnswer:
    """A patch of the pod spec that satisfies the level restricted and works, or the reason why there is none.

    `own` is the workload's pod spec. Each end of a trial is passed to `report`. The run makes at most `most` trials,
    including the trials of the search. Raises CapsError.
    """
    if lacking := irreplaceable(subject.needed):
        return RestrictedAnswer(f"nothing replaces {', '.join(lacking)}")
    if not subject.user:
        return RestrictedAnswer("all its processes run as root, and the user to run them as is not known")
    wanted = RestrictedPod(subject.user, sysctls_for(name for _, name in subject.needed))
    losses = {name: _loss(name, subject.held) for name in subject.containers}
    left_over = min(_MOST, most - run.count)
    if left_over < 1:
        return RestrictedAnswer(f"no trial is left of {most}; --max-trials allows more")
    for _ in range(left_over):
        spec = restricted_spec(run.plan.pod.spec, subject.containers, wanted)
        if left := next(what_is_left({"spec": spec}), ""):
            return RestrictedAnswer(left)
        run.start(frozenset(), replace(run.plan.pod, spec=spec), subject.containers, losses)
        end = run.wait_for_end(lambda: f"{run.reference}: as restricted, without any capability")
        report(end)
        if end.outcome == "passed":
            made = restricted_spec(own, subject.containers, wanted)
            said = "".join(f"; it logs: {item.line.text.strip()}" for item in end.doubtful)
            return RestrictedAnswer(f"{_words(wanted)}{said}", restricted_patch(own, made), end.number)
        found = frozenset(_folders(end, subject.containers)) - wanted.folders
        if not found:
            return RestrictedAnswer(f"it does not work as user {wanted.user}: {end.evidence}")
        wanted = replace(wanted, folders=wanted.folders | found)
    return RestrictedAnswer(f"it does not work as user {wanted.user} after {left_over} trials: {end.evidence}")


def _loss(container: str, held: Grants) -> Loss:
    taken = frozenset(name for where, name in held if where == container)
    return Loss(taken, frozenset(), frozenset({"runAsUser", "seccompProfile", "allowPrivilegeEscalation"}))


def _folders(end: TrialEnd, containers: list[str]) -> Iterator[tuple[str, str]]:
    """Pairs of container and folder: the log lines of the container call the folder not writable."""
    lines = [(item.line.container, item.line.text) for item in end.complaints]
    lines += [(diagnosis.container, diagnosis.cause.evidence_text) for diagnosis in end.diagnoses]
    lines += [(containers[-1], end.message)]
    for container, line in lines:
        if (folder := unwritable_folder(line)) and container in containers:
            yield container, folder


def _words(wanted: RestrictedPod) -> str:
    sysctls = "".join(f", sysctl {name}={value}" for name, value in wanted.sysctls)
    paths = sorted({path for _, path in wanted.folders})
    folders = f", with empty volumes at {', '.join(paths)}" if paths else ""
    return f"it works without any capability as user {wanted.user}{sysctls}{folders}"
