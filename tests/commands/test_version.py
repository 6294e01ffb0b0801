"""`version`: this program, the rules that it knows, the server, and the difference between the two."""

import json
from typing import Any

import pytest
import yaml
from loopback import reply, serving, status

from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR
from kubectl_caps.main import main as run

NEWEST = f"v1.{NEWEST_MINOR}"


def told(minor: int, **more: Any) -> dict[str, Any]:
    """An answer to GET /version."""
    return {"major": "1", "minor": str(minor), "gitVersion": f"v1.{minor}.2", **more}


@pytest.mark.parametrize(
    ("answer", "server", "rules", "warned"),
    [
        (told(NEWEST_MINOR), f"{NEWEST}.2", NEWEST, False),
        (told(30), "v1.30.2", "v1.30", False),
        (told(NEWEST_MINOR, emulationMajor="1", emulationMinor="36"), f"{NEWEST}.2", "v1.36", False),
        (told(NEWEST_MINOR + 1), f"v1.{NEWEST_MINOR + 1}.2", f"v1.{NEWEST_MINOR + 1}", True),
    ],
    ids=["the newest", "older", "emulates an older", "newer"],
)
def test_the_server_is_named_with_its_rules_and_a_newer_one_warned_of(
    answer: dict[str, Any], server: str, rules: str, warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(lambda _: reply(answer)) as api:
        assert run(["version", "-s", api.url]) == 0
        text, error = capsys.readouterr()
        assert run(["version", "-s", api.url, "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert text.splitlines()[1:] == [
        f"Pod Security Version: {NEWEST} (the newest known)",
        f"Server Version: {server}",
        f"Server Pod Security Version: {rules}",
    ]
    assert error.startswith(f"WARNING: the server judges by the Pod Security rules of {rules}") is warned
    assert (document["podSecurityVersion"], document["serverPodSecurityVersion"]) == (NEWEST, rules)
    assert document["serverVersion"]["gitVersion"] == server


def test_json_and_yaml_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version", "--client", "-o", "json"]) == 0
    as_json = json.loads(capsys.readouterr().out)
    assert run(["version", "--client", "-o", "yaml"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == as_json
    assert {"gitVersion", "major", "minor", "pythonVersion", "platform"} == set(as_json["clientVersion"])


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["-s", "http://127.0.0.1:1"], "The connection to the server 127.0.0.1:1 was refused"),
        (["--kubeconfig", "/nosuch"], "error: stat /nosuch: no such file or directory"),
    ],
)
def test_a_server_without_a_version_is_an_error_after_the_known_lines(
    flags: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["version", *flags]) == 2
    out, err = capsys.readouterr()
    assert out.splitlines()[1:] == [f"Pod Security Version: {NEWEST} (the newest known)"]
    assert err.startswith(words)
    assert err.count("\n") == 1


def test_a_refusal_of_the_server_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda _: status(403, "Forbidden", "no")) as api:
        assert run(["version", "-s", api.url]) == 2
    assert capsys.readouterr().err == "Error from server (Forbidden): no\n"


def test_the_client_needs_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version", "--client", "--kubeconfig", "/nosuch"]) == 0
    assert capsys.readouterr().err == ""
