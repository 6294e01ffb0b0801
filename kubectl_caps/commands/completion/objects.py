"""Names for completion: those of the kubeconfig, and those of objects, which the API server is asked for."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

from kubectl_caps.cli.flags import CLUSTER
from kubectl_caps.commands.completion.line import Cursor

LIMIT = 0.7
"""Seconds for all requests of one completion. With the start of the program it is less than one second."""

Candidates = Iterable[tuple[str, str]]


def kubeconfig_names(cursor: Cursor, kind: Literal["clusters", "contexts", "users"]) -> Candidates:
    """The entries of the kubeconfig. Raises ConfigError."""
    from kubectl_caps.cluster.config.kubeconfig import entry_names

    return [(name, "") for name in entry_names(kind, cursor.value("--kubeconfig") or None)]


def namespaces(cursor: Cursor) -> Candidates:
    """The namespaces of the cluster, without those that stand there already."""
    from kubectl_caps.cluster.api.resources import NAMESPACES

    found = _listed(cursor, [NAMESPACES])
    return [(name, "") for name, _ in found if name not in cursor.arguments]


def resources(cursor: Cursor) -> Candidates:
    """TYPE names; after `TYPE/` or `TYPE `, the names of the objects; after `TYPE,`, further types."""
    first = cursor.arguments[0] if cursor.arguments else ""
    if "/" in cursor.typed:
        word = cursor.typed.partition("/")[0]
        return [(f"{word}/{name}", text) for name, text in _listed(cursor, _meant(word))]
    if "/" in first:
        return [(f"{name}/", "") for name, _ in _types(cursor.typed)]
    if first:
        return [item for item in _listed(cursor, _meant(first)) if item[0] not in cursor.arguments[1:]]
    before = cursor.typed[: cursor.typed.rfind(",") + 1]
    return [(before + name, text) for name, text in _types(cursor.typed[len(before) :])]


def _types(typed: str) -> Iterator[tuple[str, str]]:
    """The types of workloads in the shortest spelling that begins with what is typed."""
    from kubectl_caps.core.kubernetes.kinds import WORKLOADS

    for kind in WORKLOADS:
        group = f".{kind.group}" if kind.group else ""
        spellings = (kind.kind.lower(), kind.plural, f"{kind.kind.lower()}{group}", f"{kind.plural}{group}")
        found = next((word for word in spellings if word.startswith(typed)), "")
        if found:
            yield found, ", ".join(kind.short_names)


def _meant(words: str) -> Sequence[Any]:
    """The resources that TYPE or TYPE,TYPE mean, of those that this program knows."""
    from kubectl_caps.cluster.api.resources import find_resource, resource_of
    from kubectl_caps.core.kubernetes.kinds import KINDS, WORKLOADS

    known = [resource_of(kind) for kind in dict.fromkeys([*WORKLOADS, *KINDS])]
    found = (find_resource(word, known) for word in words.split(","))
    return [resource for resource in found if resource]


def _listed(cursor: Cursor, wanted: Sequence[Any]) -> Candidates:
    """The names of all objects; of several resources with the kind as description."""

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
        wanted = [(resource, name) for word, name in pairs for resource in _meant(word)]
        return list({item: None for resource, name in wanted for item in server.containers(resource, name)})

    return _asked(cursor, ask) if pairs else []


def _asked(cursor: Cursor, ask: Callable[[Any], list[tuple[str, str]]]) -> list[tuple[str, str]]:
    """The answer of the API server within the limit, or nothing. A thread that waits longer is left behind.

    Raises ConfigError.
    """
    server = _server(cursor)
    answers: queue.SimpleQueue[list[tuple[str, str]]] = queue.SimpleQueue()

    def run() -> None:
        try:
            with server:
                answers.put(ask(server))
        except Exception:  # no answer is no candidate: the user is in the middle of a line
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
