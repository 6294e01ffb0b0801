"""Command lines in forks of one warm process, which spares each of them 0.3 s of imports.

As `kubectl-caps` would: an environment, a folder and streams of its own, an exit status, signals. What is about the
start itself (imports, the console script) is tested on real starts.

`python zygote.py SOCKET` serves until its standard input ends: for each connection one run. It gets `{"argv": [...],
"env": {...}, "cwd": "..."}` with standard input, output and error, and answers with the pid, then with the wait status.
"""

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO

WARM = (
    "kubernetes.utils.quantity", "kubectl_caps.cluster.http.pool", "kubectl_caps.commands.completion",
    "kubectl_caps.commands.fit.workload", "kubectl_caps.commands.fit.command", "kubectl_caps.commands.harden.cluster",
    "kubectl_caps.commands.harden.command", "kubectl_caps.commands.inspect.cluster",
    "kubectl_caps.commands.inspect.command", "kubectl_caps.commands.inspect.outputs",
    "kubectl_caps.commands.label_ns.cluster", "kubectl_caps.commands.label_ns.command", "kubectl_caps.report.advice",
)  # fmt: skip
"""What is imported before the first fork."""

_LONGEST = 1 << 17
_PATIENCE = 600
"""Seconds until a run is taken for one that hangs. A fit of a privileged container makes many trials in a row."""


class Zygote:
    """The warm process, from the side of the tests. Several threads may run command lines."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="kubectl-caps-")
        self._path = str(Path(self._folder.name, "socket"))
        command = [sys.executable, __file__, self._path]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout
        assert self._process.stdout.readline() == b"ready\n"

    def close(self) -> None:
        """Ends it."""
        with self._process:
            pass
        self._folder.cleanup()

    def run(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        input: str = "",
        cwd: Path | None = None,
        started: Callable[[int], object] = lambda _: None,
        settings: Sequence[tuple[str, str, float]] = (),
    ) -> "subprocess.CompletedProcess[str]":
        """Run one command line to its end, in `cwd` or here; `started` gets its pid. As subprocess.run, with text.

        `settings` are constants (module, name, value) that are other ones in this run: how long is waited for what.
        """
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            stdin.write(input.encode())
            stdin.seek(0)
            streams = [stream.fileno() for stream in (stdin, stdout, stderr)]
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
                connection.settimeout(_PATIENCE)
                connection.connect(self._path)
                order = {"argv": argv, "env": dict(env), "cwd": str(cwd or Path.cwd()), "settings": settings}
                socket.send_fds(connection, [json.dumps(order).encode()], streams)
                pid = int(connection.recv(_LONGEST))
                started(pid)
                try:
                    status = os.waitstatus_to_exitcode(int(connection.recv(_LONGEST)))
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    raise
            return subprocess.CompletedProcess(list(argv), status, _text(stdout), _text(stderr))


@cache
def zygote() -> Zygote:
    """This process' own, started when it is needed first."""
    warm = Zygote()
    atexit.register(warm.close)
    return warm


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode()


def _serve(path: str) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    listener.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who answer
    print("ready", flush=True)
    while listener in select.select([listener, sys.stdin], [], [])[0]:
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            _answer(connection)
            os._exit(0)
        connection.close()


def _answer(connection: socket.socket) -> None:
    text, streams, _, _ = socket.recv_fds(connection, _LONGEST, 3)
    order = json.loads(text)
    pid = os.fork()
    if pid == 0:
        connection.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.environ.clear()
        os.environ.update(order["env"])
        os.chdir(order["cwd"])
        for module, name, value in order["settings"]:
            found = import_module(module)
            assert hasattr(found, name), f"{module} has no {name}"
            setattr(found, name, value)
        os._exit(_status(order["argv"]))
    for stream in streams:
        os.close(stream)
    connection.send(str(pid).encode())
    status = os.waitpid(pid, 0)[1]
    with contextlib.suppress(BrokenPipeError):
        connection.send(str(status).encode())


def _status(argv: Sequence[str]) -> int:
    from kubectl_caps.main import run

    sys.argv[1:] = argv
    try:
        run()
    except SystemExit as end:
        return int(end.code or 0)
    else:
        return 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    for name in WARM:
        import_module(name)
    where = sys.argv[1]
    sys.argv = [str(Path(__file__).parents[2] / "kubectl_caps/__main__.py")]
    _serve(where)
