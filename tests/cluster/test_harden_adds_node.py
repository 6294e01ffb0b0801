"""harden on a real node: the command that a failed rollout suggests is run as it is printed."""

import shlex

from test_harden_node import NEEDS_CHOWN, SLEEP, Place, pod, workload
from testbed.cluster import Node


def test_the_suggested_add_names_the_container_that_misses_the_capability(node_cluster: Node) -> None:
    place = Place(node_cluster)
    spec = pod(node_cluster.busybox, NEEDS_CHOWN)
    spec["containers"].append({**pod(node_cluster.busybox, SLEEP)["containers"][0], "name": "log"})
    place.apply(workload("two", spec))
    place.await_ready("deploy/two")
    failed = place.harden("deploy/two")
    assert failed.returncode == 2, failed.stderr
    (printed,) = [line.partition("to try next: ")[2] for line in failed.stderr.splitlines() if "to try next: " in line]
    words = shlex.split(printed)
    assert words[words.index("--add") + 1] == "c=CHOWN"
    done = node_cluster.caps(*words[words.index("harden") :], "--settle", "2s", "--timeout", "60s")
    assert done.returncode == 0, done.stderr
    containers = place.get("deploy/two")["spec"]["template"]["spec"]["containers"]
    adds = {item["name"]: item["securityContext"]["capabilities"].get("add") for item in containers}
    assert adds == {"c": ["CHOWN"], "log": None}
    node_cluster.delete_namespace(place.name)
