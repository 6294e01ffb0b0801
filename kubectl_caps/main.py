# PYTHON_ARGCOMPLETE_OK: argcomplete's global completion looks for this word here.
"""Runs the command that argv names, prints its errors, and returns the exit status."""

import errno
import gc
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import Any

from kubectl_caps.cli.parser import InvalidCommandLine, parse

MODULES = {
    "inspect": "kubectl_caps.commands.inspect.command",
    "harden": "kubectl_caps.commands.harden.command",
    "label-ns": "kubectl_caps.commands.label_ns.command",
    "fit": "kubectl_caps.commands.fit.command",
    "policy": "kubectl_caps.commands.policy.command",
    "explain": "kubectl_caps.commands.explain",
    "completion": "kubectl_caps.commands.completion.command",
    "help": "kubectl_caps.commands.help",
    "options": "kubectl_caps.commands.help",
    "version": "kubectl_caps.commands.version",
}
"""The module of each command. Its function `main(options)` returns the exit status."""

INTERRUPTED = 130
READER_GONE = 141
"""128 and the number of SIGPIPE. A gate whose output nobody reads to its end (`| head`) must not count as passed."""

_GARBAGE = 100_000
"""The number of new objects between two garbage collections. Most objects live to the end of a command. The default of
Python costs a sixth of the time of reading 10,000 manifests, and frees nothing."""

_OUTPUT_FAILS = (errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, errno.EDQUOT)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status.

    0: done. 1: done, and the answer is no. 2: not everything could be done. 130: interrupted. 141: nobody reads its
    output.
    """
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] in (["__complete"], ["__complete_kubectl"]):
        from kubectl_caps.commands.completion.answer import print_answer

        print_answer(argv[1:], kubectl=argv[0] == "__complete_kubectl")
    try:
        options = parse(argv)
        status: int = _module(options.command).main(options)
        sys.stdout.flush()
        return status
    except InvalidCommandLine as error:
        print(f"error: {error}\nSee '{error.program} --help' for usage.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return READER_GONE
    except Exception as error:
        return _failed(error)


def _module(command: str) -> Any:
    """The module of a command, imported while typing_extensions is hidden.

    msgspec then takes the same functions from typing (msgspec/_utils.py). The import of typing_extensions, which the
    kubernetes client needs and installs, takes a tenth of the time of a small command.
    """
    if "typing_extensions" in sys.modules:
        return import_module(MODULES[command])
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    try:
        return import_module(MODULES[command])
    finally:
        del sys.modules["typing_extensions"]


def _failed(error: Exception) -> int:
    from kubectl_caps.errors import CapsError
    from kubectl_caps.report.terminal import escaped

    if isinstance(error, CapsError):
        print(escaped(str(error)), file=sys.stderr)
        return 2
    if isinstance(error, OSError) and error.errno in _OUTPUT_FAILS and not error.filename:
        _forget_output()
        print(f"error: write /dev/stdout: {error.strerror}", file=sys.stderr)
        return 2
    if os.environ.get("KUBECTL_CAPS_TRACEBACK"):
        raise error
    words = escaped(f"{type(error).__name__}: {error}".splitlines()[0])
    print(f"error: this is a bug in kubectl-caps: {words} (KUBECTL_CAPS_TRACEBACK=1 shows where)", file=sys.stderr)
    return 2


def _forget_output() -> None:
    """Redirect stdout to /dev/null, because Python flushes it again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run() -> None:
    """Run the console script. A closed stream counts as empty, and the output is UTF-8, as in kubectl."""
    if "_ARGCOMPLETE" in os.environ:
        from kubectl_caps.commands.completion.argcomplete_protocol import answer_argcomplete

        answer_argcomplete()
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: PTH123, SIM115
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    gc.set_threshold(_GARBAGE)
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores SIGHUP
            signal.signal(number, _interrupt)
    status = main()
    gc.freeze()  # at its end the interpreter looks for garbage once more, among all that is left
    raise SystemExit(status)


def _interrupt(*_: object) -> None:
    """Handle a signal like Ctrl-C, so that the command prints the state of its objects before it ends."""
    raise KeyboardInterrupt
