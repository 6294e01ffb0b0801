"""Runs kubectl caps harden on a cluster or on files."""

import argparse

from kubectl_caps.cli.harden import HardenArguments, harden_arguments
from kubectl_caps.core.kubernetes.kinds import set_added_kinds


def main(options: argparse.Namespace) -> int:
    """Harden files or a cluster and return the exit status."""
    return harden_command(harden_arguments(options))


def harden_command(arguments: HardenArguments) -> int:
    """Harden the requested objects or files and return the exit status."""
    set_added_kinds(arguments.kinds)
    if arguments.on_files:
        from kubectl_caps.commands.harden.files import harden_files

        return harden_files(arguments)
    from kubectl_caps.commands.harden.cluster import harden_live

    return harden_live(arguments)
