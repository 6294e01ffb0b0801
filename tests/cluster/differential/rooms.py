"""Namespaces to ask the server in: one for every level and version."""

import itertools
import time
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from msgspec import Struct

from differential.pods import Maker
from differential.server import Server
from kubectl_caps.core.podsecurity.policy import LATEST, NEWEST_MINOR, Level, Policy

Json = dict[str, Any]

VERSIONS = (*(f"v1.{minor}" for minor in range(NEWEST_MINOR + 1)), LATEST, "v1.99")
"""Every version, and one that nobody knows yet."""

LABEL = "pod-security.kubernetes.io/"


class Room(Struct, frozen=True):
    """A namespace, the policy that it enforces, and the one that it warns of."""

    name: str
    enforce: Policy
    warn: Policy

    def path(self, plural: str, prefix: str = "/api/v1") -> str:
        """Where its objects of a kind are."""
        return f"{prefix}/namespaces/{self.name}/{plural}"


def policies() -> list[Policy]:
    """Every policy that refuses something."""
    levels: tuple[Level, ...] = ("baseline", "restricted")
    return [Policy(level, version) for level in levels for version in VERSIONS]


def rooms() -> list[Room]:
    """A room for every policy; the warnings go through those that refuse something, too."""
    strict = policies()
    warned = itertools.cycle(Random(0).sample(strict, len(strict)))
    enforced = [*strict, *(Policy("privileged", version) for version in VERSIONS)]
    return [Room(f"room-{at}", enforce, next(warned)) for at, enforce in enumerate(enforced)]


def furnish(server: Server, room: Room) -> None:
    """Makes the namespace. It enforces nothing yet that refuses anything, so that a pod can come to live in it."""
    labels = {f"{LABEL}warn": room.warn.level, f"{LABEL}warn-version": room.warn.version}
    make(server, room.name, labels | (enforcing(room.enforce) if room.enforce.level == "privileged" else {}))


def make(server: Server, name: str, labels: Mapping[str, str]) -> None:
    """Makes a namespace in which pods are admitted already."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    made = server.create("/api/v1/namespaces", namespace, dry_run=False)
    assert made.status == 201, made.message
    account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
    _until(lambda: server.get(account).status == 200, f"an account in {name}")


def enforcing(policy: Policy) -> dict[str, str]:
    """The labels that enforce a policy."""
    return {f"{LABEL}enforce": policy.level, f"{LABEL}enforce-version": policy.version}


def guest(server: Server, namespace: str, seed: str, hot: int = 0) -> Json:
    """A random pod with so many hot features at least that really exists, as the server stored it."""
    for attempt in itertools.count():
        maker = Maker(Random(f"{seed}/{attempt}"))
        if len(maker.hot) < hot:
            continue
        pod = maker.pod()
        pod["spec"]["schedulerName"] = "nobody"
        made = server.create(f"/api/v1/namespaces/{namespace}/pods", pod, dry_run=False)
        if made.status == 201:
            return made.body
        assert made.status == 422, made.message
    raise AssertionError("unreachable")


def lock(server: Server, room: Room) -> None:
    """Has the namespace enforce its policy, and waits until it does: hostPID is forbidden in every version."""
    metadata = {"labels": enforcing(room.enforce)}
    assert server.merge(f"/api/v1/namespaces/{room.name}", {"metadata": metadata}, dry_run=False).status == 200
    spec = {"hostPID": True, "containers": [{"name": "x", "image": "x"}]}
    intruder = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "intruder"}, "spec": spec}
    wanted = f'violates PodSecurity "{room.enforce}"'
    _until(lambda: wanted in server.create(room.path("pods"), intruder).message, f"{room.name} to enforce")


def _until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)
