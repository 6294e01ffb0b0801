"""Plans the changes of a workload's security contexts, from the workload and the user's options.

`capabilities.drop` becomes exactly `["ALL"]`, `allowPrivilegeEscalation` false, and only the chosen capabilities are
added. What the manifest adds already stays to the letter: a spelling that a runtime ignores today (`CAP_NET_ADMIN` on
containerd) would *grant* something if it were put right.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.assess import grants
from kubectl_caps.core.assess.grants import UNTOLD, Gain, Side
from kubectl_caps.core.harden.new_warnings import new_warnings
from kubectl_caps.core.harden.restricted import (
    restrict_alone,
    restrict_container,
    restrict_pod,
    what_is_left,
    without_unconfined,
)
from kubectl_caps.core.harden.write_back import write_back
from kubectl_caps.core.kubernetes.container import SecurityContext
from kubectl_caps.core.kubernetes.field_path import Path
from kubectl_caps.core.kubernetes.made_pods import template_of
from kubectl_caps.core.kubernetes.patch import Patch, between, copied, lookup
from kubectl_caps.core.kubernetes.pod import ContainerRef, PodSecurityContext, PodSpec, members
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.linux.add_drop import ineffective_adds, runtime_dependent_adds
from kubectl_caps.core.linux.runtimes import Runtime


class HardenOptions(Struct, frozen=True, kw_only=True):
    """The options of a hardening. No `containers` means all containers.

    `add` holds the canonical names that every container gets; `add_in` holds pairs of a container and a name that it
    gets in addition. `agreed`: an unnamed container may gain capabilities that it does not hold today. `runtimes` are
    those of the nodes, or the one that is predicted for.
    """

    add: tuple[str, ...] = ()
    add_in: tuple[tuple[str, str], ...] = ()
    containers: tuple[str, ...] = ()
    remove_adds: bool = False
    escalation: Literal["false", "keep"] = "false"
    profile: Literal["none", "restricted"] = "none"
    run_as_user: int | None = None
    agreed: bool = False
    runtimes: tuple[Runtime, ...] = (UNTOLD,)

    def adds(self, container: str) -> tuple[str, ...]:
        """The capabilities that a container gets, each once."""
        return tuple(dict.fromkeys((*self.add, *(name for where, name in self.add_in if where == container))))

    @property
    def named(self) -> tuple[str, ...]:
        """The named containers, each once: each of them must exist."""
        return tuple(dict.fromkeys((*self.containers, *(where for where, _ in self.add_in))))


class Note(Struct, frozen=True):
    """A note for the user about one container, or about the pod if `container` is empty."""

    container: str
    message: str


class Hardening(Struct, frozen=True):
    """The patch, the notes about it, and the `refusals`: with a refusal the patch must not be sent."""

    patch: Patch
    notes: tuple[Note, ...] = ()
    refusals: tuple[Note, ...] = ()
    gains: tuple[Gain, ...] = ()


class _Run(Struct, frozen=True):
    """One pod template that is being hardened, as it is today, with its notes and refusals."""

    spec: PodSpec
    options: HardenOptions
    notes: list[Note]
    refusals: list[Note]
    gains: list[Gain]


def harden(obj: Mapping[str, Any], workloads: tuple[Workload, ...], options: HardenOptions) -> Hardening:
    """The hardening of one object; `workloads` are its pod templates as `read_workloads` gives them.

    Raises ValueError if `options` name a container that the object does not have.
    """
    is_converted = any(workload.places is not None for workload in workloads)
    wanted = copied(dict(obj)) if is_converted else dict(obj)
    notes: list[Note] = []
    refusals: list[Note] = []
    gains: list[Gain] = []
    missing = set(options.named)
    for workload in workloads:
        spec = workload.template.spec
        missing -= {member.container.name for member in members(spec)}
        template = template_of(workload, wanted) if is_converted else _own_template(wanted, workload.path)
        before = copied(template) if workload.places is not None else None
        _harden_template(template, workload, _Run(spec, options, notes, refusals, gains))
        if before is not None:
            refusals.extend(Note(*said) for said in write_back(wanted, workload, before, template))
    if missing:
        raise ValueError(_no_such_container(missing, workloads))
    return Hardening(between(obj, wanted), tuple(dict.fromkeys(notes)), tuple(refusals), tuple(gains))


def _own_template(wanted: dict[str, Any], path: Path) -> dict[str, Any]:
    """The template at a path, with its own copies of all that a hardening may change; everything else stays shared.

    A whole copy would take a third of the time of planning, and comparing all of it another third.
    """
    node: Any = wanted
    for step in path:
        node[step] = copy(node[step])
        node = node[step]
    template: dict[str, Any] = node
    for name in ("metadata", "spec"):
        if template.get(name):
            template[name] = copy(template[name])
    spec = template.get("spec") or {}
    for name in ("initContainers", "containers"):
        if spec.get(name):
            spec[name] = list(map(copy, spec[name]))
    return template


def _harden_template(template: dict[str, Any], workload: Workload, run: _Run) -> None:
    spec, options = run.spec, run.options
    if spec.os and spec.os.name == "windows":
        run.notes.append(Note("", "a Windows pod has no Linux capabilities: left as it is"))
        return
    chosen = []
    for member in members(spec):
        name = member.container.name
        if member.role == "ephemeral" or (options.containers and name not in options.containers):
            continue
        if member.container.security.privileged:
            run.notes.append(Note(name, "is privileged (critical risk), which overrides capabilities: left as it is"))
            continue
        raw = lookup(template, member.path)
        _set_security_context(raw, _container_context(member, raw, run))
        chosen.append(member)
    if chosen and (options.profile == "restricted" or options.run_as_user is not None):
        _beyond_capabilities(template, chosen, run, workload)
    for member in chosen:
        _say_what_it_gets(member, template, run)


def _say_what_it_gets(member: ContainerRef, template: Mapping[str, Any], run: _Run) -> None:
    """Notes and refusals about a container's gains, about the needs of its image, and its new warnings."""
    name = member.container.name
    context = msgspec.convert(lookup(template, member.path)["securityContext"], SecurityContext)
    of_pod = msgspec.convert(template["spec"].get("securityContext") or {}, PodSecurityContext)
    after = Side(replace(member.container, security_context=context), replace(run.spec, security_context=of_pod))
    before, options = Side(member.container, run.spec), run.options
    found = grants.gained_capabilities(before, after, options.runtimes)
    run.gains.extend(found)
    _say_gains(name, found, run)
    for capability in grants.file_capabilities_unmet(after):
        says = f"its image is known to have {capability} as a file capability, and does not start without"
        run.notes.append(Note(name, f"{says}; --add {capability} adds it"))
    said = new_warnings(member, before, after, options.adds(name), options.runtimes)
    run.notes.extend(Note(name, text) for text in said)


def _say_gains(name: str, found: Sequence[Gain], run: _Run) -> None:
    """Refuse a gain of capabilities unless the user names the container or agrees; note gains on other runtimes.

    `--add CONTAINER=CAP` agrees to this capability in this container.
    """
    options = run.options
    agreed = name in options.containers or options.agreed
    here, elsewhere = ([gain for gain in found if gain.expected == expected] for expected in (True, False))
    unmeant = [gain for gain in here if not agreed and (name, gain.capability) not in options.add_in]
    if unmeant and not any(refusal.container == name for refusal in run.refusals):
        run.refusals.append(Note(name, f"{grants.gain_words(unmeant)}; -c {name} or --yes accepts it"))
    elif here and not unmeant:
        run.notes.append(Note(name, grants.gain_words(here)))
    if elsewhere:
        run.notes.append(Note(name, grants.gain_words(elsewhere)))


def _beyond_capabilities(template: dict[str, Any], chosen: list[ContainerRef], run: _Run, workload: Workload) -> None:
    """User and profile: on the pod if all its containers are hardened, else on each hardened container.

    An object without a pod template has no place for fields of the pod, or a place that other pods share.
    """
    pod, options, is_converted = template["spec"], run.options, workload.places is not None
    if not is_converted and len(chosen) == sum(member.role != "ephemeral" for member in members(run.spec)):
        _set_security_context(pod, _pod_context(pod, options))
    else:
        for member in chosen:
            context = lookup(template, member.path)["securityContext"]
            _alone(context, pod.get("securityContext") or {}, options)
    if options.profile == "restricted":
        run.notes.extend([Note("", f"restricted is not judged: {workload.unseen}")] if workload.unseen else [])
        if not is_converted:
            _drop_annotations(template, {member.container.name for member in chosen})
        run.refusals.extend(_root_users(template, chosen))
        run.notes.extend(Note("", text) for text in what_is_left(template))


def _set_security_context(holder: dict[str, Any], context: dict[str, Any]) -> None:
    if context or holder.get("securityContext") is not None:
        holder["securityContext"] = context


def _container_context(member: ContainerRef, raw: dict[str, Any], run: _Run) -> dict[str, Any]:
    name, options = member.container.name, run.options
    context = dict(raw.get("securityContext") or {})
    add = _adds(member, run)
    if options.escalation == "false" and context.get("allowPrivilegeEscalation") is not False:
        if "CAP_SYS_ADMIN" in add:
            words = "adds CAP_SYS_ADMIN, so the API refuses allowPrivilegeEscalation=false: left"
            run.notes.append(Note(name, words))
        else:
            context["allowPrivilegeEscalation"] = False
    capabilities = dict(context.get("capabilities") or {})
    capabilities["drop"] = ["ALL"]
    if add:
        capabilities["add"] = add
    elif capabilities.get("add"):
        del capabilities["add"]
    context["capabilities"] = capabilities
    if options.profile == "restricted":
        restrict_container(context)
    if options.run_as_user is not None and context.get("runAsUser") is not None:
        context["runAsUser"] = options.run_as_user
    return context


def _adds(member: ContainerRef, run: _Run) -> list[str]:
    """The new `capabilities.add`: the declared adds that hold today, then the requested ones."""
    name, declared, options = member.container.name, member.container.capabilities, run.options
    wanted = options.adds(name)
    kept = list(declared.add or [])
    if kept and options.remove_adds:
        run.notes.append(Note(name, f"adds {', '.join(kept)}: removed (--remove-adds)"))
        kept = []
    if void := ineffective_adds(kept, declared.drop or []):
        run.notes.append(Note(name, f"adds and drops {', '.join(void)}, which has no effect today: the add is removed"))
        kept = [item for item in kept if item not in void]
    unclear = [item for item in runtime_dependent_adds(kept, declared.drop or []) if item.upper() not in wanted]
    if unclear:
        run.refusals.append(Note(name, _runtime_dependent(unclear)))
    if any(item.upper() == "ALL" for item in kept):
        says = "adds ALL capabilities; --remove-adds removes it, and --add keeps single ones"
        run.refusals.append(Note(name, says))
    run.notes.extend(Note(name, text) for text in _kept([item for item in kept if item not in unclear], member, run))
    return kept + [item for item in wanted if item not in {entry.upper() for entry in kept}]


def _kept(names: Sequence[str], member: ContainerRef, run: _Run) -> Iterator[str]:
    """Notes about the declared adds that stay."""
    if not names:
        return
    found = grants.capability_risks(Side(member.container, run.spec))
    for item in names:
        if item.upper().startswith("CAP_"):
            bare = item.upper().removeprefix("CAP_")
            says = f"--add {bare} {'grants' if bare in run.options.adds(member.container.name) else 'would grant'} it"
            yield f"keeps its declared add {grants.with_risks([item], found)}, with no effect on containerd; {says}"
    if plain := [item for item in names if not item.upper().startswith("CAP_")]:
        yield f"keeps its declared add {grants.with_risks(plain, found)}; --remove-adds removes it"


def _runtime_dependent(names: list[str]) -> str:
    dropped, bare = ", ".join(f"CAP_{name.upper()}" for name in names), ",".join(name.upper() for name in names)
    who = f"adds {', '.join(names)} and drops {dropped}: granted by containerd today, not by CRI-O"
    return f"{who}; --add {bare} grants it everywhere, --remove-adds nowhere"


def _pod_context(pod: dict[str, Any], options: HardenOptions) -> dict[str, Any]:
    context = dict(pod.get("securityContext") or {})
    if options.run_as_user is not None:
        context["runAsUser"] = options.run_as_user
    if options.profile == "restricted":
        restrict_pod(context)
    return context


def _alone(context: dict[str, Any], pod: dict[str, Any], options: HardenOptions) -> None:
    if options.run_as_user is not None:
        context["runAsUser"] = options.run_as_user
    if options.profile == "restricted":
        restrict_alone(context, pod)


def _drop_annotations(template: dict[str, Any], names: set[str]) -> None:
    annotations = (template.get("metadata") or {}).get("annotations")
    if not annotations:
        return
    left = without_unconfined(annotations, lambda name: name in names)
    if left:
        template["metadata"]["annotations"] = left
    else:  # the API server drops an empty map, so an undo that puts one key back would find no place for it
        del template["metadata"]["annotations"]


def _root_users(template: dict[str, Any], chosen: list[ContainerRef]) -> Iterator[Note]:
    """Refusals: the kubelet does not start a container with runAsNonRoot=true and runAsUser=0."""
    says = "runs as user 0, which runAsNonRoot=true forbids; name another with --run-as-user UID"
    of_pod = (template["spec"].get("securityContext") or {}).get("runAsUser")
    for member in chosen:
        own = lookup(template, member.path)["securityContext"].get("runAsUser")
        if (of_pod if own is None else own) == 0:
            yield Note(member.container.name, says)


def _no_such_container(missing: set[str], workloads: tuple[Workload, ...]) -> str:
    names = [member.container.name for workload in workloads for member in members(workload.template.spec)]
    wrong = ", ".join(sorted(missing))
    return f"container {wrong} is not valid for {workloads[0].reference}; its containers are {', '.join(names)}"
