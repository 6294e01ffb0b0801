"""The table of system calls against the kernel: asks.py asks for each thing with none, all others, and only what it
needs. And strace, which watches it, against what `explain` reads in its output.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from child import child

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(os.uname().machine != "x86_64", reason="asks.py has the numbers of x86_64's system calls"),
]

ASKS = Path(__file__).with_name("asks.py")
REFUSED = ("EPERM", "EACCES")
ALL = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_ADMIN NET_RAW IPC_LOCK "
    "IPC_OWNER SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE SYSLOG "
    "WAKE_ALARM PERFMON BPF CHECKPOINT_RESTORE"
)
"""What asks.py asks for."""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """What asks.py printed and what strace printed of it; with files and a process of another user."""
    tmp_path = tmp_path_factory.mktemp("asks")
    for name in ("own", "closed", "readable"):
        (tmp_path / name).touch()
    for name in ("open", "shut", "sticky"):
        (tmp_path / name).mkdir()
    (tmp_path / "sticky" / "file").touch()
    os.chown(tmp_path / "sticky" / "file", 6, 6)
    for name, mode in (("closed", 0o600), ("readable", 0o644), ("open", 0o755), ("shut", 0o700), ("sticky", 0o1777)):
        (tmp_path / name).chmod(mode)
        os.chown(tmp_path / name, 5, 5)
    command = ["strace", "-f", "-y", "-o", str(tmp_path / "trace"), sys.executable, str(ASKS), str(tmp_path)]
    with child(["setpriv", "--reuid=5", "--clear-groups", "sleep", "60"]) as other:
        done = subprocess.run([*command, str(other.pid)], capture_output=True, text=True, check=True, timeout=120)
        yield done.stdout, tmp_path / "trace"


def test_the_kernel_asks_for_exactly_these_capabilities(asked: tuple[str, Path]) -> None:
    answers = [json.loads(line) for line in asked[0].splitlines()]
    assert len(answers) > 60
    wrong = [
        answer
        for answer in answers
        if answer[1] not in REFUSED or answer[2] not in REFUSED or answer[3] in REFUSED or " " in str(answer[3])
    ]
    assert wrong == []


def test_a_refusal_that_strace_sees_is_explained(asked: tuple[str, Path]) -> None:
    explain = [sys.executable, "-m", "kubectl_caps", "explain", "-", "-o", "json"]
    with asked[1].open() as stdin:
        found = json.loads(subprocess.run(explain, stdin=stdin, capture_output=True, check=True).stdout)
    named = {name for item in found["items"] for names in item["alternatives"] for name in names}
    assert [name for name in ALL.split() if name not in named] == []
    assert [item["subject"] for item in found["items"] if item["cause"] == "unknown"] == []


def test_the_pipeline_of_the_documentation() -> None:
    command = "strace -f setpriv --bounding-set=-all chown 1:1 /tmp 2>&1 | kubectl caps explain -"
    assert command in (Path(__file__).parents[3] / "docs" / "explain.md").read_text()
    path = f"{Path(sys.prefix, 'bin')}:{os.environ['PATH']}"
    if not shutil.which("kubectl", path=path):
        pytest.skip("no kubectl")
    done = subprocess.run(["bash", "-c", command], env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "CHOWN (likely, 1 line)\n" in done.stdout
    assert "/tmp" in done.stdout
