"""What folds a pod under its owner is exactly what is judged: each field that a judgment reads, and no other."""

import copy
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import fields

from kubectl_caps.core.assess.assess import assess
from kubectl_caps.core.assess.assessment import Assessment, NodeRuntime
from kubectl_caps.core.kubernetes.container import Fields
from kubectl_caps.core.kubernetes.pod import Metadata, PodSpec, PodTemplate, Volume
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.linux.runtimes import runtime_of
from kubectl_caps.core.pods.owners import same_security
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR

Where = tuple[str | int, ...]

SELINUX = {"user": "u", "role": "r", "type": "spc_t"}
PROFILE = {"type": "Localhost", "localhostProfile": "p"}
WINDOWS = {"hostProcess": True}
BOTH = {
    "runAsUser": 0, "runAsNonRoot": True, "seccompProfile": {**PROFILE, "type": "Unconfined"},
    "appArmorProfile": {**PROFILE, "type": "Unconfined"}, "seLinuxOptions": SELINUX, "windowsOptions": WINDOWS,
}  # fmt: skip
HANDLER = {"httpGet": {"host": "h"}, "tcpSocket": {"host": "t"}}
SOURCES = [field for field in fields(Volume) if field.name != "name"]

CONTAINER: dict[str, Any] = {
    "name": "c",
    "image": "coredns/coredns",
    "restartPolicy": "Always",
    "targetContainerName": "t",
    "securityContext": {
        **BOTH, "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}, "privileged": True,
        "allowPrivilegeEscalation": False, "procMount": "Unmasked",
    },
    "ports": [{"containerPort": 80}, {"containerPort": 81, "hostPort": 82}],
    "volumeMounts": [{"name": "hostPath", "readOnly": True}],
    "livenessProbe": HANDLER, "readinessProbe": HANDLER, "startupProbe": HANDLER,
    "lifecycle": {"postStart": HANDLER, "preStop": HANDLER},
}  # fmt: skip
FULL: dict[str, Any] = {
    "containers": [CONTAINER],
    "initContainers": [{**CONTAINER, "name": "i"}],
    "ephemeralContainers": [{**CONTAINER, "name": "e"}],
    "volumes": [{"name": field.encode_name, field.encode_name: {"path": "/"}} for field in SOURCES],
    "securityContext": {
        **BOTH, "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}],
        "capabilities": {"add": ["CHOWN"]}, "allowPrivilegeEscalation": False, "privileged": False,
    },
    "hostNetwork": True, "hostPID": True, "hostIPC": True, "hostUsers": False, "shareProcessNamespace": True,
    "os": {"name": "linux"}, "nodeName": "n", "runtimeClassName": "r",
    "serviceAccountName": "s", "serviceAccount": "s",
}  # fmt: skip
"""A pod in which every field is set that this project knows."""

# A field may be hidden by another one: what is set beside it, and what is left out, so that it counts.
PLAIN = {"privileged": None, "windowsOptions": None}
VARIANTS: list[dict[str, Any]] = [FULL]
for replaced in (PLAIN, {**PLAIN, "runAsUser": 1000}, {**PLAIN, "capabilities": {"add": ["NET_BIND_SERVICE"]}}):
    context = {key: value for key, value in {**CONTAINER["securityContext"], **replaced}.items() if value is not None}
    less = {key: value for key, value in CONTAINER.items() if key != "restartPolicy"}
    security = {key: value for key, value in FULL["securityContext"].items() if key != "windowsOptions"}
    VARIANTS.append(
        {
            **{key: value for key, value in FULL.items() if key not in ("hostNetwork", "hostUsers")},
            "containers": [{**less, "image": "i", "securityContext": context}],
            "initContainers": [{**less, "image": "caddy", "name": "i", "securityContext": context}],
            "securityContext": security,
        }
    )
IN_SIGHT = {"a volume that every level allows, as admission adds it to a pod": {
    "config_map", "csi", "downward_api", "empty_dir", "ephemeral", "image", "persistent_volume_claim", "projected",
    "secret",
}}  # fmt: skip
PLACES = [NodeRuntime(runtime_of(version), 1, "observed") for version in ("containerd://2.3.1", "cri-o://1.30.0")]
MINORS = (0, 18, 19, 30, NEWEST_MINOR)


def decoded(spec: dict[str, Any]) -> PodTemplate:
    """The template that holds a spec."""
    return PodTemplate(spec=msgspec.convert(spec, PodSpec))


def judged(template: PodTemplate) -> list[Assessment]:
    """All judgments of a pod: in old and new versions, on two runtimes."""
    workload = Workload(api_version="v1", kind="Pod", metadata=Metadata(name="x"), template=template, path=())
    return [assess(workload, [], PLACES, minor) for minor in MINORS]


def verdicts(assessments: list[Assessment]) -> object:
    """What is said of a pod."""
    return [
        (
            item.risk, item.level, [(one.check, one.reason, one.detail, one.containers) for one in item.violations],
            [(one.role, one.risk, one.predicted, [found.id for found in one.warnings]) for one in item.containers],
        )
        for item in assessments
    ]  # fmt: skip


def leaves(kind: Any, value: Any, where: Where = ()) -> Iterator[tuple[type[Struct], str, Where]]:
    """Every field of a value that holds no further fields: its struct, its name, and where it is."""
    kinds = [item for item in (kind, *get_args(kind)) if isinstance(item, type) and issubclass(item, Struct)]
    inner = [item for item in get_args(kind) if get_args(item)]
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves((kinds or [get_args(inner[0])[0]])[0], item, (*where, index))
        return
    for field in fields(kinds[0]):
        if field.encode_name in value:
            there, below = value[field.encode_name], (*where, field.encode_name)
            if structs_of(field.type):
                yield from leaves(structs_of(field.type)[0], there, below)
            else:
                yield kinds[0], field.name, below


def structs_of(kind: Any) -> list[Any]:
    """The structs in a type: `list[Container] | None` holds Container."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        return [kind]
    return [item for part in get_args(kind) for item in structs_of(part)]


def changed(spec: dict[str, Any], where: Where) -> Iterator[dict[str, Any]]:
    """The spec without a field, and with another value of its type."""
    for other in (None, *OTHERS):
        result = copy.deepcopy(spec)
        parent: Any = result
        for step in where[:-1]:
            parent = parent[step]
        before = parent[where[-1]]
        if other is None:
            del parent[where[-1]]
        elif type(other) is type(before) and other != before:
            parent[where[-1]] = other
        else:
            continue
        yield result


OTHERS: tuple[Any, ...] = (False, True, 7, "other", "RuntimeDefault", ["KILL"])

ALL_LEAVES = {(kind, name) for kind, name, _ in leaves(PodSpec, FULL)}


def fields_below(kind: Any, seen: set[Any]) -> Iterator[tuple[Any, str]]:
    """Every field that is reached from a struct and holds no further fields."""
    seen.add(kind)
    for field in fields(kind):
        inner = structs_of(field.type)
        if not inner:
            yield kind, field.name
        for item in inner:
            if item not in seen:
                yield from fields_below(item, seen)


def test_the_pod_of_this_test_has_every_known_field() -> None:
    assert set(fields_below(PodSpec, set())) == ALL_LEAVES


@pytest.fixture(scope="module")
def read() -> set[tuple[type[Struct], str]]:
    """The fields that the judgments read, as they read them."""
    found: set[tuple[type[Struct], str]] = set()
    kinds = {kind for kind, _ in fields_below(PodSpec, set())}
    before = Fields.__getattribute__

    def noted(self: Any, name: str) -> Any:
        found.add((type(self), name))
        return before(self, name)

    with pytest.MonkeyPatch.context() as patch:
        for kind in kinds:
            patch.setattr(kind, "__getattribute__", noted)
        for variant in VARIANTS:
            judged(decoded(variant))
    return found & ALL_LEAVES


def test_a_field_splits_exactly_if_a_judgment_reads_it(read: set[tuple[type[Struct], str]]) -> None:
    splitting: set[tuple[type[Struct], str]] = set()
    for variant in VARIANTS:
        for kind, name, where in leaves(PodSpec, variant):
            if (kind, name) not in splitting and not all(
                same_security(decoded(variant), decoded(other)) for other in changed(variant, where)
            ):
                splitting.add((kind, name))
    passed_over = {(Volume, name) for names in IN_SIGHT.values() for name in names}
    assert {f"{kind.__name__}.{name}" for kind, name in read - passed_over} == {
        f"{kind.__name__}.{name}" for kind, name in splitting
    }


@pytest.mark.parametrize("variant", VARIANTS, ids=range(len(VARIANTS)))
def test_pods_that_are_folded_are_judged_the_same(variant: dict[str, Any]) -> None:
    here = decoded(variant)
    wanted = verdicts(judged(here))
    for _, _, where in leaves(PodSpec, variant):
        for other in changed(variant, where):
            if same_security(here, decoded(other)):
                assert verdicts(judged(decoded(other))) == wanted, where


@pytest.mark.parametrize(
    "more",
    [
        {"readOnlyRootFilesystem": True},
        {"runAsGroup": 1},
        {"privileged": False},
        {"capabilities": {"drop": ["ALL"], "add": []}},
        {"procMount": "Default"},
        {"seLinuxOptions": {"level": "s0"}},
    ],
    ids=str,
)
def test_equal_or_unjudged_fields_split_no_row(more: dict[str, Any]) -> None:
    plain: dict[str, Any] = {"capabilities": {"drop": ["ALL"]}, "seLinuxOptions": {}}
    one, other = ({"containers": [{"name": "c", "securityContext": context}]} for context in (plain, {**plain, **more}))
    assert same_security(decoded(one), decoded(other))
