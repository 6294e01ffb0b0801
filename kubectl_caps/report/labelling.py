"""The text output of `label-ns`: the refused workloads, the reasons, and the commands that fix them."""

from collections import Counter
from collections.abc import Iterator, Sequence

from kubectl_caps.core.kubernetes.field_path import field_path
from kubectl_caps.core.kubernetes.kustomize import file_flag
from kubectl_caps.core.kubernetes.workloads import reference
from kubectl_caps.core.label.fix import Fix, fix_command
from kubectl_caps.core.label.plan_labels import SYSTEM_NAMESPACES
from kubectl_caps.core.label.verdicts import VERBS, Labelling, RefusedWorkload
from kubectl_caps.core.podsecurity.labels import looser, resolve
from kubectl_caps.core.podsecurity.policy import LEVELS, Policy
from kubectl_caps.core.podsecurity.registry import Violation
from kubectl_caps.core.text import first_few, plural
from kubectl_caps.report.table import Column
from kubectl_caps.report.table import table as lines
from kubectl_caps.report.terminal import escaped, screen

_FEW = 3
_RESULT_COLOURS = {"refused": "31", "failed": "31", "unknown": "35", "labeled": "32", "planned": "32"}
_COLUMNS = (
    Column("NAMESPACE"), Column("RESULT", colours=_RESULT_COLOURS), Column("POLICY", leaves=2),
    Column("WORKLOADS", leaves=3), Column("PODS", leaves=1), Column("NOT-JUDGED"),
)  # fmt: skip


def verdict(item: Labelling, program: str) -> Iterator[str]:
    """The version of the rules, the refused workloads with the commands that fix them, and the changed labels."""
    yield escaped(f"namespace/{item.namespace}: {_extent(item)}")
    if item.judged:
        refused = f"{item.mode}={item.policy} would {VERBS[item.mode]} {_plural(len(item.judged), 'workload')}"
        running = f", {_plural(pods, 'running pod')}" if (pods := _pods(item)) else ""
        yield escaped(f"namespace/{item.namespace}: {refused}{running}")
    for members, found in _alike(item):
        yield from _refused(members, found, item, program)
    for kind, texts in (("not judged", item.not_judged), ("note", item.notes)):
        for text in texts:
            yield escaped(f"namespace/{item.namespace}: {kind}: {text}")
    for key in item.after | item.before:
        old, new = item.before.get(key), item.after.get(key)
        if old != new:
            yield escaped(f"namespace/{item.namespace}: {key}: {old or '<none>'} -> {new or '<none>'}")


def _extent(item: Labelling) -> str:
    """The counts behind a verdict, if known, and the version of the rules."""
    if item.policy.level == "privileged":
        return f"{item.mode}={item.policy} refuses nothing, so nothing was judged"
    if item.coverage is None:
        return f"judged by the rules of v1.{item.minor}"
    empty = "" if item.coverage.judged or item.coverage.not_read else "nothing runs in it: "
    return f"{empty}{item.coverage.words}, by the rules of v1.{item.minor}"


def labelling_plan(item: Labelling, program: str) -> Iterator[str]:
    """The steps to the judged policy: warn and audit, harden the workloads, enforce. Empty steps are left out.

    The third step enforces the strictest level that the workloads reach. If that is less than *restricted*, the last
    step is an admission policy. A command that would fail is a comment.
    """
    yield escaped(f"# {item.namespace}: {_extent(item)}")
    found = (
        _warn_step(item, program),
        _fix_step(item, program),
        _enforce_step(item, program),
        _policy_step(item, program),
    )
    steps = [step for step in found if step]
    for number, (title, *commands) in enumerate(steps, 1):
        yield escaped(f"# {item.namespace}: {number}. {title}")
        yield from map(escaped, commands)
    if not steps:
        yield escaped(f"# {item.namespace}: nothing to do: {item.policy} is enforced, and nothing is refused")


def _warn_step(item: Labelling, program: str) -> list[str]:
    """The step that sets warn and audit. Modes that are already set are left out."""
    held = resolve(item.before)
    modes = [mode for mode in ("warn", "audit") if looser(item.policy, held.of(mode))]
    if not modes:
        return []
    flags = " ".join(f"--{mode} {_level(item)}" for mode in modes)
    force = any(looser(held.of(mode), item.policy) for mode in modes) or item.namespace in SYSTEM_NAMESPACES
    command = f"{program} label-ns {item.namespace} {flags} --overwrite{' --force' if force else ''}"
    return [f"warn of violations of {_level(item)}, and refuse nothing", command]


def _level(item: Labelling) -> str:
    """The policy as the value of a flag. The version `latest` is left out if no label sets a version."""
    pinned = any(key.endswith("-version") for key in item.before)
    return str(item.policy) if pinned else str(item.policy).removesuffix(":latest")


def _fix_step(item: Labelling, program: str) -> list[str]:
    """The step that hardens, with the obstacles and the checks that remain."""
    lines = []
    for judged in item.judged:
        found, who = fix_command(judged, item.policy.level, item.minor), judged.workload.reference
        lines += [f"# {who}: {text}" for text in found.words]
        lines += [_command([judged], item.namespace, program, flags) for flags in found.runs]
        if found.remain:
            lines.append(f"# {who}: {_rest(judged, item, found)}: {', '.join(found.remain)}")
    lines += [f"# not judged: {text}" for text in item.not_judged]
    title = f"fix {_plural(len(item.judged), 'refused workload')}"
    return [title if item.judged else "look at what could not be judged", *lines] if lines else []


def _rest(judged: RefusedWorkload, item: Labelling, found: Fix) -> str:
    """The advice for the checks that remain: a fix by hand, or a lower level."""
    if found.level in ("privileged", item.policy.level):
        return _by_hand(judged)
    return f"{_by_hand(judged)}, or enforce no more than {found.level}, which it reaches"


def _enforce_step(item: Labelling, program: str) -> list[str]:
    held, name = resolve(item.before), item.namespace
    if held.enforce == item.policy and not item.judged:
        return []
    found = [fix_command(judged, item.policy.level, item.minor) for judged in item.judged]
    level = min((one.level for one in found if one.remain), default=item.policy.level, key=LEVELS.index)
    wanted = _level(item).replace(item.policy.level, level, 1)
    policy = Policy(level, item.policy.version)
    force = name in SYSTEM_NAMESPACES or looser(held.enforce, policy)
    command = f"{program} label-ns {name} --enforce {wanted} --overwrite{' --force' if force else ''}"
    if item.not_judged:
        return ["enforce, as soon as everything can be judged", f"# {command}"]
    if level == "privileged":
        command = command.replace(f"--enforce {wanted}", f"--enforce {_level(item)}", 1)
        return ["enforce, as soon as the rest is fixed by hand", f"# {command}"]
    if level != item.policy.level and not looser(policy, held.enforce):
        return []  # a policy that is at least as strict is already enforced
    if level != item.policy.level:
        return [f"enforce {level}, the strictest level that is reached without work by hand", command]
    return ["enforce", command]


def _policy_step(item: Labelling, program: str) -> list[str]:
    """The step that keeps workloads above the enforced level, if *restricted* cannot be enforced."""
    found = [fix_command(judged, item.policy.level, item.minor) for judged in item.judged]
    if item.policy.level != "restricted" or not any(one.remain for one in found):
        return []
    force = " --force" if item.namespace in SYSTEM_NAMESPACES else ""
    command = f"{program} policy -n {item.namespace} --apply{force}"
    return ["keep each container at the rights that it has then, which no level does", command]


def labelling_table(items: Sequence[Labelling]) -> Iterator[str]:
    """One row for each namespace: the result, and the numbers of refused workloads and pods."""
    rows = [
        [
            item.namespace,
            item.result,
            f"{item.mode}={item.policy}",
            str(len(item.judged)),
            str(_pods(item)),
            str(len(item.not_judged)),
        ]
        for item in items
    ]
    yield from lines(_COLUMNS, rows)
    if screen().columns:
        results = Counter(item.result for item in items)
        counts = ", ".join(f"{count} {result}" for result, count in results.items())
        yield f"{_plural(len(items), 'namespace')}: {counts}"


def _pods(item: Labelling) -> int:
    return sum(len(judged.pods) for judged in item.judged if not judged.in_file)


def labelling_line(item: Labelling, suffix: str) -> str:
    """`namespace/shop labeled (server dry run)`, or `unlabeled` if labels were only removed."""
    verb = "unlabeled" if item.after.items() < item.before.items() else "labeled"
    done = {"planned": f"{verb}{suffix}", "labeled": verb, "unknown": f"may have been {verb}"}
    words = done.get(item.result, "not labeled")
    message = f": {item.message}" if item.message else ""
    return escaped(f"namespace/{item.namespace} {words}{message}")


def _alike(item: Labelling) -> list[tuple[list[RefusedWorkload], Fix]]:
    """The refused workloads of a namespace with their fix, grouped by equal violations and fixes."""
    groups: dict[object, tuple[list[RefusedWorkload], Fix]] = {}
    for judged in item.judged:
        found = fix_command(judged, item.policy.level, item.minor)
        violations = tuple((one.check, one.detail, one.reason, _fields(judged, one)) for one in judged.violations)
        file = judged.workload.source.get("file")
        key = (judged.created, violations, found.runs, found.remain, found.level, found.words, file, _by_hand(judged))
        groups.setdefault(key, ([], found))[0].append(judged)
    return list(groups.values())


def _fields(judged: RefusedWorkload, violation: Violation) -> tuple[str, ...]:
    return tuple(dict.fromkeys(field_path(judged.at(path)) for path in violation.fields))


def _refused(members: Sequence[RefusedWorkload], found: Fix, item: Labelling, program: str) -> Iterator[str]:
    """The names of equal workloads, the violations of each, and the commands that fix all of them."""
    first = members[0]
    pods = [name for judged in members for name in judged.pods if name != judged.workload.name]
    running = f" ({'and' if first.in_file else 'running in'} {_plural(len(pods), 'pod')})" if pods else ""
    created = " (its pods as the server would create them, with the changes of webhooks)" if first.created else ""
    yield escaped(f"  {_names(members, found)}{running}{created}")
    for violation in first.violations:
        yield escaped(f"    {violation.check}: {violation.detail or violation.reason}")
        yield from (escaped(f"      {field}") for field in _fields(first, violation))
    yield from _fix_lines(members, found, item, program)


def _names(members: Sequence[RefusedWorkload], found: Fix) -> str:
    """The names of equal workloads. Only some are listed if the command that fixes them names all."""
    names = [judged.workload.reference for judged in members]
    if len(names) == 1:
        return names[0]
    most = len(names) if members[0].in_file or not found.runs else _FEW
    return f"{len(names)} workloads with the same violations: {first_few(names, most)}"


def _fix_lines(members: Sequence[RefusedWorkload], found: Fix, item: Labelling, program: str) -> Iterator[str]:
    if not found.runs:
        yield escaped(f"    to fix: {_by_hand(members[0])}")
    part = f" in part (not {', '.join(found.remain)})" if found.remain else ""
    for flags in found.runs:
        yield escaped(f"    to fix{part}: {_command(members, item.namespace, program, flags)}")
    for text in found.words:
        yield escaped(f"      {text}")
    if found.remain and found.level not in ("privileged", item.policy.level):
        level = item.policy.level
        yield f"      harden cannot reach {level}: the strictest level that it reaches is {found.level}"


def _by_hand(judged: RefusedWorkload) -> str:
    """The advice for a workload that `harden` cannot fix."""
    owner = None if judged.in_file else judged.workload.metadata.controller
    name = reference(owner.api_version, owner.kind, owner.name) if owner else ""
    if judged.workload.is_pod and not judged.in_file:
        return f"delete it, {name} makes another" if owner else "by hand: a pod cannot be changed in place"
    return f"by hand, in its controller {name}" if owner else "by hand"


def _command(members: Sequence[RefusedWorkload], namespace: str, program: str, flags: Sequence[str]) -> str:
    """The `harden` command that fixes workloads in their file, or in the cluster."""
    if members[0].in_file:
        return " ".join([program, "harden", file_flag(str(members[0].workload.source["file"])), *flags])
    references = [judged.workload.reference for judged in members]
    return " ".join([program, "harden", *references, "-n", namespace, *flags])


def _plural(count: int, noun: str) -> str:
    return f"{count} {plural(noun, count)}"
