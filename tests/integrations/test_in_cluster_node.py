"""integrations/cluster on the real node: the Job of the CronJob, in a namespace that enforces *restricted*.

The image is made as the Containerfile makes it, with this machine's Python instead of the one of its base image. The
node has no kube-proxy, so the Job is told another address of the API server; nothing else of the CronJob is changed.
"""

import contextlib
import json
import os
import re
import socket
import socketserver
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT
from testbed.cluster import Node
from testbed.images import Image

FOLDER = ROOT / "integrations" / "cluster"
NAMESPACE = "kubectl-caps"
COMMENT = (FOLDER / "cronjob.yaml").read_text().partition("apiVersion:")[0]


def instructions(name: str) -> list[str]:
    """What the last stage of the Containerfile says with an instruction."""
    stage = (FOLDER / "Containerfile").read_text().rpartition("FROM ")[2]
    return re.findall(rf"^{name} (.*)$", stage, re.MULTILINE)


def image(installed: Path) -> Image:
    """The image: the interpreter of this machine and its library, where the base image has them, and the package."""
    python, library = os.path.realpath(sys.executable), Path(sysconfig.get_path("stdlib"))
    version = f"python3.{sys.version_info.minor}"
    modules = {
        f"/usr/lib/{version}/{one.name}": one
        for one in library.iterdir()
        if not re.match(r"test$|idlelib|.*-packages$|ensurepip|__pycache__|config-", one.name)
    }
    compiled = [python, *library.glob("lib-dynload/*.so"), *installed.rglob("*.so")]
    libraries = {Path(path) for file in compiled for path in re.findall(r"(/\S+) \(0x", _ldd(file))}
    own = {f"/usr/lib/{path.name}": path for path in libraries if path.is_relative_to(sys.base_prefix)}
    [entrypoint], environment = instructions("ENTRYPOINT"), " ".join(instructions("ENV")).split()
    interpreter, *arguments = json.loads(entrypoint)
    assert re.fullmatch(r"/usr/bin/python3\.\d+", interpreter)
    folder = dict(setting.split("=") for setting in environment)["PYTHONPATH"]
    assert instructions("COPY") == [f"--from=build {folder} {folder}"]
    return Image(
        entrypoint=(f"/usr/bin/{version}", *arguments),
        command=(),
        programs=sorted(str(path) for path in libraries if re.match(r"/(usr/)?lib", str(path))),
        files={**modules, **own, f"/usr/bin/{version}": Path(python), folder: installed},
        user=instructions("USER")[0],
        bare=True,
        environment=environment,
    )


def _ldd(file: object) -> str:
    return subprocess.run(["ldd", str(file)], capture_output=True, text=True, check=False).stdout


@pytest.fixture(scope="module")
def name(node_cluster: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of the image in the CronJob, under which the node has it. In the end the namespace goes."""
    installed = tmp_path_factory.mktemp("image") / "kubectl-caps"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--target", str(installed), str(ROOT)]
    subprocess.run(pip, check=True)
    [container] = _pod_spec()["containers"]
    yield node_cluster.image(str(container["image"]), image(installed))
    node_cluster.delete_namespace(NAMESPACE)


def _pod_spec() -> dict[str, Any]:
    """The pod spec of the CronJob."""
    objects = yaml.safe_load_all((FOLDER / "cronjob.yaml").read_text())
    [found] = [one["spec"]["jobTemplate"]["spec"]["template"]["spec"] for one in objects if one["kind"] == "CronJob"]
    assert isinstance(found, dict)
    return found


class _Forwarder(socketserver.ThreadingTCPServer):
    """Passes connections on to a port of loopback."""

    def __init__(self, address: str, port: int) -> None:
        self.port = port
        super().__init__((address, 0), _Connection)

    def server_bind(self) -> None:
        """Bind to an address that comes with the bridge, at the first pod: IP_FREEBIND of ip(7)."""
        self.socket.setsockopt(socket.IPPROTO_IP, 15, 1)
        super().server_bind()


class _Connection(socketserver.BaseRequestHandler):
    server: _Forwarder

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.port)) as outward:
            back = threading.Thread(target=_copy, args=(outward, self.request))
            back.start()
            _copy(self.request, outward)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def server(node_cluster: Node) -> Iterator[tuple[str, int]]:
    """The API server's address for pods: the bridge's, from which connections are passed on to loopback."""
    place = node_cluster.place
    with _Forwarder(place.gateway, place.port) as forwarder:
        threading.Thread(target=forwarder.serve_forever).start()
        yield place.gateway, forwarder.server_address[1]
        forwarder.shutdown()


def test_the_containerfile_runs_no_shell_and_no_root() -> None:
    text = (FOLDER / "Containerfile").read_text()
    assert re.findall(r"^(?:RUN|CMD|ENTRYPOINT) (?!\[)", text, re.MULTILINE) == []
    [user] = instructions("USER")
    security = _pod_spec()["securityContext"]
    assert user == f"{security['runAsUser']}:{security['runAsGroup']}"
    assert security["runAsUser"] > 0


def test_the_integrations_cron_job_reports_the_clusters_workloads(
    node_cluster: Node, namespace: str, name: str, server: tuple[str, int]
) -> None:
    commands = [
        line.removeprefix("#     kubectl ") for line in COMMENT.splitlines() if line.startswith("#     kubectl ")
    ]
    create, label, apply, logs = (tuple(command.split()) for command in commands)
    for words in (create, label):
        node_cluster.kubectl(*words)
    node_cluster.kubectl(*(str(ROOT / word) if word.startswith("integrations/") else word for word in apply))
    web = ("create", "deployment", "web", "-n", NAMESPACE, f"--image={name}", "--replicas=0")
    agent = ("run", "agent", "-n", namespace, "--image=none:1", "--privileged")
    for words in (web, agent):
        node_cluster.kubectl(*words)
    job = node_cluster.kubectl(
        "create", "job", "now", "-n", NAMESPACE, f"--from=cronjob/{NAMESPACE}", "--dry-run=client", "-o", "json"
    )
    body = json.loads(job.stdout)
    [container] = body["spec"]["template"]["spec"]["containers"]
    address = dict(zip(("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"), map(str, server), strict=True))
    container["env"] = [{"name": key, "value": value} for key, value in address.items()]
    container["imagePullPolicy"] = "Never"
    made = node_cluster.kubectl("create", "-f", "-", input=json.dumps(body))
    assert "violate" not in made.stderr
    _await_end(node_cluster)
    log = node_cluster.kubectl("logs", "-n", NAMESPACE, "job/now").stdout
    assert logs[:3] == ("logs", "-n", NAMESPACE)
    sed = re.search(r"\| (sed .*) > report.json$", COMMENT, re.MULTILINE)
    assert sed
    report = subprocess.run(["sh", "-c", sed[1]], input=log, capture_output=True, text=True, check=True).stdout
    outside = node_cluster.caps("inspect", "-A", "-o", "json")
    inside, expected = json.loads(report), json.loads(outside.stdout)
    ours = [item for item in inside["items"] if item["namespace"] in (NAMESPACE, namespace)]  # other tests have theirs
    assert {(item["name"], item["risk"]) for item in ours} == {
        ("web", "high"),
        ("agent", "critical"),
        (NAMESPACE, "none"),
    }
    theirs = [item for item in expected["items"] if item["namespace"] in (NAMESPACE, namespace)]
    assert list(map(_comparable, ours)) == list(map(_comparable, theirs))


def _comparable(item: dict[str, Any]) -> dict[str, Any]:
    """What depends neither on the context nor, for the CronJob, on its pod, which ran at one of the times only."""
    if item["kind"] == "CronJob":
        return {key: item[key] for key in ("namespace", "name", "risk", "podSecurity")}
    return {key: value for key, value in item.items() if key != "source"}


def _await_end(node: Node) -> None:
    deadline = time.monotonic() + 120
    while not (ended := node.api.get(f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/now")["status"].get("conditions")):
        assert time.monotonic() < deadline, node.kubectl("describe", "pods", "-n", NAMESPACE).stdout
        time.sleep(0.5)
    log = node.kubectl("logs", "-n", NAMESPACE, "job/now", check=False)
    assert "Complete" in [one["type"] for one in ended], log.stdout + log.stderr
