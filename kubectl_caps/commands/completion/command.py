"""Runs kubectl caps completion: prints the script of a shell, or installs everything that completion needs."""

import argparse
import sys

from kubectl_caps.cli.completion import completion_arguments
from kubectl_caps.commands.completion.scripts import SHELLS, script


def main(options: argparse.Namespace) -> int:
    """Print the completion script of a shell, or install completion. Raises UsageError, InstallFailed."""
    arguments = completion_arguments(options)
    if arguments.shell == "install":
        from kubectl_caps.commands.completion.install import install

        for line in install(arguments.of):
            print(line)
        return 0
    if arguments.shell not in SHELLS or arguments.of:
        from kubectl_caps.core.nearest import hint
        from kubectl_caps.errors import UsageError

        word, known = arguments.of or arguments.shell, (*SHELLS, "install")
        raise UsageError(f'unsupported shell type "{word}"; known are {", ".join(known)}{hint(word, known)}')
    sys.stdout.write(script(arguments.shell))
    return 0
