"""Threads that decode at the same moment do not crash the interpreter, as types are complete before threads begin.

Without that every second such program ends with a segmentation fault.
"""

import subprocess
import sys

import pytest

PROGRAM = """
import json, sys, threading
import msgspec
from kubectl_caps.cluster.api import client
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.kinds import KINDS
from kubectl_caps.core.kubernetes.workloads import read_workloads

sys.setswitchinterval(1e-6)  # threads take turns wherever they can
spec = {"containers": [{"name": "web", "securityContext": {"runAsUser": 1}}]}
obj = {"metadata": {"name": "x"}, "spec": {"template": {"spec": spec}}}
raw = msgspec.Raw(json.dumps(obj).encode())
start = threading.Barrier(8)

def work(number):
    start.wait()
    list(read_workloads(KINDS[1 + number % 4], raw, {}))
    msgspec.convert({"spec": spec}, Pod)
    client._PAGE.decode(b'{"items": []}')

threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.parametrize("attempt", range(4))
def test_types_are_complete_before_threads_share_them(attempt: int) -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
