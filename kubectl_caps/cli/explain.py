"""Turns the arguments of `explain` into one checked struct."""

import argparse
from typing import get_args

from msgspec import Struct

from kubectl_caps.cli.arguments import values_of
from kubectl_caps.cli.flags import ExplainOutput
from kubectl_caps.cli.values import output_format


class ExplainArguments(Struct, frozen=True, kw_only=True):
    """`subject` is the word or line to explain. `-` means a log on standard input. None means the list of all words."""

    subject: str | None
    output: ExplainOutput


def explain_arguments(options: argparse.Namespace) -> ExplainArguments:
    """The flags of `explain`, checked. Raises UsageError."""
    output_format(options.output, get_args(ExplainOutput))
    return ExplainArguments(**values_of(ExplainArguments, options))
