"""Tests argcomplete's protocol without a shell; tests/shells/test_tab.py presses Tab in shells that register it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from loopback import Answer, Seen, kubeconfig, reply, serving
from tab_again import tab_again

from kubectl_caps.cli.commands import COMMANDS


class Asked(NamedTuple):
    """The exit status, what was written to the descriptor, and to standard output and error."""

    status: int
    written: str
    said: str


PROGRAM = str(Path(sys.executable).with_name("kubectl-caps"))
PLUGIN = """\
#!/bin/sh
[ -z "$_ARGCOMPLETE" ] || exit 1
echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "from-plugin"}}'
"""
"""A credential plugin that is written with argcomplete: with its variable set, it completes."""


def asked(environment: Mapping[str, str], folder: Path, *, descriptor: int = 8, command: str = PROGRAM) -> Asked:
    """Run the program as argcomplete's shell function does, which reads file descriptor 8."""
    written = folder / "written"
    shell = ["bash", "-c", f"{command} {descriptor}>{written} 2>&1"]
    env = {"PATH": os.environ["PATH"], "_ARGCOMPLETE": "1", **environment}
    done = subprocess.run(shell, env=env, stdout=subprocess.PIPE, text=True, check=False)
    return Asked(done.returncode, written.read_text(), done.stdout)


def _typed(line: str) -> dict[str, str]:
    """What the shell function of zsh sets, but with a line for each candidate."""
    typed = {"COMP_LINE": line, "COMP_POINT": str(len(line))}
    return {**typed, "_ARGCOMPLETE_SHELL": "zsh", "_ARGCOMPLETE_SUPPRESS_SPACE": "1", "_ARGCOMPLETE_IFS": "\n"}


def test_a_candidate_has_its_description(tmp_path: Path) -> None:
    lines = ["NET_BIND_SERVICE:listen on ports below 1024", "NET_BROADCAST:nothing: no kernel code asks for it"]
    assert asked(_typed("kubectl-caps harden --add NET_B"), tmp_path) == (0, "\n".join(lines), "")


def test_the_module_completes_as_the_program_does(tmp_path: Path) -> None:
    """`python -m kubectl_caps`: argcomplete's global completion sets 3, the number of its words."""
    typed = {**_typed("python -m kubectl_caps insp"), "_ARGCOMPLETE": "3"}
    done = asked(typed, tmp_path, command=f"{sys.executable} -m kubectl_caps")
    assert done == (0, f"inspect:{COMMANDS['inspect'].summary}", "")


@pytest.mark.parametrize(
    ("environment", "descriptor"),
    [({}, 8), ({"COMP_LINE": "kubectl-caps ", "COMP_POINT": "x"}, 8), (_typed("kubectl-caps insp"), 7)],
    ids=["no line", "no number", "no descriptor"],
)
def test_an_environment_without_the_shell_function_is_refused_in_silence(
    environment: Mapping[str, str], descriptor: int, tmp_path: Path
) -> None:
    assert asked(environment, tmp_path, descriptor=descriptor) == (1, "", "")


def test_a_credential_plugin_does_not_complete(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_text(PLUGIN)
    plugin.chmod(0o755)
    command = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}

    def shop(seen: Seen) -> Answer:
        known = seen.header("Authorization") == "Bearer from-plugin"
        return reply({"items": [{"metadata": {"name": "shop"}}]} if known else {}, 200 if known else 401)

    with serving(shop, tls=True) as server:
        config = kubeconfig(tmp_path / "config", server.cluster(), {"exec": command})
        typed = {**_typed("kubectl-caps label-ns "), "KUBECONFIG": config}
        assert tab_again(lambda: asked(typed, tmp_path).written) == "shop:"
