"""Clusters for the tests: `api_cluster` (tier 2), `node_cluster` (tier 3) and a `namespace` for each test.

Who asks for a cluster gets its marker, so `pytest -m "not api and not node"` is tier 1. A tier that cannot run here is
skipped and said in one line at the end; with CI=true it fails.
"""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from testbed import needs
from testbed.cluster import Cluster, Node
from testbed.needs import Tier
from testbed.serve import running

settings.register_profile("any machine", deadline=None)  # how long an example takes says nothing where others work too
settings.load_profile("any machine")

_CI = os.environ.get("CI", "").lower() in ("true", "1")
_TIERS: tuple[Tier, ...] = ("node", "api", "reports")
_missing = cache(needs.missing)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test by the cluster that it asks for, before `-m` selects; what takes longest goes first."""
    for item in items:
        asked = set(getattr(item, "fixturenames", ()))
        if "node_cluster" in asked:
            item.add_marker("node")
        elif asked & {"api_cluster", "namespace"}:
            item.add_marker("api")
    ranks: dict[Path, int] = {}
    for item in items:
        ranks[item.path] = min(_rank(item), ranks.get(item.path, len(_TIERS)))
    items.sort(key=lambda item: (ranks[item.path], item.path, _rank(item)))


def _rank(item: pytest.Item) -> int:
    return next((rank for rank, tier in enumerate(_TIERS) if item.get_closest_marker(tier)), len(_TIERS))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Stops a test of a tier that cannot run here. (Done in the fixture, every test would have a line of its own.)"""
    tier = next((tier for tier in _TIERS if item.get_closest_marker(tier)), None)
    if tier is None or not _missing(tier):
        return
    if _CI:
        pytest.fail(f"CI is set, and the {tier} tier cannot run: {_said(tier)}", pytrace=False)
    pytest.skip(f"the {tier} tier cannot run here")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The one line about a tier that was left out."""
    reports = [report for kind in ("skipped", "failed", "error") for report in terminalreporter.stats.get(kind, ())]
    for tier in _TIERS:
        if any(tier in getattr(report, "keywords", ()) for report in reports) and _missing(tier):
            terminalreporter.write_line(f"{tier.upper()} TIER NOT RUN: {_said(tier)}", red=True, bold=True)


def _said(tier: Tier) -> str:
    return f"missing {', '.join(_missing(tier))}"


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_this_machine() -> Iterator[None]:
    """No test sees the user's cluster or colours, whatever it forgets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", "/nonexistent/kubeconfig")
        for name in ("NO_COLOR", "FORCE_COLOR", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def node_cluster() -> Iterator[Node]:
    """Kubernetes with a node that runs pods: containerd, runc and this kernel."""
    with running("node") as place:
        yield Node(place)


@pytest.fixture(scope="session")
def api_cluster() -> Iterator[Cluster]:
    """etcd, API server and controller manager. Beside a node's: there every pod of a test would get a sandbox."""
    with running("api") as place:
        yield Cluster(place)


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh namespace in the test's cluster."""
    on_node = "node_cluster" in request.fixturenames
    cluster: Cluster = request.getfixturevalue("node_cluster" if on_node else "api_cluster")
    fresh = cluster.make_namespace()
    yield fresh
    if on_node:  # its pods run; without a node an end of their own only costs: 120 requests each
        cluster.delete_namespace(fresh)
