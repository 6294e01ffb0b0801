"""A program that a test starts, and that has ended when the test has, whatever the test made of that."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def child(command: Sequence[str], **options: Any) -> Iterator["subprocess.Popen[str]"]:
    """subprocess.Popen until the block ends: then the program is killed, waited for, and its streams are closed.

    Without this the test after one that fails would fail too, because of what was left open.
    """
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            process.kill()
