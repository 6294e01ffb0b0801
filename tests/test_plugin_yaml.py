"""plugin.yaml is the command line as a kubectl plugin descriptor; `UPDATE=1 pytest` writes it anew."""

import os
from pathlib import Path
from typing import Any

import yaml

from kubectl_caps.cli.commands import COMMANDS
from kubectl_caps.cli.flags import CLUSTER, Flag

FILE = Path(__file__).parents[1] / "plugin.yaml"
HEAD = """\
# The commands as a plugin descriptor of kubectl 1.8 to 1.11, for tools that read it. kubectl 1.12 and newer find the
# plugin by the name of its executable and ignore this file. Made from the command line by tests/test_plugin_yaml.py.
"""


def flag(row: Flag) -> dict[str, Any]:
    """One flag; global ones are kubectl's own and stand in no descriptor."""
    short = {"shorthand": row.names[0][1:]} if row.names[1:] else {}
    default = {"defValue": str(row.default)} if row.default not in (None, False) else {}
    return {"name": row.names[-1][2:], **short, "desc": row.help, **default}


def descriptor() -> dict[str, Any]:
    """The whole tree."""
    tree = []
    for name, command in COMMANDS.items():
        flags = [flag(row) for row in command.flags() if row.names[0].startswith("-") and row not in CLUSTER]
        node = {"name": name, "shortDesc": command.summary, "command": f"./kubectl-caps {name}"}
        tree.append({**node, **({"flags": flags} if flags else {})})
    return {
        "name": "caps",
        "shortDesc": "See, drop and enforce Linux capabilities",
        "longDesc": "Shows, drops and enforces Linux capabilities of Kubernetes workloads, on a cluster and in files.",
        "example": "kubectl caps inspect -n shop",
        "command": "./kubectl-caps",
        "tree": tree,
    }


def test_plugin_yaml_lists_the_flags_of_the_command_line() -> None:
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
