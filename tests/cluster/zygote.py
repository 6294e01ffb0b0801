"""Runs command lines in forks of one warm process, so that hundreds of runs that are killed cost little.

Read from standard input, one JSON a line: `{"argv": [...], "kubeconfig": "..."}`. Answered: the child's pid, then, when
it is over, its wait status.
"""

import json
import os
import sys

import kubernetes.client
import kubernetes.config  # noqa: F401
import urllib3  # noqa: F401

import kubectl_caps.commands.harden_live  # noqa: F401
from kubectl_caps.main import main


def run(order: dict[str, object]) -> int:
    """Fork, run, wait; returns the wait status."""
    pid = os.fork()
    if pid == 0:
        os.environ["KUBECONFIG"] = str(order["kubeconfig"])
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(quiet, stream)
        os._exit(main([str(word) for word in order["argv"]]))  # type: ignore[attr-defined]
    print(pid, flush=True)
    return os.waitpid(pid, 0)[1]


if __name__ == "__main__":
    for line in sys.stdin:
        print(run(json.loads(line)), flush=True)
