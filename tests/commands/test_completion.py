"""What kubectl is told for the word that is being typed."""

import io
import json
import socket
import subprocess
import sys
import time
from contextlib import redirect_stderr
from pathlib import Path

import pytest
from loopback import Answer, Seen, kubeconfig, reply, serving

from kubectl_caps.commands.completion import objects
from kubectl_caps.commands.completion.answer import FILES, FOLDERS, KEEP_ORDER, NO_FILES, NO_SPACE, answer

END = f":{NO_FILES | KEEP_ORDER}"


@pytest.fixture(autouse=True)
def limit(monkeypatch: pytest.MonkeyPatch) -> float:
    """The limit of a user, in seconds. The tests have a longer one, but for the test that is about it."""
    seconds = objects.LIMIT
    monkeypatch.setattr(objects, "LIMIT", 60.0)
    return seconds


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["explain", "-o", ""], ["table", "json", "yaml"]),
        (["harden", "--output="], ["table", "json", "yaml", "name", "patch"]),
        (["inspect", "--output=s"], ["sarif"]),
        (["harden", "--add", "NET_B"], ["NET_BIND_SERVICE", "NET_BROADCAST"]),
        (["harden", "--add", "web=CHO"], ["web=CHOWN"]),
        (["harden", "--add=web=CHO"], ["web=CHOWN"]),
        (["harden", "--add", "web=CHOWN,KI"], ["web=CHOWN,KILL"]),
        (["inspect", "--live="], ["exec", "ephemeral"]),
        (["harden", "--dry-run=s"], ["server"]),
        (["inspect", "--runtime", ""], ["containerd", "cri-o", "docker"]),
        (["label-ns", "--enforce", "r"], ["restricted"]),
        (["label-ns", "--remove", ""], ["enforce", "warn", "audit"]),
        (["completion", ""], ["bash", "zsh", "fish", "kubectl", "install"]),
        (["nosuch", "--output="], []),
        (["harden", "--nosuch="], []),
        (["harden", "--settle="], []),
    ],
    ids=" ".join,
)
def test_the_values_of_a_flag_are_completed_for_its_command(words: list[str], expected: list[str]) -> None:
    *lines, end = answer(words)
    assert ([line.partition("\t")[0] for line in lines], end) == (expected, END)


@pytest.mark.parametrize(
    ("words", "directive"),
    [
        (["inspect", "-f", ""], FILES),
        (["inspect", "--filename=ex"], FILES),
        (["inspect", "--exemptions", "a"], FILES),
        (["harden", "--undo", ""], FILES),
        (["harden", "--undo-to="], FILES),
        (["inspect", "--kubeconfig", ""], FILES),
        (["fit", "--evidence", ""], FILES),
        (["inspect", "-k", ""], FOLDERS),
        (["inspect", "--selector", ""], NO_FILES | KEEP_ORDER),
        (["inspect", "-n"], NO_FILES | KEEP_ORDER),
    ],
    ids=str,
)
def test_file_names_are_left_to_the_shell(words: list[str], directive: int) -> None:
    assert [line.partition("\t")[0] for line in answer(words)] in ([f":{directive}"], ["-n", f":{directive}"])


def values(words: list[str]) -> list[str]:
    """The candidates without descriptions."""
    return [line.partition("\t")[0] for line in answer(words)[:-1]]


@pytest.mark.parametrize(
    ("words", "some"),
    [
        ([""], ["inspect", "harden", "label-ns", "help", "options"]),
        (["he"], ["help"]),
        (["inspect", ""], ["pod", "deployment", "cronjob"]),
        (["inspect", "-n", "shop", "dep"], ["deployment"]),
        (["inspect", "deployments.a"], ["deployments.apps"]),
        (["inspect", "deploy,st"], ["deploy,statefulset"]),
        (["inspect", "deploy/web", ""], ["pod/", "deployment/"]),
        (["help", "har"], ["harden"]),
        (["completion", "install", ""], ["bash", "zsh", "fish"]),
        (["harden", "--add", "CHOWN,NET_"], ["CHOWN,NET_BIND_SERVICE", "CHOWN,NET_ADMIN"]),
        (["harden", "--add=net_"], ["net_bind_service", "net_raw"]),
        (["harden", "--add=CAP_NET_"], ["CAP_NET_BIND_SERVICE"]),
        (["explain", "CAP_CH"], ["CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"]),
        (["explain", "hostP"], ["hostPorts", "hostPathVolumes"]),
        (["inspect", "--fail-on="], ["low", "critical"]),
        (["inspect", "--fail"], ["--fail-on"]),
        (["inspect", "-"], ["--namespace", "--context", "--help"]),
        (["label-ns", "--remove", "enforce,w"], ["enforce,warn"]),
        (["inspect", "-Rn", "x", "--so"], ["--sort-by"]),
    ],
    ids=" ".join,
)
def test_candidates_begin_with_the_typed_text(words: list[str], some: list[str]) -> None:
    found = values(words)
    typed = words[-1].partition("=")[2] if words[-1].startswith("--") and "=" in words[-1] else words[-1]
    assert set(some) <= set(found)
    assert [value for value in found if not value.startswith(typed)] == []


def test_a_flag_that_is_given_is_no_candidate_again_unless_it_may_be_repeated() -> None:
    found = values(["harden", "--dry-run=server", "--add", "CHOWN", "--"])
    assert ("--dry-run" in found, "--add" in found) == (False, True)


@pytest.mark.parametrize(
    "words", [["harden", "--add", "NET_ADM"], ["explain", "CAP_NET_ADM"], [""], ["inspect", "--fail"]], ids=" ".join
)
def test_candidates_are_described(words: list[str]) -> None:
    for line in answer(words)[:-1]:
        assert line.partition("\t")[2] or line.startswith("--"), line


def _shop(seen: Seen) -> Answer:
    """A cluster with two namespaces, deployments and stateful sets."""
    lists = {
        "/api/v1/namespaces": ("default", "shop"),
        "/apis/apps/v1/namespaces/shop/deployments": ("web", "web-admin"),
        "/apis/apps/v1/namespaces/shop/statefulsets": ("db",),
        "/apis/apps/v1/deployments": ("web", "other"),
    }
    if seen.path == "/apis/apps/v1/namespaces/shop/deployments/web":
        containers = [{"name": "web", "image": "nginx"}, {"name": "log", "image": "fluent"}]
        return reply({"spec": {"template": {"spec": {"containers": containers}}}})
    if seen.path not in lists:
        return reply({"kind": "Status", "code": 404}, 404)
    return reply({"items": [{"metadata": {"name": name}} for name in lists[seen.path]]})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("inspect deploy -n shop ", ["web", "web-admin"]),
        ("inspect -n shop deploy ", ["web", "web-admin"]),
        ("inspect -nshop deploy web", ["web", "web-admin"]),
        ("inspect --namespace=shop deployments.apps/", ["deployments.apps/web", "deployments.apps/web-admin"]),
        ("inspect -n shop deploy/web-", ["deploy/web-admin"]),
        ("inspect -n shop deploy/web deploy/", ["deploy/web", "deploy/web-admin"]),
        ("inspect -n shop deploy,sts ", ["web", "web-admin", "db"]),
        ("inspect -n shop deploy web ", ["web-admin"]),
        ("inspect -A deploy ", ["web", "other"]),
        ("inspect -n shop nosuch ", []),
        ("inspect -n ", ["default", "shop"]),
        ("label-ns ", ["default", "shop"]),
        ("label-ns shop ", ["default"]),
        ("harden -n shop deploy web -c ", ["web", "log"]),
        ("harden -n shop deploy/web -c web,", ["web,log"]),
        ("harden -n shop deploy/web --add lo", ["log="]),
        ("harden -n shop deploy/web --add=lo", ["log="]),
        ("inspect --cluster ", ["it"]),
        ("inspect --user ", ["it"]),
        ("inspect --context ", ["it"]),
    ],
    ids=str,
)
def test_names_come_from_the_cluster_that_the_line_names(
    line: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(_shop, tls=True) as server:
        monkeypatch.setenv("KUBECONFIG", server.kubeconfig(tmp_path))
        assert values(line.split(" ")) == expected


def test_a_candidate_that_can_continue_is_completed_without_a_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(_shop, tls=True) as server:
        monkeypatch.setenv("KUBECONFIG", server.kubeconfig(tmp_path))
        for line in ("harden -n shop deploy/web --add lo", "inspect deploy/web sta"):
            assert answer(line.split())[-1] == f":{NO_FILES | KEEP_ORDER | NO_SPACE}"


@pytest.mark.parametrize("words", [["inspect", "deploy/"], ["inspect", "-n", ""]], ids=" ".join)
def test_a_silent_server_costs_less_than_a_second(
    words: list[str], limit: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit, and the processor time around it: on a busy machine the clock shows others' work as well."""
    monkeypatch.setattr(objects, "LIMIT", limit)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path / "config", {"server": f"http://127.0.0.1:{port}"}, {}))
        waited, worked = zip(*(seconds(words) for _ in range(3)), strict=True)
    assert limit + min(worked) < 1
    assert 0.9 * limit < min(waited) < limit + 20


def seconds(words: list[str]) -> tuple[float, float]:
    """How long it takes to complete nothing: by the clock, and of the processor."""
    started, before = time.monotonic(), time.process_time()
    assert values(words) == []
    return time.monotonic() - started, time.process_time() - before


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["inspect", "--output=j"], "json"), (["harden", "--add=SYS_TI"], "SYS_TIME\tset the system clock")],
)
def test_completion_without_a_server_loads_no_slow_module(words: list[str], expected: str) -> None:
    code = (
        "import os, sys\nfrom kubectl_caps.commands.completion import answer\n"
        "heavy = {'kubernetes', 'argcomplete', 'argparse', 'yaml', 'msgspec'}\n"
        "answer.os._exit = lambda status: print(sorted(heavy & set(sys.modules)))\n"
        "answer.print_answer(sys.argv[1:])"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [expected, f":{NO_FILES | KEEP_ORDER}", "[]"]


ODD = (
    "\x1b[31mred",
    "two\nlines",
    "tab\there",
    "\rback",
    "bell\x07",
    "\u202eright to left",
    "c1\x9b31m",
    "no\u2028line",
)
"""Names that no API server accepts, but that a server or a kubeconfig can hold."""


def _odd_names(seen: Seen) -> Answer:
    """A list of anything, with a warning that has escape sequences as well."""
    items = [{"metadata": {"name": name}} for name in ("good", *ODD, "fine")]
    return reply({"items": items}, 200, ("Warning", '299 - "\\x1b[31mhello"'), ("Warning", '299 - "hello"'))


TYPED = (
    ["inspect", "deploy", ""],
    ["inspect", "deploy/"],
    ["harden", "deploy", "x", ""],
    ["label-ns", ""],
    ["inspect", "-n", ""],
    ["inspect", "--namespace="],
    ["inspect", "--context", ""],
)


@pytest.mark.parametrize("typed", TYPED, ids=" ".join)
def test_names_with_control_characters_are_no_candidates(
    typed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kubectl's protocol: one candidate a line, none of them from a line break in a name."""
    with serving(_odd_names) as server:
        _kubeconfig_with_odd_contexts(tmp_path / "config", server.url)
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        with redirect_stderr(io.StringIO()) as said:
            *lines, end = answer(typed)
    prefix = "deploy/" if typed[-1] == "deploy/" else ""
    assert [f"{prefix}{name}" for name in ("fine", "good")] == sorted(lines)
    assert (end, said.getvalue()) == (END, "")


def test_a_container_with_an_odd_image_has_no_description(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API server takes any image, with line breaks as well."""
    containers = [{"name": f"c{number}", "image": f"x{image}y"} for number, image in enumerate(ODD)]
    found = reply({"spec": {"template": {"spec": {"containers": containers}}}})
    with serving(lambda seen: found, tls=True) as server:
        monkeypatch.setenv("KUBECONFIG", server.kubeconfig(tmp_path))
        lines = answer(["harden", "deploy/web", "-c", ""])
    assert lines == [*(f"c{number}" for number in range(len(ODD))), END]


def _kubeconfig_with_odd_contexts(path: Path, server: str) -> str:
    document = json.loads(Path(kubeconfig(path, {"server": server}, {"token": "x"})).read_text())
    context = document["contexts"][0]["context"]
    document["contexts"] = [{"name": name, "context": context} for name in ("good", *ODD, "fine")]
    path.write_text(json.dumps({**document, "current-context": "good"}))
    return str(path)
