"""Objects of the API as raw JSON: lists in pages, single objects, patches, logs, events."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Raw, Struct, field
from msgspec.json import Decoder

from kubectl_caps.cluster import answers
from kubectl_caps.cluster.discovery import discover
from kubectl_caps.cluster.lists import interleaved
from kubectl_caps.cluster.nesting import shallow
from kubectl_caps.cluster.resources import BUILTIN, EVENTS, PODS, Resource, find, not_served
from kubectl_caps.cluster.transport import Request, Response, Transport
from kubectl_caps.errors import ApiError

PAGE = 500
"""Objects a page, as kubectl's --chunk-size."""
RESTARTS = 3
"""How often a list whose continue token has expired is begun again."""
LOG_LIMIT = 4 << 20
"""Bytes of a container's log, so that the limit is that of `tail` in any ordinary log."""

JSON_PATCH = "application/json-patch+json"
MERGE_BY_NAME = "application/strategic-merge-patch+json"


class Listing(Struct, frozen=True):
    """One list to be made; no namespace is all namespaces."""

    resource: Resource
    namespace: str | None = None
    label_selector: str | None = None
    field_selector: str | None = None


EMULATED_SINCE = 35
"""The first minor version whose Pod Security stops at the version that the server emulates."""


class Version(NamedTuple):
    """The server's version: (1, 37, "v1.37.2"); where it emulates an older one, that one's major and minor."""

    major: int
    minor: int
    git_version: str


class _ListMetadata(Struct, frozen=True):
    token: str | None = field(default=None, name="continue")


class _Page(Struct, frozen=True):
    items: list[Raw] | None  # no default: an answer without items is no list
    metadata: _ListMetadata = _ListMetadata()


class _Uid(Struct, frozen=True):
    uid: str = ""


class _Identified(Struct, frozen=True):
    metadata: _Uid = _Uid()


class _Version(Struct, frozen=True, rename="camel"):
    major: str
    minor: str
    git_version: str = ""
    emulation_major: str = ""
    emulation_minor: str = ""


_PAGE = Decoder(_Page)
_OBJECT = Decoder(dict[str, Any])
_IDENTIFIED = Decoder(_Identified)
_VERSION = Decoder(_Version)
T = TypeVar("T")


class Cluster:
    """One API server. Every method raises ApiError where the server refuses, and Unreachable, ConfigError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._served: tuple[Resource, ...] | None = None

    def resource(self, text: str, /) -> Resource:
        """The resource that a TYPE means; the server is asked only about those that not every cluster has.

        Raises UsageError: the server doesn't have it.
        """
        found = find(text, BUILTIN)
        found = found or find(text, self.served())
        if found is None:
            raise not_served(text)
        return found

    def served(self) -> tuple[Resource, ...]:
        """Every resource that the server has, in its order of preference; asked once."""
        if self._served is None:
            self._served = tuple(discover(self._send))
        return self._served

    def pages(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
        limit: int = PAGE,
    ) -> Iterator[list[Raw]]:
        """The objects of a list, page by page, each object once; at least one page, if an empty one.

        Items of a built-in kind carry neither apiVersion nor kind. A `Raw` keeps its whole page in memory. A list
        that takes longer than the server remembers it (410) is begun again: objects made meanwhile are in it.
        What is nested too deep to be decoded is cut off (nesting.CUT).
        """
        query = (("labelSelector", label_selector or ""), ("fieldSelector", field_selector or ""))
        request = Request("GET", resource.path(namespace), (*query, ("limit", str(limit))))
        seen: set[str] = set()
        token, restarts = "", 0
        while True:
            try:
                page = self._page(request, token)
            except ApiError as error:
                if error.code != 410 or not token or restarts == RESTARTS:
                    raise
                token, restarts = "", restarts + 1
                continue
            items, token = page.items or [], page.metadata.token or ""
            if token or seen:
                items = _unseen(items, seen)
            yield items
            if not token:
                return

    def list_many(self, listings: Sequence[Listing], *, workers: int = 4) -> Iterator[Iterator[Raw] | ApiError]:
        """Several lists at a time; for each in order its objects, or the ApiError that it was refused with.

        An ApiError in the middle of a list is raised by the iterator of its objects.
        """
        starts = [self._start(listing) for listing in listings]
        for answer in interleaved(starts, workers):
            yield answer if isinstance(answer, ApiError) else chain.from_iterable(answer)

    def get(self, resource: Resource, namespace: str | None, name: str) -> dict[str, Any]:
        """One object."""
        return self._object(Request("GET", resource.path(namespace, name)))

    def patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        operations: Sequence[dict[str, Any]],
        *,
        dry_run: bool = False,
        field_manager: str = "",
        warnings: list[str] | None = None,
    ) -> dict[str, Any]:
        """Send a JSON Patch (RFC 6902) and return the object as it is then. A failed `test` is an ApiError, 422.

        `warnings` is given the texts that the server warned of in this very answer.
        """
        body = msgspec.json.encode(list(operations))
        query = _writing(dry_run, field_manager)
        response = self._send(Request("PATCH", resource.path(namespace, name), query, body, JSON_PATCH))
        if warnings is not None:
            warnings.extend(answers.warnings(response.headers))
        return _decode(response, _OBJECT)

    def create(
        self,
        resource: Resource,
        namespace: str | None,
        body: dict[str, Any],
        *,
        dry_run: bool = False,
        field_manager: str = "",
    ) -> dict[str, Any]:
        """Make an object and return it as the server stored it, or would have."""
        query = _writing(dry_run, field_manager)
        return self._object(Request("POST", resource.path(namespace), query, msgspec.json.encode(body)))

    def add_ephemeral_container(self, namespace: str, pod: str, container: dict[str, Any]) -> None:
        """Add a container to a running pod (KEP-277). It can never be removed. Needs `patch` on the subresource."""
        body = msgspec.json.encode({"spec": {"ephemeralContainers": [container]}})
        path = PODS.path(namespace, pod, "ephemeralcontainers")
        self._send(Request("PATCH", path, _writing(False, "kubectl-caps"), body, MERGE_BY_NAME))

    def delete(
        self, resource: Resource, namespace: str | None, name: str, *, uid: str | None = None, dry_run: bool = False
    ) -> None:
        """Delete an object, in the background what it owns; with `uid` only if it is still that one (else 409)."""
        options: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        if dry_run:
            # In the body: beside a body the server ignores `?dryRun=All`, and really deletes.
            options["dryRun"] = ["All"]
        self._send(Request("DELETE", resource.path(namespace, name), (), msgspec.json.encode(options)))

    def log(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        previous: bool = False,
        tail: int | None = None,
        limit: int = LOG_LIMIT,
    ) -> str:
        """What a container wrote, or the one before its last restart: from the start, or only the last lines.

        More than `limit` bytes are not read.
        """
        query = (("container", container), ("previous", "true" if previous else ""))
        limits = (("tailLines", "" if tail is None else str(tail)), ("limitBytes", str(limit)))
        # The log is text whatever is accepted, but an error of the log is JSON only where that is.
        request = Request("GET", PODS.path(namespace, pod, "log"), query + limits, accept="application/json, */*")
        return self._send(request).body[:limit].decode("utf-8", "replace")

    def events(self, namespace: str, uid: str) -> list[dict[str, Any]]:
        """The events about one object, by its uid."""
        pages = self.pages(EVENTS, namespace, field_selector=f"involvedObject.uid={uid}")
        return [msgspec.json.decode(raw) for page in pages for raw in page]

    def server_version(self) -> Version:
        """The server's version as its Pod Security has it (KEP-4330); some report a minor of `27+`."""
        response = self._send(Request("GET", "/version"))
        told = _decode(response, _VERSION)
        try:
            major, minor = _number(told.major), _number(told.minor)
            if told.emulation_minor and minor >= EMULATED_SINCE:
                major, minor = _number(told.emulation_major or told.major), _number(told.emulation_minor)
            return Version(major, minor, told.git_version)
        except ValueError as error:
            raise answers.not_json(response, f'version "{told.major}.{told.minor}"') from error

    def _start(self, listing: Listing) -> Callable[[], Iterator[list[Raw]]]:
        return lambda: self.pages(
            listing.resource,
            listing.namespace,
            label_selector=listing.label_selector,
            field_selector=listing.field_selector,
        )

    def _page(self, request: Request, token: str) -> _Page:
        response = self._send(_with(request, "continue", token))
        try:
            return _decode(response, _PAGE)
        except RecursionError:
            return _PAGE.decode(shallow(response.body))

    def _object(self, request: Request) -> dict[str, Any]:
        return _decode(self._send(request), _OBJECT)

    def _send(self, request: Request) -> Response:
        response = self._transport.send(request)
        if not 200 <= response.status < 300:
            raise answers.failure(response)
        return response


def _decode(response: Response, decoder: Decoder[T]) -> T:
    try:
        return decoder.decode(response.body)
    except msgspec.DecodeError as error:
        raise answers.not_json(response, str(error)) from error


def _with(request: Request, name: str, value: str) -> Request:
    return msgspec.structs.replace(request, query=(*request.query, (name, value)))


def _writing(dry_run: bool, field_manager: str) -> tuple[tuple[str, str], ...]:
    return (("dryRun", "All" if dry_run else ""), ("fieldManager", field_manager))


def _unseen(items: list[Raw], seen: set[str]) -> list[Raw]:
    """The items that were not in an earlier page; their uids are added to `seen`."""
    uids = [_IDENTIFIED.decode(item).metadata.uid for item in items]
    fresh = [item for item, uid in zip(items, uids, strict=True) if not uid or uid not in seen]
    seen.update(uids)
    return fresh


def _number(text: str) -> int:
    return int(re.sub(r"\D.*", "", text, flags=re.DOTALL))
