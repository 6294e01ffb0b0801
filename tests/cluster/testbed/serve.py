"""One cluster's life. `serve` is a process of its own that a test session starts and that ends when the session does,
however that happens: `running` holds the other end of its standard input, and for `started` somebody else does."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from testbed import build, certificates, controlplane, needs, node, ports
from testbed.needs import Tier
from testbed.place import Place
from testbed.processes import Failed, Processes

_READY = "ready "


@contextmanager
def running(tier: Tier, *flags: str) -> Iterator[Place]:
    """A cluster that is up, until the block ends; `flags` are the API server's, beside those that it has anyway.

    Raises Failed with its programs' last words.
    """
    with ExitStack() as stack:
        folder = tempfile.mkdtemp(prefix="kubectl-caps-")
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server = stack.enter_context(_server(folder, tier, flags))
        yield Place(Path(folder), _port(server, tier))


def _port(server: "subprocess.Popen[str]", tier: Tier) -> int:
    assert server.stdout
    said = []
    for line in server.stdout:
        if line.startswith(_READY):
            return int(line.removeprefix(_READY))
        said.append(line)
    raise Failed(f"the {tier} cluster did not come up: {''.join(said)}")


def started(tier: Tier, life: Path) -> Place:
    """A cluster that is up, and that ends when nobody has the named pipe `life` open for writing any more.

    The folder of the place is gone when the cluster is. Raises Failed with its programs' last words.
    """
    folder = tempfile.mkdtemp(prefix="kubectl-caps-")
    # The shell ends at once: whoever calls this may end before the cluster, and leaves nothing that it has to wait for.
    behind = ["sh", "-c", '"$@" < "$0" &', str(life)]
    with _popen([*behind, *_command(folder, tier)], subprocess.DEVNULL) as server:
        return Place(Path(folder), _port(server, tier))


def _server(folder: str, tier: Tier, flags: Sequence[str]) -> "subprocess.Popen[str]":
    # Popen's exit closes the standard input, and waits.
    return _popen([*_command(folder, tier), *flags], subprocess.PIPE)


def _command(folder: str, tier: Tier) -> list[str]:
    return [sys.executable, "-m", "testbed", "serve", folder, tier]


def _popen(command: Sequence[str], stdin: int) -> "subprocess.Popen[str]":
    # A session of its own: Ctrl-C is for the tests, which then end the cluster.
    return subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def serve(folder: Path, tier: Tier, flags: Sequence[str]) -> None:
    """Brings a cluster up in `folder`, says so in one line with its port, and ends it at the end of standard input."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    claim = ports.take()
    place = Place(folder, claim.first)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if tier == "node":
            stack.callback(node.clean, place)
        processes = stack.enter_context(Processes(place.logs))
        certificates.make(place.pki, place.gateway)
        place.write_kubeconfig()
        _start(place, processes, claim, tier, flags)
        print(f"{_READY}{place.port}", flush=True)
        sys.stdin.buffer.read()


def _start(place: Place, processes: Processes, claim: ports.Block, tier: Tier, flags: Sequence[str]) -> None:
    if tier == "api":
        controlplane.start(place, processes, needs.assets(), flags)
        return
    node.start(place, processes, claim.subnet)
    api = controlplane.start(place, processes, build.KUBERNETES.folder, flags)
    node.await_ready(place, processes, api)
