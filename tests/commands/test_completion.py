"""What kubectl is told for the word that is being typed."""

import pytest

from kubectl_caps.commands.completion import KEEP_ORDER, NO_FILES, answer

END = f":{NO_FILES | KEEP_ORDER}"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["explain", "-o", ""], ["table", "json", "yaml"]),
        (["harden", "--output="], ["table", "json", "yaml", "name", "patch"]),
        (["inspect", "--output=s"], ["sarif"]),
        (["inspect", "--live="], ["exec", "ephemeral"]),
        (["harden", "--dry-run=s"], ["server"]),
        (["inspect", "--runtime", ""], ["containerd", "cri-o", "docker"]),
        (["label-ns", "--enforce", "r"], ["restricted"]),
        (["label-ns", "--remove", ""], ["enforce", "warn", "audit"]),
        (["completion", ""], ["bash", "zsh", "fish", "kubectl"]),
        (["nosuch", "--output="], []),
        (["harden", "--nosuch="], []),
        (["harden", "--settle="], []),
    ],
    ids=" ".join,
)
def test_the_values_of_a_flag_are_those_of_its_command(words: list[str], expected: list[str]) -> None:
    assert answer(words) == [*expected, END]
