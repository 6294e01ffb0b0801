"""The `harden` commands that fix a refused workload, the level that they reach, and the checks that remain.

Each proposal is tried on the template first: the template is hardened as `harden` would harden it, and judged again.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.assess.assess import running_user
from kubectl_caps.core.assess.assessment import RunningUser
from kubectl_caps.core.assess.status_facts import status_facts
from kubectl_caps.core.harden.plan import HardenOptions, harden
from kubectl_caps.core.kubernetes.field_path import field_path
from kubectl_caps.core.kubernetes.kinds import kind_of
from kubectl_caps.core.kubernetes.pod import ContainerRef, PodSpec, PodTemplate, members
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.label.verdicts import RefusedWorkload
from kubectl_caps.core.podsecurity.checks.capabilities_baseline import ALLOWED
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.podsecurity.policy import LEVELS, Level
from kubectl_caps.core.podsecurity.registry import Violation, evaluate

Users = Mapping[str, RunningUser]
"""The user of each container, by the container's name."""

_ON_RESTRICTED = ("NET_BIND_SERVICE",)
"""The capabilities that restricted allows to add."""


class Fix(Struct, frozen=True):
    """`runs` are the flags of each run of `harden`; `remain` are the checks that the policy refuses afterwards.

    `level` is the strictest level that accepts the workload afterwards. `words` are notes to read before.
    """

    runs: tuple[tuple[str, ...], ...] = ()
    remain: tuple[str, ...] = ()
    level: Level = "privileged"
    words: tuple[str, ...] = ()


class _Flags(Struct, frozen=True):
    """The flags of `harden` for one container."""

    add: tuple[str, ...] = ()
    remove_adds: bool = False
    restricted: bool = False
    user: int | None = None

    def options(self, containers: Sequence[str]) -> HardenOptions:
        return HardenOptions(
            add=self.add,
            containers=tuple(containers),
            remove_adds=self.remove_adds,
            profile="restricted" if self.restricted else "none",
            run_as_user=self.user,
        )


def fix_command(judged: RefusedWorkload, level: Level, minor: int) -> Fix:
    """The fix for a workload that a policy refuses, by the rules of v1.`minor`.

    In a cluster, pods and Jobs cannot be changed in place, and a controller reverts changes of its objects. A container
    that a webhook injects is in no template.
    """
    workload, spec = judged.workload, judged.workload.template.spec
    if not (judged.in_file or is_changeable(workload)):
        return Fix(remain=tuple(violation.check for violation in judged.violations))
    users = {
        member.container.name: running_user(member.container, spec, facts)
        for member, facts in zip(members(spec), status_facts(spec, judged.running), strict=True)
    }
    found = fixed_template(workload, users, level, minor)
    foreign = list(_foreign(judged, level, minor)) if judged.created else []
    if not foreign:
        return found
    return replace(found, remain=tuple(dict.fromkeys([*found.remain, *foreign])), level="privileged")


def is_changeable(workload: Workload) -> bool:
    """Whether the object can be changed in place in a cluster, and no controller reverts the change."""
    kind = kind_of(workload.api_version, workload.kind)
    return kind is not None and kind.effect != "never" and not workload.metadata.controller


def fixed_template(workload: Workload, users: Users, level: Level, minor: int) -> Fix:
    """The fix that brings a template as near to a level as `harden` can, without a run that must fail.

    A declared add that *baseline* allows stays, because the container may need it to run. *restricted* needs a user
    other than root, so it is not proposed for a container that runs as root, or whose adds only root can use.
    """
    tried = [_tried(workload, users, level, minor, restricted=False)]
    if not _needs_root(workload.template.spec, users):
        tried.append(_tried(workload, users, level, minor, restricted=True))
    found = min(tried, key=lambda one: len(one.remain))
    return replace(found, words=(*found.words, *_root_words(workload, users, found, level)))


def _tried(workload: Workload, users: Users, level: Level, minor: int, *, restricted: bool) -> Fix:
    groups: dict[_Flags, list[ContainerRef]] = {}
    spec = workload.template.spec
    for member in _hardenable(spec):
        groups.setdefault(_flags(member, spec, users, restricted=restricted), []).append(member)
    template, runs, words = msgspec.convert(msgspec.to_builtins(workload.template), PodTemplate), [], []
    for flags, group in groups.items():
        names = [member.container.name for member in group] if len(groups) > 1 else []
        hardened = _hardened(workload, template, flags.options(names))
        if isinstance(hardened, str):
            words.append(hardened)
        elif hardened != template:
            template = hardened
            runs.append(tuple(_command_flags(flags, names)))
            words += [text for member in group for text in _words(member, flags, users, level)]
    refused = _refused(template, level, minor)
    if refused == _refused(workload.template, level, minor):
        runs, words = [], []  # it fixes no violation of the policy
    remain = tuple(violation.check for violation in refused)
    return Fix(tuple(runs), remain, _reached(template, minor), tuple(words))


def _hardenable(spec: PodSpec) -> list[ContainerRef]:
    found = (member for member in members(spec) if member.role != "ephemeral")
    return [member for member in found if not member.container.security.privileged]


def _flags(member: ContainerRef, spec: PodSpec, users: Users, *, restricted: bool) -> _Flags:
    """The flags for one container. They name its user if the user was observed and the manifest names none.

    With runAsNonRoot the kubelet does not start an image that names its user by a word (kubelet, verifyRunAsNonRoot).
    """
    adds, uid = member.container.capabilities.add or [], users[member.container.name].uid
    declares = member.container.security.run_as_user is not None or spec.security.run_as_user is not None
    refused = any(name not in ALLOWED for name in adds)
    kept = tuple(dict.fromkeys(name for name in adds if name in ALLOWED)) if refused else ()
    return _Flags(kept, refused, restricted, uid if restricted and not declares else None)


def _command_flags(flags: _Flags, containers: Sequence[str]) -> Iterator[str]:
    yield from (f"-c={name}" for name in containers)
    if flags.remove_adds:
        yield "--remove-adds"
    if flags.add:
        yield f"--add={','.join(flags.add)}"
    if flags.restricted:
        yield "--profile=restricted"
    if flags.user is not None:
        yield f"--run-as-user={flags.user}"


def _hardened(workload: Workload, template: PodTemplate, options: HardenOptions) -> PodTemplate | str:
    """The hardened template, or why `harden` refuses the object."""
    if shared := next(_shared(workload, template, options), None):
        return shared
    obj = msgspec.to_builtins(template)
    hardening = harden(obj, (replace(workload, template=template, path=(), places=None),), options)
    if hardening.refusals:
        return "; ".join(f"container {note.container} {note.message}" for note in hardening.refusals)
    return msgspec.convert(hardening.patch.applied(obj), PodTemplate)


def _shared(workload: Workload, template: PodTemplate, options: HardenOptions) -> Iterator[str]:
    """Why adds cannot be removed from a container: the object has them in a field that other containers share."""
    for member in members(template.spec):
        name, context = member.container.name, (*member.path, "securityContext")
        meant = not options.containers or name in options.containers
        if meant and options.remove_adds and member.container.capabilities.add and not options.adds(name):
            own, adds = workload.at(context), workload.at((*context, "capabilities", "add"))
            if adds[: len(own)] != own:
                yield f"container {name}: {field_path(adds)} is shared with other containers: change it there"


def _refused(template: PodTemplate, level: Level, minor: int) -> tuple[Violation, ...]:
    return evaluate(as_admitted(template, pod=True), level, minor)


def _reached(template: PodTemplate, minor: int) -> Level:
    return next(level for level in reversed(LEVELS) if not _refused(template, level, minor))


def _foreign(judged: RefusedWorkload, level: Level, minor: int) -> Iterator[str]:
    """The checks that a container or a setting violates which a webhook injects. `harden` cannot change it."""
    template = judged.workload.template
    within = {member.container.name for member in members(template.spec)}
    own = {violation.check for violation in _refused(template, level, minor)}
    for violation in judged.violations:
        if violation.check not in own or not set(violation.containers) <= within:
            yield violation.check


def _needs_root(spec: PodSpec, users: Users) -> list[ContainerRef]:
    """The containers that run as root, or whose user is not known and whose adds only root can use."""
    found = []
    for member in _hardenable(spec):
        user = users[member.container.name]
        if user.uid == 0 or (user.uid is None and not _is_not_root(member, spec) and _kept(member)):
            found.append(member)
    return found


def _is_not_root(member: ContainerRef, spec: PodSpec) -> bool:
    own = member.container.security.run_as_non_root
    return bool(spec.security.run_as_non_root if own is None else own)


def _kept(member: ContainerRef) -> list[str]:
    """The declared adds that *baseline* allows and *restricted* refuses."""
    adds = member.container.capabilities.add or ()
    return [name for name in adds if name in ALLOWED and name not in _ON_RESTRICTED]


def _words(member: ContainerRef, flags: _Flags, users: Users, level: Level) -> Iterator[str]:
    """The notes on a fix: what it removes from a container, and its conditions."""
    name, adds = member.container.name, member.container.capabilities.add or ()
    if lost := [add for add in adds if add not in ALLOWED]:
        yield f"container {name} loses {', '.join(lost)}, which {level} refuses: a rollout shows if it runs without"
    if flags.restricted and users[name].uid is None:
        yield (
            f"the user of container {name} is not known: where its image names root, or a user by name, "
            "it starts only with --run-as-user UID"
        )


def _root_words(workload: Workload, users: Users, found: Fix, level: Level) -> Iterator[str]:
    """Why *restricted* cannot be reached, and the change that would reach it."""
    if level != "restricted" or not found.remain:
        return
    for member in _hardenable(workload.template.spec):
        name, kept = member.container.name, _kept(member)
        if kept:
            words = f"container {name} keeps {', '.join(kept)}, which restricted refuses"
            yield f"{words}: --remove-adds takes that away, and then it may not run"
        if users[name].uid == 0:
            seen = "its pods show" if users[name].source in ("status", "observed") else "its manifest says"
            words = f"container {name} runs as root, as {seen}, which restricted refuses"
            yield f"{words}: --profile=restricted needs --run-as-user UID, and a program that runs as that user"
