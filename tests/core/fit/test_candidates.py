"""Where a search begins: the manifest's adds without the useless ones, and what images and ports are known to need."""

from typing import Any

import msgspec
import pytest

from kubectl_caps.core.fit.candidates import likely_needed
from kubectl_caps.core.kubernetes.pod import PodSpec
from kubectl_caps.core.linux.capabilities import BY_NAME
from kubectl_caps.core.linux.runtimes import by_name

PORT_80 = [{"containerPort": 80}]
START = {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]}


def adds(*names: str, **more: Any) -> dict[str, Any]:
    """A container that adds these."""
    return {"securityContext": {"capabilities": {"add": names}, **more}}


CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "what the manifest adds": (adds("CHOWN", "SYS_TIME"), {}, "containerd", "CHOWN SYS_TIME"),
    "in any spelling that counts": (adds("CAP_CHOWN"), {}, "cri-o", "CHOWN"),
    "not a spelling that the runtime passes over": (adds("CAP_CHOWN", "KILL"), {}, "containerd", "KILL"),
    "not what another user cannot use": (adds("CHOWN", runAsUser=1000), {}, "containerd", ""),
    "not what a user namespace makes void": (adds("SYS_TIME", "CHOWN"), {"hostUsers": False}, "containerd", "CHOWN"),
    "no low port where the runtime frees them": (adds("NET_BIND_SERVICE"), {}, "containerd", ""),
    "no low port where the pod frees them": (adds("NET_BIND_SERVICE"), {"securityContext": START}, "cri-o", ""),
    "a low port where nothing frees it": ({"ports": PORT_80}, {}, "cri-o", "NET_BIND_SERVICE"),
    "no port from 1024 on": ({"ports": [{"containerPort": 1024}]}, {}, "cri-o", ""),
    "what an image starts with as root": ({"image": "nginx:1.27"}, {}, "containerd", "CHOWN SETGID SETUID"),
    "wherever it comes from": ({"image": "r:5000/mirror/redis@sha256:0"}, {}, "containerd", "CHOWN SETGID SETUID"),
    "not as another user": ({"image": "nginx", "securityContext": {"runAsUser": 101}}, {}, "containerd", ""),
    "not an image that only sounds like one": ({"image": "nginx-unprivileged"}, {}, "containerd", ""),
    "not those that start as another user": ({"image": "docker.io/bitnami/nginx"}, {}, "containerd", ""),
    "what its programs have as file capabilities": (
        {"image": "coredns/coredns", "securityContext": {"runAsUser": 1000}}, {}, "containerd", "NET_BIND_SERVICE"
    ),
    "nothing where nothing is known": ({"image": "shop/web"}, {}, "containerd", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_search_begins_with_the_likely_capabilities(case: str) -> None:
    container, pod, runtime, expected = CASES[case]
    spec = msgspec.convert({**pod, "containers": [{"name": "c", "image": "x", **container}]}, PodSpec)
    held = frozenset(("c", name) for name in BY_NAME)
    likely = likely_needed(spec, ["c"], held, by_name(runtime))
    assert sorted(name for _, name in likely) == expected.split()


def test_a_search_begins_only_with_held_capabilities_of_searched_containers() -> None:
    spec = msgspec.convert({"containers": [{"name": "c", "image": "nginx"}, {"name": "d", "image": "nginx"}]}, PodSpec)
    held = frozenset({("c", "CHOWN"), ("d", "CHOWN")})
    assert likely_needed(spec, ["c"], held, by_name("containerd")) == {("c", "CHOWN")}
