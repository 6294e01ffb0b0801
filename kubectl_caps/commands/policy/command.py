"""Runs kubectl caps policy: prints, applies, checks or removes the admission policy of a namespace."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from kubectl_caps.cli.policy import PolicyArguments, policy_arguments
from kubectl_caps.commands.policy.example_folder import write_examples
from kubectl_caps.commands.policy.preflight import print_preflight, today
from kubectl_caps.commands.policy.sources import (
    PolicySource,
    policies_of_document,
    policies_of_files,
    policy_of_cluster,
)
from kubectl_caps.core.kubernetes.kinds import set_added_kinds
from kubectl_caps.core.policy.example_files import EXAMPLE_FILES
from kubectl_caps.core.policy.examples import examples
from kubectl_caps.core.policy.forms import FORMS
from kubectl_caps.core.policy.preflight import preflight
from kubectl_caps.report import json
from kubectl_caps.report.terminal import say


def main(options: argparse.Namespace) -> int:
    """Print, apply, check or remove the policy, and return the exit status."""
    return run_policy(policy_arguments(options))


def run_policy(arguments: PolicyArguments) -> int:
    """Print, apply, check or remove the policy, and return the exit status."""
    set_added_kinds(arguments.kinds)
    if arguments.remove:
        from kubectl_caps.commands.policy.remove import remove

        return remove(arguments)
    if arguments.check:
        from kubectl_caps.commands.policy.check import check

        return check(arguments)
    if arguments.apply:
        from kubectl_caps.commands.policy.apply import apply

        return apply(arguments)
    return _printed(arguments)


def _printed(arguments: PolicyArguments) -> int:
    if arguments.on_files:
        sources = policies_of_files(arguments)
    elif arguments.document is not None:
        sources = policies_of_document(arguments)
    else:
        from kubectl_caps.commands.shared.connect import connected

        cluster, namespace, context = connected(arguments)
        sources = [policy_of_cluster(cluster, namespace, context, arguments)]
    objects: list[dict[str, Any]] = []
    for source in sources:
        held = source.built.policy
        say(*dict.fromkeys(map(str, source.errors)), *(f"note: {note}" for note in source.built.notes))
        if held.namespace:
            objects += FORMS[arguments.form](held, arguments.actions, source.made_from)
        if source.workloads:
            print_preflight(
                held.namespace, preflight(held, source.workloads, today(), fills=arguments.fills), arguments
            )
    if arguments.tests is not None:
        _examples(arguments.tests, sources, arguments)
    elif objects:
        sys.stdout.write(_text(objects, arguments.output))
    return 2 if any(source.errors for source in sources) else 0


def _examples(folder: str, sources: Sequence[PolicySource], arguments: PolicyArguments) -> None:
    """Write the example files. With several namespaces, each namespace has its own folder."""
    files: dict[str, dict[str, Any]] = {}
    held = [source.built.policy for source in sources if source.built.policy.namespace]
    for one in held:
        below = f"{one.namespace}/" if len(held) > 1 else ""
        found = EXAMPLE_FILES[arguments.form](one, list(examples(one, today())))
        files.update({f"{below}{name}": obj for name, obj in found.items()})
    if files:
        write_examples(folder, files)
        say(f"{folder}: {len(files)} files written")


def _text(objects: Sequence[dict[str, Any]], output: str) -> str:
    if output == "json":
        return json.text({"apiVersion": "v1", "kind": "List", "items": list(objects)}, output)
    return "---\n".join(json.text(one, output) for one in objects)
