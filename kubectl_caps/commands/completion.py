"""Shell completion: kubectl's own protocol, and scripts for direct use.

kubectl 1.26 and newer call `kubectl_complete-caps WORD…` (k8s.io/kubectl pkg/cmd/plugin/plugin_completion.go): one
candidate a line with an optional description behind a tab, and last a line `:N` of Cobra's directive bits; 4 says
that file names are no candidates. A failing completer loses all candidates, so this one never fails.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kubectl_caps import command_line

NO_FILES = 4
KEEP_ORDER = 32

VALUES = {
    "--enforce": command_line.LEVELS,
    "--warn": command_line.LEVELS,
    "--audit": command_line.LEVELS,
    "--fail-on": ("low", "medium", "high", "critical"),
    "--require": command_line.LEVELS,
    "--profile": ("restricted",),
    "--sort-by": ("risk",),
}
"""Flags with a fixed set of values that their placeholder does not list."""

SHELLS = {
    "bash": 'eval "$(register-python-argcomplete kubectl-caps)"\n',
    "zsh": 'autoload -U bashcompinit && bashcompinit\neval "$(register-python-argcomplete kubectl-caps)"\n',
    "fish": "register-python-argcomplete --shell fish kubectl-caps | source\n",
    "kubectl": '#!/bin/sh\n# Put this on PATH as kubectl_complete-caps.\nexec kubectl-caps __complete "$@"\n',
}


def main(options: argparse.Namespace) -> int:
    """Print the completion script of one shell."""
    if options.shell not in SHELLS:
        from kubectl_caps.errors import UsageError

        raise UsageError(f'unsupported shell type "{options.shell}"; known are {", ".join(SHELLS)}')
    sys.stdout.write(SHELLS[options.shell])
    return 0


def run() -> None:
    """The console script `kubectl_complete-caps`."""
    print_answer(sys.argv[1:])


def print_answer(words: Sequence[str]) -> None:
    """kubectl's protocol on stdout, whatever happens."""
    sys.stdout.write("".join(f"{line}\n" for line in answer(words)))


def answer(words: Sequence[str]) -> list[str]:
    """What kubectl wants to read for these words; the last one is being typed."""
    try:
        lines = list(candidates(words))
    except Exception:  # whatever it is, the user is in the middle of a line
        lines = []
    return [*lines, f":{NO_FILES | KEEP_ORDER}"]


def candidates(words: Sequence[str]) -> Iterator[str]:
    """`value` or `value<TAB>description`. For `--flag=va` only the value: the shell puts the flag back itself."""
    from argcomplete.completers import SuppressCompleter
    from argcomplete.finders import CompletionFinder

    class Finder(CompletionFinder):
        def quote_completions(self, completions: list[str], *_: Any) -> list[str]:
            return completions  # kubectl's scripts quote

    root, commands = _parser()
    finder: Any = Finder(root, always_complete_options=False, append_space=False, default_completer=SuppressCompleter())
    before, current = [command_line.program_name(), *words[:-1]], words[-1] if words else ""
    flag, equals, typed = current.partition("=")
    if equals and flag.startswith("--"):
        action = commands[words[0]]._option_string_actions.get(flag)
        values = _fixed(action) if action else ()
        if values or not action:  # argcomplete adds the flag, and other words, where a value may be left out
            yield from (value for value in values if value.startswith(typed))
            return
        before.append(flag)
    found = finder._get_completions(before, current, "", None)
    descriptions = finder.get_display_completions()
    for item in found:
        item = item.strip()
        value = item.partition("=")[2] if current.startswith("--") and "=" in current and "=" in item else item
        description = (descriptions.get(item) or "").split("\n")[0]
        yield f"{value}\t{description}" if description else value


def autocomplete() -> None:
    """argcomplete's own protocol, for `eval "$(register-python-argcomplete kubectl-caps)"`. Ends the process."""
    import argcomplete

    argcomplete.autocomplete(_parser()[0], always_complete_options=False)
    os._exit(0)


def _parser() -> tuple[argparse.ArgumentParser, Mapping[str, argparse.ArgumentParser]]:
    root, commands = command_line.parser()
    for command in commands.values():
        for action in command._actions:
            completer = _completer(action)
            if completer:
                action.completer = completer  # type: ignore[attr-defined]
    return root, commands


def _fixed(action: argparse.Action) -> Sequence[str]:
    listed = action.metavar if isinstance(action.metavar, str) else ""
    if "|" in listed and listed.islower():
        return listed.split("|")
    return next((VALUES[name] for name in action.option_strings if name in VALUES), ())


def _completer(action: argparse.Action) -> Any:
    values = _fixed(action)
    if values:
        return lambda **_: values
    dynamic = {
        "resources": _resources,
        "names": _namespaces,
        "namespace": _namespaces,
        "context": _contexts,
        "add": _capabilities,
        "subject": _subjects,
        "shell": lambda **_: tuple(SHELLS),
    }
    return dynamic.get(action.dest)


def _capabilities(**_: Any) -> Sequence[str]:
    from kubectl_caps.core.linux.capabilities import CAPABILITIES

    return [capability.name for capability in CAPABILITIES]


def _subjects(**_: Any) -> Sequence[str]:
    from kubectl_caps.core.vocabulary import everything

    return [item.subject for item in everything()]


def _contexts(parsed_args: argparse.Namespace, **_: Any) -> Sequence[str]:
    from kubectl_caps.cluster.kubeconfig import contexts

    return contexts(getattr(parsed_args, "kubeconfig", None))


def _namespaces(parsed_args: argparse.Namespace, **_: Any) -> Sequence[str]:
    from kubectl_caps.cluster.resources import NAMESPACES

    return _names(parsed_args, NAMESPACES)


def _resources(parsed_args: argparse.Namespace, prefix: str, **_: Any) -> Sequence[str]:
    """TYPE names; after `TYPE/` or `TYPE `, the names of that type in the namespace."""
    from kubectl_caps.cluster.resources import resource_of
    from kubectl_caps.core.workloads import WORKLOADS

    kinds = {word: kind for kind in WORKLOADS for word in (kind.plural, kind.kind.lower(), *kind.short_names)}
    before = list(getattr(parsed_args, "resources", None) or ())
    if "/" in prefix:
        word = prefix.partition("/")[0]
        return [f"{word}/{name}" for name in _names(parsed_args, resource_of(kinds[word]))] if word in kinds else []
    if before and before[0] in kinds:
        return _names(parsed_args, resource_of(kinds[before[0]]))
    return [kind.kind.lower() for kind in WORKLOADS]


def _names(parsed_args: argparse.Namespace, resource: Any) -> Sequence[str]:
    import msgspec

    from kubectl_caps.commands.live import connected
    from kubectl_caps.core.pod import Pod

    parsed_args.request_timeout = parsed_args.request_timeout or "3s"
    cluster, namespace, _ = connected(parsed_args)
    page = next(iter(cluster.pages(resource, namespace if resource.namespaced else None)), [])
    return [msgspec.json.decode(raw, type=Pod).metadata.name or "" for raw in page]
