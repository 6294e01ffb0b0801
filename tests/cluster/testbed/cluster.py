"""A running cluster as the tests see it."""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zygote import zygote

from testbed import images, needs, programs
from testbed.api import Api
from testbed.images import Image
from testbed.place import Place

Completed = subprocess.CompletedProcess[str]


class Cluster:
    """A real Kubernetes. On the API tier pods stay Pending: there is no scheduler and no node."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.kubeconfig: Path = place.kubeconfig
        self.server: str = place.server
        self.api = Api(place)
        (place.folder / "home").mkdir(exist_ok=True)

    @property
    def version(self) -> str:
        """What the server says it is: v1.37.2."""
        return str(self.api.get("/version")["gitVersion"])

    def kubectl(self, *args: str, input: str | None = None, check: bool = True) -> Completed:
        """kubectl as the administrator. With `check` a failure is an AssertionError with its stderr."""
        result = self._run([needs.kubectl(), *args], input)
        assert not check or result.returncode == 0, f"kubectl {' '.join(args)}: {result.stderr}"
        return result

    def caps(self, *args: str, input: str | None = None, env: Mapping[str, str] | None = None) -> Completed:
        """This project's command line, in a process of its own, against this cluster. `env` comes on top.

        A live `harden` tries no canary unless `args` name it: most tests are about the rollout, or have no node.
        """
        if args[:1] == ("harden",) and not any(arg[:2] in ("-f", "-k") or "--canary" in arg for arg in args):
            args = (*args, "--canary=false")
        return zygote().run(args, {**self.environment, **(env or {})}, input or "")

    def make_namespace(self, labels: Mapping[str, str] | None = None) -> str:
        """A new namespace in which pods are admitted already. Its name is returned."""
        name = f"test-{uuid.uuid4().hex[:8]}"
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels or {})}}
        status, answer = self.api.request("POST", "/api/v1/namespaces", namespace)
        assert status == 201, answer
        self._await_account(name)
        return name

    def delete_namespace(self, name: str) -> None:
        """Asks for it and does not wait."""
        self.api.request("DELETE", f"/api/v1/namespaces/{name}")

    def _await_account(self, namespace: str) -> None:
        path = "/api/v1/namespaces/{}/serviceaccounts/default"
        if self.api.get(path.format("default")) is None:
            return  # no controller manager, and so no ServiceAccount admission either
        deadline = time.monotonic() + 20
        while self.api.get(path.format(namespace)) is None:
            assert time.monotonic() < deadline, f"no default service account in {namespace}"
            time.sleep(0.02)

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of this machine's settings: no CI, no NO_COLOR, no other kubeconfig, no real home folder."""
        return {
            "PATH": f"{Path(sys.prefix, 'bin')}:{os.environ['PATH']}",
            "HOME": f"{self.place.folder}/home",
            "LANG": "C.UTF-8",
            "KUBECONFIG": str(self.kubeconfig),
        }

    def _run(self, command: list[str], input: str | None) -> Completed:
        stdin = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
        options: dict[str, Any] = {"capture_output": True, "text": True, "errors": "replace", "timeout": 180, **stdin}
        return subprocess.run(command, env=self.environment, **options)


class Node(Cluster):
    """A cluster whose one node runs pods: containerd, runc and the kernel of this machine."""

    busybox = "docker.io/local/busybox:1"
    """An image that is always there. It sleeps unless told otherwise."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._images: set[str] = set()
        self.image(self.busybox)

    def image(self, name: str, image: Image | None = None) -> str:
        """Imports an image, once a node, and returns its name. Containers need `imagePullPolicy: Never`."""
        if name not in self._images:
            images.load_once(self.place, name, image or Image())
            self._images.add(name)
        return name

    def real(self, program: str) -> str:
        """The image of a real program out of `programs.REAL`: nginx, redis, ping."""
        return self.image(f"docker.io/local/{program}:1", programs.REAL[program])

    def process_status(self, namespace: str, pod: str, container: str = "", pid: int | str = 1) -> dict[str, str]:
        """/proc/PID/status as the container sees it, by field: `{"CapEff": "00000000a80425fb", "NoNewPrivs": "0"}`."""
        where = ["-c", container] if container else []
        text = self.kubectl("exec", "-n", namespace, pod, *where, "--", "cat", f"/proc/{pid}/status").stdout
        return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}
