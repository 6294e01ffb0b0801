"""Clusters for the tests: `api_cluster` (tier 2), `node_cluster` and `node_alone` (tier 3), and a `namespace` a test.

Who asks for a cluster gets its marker, so `pytest -m "not api and not node"` is tier 1. A tier that cannot run here is
skipped and said in one line at the end; with CI=true it fails. All workers of a session share one node; its API servers
are a worker's own, because their tests make and list what belongs to no namespace.
"""

import os
import re
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from testbed import needs, shared
from testbed.cluster import Cluster, Node
from testbed.needs import Tier
from testbed.serve import running
from two_clones import CLONES, two_clones

settings.register_profile("any machine", deadline=None)  # how long an example takes says nothing where others work too
settings.load_profile("any machine")

_SHARED = "KUBECTL_CAPS_TEST_SESSION"
_NAMED = {
    "node": re.compile(r"node_cluster|node_alone|mark\.node"),
    "api": re.compile(r"api_cluster|Cluster|mark\.api"),
}
"""Tier -> what each file with tests of the tier has in it."""
_CI = os.environ.get("CI", "").lower() in ("true", "1")
_TIERS: tuple[Tier, ...] = ("node", "api", "reports")
_LONGEST = (
    "test_harden_cron_node.py", "test_fit_node.py", "test_trace_node.py", "test_refused_programs_node.py",
    "test_trace_ends_node.py", "test_harden_live.py", "test_archive.py", "test_krew_live.py", "test_github_action.py",
    "test_pre_commit.py",
)  # fmt: skip
"""What takes longest in its session, longest first."""
_missing = cache(needs.missing)
_shared = pytest.StashKey[shared.Session]()


def pytest_configure(config: pytest.Config) -> None:
    """Where there are workers, makes the folder in which they find their cluster."""
    if getattr(config.option, "tx", None) and not hasattr(config, "workerinput"):
        config.stash[_shared] = session = shared.Session()
        os.environ[_SHARED] = str(session.folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends the cluster of all workers."""
    if session := config.stash.get(_shared, None):
        session.close()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where one cluster's tests are selected, a file that does not name the cluster is not even imported."""
    tier = config.option.markexpr
    return True if tier in _NAMED and collection_path.suffix == ".py" and not _names(collection_path, tier) else None


@cache
def _names(path: Path, tier: str) -> bool:
    return _NAMED[tier].search(path.read_text()) is not None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test by the cluster that it asks for, before `-m` selects; what takes longest goes first."""
    for item in items:
        asked = set(getattr(item, "fixturenames", ()))
        if asked & {"clones", "dist"}:
            item.add_marker("release")
        on_api: Tier | None = "api" if asked & {"api_cluster", "namespace"} else None
        tier = "node" if asked & {"node_cluster", "node_alone"} else on_api
        # A test of a file that does not name its cluster would be lost with its marker: no session would run it.
        if tier and _names(item.path, tier):
            item.add_marker(tier)
    ranks: dict[Path, int] = {}
    for item in items:
        ranks[item.path] = min(_rank(item), ranks.get(item.path, len(_TIERS)))
    items.sort(key=lambda item: (ranks[item.path], *_order(item.path), _rank(item)))


def _order(path: Path) -> tuple[int, Path]:
    return _LONGEST.index(path.name) if path.name in _LONGEST else len(_LONGEST), path


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
        for name in ("NO_COLOR", "FORCE_COLOR", "KUBERC", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def node_cluster() -> Iterator[Node]:
    """Kubernetes with a node that runs pods: containerd, runc and this kernel. One for all workers."""
    if _SHARED in os.environ:
        yield Node(shared.cluster(Path(os.environ[_SHARED]), "node"))
        return
    with running("node") as place:
        yield Node(place)


@pytest.fixture(scope="module")
def node_alone() -> Iterator[Node]:
    """A node for one module, whose commands take all namespaces: on the other one, other tests' objects come and go."""
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


@pytest.fixture(scope="session")
def clones() -> list[Path]:
    """Two clones of the commit in which `make dist` ran; kept in the cache until a source changes."""
    folder = two_clones()
    return [folder / name for name in CLONES]


@pytest.fixture(scope="session")
def dist(clones: list[Path]) -> Path:
    """What `make dist` made."""
    return clones[0] / "dist"


@pytest.fixture(scope="session")
def archive(dist: Path) -> Path:
    """The archive for this machine."""
    [archive] = dist.glob("kubectl-caps_*_*.tar.gz")
    return archive


@pytest.fixture(scope="session")
def unpacked(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive's content, in a folder that no build has seen."""
    folder = tmp_path_factory.mktemp("unpacked") / "with a blank"
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="tar")
    return folder
