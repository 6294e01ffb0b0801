"""Reads, creates, patches and deletes objects of the API as raw JSON, and reads logs and events."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct
from msgspec.json import Decoder

from kubectl_caps.cluster.api.discovery import Served, discover
from kubectl_caps.cluster.api.parallel_lists import read_in_parallel, read_in_turns
from kubectl_caps.cluster.api.resources import BUILTIN, EVENTS, PODS, Resource, find_resource, not_served
from kubectl_caps.cluster.api.server_version import Version, read_version
from kubectl_caps.cluster.http import responses
from kubectl_caps.cluster.http.deep_json import UNREADABLE, decode_deep
from kubectl_caps.cluster.http.errors import UnreadableAnswer
from kubectl_caps.cluster.http.transport import Request, Response, Transport
from kubectl_caps.errors import ApiError

PAGE = 500
"""Objects in a page, as with kubectl's --chunk-size."""
EXPIRIES = 3
"""How often in a row a continue token may expire before a list is given up."""
LOG_LIMIT = 4 << 20
"""The most bytes of a container's log. In an ordinary log `tail` is reached first."""

_NO_LOG = re.compile(
    r"unable to retrieve container logs for \S+|failed to (?:try resolving symlinks in path|open log file) \"[^\n]*"
)
"""The kubelet's errors in the place of a log, with status 200, when the runtime has deleted the container
(pkg/kubelet/kuberuntime, k8s.io/cri-client pkg/logs)."""

JSON_PATCH = "application/json-patch+json"
STRATEGIC_MERGE = "application/strategic-merge-patch+json"


class Listing(Struct, frozen=True):
    """A list request. A namespace of None means all namespaces."""

    resource: Resource
    namespace: str | None = None
    label_selector: str | None = None
    field_selector: str | None = None


class _Page(Struct, frozen=True):
    items: list[Raw] | None  # no default, because an answer without items is no list
    metadata: responses.ListMetadata = responses.ListMetadata()


_PAGE = Decoder(_Page)
_OBJECT = Decoder(dict[str, Any])
T = TypeVar("T")


class Cluster:
    """The objects of one API server.

    Every method may raise ApiError (the server refuses the request, or its answer cannot be read), Unreachable and
    ConfigError.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._discovered: Served | None = None

    def resource(self, text: str, /) -> Resource:
        """The resource that a TYPE means. Only a TYPE that not every cluster has needs discovery.

        Raises UsageError if the server doesn't have the resource.
        """
        found = find_resource(text, BUILTIN)
        found = found or find_resource(text, self.served())
        if found is None:
            raise not_served(text)
        return found

    def served(self) -> Sequence[Resource]:
        """Every resource that the server has, in the server's order of preference. Discovery runs once."""
        return self._discovery().resources

    def stale(self) -> Sequence[str]:
        """The group versions whose API servers do not answer. The known resources of these may be incomplete."""
        return self._discovery().stale

    def _discovery(self) -> Served:
        if self._discovered is None:
            self._discovered = discover(self._send)
        return self._discovered

    def pages(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
        limit: int = PAGE,
    ) -> Iterator[list[Raw]]:
        """The objects of a list, page by page, each object once. An empty list has one empty page.

        Items of a built-in kind have neither apiVersion nor kind. A `Raw` keeps its whole page in memory. A list whose
        continue token expires (410) is continued behind its last object, with the token that the server gives with
        the error. So what is made or deleted meanwhile may be in the list or not. Without such a token the list ends
        with the error. JSON that is nested too deep for the decoder is cut (`deep_json.CUT`).
        """
        query = (("labelSelector", label_selector or ""), ("fieldSelector", field_selector or ""))
        request = Request("GET", resource.path(namespace), (*query, ("limit", str(limit))))
        token, expiries = "", 0
        while True:
            try:
                page = self._page(request, token)
            except ApiError as error:
                if error.code != 410 or not token or not error.continue_token or expiries == EXPIRIES:
                    raise
                token, expiries = error.continue_token, expiries + 1
                continue
            token, expiries = page.metadata.token or "", 0
            yield page.items or []
            if not token:
                return

    def list_many(self, listings: Sequence[Listing], *, workers: int = 4) -> Iterator[Iterator[Raw] | ApiError]:
        """Read several lists at a time. For each list, in order: its objects, or the ApiError of the first page.

        An ApiError of a later page is raised by the iterator of the objects.
        """
        starts = [self._start(listing) for listing in listings]
        for answer in read_in_parallel(starts, workers):
            yield answer if isinstance(answer, ApiError) else chain.from_iterable(answer)

    @contextmanager
    def lists(self, listings: Sequence[Listing], *, workers: int = 4) -> Iterator[list[Iterator[Raw]]]:
        """The objects of several lists, which may be read in any order, until the end of the `with` block.

        The iterator of a list raises its ApiError.
        """
        with read_in_turns([self._start(listing) for listing in listings], workers) as answers:
            yield [chain.from_iterable(pages) for pages in answers]

    def get(self, resource: Resource, namespace: str | None, name: str) -> dict[str, Any]:
        """Read one object."""
        return _one(self._send(Request("GET", resource.path(namespace, name))), resource, name)

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
        """Send a JSON Patch (RFC 6902) and return the patched object. A failed `test` is an ApiError with code 422.

        The texts of the answer's Warning headers are added to `warnings`. Raises UnreadableAnswer if the server answers
        with success, but without the object.
        """
        body = msgspec.json.encode(list(operations))
        query = _writing(dry_run, field_manager)
        response = self._send(Request("PATCH", resource.path(namespace, name), query, body, JSON_PATCH))
        if warnings is not None:
            warnings.extend(responses.warnings(response.headers))
        try:
            return _one(response, resource, name)
        except ApiError as error:
            raise UnreadableAnswer(str(error)) from error

    def create(
        self,
        resource: Resource,
        namespace: str | None,
        body: dict[str, Any],
        *,
        dry_run: bool = False,
        field_manager: str = "",
    ) -> dict[str, Any]:
        """Create an object, and return the stored object. With `dry_run` the server returns it without storing it."""
        query = _writing(dry_run, field_manager)
        return self._object(Request("POST", resource.path(namespace), query, msgspec.json.encode(body)))

    def add_ephemeral_container(self, namespace: str, pod: str, container: dict[str, Any]) -> None:
        """Add an ephemeral container to a running pod (KEP-277). The record in the pod can never be removed.

        The user needs the right to `patch` the subresource `pods/ephemeralcontainers`.
        """
        body = msgspec.json.encode({"spec": {"ephemeralContainers": [container]}})
        path = PODS.path(namespace, pod, "ephemeralcontainers")
        self._send(Request("PATCH", path, _writing(False, "kubectl-caps"), body, STRATEGIC_MERGE))

    def delete(self, resource: Resource, namespace: str | None, name: str, *, uid: str | None = None) -> None:
        """Delete an object, and its dependents in the background. An ApiError with code 409 means another `uid`."""
        options: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        self._send(Request("DELETE", resource.path(namespace, name), (), msgspec.json.encode(options)))

    def log(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        previous: bool = False,
        tail: int | None = None,
        since: int | None = None,
        limit: int = LOG_LIMIT,
    ) -> str:
        """The log of a container; with `previous`, the log from before the container's last restart.

        With `tail` only so many last lines are read, with `since` only lines of the last so many seconds. At most
        `limit` bytes are read. Raises ApiError 404 also if the runtime has deleted the container or its log, although
        the server answers with status 200.
        """
        query = (("container", container), ("previous", "true" if previous else ""))
        limits = (
            ("tailLines", "" if tail is None else str(tail)),
            ("sinceSeconds", "" if since is None else str(since)),
            ("limitBytes", str(limit)),
        )
        # The log is always text. An error is JSON only if the request accepts JSON.
        request = Request("GET", PODS.path(namespace, pod, "log"), query + limits, accept="application/json, */*")
        text = self._send(request).body[:limit].decode("utf-8", "replace")
        if _NO_LOG.fullmatch(text.strip()):
            raise ApiError(404, "NotFound", text.strip())
        return text

    def events(self, namespace: str, uid: str) -> list[dict[str, Any]]:
        """The events about one object, by its uid."""
        pages = self.pages(EVENTS, namespace, field_selector=f"involvedObject.uid={uid}")
        return [msgspec.json.decode(raw) for page in pages for raw in page]

    def server_version(self) -> Version:
        """The version whose rules the server's Pod Security applies."""
        return read_version(self._send(Request("GET", "/version")))

    def _start(self, listing: Listing) -> Callable[[], Iterator[list[Raw]]]:
        return lambda: self.pages(
            listing.resource,
            listing.namespace,
            label_selector=listing.label_selector,
            field_selector=listing.field_selector,
        )

    def _page(self, request: Request, token: str) -> _Page:
        return _decode(self._send(_with(request, "continue", token)), _PAGE)

    def _object(self, request: Request) -> dict[str, Any]:
        return _decode(self._send(request), _OBJECT)

    def _send(self, request: Request) -> Response:
        response = self._transport.send(request)
        if not 200 <= response.status < 300:
            raise responses.api_error(response)
        return response


def _decode(response: Response, decoder: Decoder[T]) -> T:
    try:
        return decode_deep(decoder, response.body)
    except UNREADABLE as error:
        raise responses.not_json(response, str(error)) from error


def _one(response: Response, resource: Resource, name: str) -> dict[str, Any]:
    """The object of an answer. Raises ApiError for another object than the requested one, which must not be judged."""
    obj = _decode(response, _OBJECT)
    metadata = obj.get("metadata")
    if obj.get("kind") != resource.kind or not isinstance(metadata, dict) or metadata.get("name") != name:
        raise responses.not_json(response, f"it is not {resource.kind} {name}")
    return obj


def _with(request: Request, name: str, value: str) -> Request:
    return msgspec.structs.replace(request, query=(*request.query, (name, value)))


def _writing(dry_run: bool, field_manager: str) -> tuple[tuple[str, str], ...]:
    return (("dryRun", "All" if dry_run else ""), ("fieldManager", field_manager))
