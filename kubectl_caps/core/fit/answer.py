"""Makes the answer of a fit: why each capability is needed, the next commands, and the open questions."""

import shlex
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from kubectl_caps.core.fit.privileged import Profiles, privileged_containers, still_privileged_words
from kubectl_caps.core.fit.replacements import replacement_notes
from kubectl_caps.core.fit.result import FitOutcome, FitResult, Need, TrialEnd, by_container
from kubectl_caps.core.fit.search_types import Found, Grants, Stuck
from kubectl_caps.core.fit.trial_job import Escalation
from kubectl_caps.core.harden.complaints import Complaint, wording
from kubectl_caps.core.kubernetes.pod import PodSpec, members
from kubectl_caps.core.trace.privileged_use import PrivilegedUse


class AnswerContext(Struct, frozen=True):
    """The words of the answer's commands: the program and the target (`deployment/web -n shop`, `-f web.yaml`).

    `is_alone` is False if the target names other workloads, too, because the same command would harden these.
    `unconfined` are the profiles that privileged containers need Unconfined: trials with other profiles failed.
    """

    program: str
    target: str
    containers: list[str]
    chosen: tuple[str, ...] = ()
    escalation: Escalation = "false"
    probe: str = ""
    is_alone: bool = True
    unconfined: Profiles = ()


def found_answer(result: FitResult, found: Found, ends: Sequence[TrialEnd], context: AnswerContext) -> None:
    """Write a found set into the result. `ends` are the trials of the search, in the order of the search."""
    needed = by_container(found.needed, context.containers)
    result.needed = needed
    result.needs = tuple(
        Need(container, name, ends[found.proofs[container, name]] if (container, name) in found.proofs else None)
        for container, names in needed.items()
        for name in names
    )
    unproved = [f"{container}={name}" for container, name in sorted(found.unproved)]
    passed = [end for end in ends if end.outcome == "passed" and end.adds == found.needed]
    told = [item for item in _each_once(end.usual for end in passed) if item.cause and item.cause.is_told]
    result.refused = tuple(f"container {item.line.container}: {item.line.text.strip()}" for item in told)
    doubtful = _each_once(end.doubtful for end in passed)
    doubts = [f"container {item.line.container}: {item.line.text.strip()}" for item in doubtful]
    left_open = [f"whether it needs {', '.join(unproved)} could not be tried"] if unproved else []
    if found.chance is not None:
        left_open.append(_by_chance(ends[found.chance]))
    left_open += dict.fromkeys(end.message for end in passed if end.message)
    if doubts:
        left_open.append(f"only its trial pod logs this line, which may show a missing capability: {doubts[0]}")
        result.notes += tuple(f"only a trial pod logs this: {text}" for text in doubts[1:])
    result.result = "notProved" if left_open else "found"
    result.message = f"it works; {'; '.join(left_open)}" if left_open else ""
    _next_steps(result, found.needed, context)


def _each_once(complaints: Iterable[Iterable[Complaint]]) -> list[Complaint]:
    """The complaints of several pods, each wording once. A complaint of a single pod counts, too."""
    return list({wording(item.line): item for items in complaints for item in items}.values())


def _by_chance(end: TrialEnd) -> str:
    return (f"trial {end.number} had at least these capabilities, and failed without naming one ({end.message}): it "
            "failed by chance, or the program fails now and then")  # fmt: skip


def unfinished_answer(result: FitResult, ends: Sequence[TrialEnd], context: AnswerContext, limit: int) -> None:
    """Write the smallest set that has worked into the result, when `limit` trials have been made."""
    passed = [end.adds for end in ends if end.outcome == "passed" and end.adds is not None]
    if not passed:
        result.message = f"no answer after {limit} trials; --max-trials allows more"
        return
    best = min(passed, key=len)
    result.needed = by_container(best, context.containers)
    result.needs = tuple(Need(container, name, None) for container, names in result.needed.items() for name in names)
    result.result = "notProved"
    result.message = f"it works with these, and may work with fewer: {limit} trials were made; --max-trials allows more"
    _next_steps(result, best, context)


def stuck_answer(
    stuck: Stuck,
    ends: Sequence[TrialEnd],
    spec: PodSpec,
    context: AnswerContext,
    untried: str = "",
    missed: Sequence[PrivilegedUse] = (),
) -> str:
    """A sentence about the reason why there is no answer.

    `untried` is about the capabilities of today's pods that no trial could add; it is empty if there are none. `missed`
    is the kernel's evidence of what else privileged containers lack in trials.
    """
    told = [ends[index] for index in stuck.trials]
    if stuck.reason == "contradiction":
        passed, failed = told
        return (
            f"the trials contradict each other: trial {passed.number} passed with {grant_words(passed.adds)}, and "
            f"trial {failed.number} failed with {grant_words(failed.adds)}: {failed.message}; it fails by chance, or "
            "more rights break it, so no set can be trusted"
        )
    if stuck.reason == "notTried":
        return f"a trial could not be made: {told[-1].message if told else 'the server refused it'}"
    every = "every capability that may be added" if untried else "every capability that it holds today"
    works = f"with {every} it still does not work: {told[-1].message if told else ''}"
    return f"{works}; {untried or _something_else(spec, context, told, missed)}"


def grant_words(adds: Grants | None) -> str:
    """The adds of a trial in words: `CHOWN,SETUID`, `a=CHOWN b=SETUID`, `nothing added` or `today's rights`."""
    if adds is None:
        return "today's rights"
    containers = sorted({container for container, _ in adds})
    sets = by_container(adds, containers)
    if len(sets) == 1:
        return ",".join(sets[containers[0]])
    return " ".join(f"{name}={','.join(names)}" for name, names in sets.items()) or "nothing added"


def _something_else(
    spec: PodSpec, context: AnswerContext, ends: Sequence[TrialEnd], missed: Sequence[PrivilegedUse]
) -> str:
    if privileged := privileged_containers(spec, context.containers):
        return still_privileged_words(privileged, ends, missed)
    if context.escalation == "false":
        return ("something else is missing, perhaps setuid programs or file capabilities, which "
                "allowPrivilegeEscalation: false stops: try --allow-privilege-escalation=keep")  # fmt: skip
    return "something else is missing"


def _next_steps(result: FitResult, needed: Grants, context: AnswerContext) -> None:
    spec = result.workload.template.spec
    result.notes += tuple(replacement_notes(needed))
    declared = {member.container.name: member.container for member in members(spec)}
    privileged = privileged_containers(spec, context.containers)
    result.manifest = {
        name: {
            "capabilities": {"drop": ["ALL"], **({"add": list(names)} if names else {})},
            **({"allowPrivilegeEscalation": False} if context.escalation == "false" else {}),
            **({field: {"type": "Unconfined"} for field in context.unconfined} if name in privileged else {}),
        }
        for name, names in result.needed.items()
    }
    if privileged:
        says = "is privileged, and harden does not change it: write the lines below, without privileged"
        result.notes += tuple(f"container {name} {says}" for name in privileged)
        return
    if not context.is_alone:
        says = "would harden the other workloads there with the same adds: write the lines below"
        result.notes += (f"harden {context.target} {says}",)
        return
    result.commands = (answer_command(declared, needed, context),)


def answer_command(declared: Mapping[str, object], needed: Grants, context: AnswerContext) -> str:
    """The `harden` command that gives the workload exactly these capabilities, as text for a shell."""
    return " ".join(shlex.quote(word) for word in (*context.program.split(), *harden_words(declared, needed, context)))


def harden_words(declared: Mapping[str, object], needed: Grants, context: AnswerContext) -> list[str]:
    """The words of the command `harden deployment/web -n shop --add CHOWN,SETUID`."""
    words = ["harden", *shlex.split(context.target)]
    sets = by_container(needed, context.containers)
    if len(declared) == 1 and needed:
        words += ["--add", ",".join(next(iter(sets.values())))]
    elif needed:
        for name, names in sets.items():
            words += ["--add", f"{name}={','.join(names)}"] if names else []
    if context.chosen:
        words += ["-c", ",".join(context.chosen)]
    if any(_adds(container) for container in declared.values()):
        words.append("--remove-adds")
    if context.escalation == "keep":
        words += ["--allow-privilege-escalation", "keep"]
    return words


def _adds(container: object) -> bool:
    capabilities = getattr(container, "capabilities", None)
    return bool(capabilities and capabilities.add)


def not_exercised(result: FitResult, context: AnswerContext) -> str:
    """A sentence about the needs that the trials cannot show."""
    probed = any(
        member.container.readiness_probe for member in members(result.workload.template.spec) if member.role == "main"
    )
    unasked = "" if context.probe or probed else " The trials made no request: --probe 'COMMAND' makes one."
    return f"Not exercised: capabilities for requests, signals, a reload, the program's end or a later hour.{unasked}"


def is_answered(outcome: FitOutcome) -> bool:
    """Whether the fit found a set that works."""
    return outcome in ("found", "notProved")
