"""Reads the names for completion: entries of the kubeconfig, and objects and containers from the API server."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

from kubectl_caps.cli.flags import CLUSTER
from kubectl_caps.commands.completion.line import Cursor

LIMIT = 0.7
"""Seconds for all requests of one completion. With the start of the program this is less than one second."""

Candidates = Iterable[tuple[str, str]]


def kubeconfig_names(cursor: Cursor, kind: Literal["clusters", "contexts", "users"]) -> Candidates:
    """The names of the kubeconfig's entries of a kind. Raises ConfigError."""
    from kubectl_caps.cluster.config.kubeconfig import entry_names

    return [(name, "") for name in entry_names(kind, cursor.value("--kubeconfig") or None)]


def namespaces(cursor: Cursor) -> Candidates:
    """The namespaces of the cluster that are not on the line yet."""
    from kubectl_caps.cluster.api.resources import NAMESPACES

    found = _listed(cursor, [NAMESPACES])
    return [(name, "") for name, _ in found if name not in cursor.arguments]


def resources(cursor: Cursor) -> Candidates:
    """The names of types; after `TYPE/` or `TYPE `, the names of objects; after `TYPE,`, more types."""
    first = cursor.arguments[0] if cursor.arguments else ""
    if "/" in cursor.typed:
        word = cursor.typed.partition("/")[0]
        return [(f"{word}/{name}", text) for name, text in _listed(cursor, _resources_named(word))]
    if "/" in first:
        return [(f"{name}/", "") for name, _ in _types(cursor.typed)]
    if first:
        return [item for item in _listed(cursor, _resources_named(first)) if item[0] not in cursor.arguments[1:]]
    before = cursor.typed[: cursor.typed.rfind(",") + 1]
    return [(before + name, text) for name, text in _types(cursor.typed[len(before) :])]


def _types(typed: str) -> Iterator[tuple[str, str]]:
    """The types of workloads, each in the shortest spelling that begins with the typed text."""
    from kubectl_caps.core.kubernetes.kinds import WORKLOADS

    for kind in WORKLOADS:
        group = f".{kind.group}" if kind.group else ""
        spellings = (kind.kind.lower(), kind.plural, f"{kind.kind.lower()}{group}", f"{kind.plural}{group}")
        found = next((word for word in spellings if word.startswith(typed)), "")
        if found:
            yield found, ", ".join(kind.short_names)


def _resources_named(words: str) -> Sequence[Any]:
    """The built-in resources that TYPE or TYPE,TYPE mean."""
    from kubectl_caps.cluster.api.resources import find_resource, resource_of
    from kubectl_caps.core.kubernetes.kinds import KINDS, WORKLOADS

    known = [resource_of(kind) for kind in dict.fromkeys([*WORKLOADS, *KINDS])]
    found = (find_resource(word, known) for word in words.split(","))
    return [resource for resource in found if resource]


def _listed(cursor: Cursor, wanted: Sequence[Any]) -> Candidates:
    """The names of all objects of these resources. With several resources, the description is the kind."""

    def ask(server: Any) -> list[tuple[str, str]]:
        return [
            (name, resource.kind if len(wanted) > 1 else "") for resource in wanted for name in server.names(resource)
        ]

    return _asked(cursor, ask) if wanted else []


def containers_of(cursor: Cursor) -> Candidates:
    """The containers of the workloads that the command line names, with their images."""
    words = cursor.arguments
    pairs = [word.split("/", 1) for word in words if "/" in word] or [[words[0], name] for name in words[1:]]

    def ask(server: Any) -> list[tuple[str, str]]:
        wanted = [(resource, name) for word, name in pairs for resource in _resources_named(word)]
        return list({item: None for resource, name in wanted for item in server.containers(resource, name)})

    return _asked(cursor, ask) if pairs else []


def _asked(cursor: Cursor, ask: Callable[[Any], list[tuple[str, str]]]) -> list[tuple[str, str]]:
    """The result of `ask` if it comes within the limit, or else an empty list. Raises ConfigError.

    `ask` runs in a daemon thread, which may wait for the server until the process ends.
    """
    server = _server(cursor)
    answers: queue.SimpleQueue[list[tuple[str, str]]] = queue.SimpleQueue()

    def run() -> None:
        try:
            with server:
                answers.put(ask(server))
        except Exception:  # an error message would appear in the line that the user types
            answers.put([])

    threading.Thread(target=run, daemon=True).start()
    try:
        return answers.get(timeout=LIMIT)
    except queue.Empty:
        return []


def _server(cursor: Cursor) -> Any:
    """The API server that the flags before the cursor name."""
    from kubectl_caps.cluster.config.kubeconfig import Overrides, load_connection
    from kubectl_caps.cluster.read.names import NameReader

    wanted: dict[str, Any] = {"namespace": cursor.value("--namespace") or None}
    for flag in CLUSTER:
        values = cursor.given.get(flag.names[-1])
        name = flag.dest or flag.names[-1][2:].replace("-", "_")
        if values and name in Overrides.__struct_fields__ and name != "request_timeout":
            wanted[name] = values if flag.repeated else values[-1] if flag.value else True
    return NameReader(load_connection(Overrides(**wanted)), LIMIT, everywhere="--all-namespaces" in cursor.given)
