"""Tests which logs of restarted containers are read, and which are missing."""

from typing import Any, cast

import pytest
from loopback import Answer, serving

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.config.kubeconfig import Overrides, load_connection
from kubectl_caps.cluster.http.transport import connect
from kubectl_caps.cluster.read.pod_logs import PodLogs
from kubectl_caps.core.kubernetes.container import Container
from kubectl_caps.core.kubernetes.pod import (
    ContainerState,
    ContainerStatus,
    Metadata,
    Pod,
    PodSpec,
    PodStatus,
    Running,
    Terminated,
)
from kubectl_caps.errors import ApiError

GONE = "unable to retrieve container logs for containerd://9901210b461b"
ENDED, RUNS = ContainerState(terminated=Terminated(exit_code=1)), ContainerState(running=Running())


def pod(restarts: int, state: ContainerState) -> Pod:
    """A pod whose one container was restarted so often."""
    status = ContainerStatus(name="c", restart_count=restarts, state=state)
    spec = PodSpec(containers=[Container(name="c")])
    return Pod(Metadata(name="run-1", uid="u"), spec, PodStatus(container_statuses=[status]))


class Node:
    """The logs of the containers that are still there: `now`, and `before` the last restart where there is one."""

    def __init__(self, before: str | None) -> None:
        self.before, self.asked = before, 0

    def log(self, namespace: str, name: str, container: str, *, previous: bool = False, **_: Any) -> str:
        """As Cluster.log."""
        self.asked += previous
        if previous and self.before is None:
            raise ApiError(404, "NotFound", GONE)
        return str(self.before) if previous else "now"


@pytest.mark.parametrize(
    ("states", "before", "lines", "missing"),
    [
        ([(0, RUNS), (1, RUNS)], "before", ["now", "before", "now"], []),
        ([(0, RUNS), (1, RUNS)], None, ["now", "now"], ["c before its restart"]),
        ([(1, RUNS), (1, ENDED)], "before", ["before", "now", "now"], []),
        ([(1, RUNS), (2, RUNS)], "before", ["before", "now"] * 2, []),
        ([(0, RUNS), (2, RUNS)], "before", ["now", "before", "now"], ["c before an earlier restart"]),
    ],
    ids=["in time", "too late", "once", "twice", "restarted twice between two readings"],
)
def test_the_log_from_before_a_restart_is_read_once_or_missing(
    states: list[tuple[int, ContainerState]], before: str | None, lines: list[str], missing: list[str]
) -> None:
    logs = PodLogs(cast("Cluster", Node(before)), lambda *_: None, restarts=True)
    found = [line.text for restarts, state in states for line in logs.lines([pod(restarts, state)])]
    assert (found, sorted(logs.unread)) == (lines, [("run-1", container) for container in missing])


@pytest.mark.parametrize(
    ("text", "is_log"),
    [
        (GONE, False),
        (f"{GONE}\n", False),
        ('failed to try resolving symlinks in path "/var/log/pods/a/c/0.log": lstat /var/log: no such file', False),
        ("", True),
        (f"INFO {GONE}", True),
        (f"{GONE}\nsecond line", True),
    ],
)
def test_the_kubelets_words_about_a_log_that_is_gone_are_no_log(text: str, is_log: bool) -> None:
    with serving(lambda _: Answer(text.encode(), content_type="text/plain")) as server:
        cluster = Cluster(connect(load_connection(Overrides(server=server.url))))
        if is_log:
            assert cluster.log("n", "p", "c") == text
        else:
            with pytest.raises(ApiError, match=r"(unable to retrieve|failed to)") as caught:
                cluster.log("n", "p", "c", previous=True)
            assert (caught.value.code, caught.value.reason) == (404, "NotFound")
