"""How dangerous a directory of the node is: what it gives to who reads, connects or writes there."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_caps.core.assess.host_paths import ENOUGH_TO_REACH, LINKS, RULES_THE_NODE, of_host_path, resolved
from kubectl_caps.core.linux.capabilities import WORST_FIRST

SERIOUS = ("critical", "high")
PLACES = {place: place.replace("*", "someone") for place in ENOUGH_TO_REACH}


def spellings(path: str) -> list[str]:
    """The same place by other names."""
    links = [
        path.replace(target, link, 1) for link, target in LINKS.items() if target != "/" and path.startswith(target)
    ]
    ways = [f"/{path}", f"{path}/", f"/x/..{path}", path.replace("/", "//"), f"/proc/1/root{path}", f"/sysroot{path}"]
    return [*ways, *links, f"/proc/self/task/7/root{path}", f"/proc/1/root/proc/1/cwd{path}", path.lstrip("/")]


# The issue's own words: what must not be missing from the table.
NAMED = [
    "/var/lib/kubelet/pods", "/etc/kubernetes/pki", "/var/lib/kubelet/pki", "/root/.ssh", "/var/lib/rancher/k3s/server",
    "/var/lib/k0s", "/run/systemd/private", "/run/dbus/system_bus_socket", "/run/buildkit/buildkitd.sock",
    "/run/k0s/containerd.sock", "/var/snap/microk8s/common/run/containerd.sock",
]  # fmt: skip


@pytest.mark.parametrize("place", [*PLACES.values(), *NAMED])
def test_places_that_need_only_be_read_or_connected_to_are_dangerous_read_only_too(place: str) -> None:
    for writable in (True, False):
        for user in of_host_path(place, writable=writable):
            assert user in SERIOUS


@pytest.mark.parametrize("place", PLACES)
def test_a_parent_of_a_dangerous_path_is_as_dangerous(place: str) -> None:
    parent = PLACES[place]
    while parent != "/":
        parent = posixpath.dirname(parent)
        assert not_less(of_host_path(parent, writable=False), ENOUGH_TO_REACH[place]), parent


@pytest.mark.parametrize("place", PLACES)
def test_a_path_inside_a_dangerous_path_is_as_dangerous(place: str) -> None:
    assert not_less(of_host_path(f"{PLACES[place]}/a/b", writable=False), ENOUGH_TO_REACH[place])


@pytest.mark.parametrize("place", [*PLACES.values(), *RULES_THE_NODE, "/data"])
@pytest.mark.parametrize("writable", [True, False])
def test_another_spelling_of_a_path_has_the_same_risk(place: str, *, writable: bool) -> None:
    for other in spellings(place):
        assert resolved(other) == resolved(place), other
        assert of_host_path(other, writable=writable) == of_host_path(place, writable=writable)


@pytest.mark.parametrize("place", RULES_THE_NODE)
def test_a_writable_path_that_rules_the_node_is_critical(place: str) -> None:
    assert of_host_path(place, writable=True) == ("critical", "high")


NO_MORE_THAN_A_DIRECTORY = [
    "/data", "/var/log", "/var/lib/kubelet/plugins", "/etc/localtime", "/etc/kubernetes/manifests", "/run/containers",
    "/run/systemd/resolve", "/home-made", "/var/lib/kubelet-other/pods", "/srv/root/.ssh", "/run/dbus2", "/process",
]  # fmt: skip


@pytest.mark.parametrize("place", NO_MORE_THAN_A_DIRECTORY)
def test_an_unlisted_directory_has_the_lowest_risk(place: str) -> None:
    assert of_host_path(place, writable=False) == ("medium", "low")


@given(st.lists(st.sampled_from(["var", "lib", "run", "etc", "proc", "root", "home", "..", ".", "", "1", "*", "x"])))
def test_the_risk_of_writing_and_of_root_is_never_lower(steps: list[str]) -> None:
    path = "/".join(steps)
    read, write = (of_host_path(path, writable=writable) for writable in (False, True))
    assert not_less(write, read)
    for to_root, to_others in (read, write):
        assert not_less((to_root,), (to_others,))


def not_less(found: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Whether each risk is at least as bad as the one that is wanted."""
    order: list[str] = list(WORST_FIRST)
    return all(order.index(one) <= order.index(other) for one, other in zip(found, wanted, strict=True))
