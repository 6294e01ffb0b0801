"""One cluster's life. `serve` is a process of its own that a test session starts and that ends when the session does,
however that happens: `running` holds the other end of its standard input."""

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


def _server(folder: str, tier: Tier, flags: Sequence[str]) -> "subprocess.Popen[str]":
    # A session of its own: Ctrl-C is for the tests, which then close its standard input. Popen's exit does, and waits.
    return subprocess.Popen(
        [sys.executable, "-m", "testbed", "serve", folder, tier, *flags],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdin=subprocess.PIPE,
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
        certificates.make(place.pki)
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
