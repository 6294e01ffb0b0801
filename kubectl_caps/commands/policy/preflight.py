"""Prints the objects that a policy would refuse now."""

from datetime import date, datetime, timezone

from kubectl_caps.cli.flags import program_name
from kubectl_caps.cli.policy import PolicyArguments
from kubectl_caps.core.policy.preflight import Preflight
from kubectl_caps.report.policy import preflight_lines
from kubectl_caps.report.terminal import say


def print_preflight(namespace: str, found: Preflight, arguments: PolicyArguments) -> None:
    """Print the objects that would be refused now, and the commands that help."""
    verb = "refuse" if "deny" in arguments.actions else "report"
    say(*preflight_lines(namespace, found, verb))
    if any("drop lacks ALL" in field.field for item in found.refused for field in item.fields):
        say(f"`{program_name()} harden --all -n {namespace}` drops ALL, `{program_name()} fit` finds what is needed")


def today() -> date:
    """The current day in UTC. The API server's times, by which exemptions end, are in UTC, too."""
    return datetime.now(timezone.utc).date()
