"""Turns the arguments of `version` into one checked struct."""

import argparse
from typing import get_args

from kubectl_caps.cli.arguments import ClusterArguments, values_of
from kubectl_caps.cli.flags import VersionOutput
from kubectl_caps.cli.values import output_format


class VersionArguments(ClusterArguments, frozen=True, kw_only=True):
    """The arguments of `version`. With `client`, the server is not asked for its version."""

    client: bool
    output: VersionOutput


def version_arguments(options: argparse.Namespace) -> VersionArguments:
    """The flags of `version`, checked. Raises UsageError."""
    output_format(options.output, get_args(VersionOutput))
    return VersionArguments(**values_of(VersionArguments, options))
