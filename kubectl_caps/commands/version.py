"""Runs kubectl caps version: prints the versions of the program, of its Pod Security rules, and of the server."""

import argparse
import sys
from importlib.metadata import version
from platform import machine, python_version
from typing import Any

from kubectl_caps.cli.version import VersionArguments, version_arguments
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR
from kubectl_caps.errors import CapsError


def main(options: argparse.Namespace) -> int:
    """Print the versions and return the exit status."""
    return print_version(version_arguments(options))


def print_version(arguments: VersionArguments) -> int:
    """Print the versions, and return the exit status 0. Raises CapsError if the server does not tell its version."""
    told: dict[str, Any] = {"clientVersion": _client(), "podSecurityVersion": f"v1.{NEWEST_MINOR}"}
    failed: CapsError | None = None
    if not arguments.client:
        try:
            told |= _server(arguments)
        except CapsError as error:
            failed = error
    _print(told, arguments.output)
    if failed:
        raise failed
    minor = int(told.get("serverPodSecurityVersion", "v1.0").removeprefix("v1."))
    if minor > NEWEST_MINOR:
        print(_newer(minor), file=sys.stderr)
    return 0


def _newer(minor: int) -> str:
    return (
        f"WARNING: the server judges by the Pod Security rules of v1.{minor}, and the newest rules known here are "
        f"those of v1.{NEWEST_MINOR}: a newer kubectl-caps may know more"
    )


def _client() -> dict[str, str]:
    number = version("kubectl-caps")
    major, minor, *_ = number.split(".")
    platform = f"{sys.platform}/{machine()}"
    return {
        "major": major, "minor": minor, "gitVersion": f"v{number}", "pythonVersion": python_version(),
        "platform": platform,
    }  # fmt: skip


def _server(arguments: VersionArguments) -> dict[str, Any]:
    """The server's version, and the version of its Pod Security rules. Raises CapsError."""
    from kubectl_caps.commands.shared.connect import connected

    cluster, _, _ = connected(arguments)
    found = cluster.server_version()
    return {
        "serverVersion": {"major": str(found.major), "minor": str(found.minor), "gitVersion": found.git_version},
        "serverPodSecurityVersion": f"v{found.major}.{found.minor}",
    }


def _print(told: dict[str, Any], output: str) -> None:
    if output != "table":
        from kubectl_caps.report import json

        sys.stdout.write(json.text(told, output))
        return
    print(f"Client Version: {told['clientVersion']['gitVersion']}")
    print(f"Pod Security Version: {told['podSecurityVersion']} (the newest known)")
    if "serverVersion" in told:
        from kubectl_caps.report.terminal import escaped

        print(f"Server Version: {escaped(told['serverVersion']['gitVersion'])}")
        print(f"Server Pod Security Version: {told['serverPodSecurityVersion']}")
