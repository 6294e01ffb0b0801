"""What the tests stand on: builds are whole or absent, clusters do not meet, and nothing outlives its owner."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from testbed import build, golang, ports, shared
from testbed.place import Place

Recipe = Callable[[Path], list[list[str]]]


@pytest.fixture
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of its own, and a compiler that nobody calls."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(golang, "compiler", lambda cache: Path("/bin/true"))


def product(steps: Recipe, recipe: bytes = b"recipe") -> build.Product:
    return build.Product("thing", "1.0.0", recipe, steps)


@pytest.mark.usefixtures("_own_cache")
def test_a_build_that_fails_leaves_no_product() -> None:
    """Half a product would be taken for a whole one next time."""
    broken = product(lambda out: [["touch", f"{out}/half"], ["sh", "-c", "echo no such module; exit 1"]])
    with pytest.raises(build.BuildFailed, match="no such module"):
        build.build(broken)
    assert not broken.folder.exists()


@pytest.mark.usefixtures("_own_cache")
def test_two_builds_at_the_same_time_become_one(tmp_path: Path) -> None:
    """The second waits for the first and takes what it made."""
    slow = product(lambda out: [["sh", "-c", f"echo run >> {tmp_path}/runs; sleep 0.3; touch {out}/thing"]])
    threads = [threading.Thread(target=build.build, args=[slow]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "runs").read_text() == "run\n"
    assert [path.name for path in slow.folder.iterdir()] == ["thing"]


def test_a_changed_recipe_gives_another_product_folder() -> None:
    """So a changed go.mod or main.go is built anew."""
    assert product(lambda out: []).folder != product(lambda out: [], b"changed").folder


def test_clusters_have_ports_and_networks_of_their_own() -> None:
    """Two sessions on one machine never meet, and what one gives back is free again."""
    first, second = ports.take(), ports.take()
    taken = [{block[index] for index in range(ports.SIZE)} for block in (first, second)]
    assert not taken[0] & taken[1]
    assert first.subnet != second.subnet
    first.claim.close()
    second.claim.close()


OWNERS = {
    "of its own": """
from testbed.serve import running
with running("api") as place: print(place.folder, place.port, place.folder, flush=True); input()
""",
    "of a session": """
from testbed.shared import Session, cluster
session = Session()
place = cluster(session.folder, "api")
print(place.folder, place.port, session.folder, flush=True); input()
""",
}
"""Programs that own a cluster: they print its folder, its port and the folder of who owns it."""


@pytest.mark.usefixtures("api_cluster")  # where that one runs, this one can
@pytest.mark.parametrize("owner", OWNERS)
def test_a_cluster_ends_with_its_owner(owner: str, tmp_path: Path) -> None:
    """Even when the owner had no chance to say goodbye. Until then a session's is the same for all who ask."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", OWNERS[owner]]
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        name, port, session = process.stdout.readline().split()
        folder = Path(name)
        assert (folder / "admin.conf").exists()
        if owner == "of a session":
            assert shared.cluster(Path(session), "api") == Place(folder, int(port))
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while folder.exists():
        assert time.monotonic() < deadline, "the cluster is still there"
        time.sleep(0.05)
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", int(port))) == errno.ECONNREFUSED


@pytest.mark.parametrize(("continuous", "status"), [("", 0), ("true", 1)])
def test_a_machine_without_debian_packages_leaves_the_node_tier_out(continuous: str, status: int) -> None:
    """Said in one line that names what is missing; in CI a failure. The rest of the tests is collected all the same."""
    node = Path(__file__).with_name("test_cluster_is_real.py")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "node", str(node)]
    bare = {**os.environ, "CI": continuous, "PATH": "/nonexistent"}
    done = subprocess.run(command, env=bare, capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    said = [line for line in done.stdout.splitlines() if line.startswith("NODE TIER NOT RUN: missing ")]
    assert len(said) == 1
    assert "the Debian package busybox-static" in said[0]
