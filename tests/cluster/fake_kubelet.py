"""What runs trial pods on the API tier, where there is no node: their states and logs, by the capabilities they add.

The Jobs, their pods, deadlines and deletions are the real controllers'.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from loopback import Answer, Seen
from testbed.cluster import Cluster

LABEL = "caps.kubectl/fit"
NEEDED = frozenset({"CHOWN"})
"""What the program needs, as its log says."""
REFUSED = "chown: /data: Operation not permitted"
_PATH = "/api/v1/namespaces/{namespace}/pods/{name}"


class FakeKubelet:
    """Sets the status of every trial pod of a cluster, until it is stopped."""

    def __init__(self, cluster: Cluster) -> None:
        self._api, self._stop = cluster.api, threading.Event()
        self._logs = dict[str, str]()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._stop.set()
        self._thread.join()

    def log(self, seen: Seen) -> Answer | None:
        """The answer to a request for a log; None for any other."""
        if not seen.path.endswith("/log"):
            return None
        return Answer(self._logs.get(seen.path.split("/")[-2], "").encode(), content_type="text/plain")

    def _work(self) -> None:
        while not self._stop.wait(0.05):
            answer = self._api.get(f"/api/v1/pods?labelSelector={LABEL}")
            for pod in (answer or {"items": []})["items"]:
                if pod["status"].get("phase") == "Pending" and not pod["metadata"].get("deletionTimestamp"):
                    with contextlib.suppress(OSError):
                        self._run(pod)

    def _run(self, pod: dict[str, Any]) -> None:
        metadata, security = pod["metadata"], pod["spec"]["containers"][0].get("securityContext") or {}
        added = security.get("capabilities")
        works = added is None or {*(added.get("add") or ())} >= NEEDED
        if not works:
            self._logs[metadata["name"]] = REFUSED
        state = {"running": {}} if works else {"terminated": {"exitCode": 1, "reason": "Error"}}
        container = {"name": "c", "ready": works, "restartCount": 0, "state": state, "image": "i", "imageID": "i"}
        conditions = [{"type": "Ready", "status": str(works)}, {"type": "PodScheduled", "status": "True"}]
        status = {
            "phase": "Running" if works else "Failed",
            "conditions": conditions,
            "containerStatuses": [container],
        }
        path = _PATH.format(**metadata) + "/status"
        self._api.request("PUT", path, {**pod, "status": status})


@contextlib.contextmanager
def fake_kubelet(cluster: Cluster) -> Iterator[FakeKubelet]:
    """One that runs until the block ends."""
    kubelet = FakeKubelet(cluster)
    try:
        yield kubelet
    finally:
        kubelet.stop()
