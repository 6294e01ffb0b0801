"""docs/session.svg is what a real terminal shows; `UPDATE=1 pytest tests/docs/test_recorded.py` records it anew."""

import os
import xml.etree.ElementTree as ET
from pathlib import Path

from recorder import COLUMNS, steady, svg, terminal
from testbed import programs
from testbed.cluster import Node
from testbed.images import Image

FILE = Path(__file__).parents[2] / "docs" / "session.svg"
STATES = "kubectl get pods -n demo --no-headers | awk '{print $3}' | xargs"
SETTLED = f'until [ "$({STATES})" = "Running Running" ]; do sleep 0.2; done'
"""The two pods of the session run, and no older ones are there."""
AT_ONCE = r"""sed 's/^\( *\)containers:/\1terminationGracePeriodSeconds: 0\n&/'"""
"""A pod that ignores SIGTERM, as sleep does, would stay for 30 seconds."""
REPORT = "kubectl create deployment report --image=busybox:1.36 -n demo --dry-run=client -o yaml -- sleep 1d"
BEFORE = (
    "kubectl create namespace demo",
    "kubectl create deployment web --image=nginx:1.27 -n demo",
    f"{REPORT} | {AT_ONCE} | kubectl create -f -",
    SETTLED,
)
SHOWN = (
    "kubectl caps inspect deployment -n demo",
    "kubectl caps fit deployment/web -n demo --settle 2s --yes 2> /dev/null",
    "kubectl caps harden deployment web -n demo --add CHOWN,SETGID,SETUID 2> /dev/null",
    "kubectl caps harden deployment report -n demo --profile restricted --run-as-user 10001 2> /dev/null",
    "kubectl caps inspect deployment -n demo",
    "kubectl caps label-ns demo --enforce baseline --warn restricted",
)


def test_the_commands_print_the_recorded_session(node_cluster: Node) -> None:
    node_cluster.image("docker.io/library/nginx:1.27", programs.REAL["nginx"])
    node_cluster.image("docker.io/library/busybox:1.36", Image())
    environment = {**node_cluster.environment, "TERM": "xterm-256color"}
    for command in BEFORE:
        terminal(command, environment)
    lines: list[str] = []
    for command in SHOWN:
        terminal(SETTLED, environment)
        lines += [f"$ {command}", *map(steady, terminal(command, environment)), ""]
    node_cluster.delete_namespace("demo")
    now = svg("A session: inspect, fit, harden, label-ns", lines[:-1])
    if os.environ.get("UPDATE"):
        FILE.write_text(now)
    assert FILE.read_text() == now, "the session is stale: UPDATE=1 pytest tests/docs/test_recorded.py records it"


def test_a_picture_is_valid_and_keeps_hostile_text() -> None:
    picture = svg("x", ["$ a < b", "\x1b[31mhigh\x1b[0m & <b>", steady("y" * 200)])
    rows = ["".join(item.itertext()) for item in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]
    assert rows == ["$ a < b", "high & <b>", f"{'y' * (COLUMNS - 1)}…"]


def test_texts_that_differ_from_run_to_run_are_replaced() -> None:
    line = "pod web-557577df75-kc5jn (trial 12): 2026/11/29 01:49:21 [emerg] 12#12: x"
    assert steady(line) == "pod web-7d4f9c6b8d-x2x9k (trial 5): 2026/11/29 09:00:00 [emerg] 7#7: x"
