"""Prints the candidates for the word at the cursor, in kubectl's protocol.

kubectl 1.26 and newer call `kubectl_complete-caps WORD…` (k8s.io/kubectl pkg/cmd/plugin/plugin_completion.go). Each
line of the output has a candidate, and an optional description after a tab. The last line is `:N` with Cobra's
directive bits. If the program fails, kubectl shows no candidates, so the program never fails. For `--flag=va` only the
value is printed, because the shell adds the flag again.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from kubectl_caps.cli.commands import COMMANDS
from kubectl_caps.cli.flags import Completed
from kubectl_caps.commands.completion import objects
from kubectl_caps.commands.completion.line import Cursor, read_line
from kubectl_caps.commands.completion.scripts import SHELLS

FILES = 0
NO_SPACE = 2
NO_FILES = 4
FOLDERS = 16
KEEP_ORDER = 32

Candidate = tuple[str, str]
"""A value and its description, which may be empty."""


class Reply(NamedTuple):
    """The candidates, and Cobra's directive bits."""

    candidates: Sequence[Candidate] = ()
    directive: int = NO_FILES | KEEP_ORDER


def run_completion() -> None:
    """Run the console script `kubectl_complete-caps`."""
    print_answer(sys.argv[1:], kubectl=True)


def print_answer(words: Sequence[str], *, kubectl: bool = False) -> None:
    """Print the answer in kubectl's protocol, and end the process, also while a thread waits for a silent server."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    sys.stdout.write("".join(f"{line}\n" for line in answer(words, kubectl=kubectl)))
    sys.stdout.flush()
    os._exit(0)


def answer(words: Sequence[str], *, kubectl: bool = False) -> list[str]:
    """The lines of the answer for these words. The last word is being typed.

    For `kubectl`, candidates with commas have no descriptions. kubectl's script for bash escapes the comma of a
    candidate with a description, and then drops the candidate, because it does not begin with the typed word.
    """
    reply = reply_to(words)
    plain = kubectl and any("," in value for value, _ in reply.candidates)
    lines = [f"{value}\t{text}" if text and not plain else value for value, text in reply.candidates]
    return [*lines, f":{reply.directive}"]


def reply_to(words: Sequence[str]) -> Reply:
    """The candidates for these words, of which the last one is being typed. Never raises an exception."""
    try:
        return _reply(read_line(words))
    except Exception:  # an error message would appear in the line that the user types
        return Reply()


def _reply(cursor: Cursor) -> Reply:
    if not cursor.command:
        commands = ((name, command.summary) for name, command in COMMANDS.items())
        return _matching(cursor, [*commands, ("--help", ""), ("--version", "")] if cursor.typed != "" else commands)
    if cursor.flag is None:
        return _matching(cursor, _flags(cursor))
    if cursor.flag.values:
        before = cursor.typed[: cursor.typed.rfind(",") + 1] if cursor.flag.repeated else ""
        return _matching(cursor, ((before + value, "") for value in cursor.flag.values))
    kind = cursor.flag.completes
    if kind in _PATHS:
        return Reply(directive=_PATHS[kind])
    return _matching(cursor, _VALUES[kind](cursor)) if kind else Reply()


def _matching(cursor: Cursor, found: Iterable[Candidate]) -> Reply:
    """The candidates that begin with the typed text, without unprintable ones.

    Names of a server or a kubeconfig may have control characters, which would reach the terminal. A line break would
    begin another candidate. A description may have one, too, because the API server accepts any text as an image.
    """
    candidates = [
        (value, text if text.isprintable() else "")
        for value, text in found
        if value.startswith(cursor.typed) and value.isprintable()
    ]
    goes_on = bool(candidates) and all(value.endswith(("=", "/")) for value, _ in candidates)
    return Reply(candidates, NO_FILES | KEEP_ORDER | (NO_SPACE if goes_on else 0))


def _flags(cursor: Cursor) -> Iterator[Candidate]:
    """The flags that may still be given. Short flags are candidates only if a short flag is typed."""
    for flag in COMMANDS[cursor.command].flags():
        if flag.names[0].startswith("-") and (flag.repeated or flag.names[-1] not in cursor.given):
            names = flag.names if len(cursor.typed) == 1 and cursor.typed != "-" else flag.names[-1:]
            yield from ((name, flag.help) for name in names)
    yield "--help", "the help of the command"


_PATHS: Mapping[Completed, int] = {"files": FILES, "folders": FOLDERS}


def _capabilities(cursor: Cursor) -> Iterator[Candidate]:
    """The names of capabilities after the typed container and capabilities, such as `web=CHOWN,KILL`.

    `harden` reads names in any case, with and without CAP_. The candidates have the spelling of the typed part.
    """
    from kubectl_caps.core.linux.capabilities import CAPABILITIES

    end = max(cursor.typed.rfind("="), cursor.typed.rfind(",")) + 1
    before, part = cursor.typed[:end], cursor.typed[end:]
    prefix = "CAP_" if part.upper().startswith("CAP_") else ""
    names = [(f"{prefix}{row.name}", row.allows) for row in CAPABILITIES]
    if part.islower():
        names = [(name.lower(), allows) for name, allows in names]
    yield from ((before + name, allows) for name, allows in names)
    if not before and part and not any(name.startswith(part) for name, _ in names):
        yield from ((f"{name}=", "only this container") for name, _ in objects.containers_of(cursor))


def _containers(cursor: Cursor) -> Iterator[Candidate]:
    before = cursor.typed[: cursor.typed.rfind(",") + 1]
    yield from ((before + name, text) for name, text in objects.containers_of(cursor) if name not in before.split(","))


def _subjects(cursor: Cursor) -> Iterator[Candidate]:
    """The words that `explain` knows: capabilities in the typed spelling, checks, warnings and others."""
    from kubectl_caps.core.explain.lookup import everything
    from kubectl_caps.core.linux.capabilities import BY_NAME

    if cursor.typed:
        yield from _capabilities(cursor._replace(command="explain", typed=cursor.typed, arguments=()))
    for item in everything():
        if item.kind != "capability" or not cursor.typed:
            yield item.subject, BY_NAME[item.subject].allows if item.subject in BY_NAME else f"a {item.kind}"


_VALUES: Mapping[Completed, Callable[[Cursor], Iterable[Candidate]]] = {
    "capabilities": _capabilities,
    "clusters": lambda cursor: objects.kubeconfig_names(cursor, "clusters"),
    "containers": _containers,
    "contexts": lambda cursor: objects.kubeconfig_names(cursor, "contexts"),
    "namespaces": objects.namespaces,
    "resources": objects.resources,
    "shells": lambda cursor: ((name, "") for name in (*SHELLS, "install")),
    "subjects": _subjects,
    "topics": lambda cursor: ((name, command.summary) for name, command in COMMANDS.items()),
    "users": lambda cursor: objects.kubeconfig_names(cursor, "users"),
}
