"""Files that are made to harm: each is an answer or one of our own errors, with little memory, in seconds."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: c, image: i}]}\n"
MEMORY = 600 << 20
"""Bytes of address space. A usual run takes 150 MB."""
SECONDS = 20
"""Seconds of processor time, after which the kernel ends the process."""


def laughs(at: str) -> str:
    """A list of lists of lists, nine times as long at each step."""
    return "".join(f"{at}{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9 if n else ['x'] * 9)}]\n" for n in range(11))


FILES: dict[str, Callable[[], str]] = {
    "a billion laughs": lambda: f"{POD}{laughs('a')}",
    "a billion laughs for containers": lambda: laughs("a") + POD.replace("[{name: c, image: i}]", "*a10"),
    "a long string in many places": lambda: f"{POD}big: &b {'y' * 100_000}\nlist:\n" + "- *b\n" * 20_000,
    "brackets that do not end": lambda: f"{POD}d: {'[' * 100_000}",
    "braces that do not end": lambda: f"{POD}d: {'{a: ' * 100_000}",
    "lists in lists, as deep as may be": lambda: f"{POD}d: {'[' * 450}{']' * 450}\n",
    "mappings in mappings": lambda: f"{POD}d:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 2_000)),
    "nested JSON": lambda: f'{{"apiVersion": "v1", "kind": "Pod", "d": {"[" * 200_000}{"]" * 200_000}}}',
    "many documents": lambda: "---\n" * 300_000 + POD,
    "a NUL": lambda: f"{POD}d: a\0b\n",
    "many NULs": lambda: "\0" * 5_000_000,
    "control characters and escapes": lambda: POD.replace("name: c", 'name: "\\e]0;c\\a\\e[31m\\u202e"'),
    "one long line": lambda: f"{POD}d: {'a' * 5_000_000}\n",
}  # fmt: skip
COMMANDS = (("inspect", "-o", "json"), ("harden", "--write"))


def limited() -> None:
    """In the child: the kernel keeps the limits."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def run(*argv: str) -> "subprocess.CompletedProcess[str]":
    """A process of its own, with the limits."""
    command = [sys.executable, "-m", "kubectl_caps", *argv]
    return subprocess.run(command, preexec_fn=limited, capture_output=True, text=True, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("name", FILES)
def test_no_file_takes_much_memory_or_time_or_ends_in_a_bug(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    for argv in COMMANDS:
        path.write_text(FILES[name]())
        done = run(*argv, "-f", str(path))
        said = done.stdout + done.stderr
        assert done.returncode in (0, 1, 2), (argv, signal.Signals(-done.returncode) if done.returncode < 0 else said)
        assert not [word for word in ("Traceback", "this is a bug", "MemoryError", "\x1b", "\u202e") if word in said]


def test_pipes_and_devices_in_a_folder_are_errors_and_hide_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "deep" / "zero.yaml").symlink_to("/dev/zero")
    (tmp_path / "deep" / "ok.yaml").write_text(POD)
    done = run("inspect", "-f", str(tmp_path), "-R", "-o", "name")
    assert (done.returncode, done.stdout) == (2, "pod/x\n"), done.stderr
    for name in ("pipe.yaml", "deep/zero.yaml"):
        assert f"{tmp_path}/{name}: a pipe, socket or device in a folder is not read" in done.stderr


def test_links_that_lead_to_themselves_hide_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("a")
    (tmp_path / "b.yaml").symlink_to("b.yaml")
    (tmp_path / "ok.yaml").write_text(POD)
    done = run("inspect", "-f", str(tmp_path), "-R", "-o", "name")
    assert (done.returncode, done.stdout) == (2, "pod/x\n"), done.stderr
    assert done.stderr == f"error: open {tmp_path}/b.yaml: too many levels of symbolic links\n"


def test_a_pipe_that_is_named_is_read(tmp_path: Path) -> None:
    """`inspect -f <(helm template .)`."""
    command = ["bash", "-c", f"{sys.executable} -m kubectl_caps inspect -o name -f <(cat {tmp_path}/x.yaml)"]
    (tmp_path / "x.yaml").write_text(POD)
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "pod/x\n"), done.stderr
