"""The containers of the matrix: user x privileged x allowPrivilegeEscalation x add x drop x spelling, and what each
asks for. The node tier runs them and compares; what the kernel said then is kept in `kernel.jsonl` for tier 1."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pairwise

from kubectl_caps.core.linux.prediction import ContainerRequest
from kubectl_caps.core.linux.sets import CapabilitySet, ProcessSets

RECORD = Path(__file__).parents[1] / "core" / "linux" / "kernel.jsonl"
SEED = 6

_SETS = ("bounding", "permitted", "effective", "inheritable", "ambient")

_SEVERAL = ("CHOWN", "DAC_OVERRIDE", "IPC_LOCK", "SYS_PTRACE", "SYSLOG")
_NAMES: tuple[tuple[str, ...] | None, ...] = (
    None, (), ("ALL",), ("ALL", "KILL"), ("ALL", "SYS_TIME", "NET_RAW"), ("KILL",), ("NET_RAW",), ("SYS_TIME",),
    ("SYS_ADMIN",), ("NET_ADMIN", "NET_RAW"), ("SYS_TIME", "KILL"), ("BPF", "PERFMON", "CHECKPOINT_RESTORE"), _SEVERAL,
    ("SETUID", "SETGID", "SETPCAP"), ("LOREM",), ("LOREM", "KILL"), ("KILL", "KILL"),
    ("AUDIT_READ", "MKNOD", "SETFCAP"),
)  # fmt: skip
_SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "lower": str.lower,
    "mixed": str.title,
    "prefix": "CAP_{}".format,
    "lower prefix": lambda name: f"cap_{name.lower()}",
    "blank": " {}".format,
}
COLUMNS: Mapping[str, Any] = {
    "user": ("0", "1000", "image root", "image user", "image user, runAsNonRoot"),
    "privileged": (None, False, True),
    "escalation": (None, True, False),
    "add": _NAMES,
    "add spelling": tuple(_SPELLINGS),
    "drop": _NAMES,
    "drop spelling": tuple(_SPELLINGS),
}


def is_valid(row: Mapping[str, Any]) -> bool:
    """Whether the API server accepts it: two things stand against allowPrivilegeEscalation=false."""
    if row.get("escalation", True) is not False:
        return True
    return not row.get("privileged") and "CAP_SYS_ADMIN" not in (_spelled(row, "add") or ())


def rows() -> list[pairwise.Row]:
    """The rows of the matrix: the same each time."""
    return pairwise.cover(COLUMNS, is_valid, SEED)


def context(row: Mapping[str, Any]) -> dict[str, Any]:
    """The securityContext of a row's container."""
    settings: dict[str, Any] = {"privileged": row["privileged"], "allowPrivilegeEscalation": row["escalation"]}
    lists = {which: _spelled(row, which) for which in ("add", "drop")}
    settings["capabilities"] = {which: list(names) for which, names in lists.items() if names is not None} or None
    settings["runAsUser"] = int(row["user"]) if row["user"].isdigit() else None
    settings["runAsNonRoot"] = True if row["user"].endswith("runAsNonRoot") else None
    return {name: value for name, value in settings.items() if value is not None}


def request(row: Mapping[str, Any]) -> ContainerRequest:
    """What a row's container asks for. The image's own user is known from the pod's status, or not at all."""
    return ContainerRequest(
        add=_spelled(row, "add") or (),
        drop=_spelled(row, "drop") or (),
        privileged=bool(row["privileged"]),
        allow_privilege_escalation=row["escalation"],
        uid={"0": 0, "1000": 1000, "image user": 1000}.get(row["user"]),
        non_root=row["user"].endswith("runAsNonRoot"),
    )


def write_record(node_all: CapabilitySet, seen: Iterable[tuple[ContainerRequest, ProcessSets]]) -> None:
    """Keep what the kernel said, a line for each request: the masks in the order of ProcessSets, then no_new_privs."""
    plain = msgspec.to_builtins(ContainerRequest())
    lines = [json.dumps({"node": node_all.hex})]
    for asked, sets in seen:
        said = {name: value for name, value in msgspec.to_builtins(asked).items() if value != plain[name]}
        masks = [f"{getattr(sets, name).mask:x}" for name in _SETS]
        lines.append(json.dumps([said, " ".join(masks), sets.no_new_privs]))
    RECORD.write_text("".join(f"{line}\n" for line in lines))


def read_record() -> tuple[CapabilitySet, list[tuple[ContainerRequest, ProcessSets]]]:
    """What the node had, and what the kernel said for each request."""
    head, *lines = (json.loads(line) for line in RECORD.read_text().splitlines())
    seen = []
    for said, masks, no_new_privs in lines:
        sets = dict(zip(_SETS, map(CapabilitySet.from_hex, masks.split()), strict=True))
        seen.append((msgspec.convert(said, ContainerRequest), ProcessSets(**sets, no_new_privs=no_new_privs)))
    return CapabilitySet.from_hex(head["node"]), seen


def _spelled(row: Mapping[str, Any], which: str) -> tuple[str, ...] | None:
    names = row.get(which)
    spelling = row.get(f"{which} spelling")
    if names is None or spelling is None:
        return None
    return tuple(_SPELLINGS[spelling](name) for name in names)
