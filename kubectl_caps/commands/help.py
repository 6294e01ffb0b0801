"""Runs kubectl caps help and kubectl caps options: prints pages of help on stdout."""

import argparse
import sys

from kubectl_caps.cli.commands import COMMANDS
from kubectl_caps.cli.flags import program_name
from kubectl_caps.cli.help import page


def main(options: argparse.Namespace) -> int:
    """Print a page of help. Raises UsageError for a topic that is not a command."""
    topic = "options" if options.command == "options" else options.topic or ""
    if topic and topic not in COMMANDS:
        from kubectl_caps.core.nearest import hint
        from kubectl_caps.errors import UsageError

        raise UsageError(f'unknown help topic "{topic}" for "{program_name()}"{hint(topic, COMMANDS)}')
    sys.stdout.write(page(topic))
    return 0
