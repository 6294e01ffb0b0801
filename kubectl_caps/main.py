"""argv -> command -> exit status. The one place where errors become words."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

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


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status.

    0: done. 1: done, and the answer is no. 2: could not do all of it. 130: interrupted.
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
        # The reader has gone (`| head`); Python must not try to flush again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
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
    if os.environ.get("KUBECTL_CAPS_TRACEBACK"):
        raise error
    words = escaped(f"{type(error).__name__}: {error}".splitlines()[0])
    print(f"error: this is a bug in kubectl-caps: {words} (KUBECTL_CAPS_TRACEBACK=1 shows where)", file=sys.stderr)
    return 2


def run() -> None:
    """The console script."""
    raise SystemExit(main())
