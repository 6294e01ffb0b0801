"""argv -> command -> exit status. The one place where errors become words."""

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper

from kubectl_caps import command_line

MODULES = {
    "inspect": "kubectl_caps.commands.inspect",
    "harden": "kubectl_caps.commands.harden",
    "label-ns": "kubectl_caps.commands.label_ns",
    "explain": "kubectl_caps.commands.explain",
    "completion": "kubectl_caps.commands.completion",
    "version": "kubectl_caps.commands.version",
}
"""Where each command's `main(options) -> exit status` is."""

INTERRUPTED = 130
READER_GONE = 141
"""128 and SIGPIPE, as of a program that the signal ends: a gate that is read by `| head` is not taken for passed."""

_OUTPUT_FAILS = (errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, errno.EDQUOT)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status.

    0: done. 1: done, and the answer is no. 2: could not do all of it. 130: interrupted. 141: its output is not read.
    """
    argv = sys.argv[1:] if argv is None else argv
    if "_ARGCOMPLETE" in os.environ or argv[:1] == ["__complete"]:
        return _complete(argv)
    try:
        options = command_line.parse(argv)
        status: int = import_module(MODULES[options.command]).main(options)
        sys.stdout.flush()
        return status
    except command_line.Invalid as error:
        print(f"error: {error}\nSee '{error.program} --help' for usage.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return READER_GONE
    except Exception as error:
        return _failed(error)


def _complete(argv: Sequence[str]) -> int:
    """The protocols of argcomplete (it sets _ARGCOMPLETE) and of kubectl (`__complete WORD…`)."""
    from kubectl_caps.commands import completion

    if "_ARGCOMPLETE" in os.environ:
        completion.autocomplete()
    completion.print_answer(argv[1:])
    return 0


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
    """Python would try to flush again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run() -> None:
    """The console script: streams that are closed are empty, and what is written is UTF-8, as kubectl's is."""
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: PTH123, SIM115
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    raise SystemExit(main())
