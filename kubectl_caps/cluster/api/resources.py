"""Finds the API resource of a TYPE by kubectl's rules, parses TYPE and NAME arguments, and makes URL paths.

The case of a short name counts. The case of a plural, singular or kind does not count. A group may be shortened
(`deployments.ap`). `TYPE.VERSION.GROUP` names one version (k8s.io/apimachinery, pkg/api/meta/restmapper.go).
"""

from collections.abc import Iterator, Sequence
from typing import Protocol
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.kubernetes.kinds import KINDS, WORKLOADS, Kind, kind_of
from kubectl_caps.core.nearest import hint
from kubectl_caps.errors import UsageError


class Resource(Struct, frozen=True):
    """A kind of object as the API serves it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    singular: str = ""
    short_names: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """`deployments.apps`, or `pods` for the core group."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str | None = None, *parts: str) -> str:
        """The URL path of the resource; with `parts`, of an object and its subresource (`web`, `log`).

        A namespace of None means all namespaces. Raises UsageError for a name that cannot be in a path.
        """
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{_segment('namespace', namespace)}" if self.namespaced and namespace else ""
        return "".join([root, scope, f"/{self.plural}", *(f"/{_segment('resource name', part)}" for part in parts)])

    def has_name(self, word: str) -> bool:
        """Whether the word is the plural, singular or kind of the resource, in any case."""
        return word.lower() in (self.plural, self.singular or self.plural, self.kind.lower())

    def has_short_name(self, word: str) -> bool:
        """Whether the word is a short name of the resource. The case counts."""
        return word in self.short_names


def _segment(what: str, text: str) -> str:
    """A percent-encoded path segment. Raises UsageError for a text such as `..`, which would lead to another path."""
    if not text:
        raise UsageError(f"{what} may not be empty")
    if text in (".", ".."):
        raise UsageError(f"invalid {what} \"{text}\": [may not be '{text}']")
    for wrong in "/%":
        if wrong in text:
            raise UsageError(f"invalid {what} \"{text}\": [may not contain '{wrong}']")
    return quote(text, safe="$&+,:;=@")


def resource_of(kind: Kind) -> Resource:
    """The resource that serves a kind of workload."""
    return Resource(kind.group, kind.version, kind.plural, kind.kind, True, kind.kind.lower(), kind.short_names)


def served_as(kind: Kind, resource: Resource) -> Kind:
    """The row of a kind with the server's version and plural, which may differ for a custom resource."""
    return replace(kind, version=resource.version, plural=resource.plural)


NAMESPACES = Resource("", "v1", "namespaces", "Namespace", False, "namespace", ("ns",))
NODES = Resource("", "v1", "nodes", "Node", False, "node", ("no",))
EVENTS = Resource("", "v1", "events", "Event", True, "event", ("ev",))
PODS, REPLICA_SETS, JOBS, CRON_JOBS = (
    resource_of(next(row for row in WORKLOADS if row.kind == kind)) for kind in ("Pod", "ReplicaSet", "Job", "CronJob")
)

BUILTIN: tuple[Resource, ...] = (*(resource_of(kind) for kind in KINDS if kind.builtin), NAMESPACES, NODES, EVENTS)
"""The resources that every cluster serves. They need no discovery."""


def find_resource(text: str, resources: Sequence[Resource]) -> Resource | None:
    """The first of these resources that a TYPE matches; None if the TYPE matches none."""
    word, _, rest = text.partition(".")
    version, dotted, group = rest.partition(".")
    tiers = (
        [r for r in resources if dotted and r.version == version and group in ("", r.group)],
        [r for r in resources if not rest or r.group == rest],
        [r for r in resources if r.group.startswith(rest)],
    )
    tests = (Resource.has_name, Resource.has_short_name)
    called = (r for tier in tiers for fits in tests for r in tier if fits(r, word))
    return next(called, None) if word else None


def not_served(text: str) -> UsageError:
    """The error for a TYPE that the server does not have, in kubectl's words, with the TYPE that may be meant."""
    word, _, group = text.partition(".")
    words = f'the server doesn\'t have a resource type "{word}"'
    known = [name for row in BUILTIN for name in (row.singular, row.plural)]
    return UsageError(f'{words} in group "{group}"' if group else f"{words}{hint(word.lower(), known)}")


def parse_targets(args: Sequence[str]) -> list[tuple[str, str | None]]:
    """The (type, name) pairs of the arguments TYPE, TYPE NAME…, TYPE/NAME… or TYPE,TYPE, each pair once.

    A name of None means all objects of the type. `all` means the eight kinds of workloads. Raises UsageError with
    kubectl's words (k8s.io/cli-runtime, pkg/resource/builder.go).
    """
    args = _spread(args)
    slashed = sum("/" in word for word in args)
    if slashed == len(args):
        pairs: list[tuple[str, str | None]] = [_pair(word) for word in args]
    elif slashed:
        raise UsageError(
            "there is no need to specify a resource type as a separate argument when passing arguments in "
            "resource/name form (e.g. 'resource/<resource_name>' instead of 'resource resource/<resource_name>')"
        )
    else:
        types, names = _types(args[0]), args[1:]
        if names and len(types) > 1:
            raise UsageError("you must specify only one resource")
        if "" in names:
            raise UsageError("resource name may not be empty")
        pairs = [(kind, name) for kind in types for name in names or (None,)]
    return list(dict.fromkeys(pairs))


def _spread(args: Sequence[str]) -> Sequence[str]:
    """`deploy,sts web` is `deploy/web sts/web`."""
    types = dict.fromkeys(args[0].split(",")) if len(args) > 1 else {}
    return [f"{kind}/{name}" for kind in types for name in args[1:]] if len(types) > 1 else args


def _types(text: str) -> list[str]:
    expanded = (_ALL if word == "all" else (word,) for word in text.split(","))
    return list(dict.fromkeys(word for words in expanded for word in words))


_ALL = tuple(resource_of(kind).qualified for kind in WORKLOADS)


def _pair(text: str) -> tuple[str, str]:
    kind, *names = text.split("/")
    if len(names) > 1:
        raise UsageError("arguments in resource/name form may not have more than one slash")
    if not kind or not names[0] or "," in kind:
        raise UsageError("arguments in resource/name form must have a single resource and name")
    return kind, names[0]


class Catalog(Protocol):
    """Resolves a TYPE with the server's help, as a `Cluster` does."""

    def resource(self, text: str, /) -> Resource:
        """Raises UsageError, ApiError, Unreachable."""


def workload_kinds(cluster: Catalog, text: str) -> Iterator[Kind]:
    """The kinds of workloads that a TYPE means. Raises UsageError for a type that runs no pods we know of."""
    resource = cluster.resource(text)
    kind = kind_of(resource.api_version, resource.kind)
    if kind is None:
        raise UsageError(f"{resource.qualified}: not a kind of workload that can be judged")
    yield kind if kind.builtin else served_as(kind, resource)
