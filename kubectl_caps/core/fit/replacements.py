"""Knows the settings that replace a capability: a sysctl, the owner of files, the user of the process.

The level *restricted* allows both sysctls, net.ipv4.ip_unprivileged_port_start and net.ipv4.ping_group_range
(k8s.io/pod-security-admission policy/check_sysctls.go).
"""

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from kubectl_caps.core.fit.search_types import Grants
from kubectl_caps.core.fit.trial_job import with_rights
from kubectl_caps.core.fit.trial_pod import all_containers
from kubectl_caps.core.harden.restricted import restrict_container, restrict_pod

LOW_PORTS = ("net.ipv4.ip_unprivileged_port_start", "0")
PING = ("net.ipv4.ping_group_range", "0 2147483647")


class Replacement(Struct, frozen=True):
    """A replacement for a capability. `says` names the setting, `sysctl` is the sysctl and its value, if it is one."""

    says: str
    sysctl: tuple[str, str] | None = None


_USER = "runAsUser: start as the user that it changes to"
_FILES = "runAsUser and fsGroup: its files belong to that user from the start"

REPLACEMENTS: Mapping[str, Replacement] = {
    "NET_BIND_SERVICE": Replacement(f"the sysctl {LOW_PORTS[0]}={LOW_PORTS[1]}, or a port from 1024 on", LOW_PORTS),
    "NET_RAW": Replacement(f'for ping: the sysctl {PING[0]}="{PING[1]}"', PING),
    "SETUID": Replacement(_USER),
    "SETGID": Replacement(_USER),
    "CHOWN": Replacement(_FILES),
    "FOWNER": Replacement(_FILES),
    "FSETID": Replacement(_FILES),
    "DAC_OVERRIDE": Replacement(_FILES),
    "DAC_READ_SEARCH": Replacement(_FILES),
    "KILL": Replacement("runAsUser: processes of the same user may be signalled"),
}

_REFUSED_PATH = re.compile(
    r"(?i)(/[\w.@+-]+(?:/[\w.@+-]+)*)/?[\"'`’]?[^/\n]{0,80}?(?:permission denied|read-only file system|EACCES)"
)
_NEVER = ("/", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr")
"""The folders that an empty volume must not hide."""


class RestrictedPod(Struct, frozen=True):
    """The user id of the processes, the sysctls, and (container, folder) pairs that get an empty volume."""

    user: int
    sysctls: tuple[tuple[str, str], ...] = ()
    folders: frozenset[tuple[str, str]] = frozenset()


def replacement_notes(needed: Grants) -> list[str]:
    """A note for each needed capability that has a known replacement."""
    names = dict.fromkeys(name for _, name in sorted(needed))
    return [f"instead of {name}: {REPLACEMENTS[name].says}" for name in names if name in REPLACEMENTS]


def irreplaceable(needed: Grants) -> list[str]:
    """The names of the needed capabilities that have no known replacement."""
    return sorted({name for _, name in needed} - REPLACEMENTS.keys())


def sysctls_for(needed: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The sysctls that replace capabilities, each once."""
    found = (REPLACEMENTS[name].sysctl for name in needed if name in REPLACEMENTS)
    return tuple(dict.fromkeys(sysctl for sysctl in found if sysctl))


def restricted_spec(spec: Mapping[str, Any], containers: Sequence[str], wanted: RestrictedPod) -> dict[str, Any]:
    """The pod spec with the settings of `wanted` and without added capabilities. It satisfies the level restricted."""
    made = with_rights(spec, frozenset(), containers)
    pod = dict(made.get("securityContext") or {})
    pod["runAsUser"], pod["fsGroup"] = wanted.user, pod.get("fsGroup", wanted.user)
    pod.setdefault("runAsGroup", wanted.user)
    restrict_pod(pod)
    if wanted.sysctls:
        others = [item for item in pod.get("sysctls") or () if item.get("name") not in dict(wanted.sysctls)]
        pod["sysctls"] = [*others, *({"name": name, "value": value} for name, value in wanted.sysctls)]
    made["securityContext"] = pod
    for container in all_containers(made):
        context = container.setdefault("securityContext", {})
        restrict_container(context)
        if context.get("runAsUser") == 0:
            del context["runAsUser"]
    _add_folders(made, wanted.folders)
    return made


def restricted_patch(own: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    """The strategic merge patch that makes the restricted pod spec `spec` of the workload's own pod spec."""
    fields = ("securityContext", "volumeMounts")
    patch: dict[str, Any] = {"securityContext": copy.deepcopy(spec["securityContext"])}
    for key in ("initContainers", "containers"):
        items = [
            {"name": item["name"], **{field: item[field] for field in fields if item.get(field)}}
            for item in spec.get(key) or ()
        ]
        if items:
            patch[key] = items
    known = [volume.get("name") for volume in own.get("volumes") or ()]
    if new := [volume for volume in spec.get("volumes") or () if volume.get("name") not in known]:
        patch["volumes"] = new
    return patch


def unwritable_folder(line: str) -> str | None:
    """The folder that a log line calls not writable; None if an empty volume must not be mounted there."""
    match = _REFUSED_PATH.search(line)
    if not match:
        return None
    path = match[1]
    folder = path.rsplit("/", 1)[0] or "/"
    found = path if folder == "/" else folder
    return None if found in _NEVER or found.split("/")[1] in ("proc", "sys", "dev", "etc", "usr") else found


def _add_folders(spec: dict[str, Any], folders: Iterable[tuple[str, str]]) -> None:
    wanted = sorted(folders)
    for number, path in enumerate(dict.fromkeys(path for _, path in wanted)):
        name = f"writable-{number}"
        spec.setdefault("volumes", []).append({"name": name, "emptyDir": {}})
        for container in all_containers(spec):
            if (container.get("name"), path) in wanted:
                container.setdefault("volumeMounts", []).append({"name": name, "mountPath": path})
