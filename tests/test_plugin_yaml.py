"""plugin.yaml is the command line as a kubectl plugin descriptor; `UPDATE=1 pytest` writes it anew."""

import argparse
import os
from pathlib import Path
from typing import Any

import yaml

from kubectl_caps import command_line

FILE = Path(__file__).parents[1] / "plugin.yaml"
HEAD = """\
# The commands as a plugin descriptor of kubectl 1.8 to 1.11, for tools that read it. kubectl 1.12 and newer find the
# plugin by the name of its executable and ignore this file. Made from the command line by tests/test_plugin_yaml.py.
"""


def flag(action: argparse.Action) -> dict[str, Any]:
    """One flag; global ones are kubectl's own and stand in no descriptor."""
    short = next((name[1:] for name in action.option_strings if not name.startswith("--")), None)
    long = next(name[2:] for name in action.option_strings if name.startswith("--"))
    default = [] if action.default in (None, [], False, argparse.SUPPRESS) else [("defValue", str(action.default))]
    return {"name": long, **({"shorthand": short} if short else {}), "desc": str(action.help), **dict(default)}


def descriptor() -> dict[str, Any]:
    """The whole tree."""
    of_cluster = {name for names, _ in command_line.CLUSTER for name in names}
    tree = []
    for name, command in command_line.parser()[1].items():
        own = [a for a in command._actions if a.option_strings and "-h" not in a.option_strings]
        flags = [flag(action) for action in own if not of_cluster & set(action.option_strings)]
        summary = command_line.COMMANDS[name][0]
        node = {"name": name, "shortDesc": summary, "command": f"./kubectl-caps {name}"}
        tree.append({**node, **({"flags": flags} if flags else {})})
    return {
        "name": "caps",
        "shortDesc": "See, drop and enforce Linux capabilities",
        "longDesc": "Shows, drops and enforces Linux capabilities of Kubernetes workloads, on a cluster and in files.",
        "example": "kubectl caps inspect -n shop",
        "command": "./kubectl-caps",
        "tree": tree,
    }


def test_plugin_yaml_says_what_the_command_line_says() -> None:
    wanted = HEAD + yaml.safe_dump(descriptor(), sort_keys=False, width=118)
    if os.environ.get("UPDATE"):
        FILE.write_text(wanted)
    assert FILE.read_text() == wanted


def test_the_descriptor_is_valid_for_kubectls_old_schema() -> None:
    def check(node: dict[str, Any]) -> None:
        assert node["name"]
        assert " " not in node["name"]
        assert node["shortDesc"]
        assert node.get("command") or node.get("tree")
        assert all(item["name"] and item["desc"] for item in node.get("flags", ()))
        for child in node.get("tree", ()):
            check(child)

    check(yaml.safe_load(FILE.read_text()))
