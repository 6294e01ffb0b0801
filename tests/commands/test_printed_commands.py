"""The flags that a printed command repeats, so that it means the same cluster and the same user."""

import shlex

import pytest

from kubectl_caps.cli.arguments import ClusterArguments, connection_flags, values_of
from kubectl_caps.cli.parser import parse


def printed(*argv: str) -> str:
    """The flags that a command printed by `harden` repeats."""
    return connection_flags(ClusterArguments(**values_of(ClusterArguments, parse(["harden", *argv]))))


@pytest.mark.parametrize(
    "flags",
    [
        "",
        "--kubeconfig 'my config' --context c --cluster d --user u --server https://x:6443",
        "--as al --as-group dev --as-group 'two words' --as-uid 7",
        "--certificate-authority ca.crt --client-certificate a.crt --client-key a.key --tls-server-name x",
        "--insecure-skip-tls-verify",
    ],
)
def test_a_printed_command_repeats_the_flags_of_user_and_cluster(flags: str) -> None:
    said = printed("deploy/web", *shlex.split(flags))
    assert shlex.split(said) == shlex.split(flags)


def test_no_secret_is_printed() -> None:
    said = printed("deploy/web", "--token", "s3cret", "-s", "https://me:s3cret@x:6443")
    assert said == " --server https://x:6443 --token TOKEN"
