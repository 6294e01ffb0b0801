"""Turns the arguments of `completion` into one checked struct."""

import argparse

from msgspec import Struct

from kubectl_caps.cli.arguments import values_of
from kubectl_caps.errors import UsageError


class CompletionArguments(Struct, frozen=True, kw_only=True):
    """`shell` is the shell whose script is printed, or `install`. With `install`, `of` is the shell to install for."""

    shell: str
    of: str | None


def completion_arguments(options: argparse.Namespace) -> CompletionArguments:
    """The arguments of `completion`. Raises UsageError without a shell."""
    if not options.shell:
        raise UsageError("no shell is named: bash, zsh, fish or kubectl; `install` writes all that completion needs")
    return CompletionArguments(**values_of(CompletionArguments, options))
