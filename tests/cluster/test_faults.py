"""Every command x every fault x every request, in front of the real API server: the result is right, or one line says
why not and the exit status is 2; nothing is half done or done twice, and nothing hangs.

The two tables are faults/commands.py and faults/faults.py. FAULTS=all strikes every request of every command, which
takes some ten minutes; else a fixed rule picks the requests (`Matrix.cells`).
"""

import os
from collections.abc import Iterator

import pytest
from faults.commands import ASKS_NOTHING, COMMANDS
from faults.faults import FAULTS, can_meet
from faults.matrix import Matrix, matrix
from middleman import between
from testbed.cluster import Cluster
from zygote import zygote

from kubectl_caps.cli.commands import COMMANDS as OURS

EVERY = os.environ.get("FAULTS") == "all"


@pytest.fixture(scope="module")
def faults(api_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    """The matrix in front of the API server."""
    with matrix(api_cluster, tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.mark.parametrize("command", COMMANDS)
def test_every_fault_gives_a_right_result_or_an_error(faults: Matrix, command: str) -> None:
    cells = faults.cells(command, every=EVERY)
    results = list(faults.results(cells))
    wrong = [f"{one.cell}: exit status {one.run.status}: {text}" for one in results for text in one.wrong]
    assert not wrong, "\n".join(wrong)
    met = {one.cell.fault for one in results if one.met}
    assert met == {name for name in FAULTS if can_meet(command, name)}, "a fault that met no request shows nothing"


def test_the_matrix_covers_every_request(faults: Matrix) -> None:
    cells = [cell for command in COMMANDS for cell in faults.cells(command, every=False)]
    wanted = {(command, name) for command in COMMANDS for name in FAULTS if can_meet(command, name)}
    assert {(cell.command, cell.fault) for cell in cells} == wanted


def test_a_completion_that_meets_no_fault_offers_all_names(faults: Matrix) -> None:
    """Else nothing would be as good as all."""
    offered = {}
    for command in COMMANDS:
        if command.startswith("completion"):
            faults.cells(command, every=False)
            offered[command] = faults.clean[command].out.splitlines()
    assert offered == {
        "completion": ["deploy/bad", "deploy/old", "deploy/one", "deploy/web", ":36"],
        "completion of two types": ["old\tDeployment", "one\tDeployment", ":36"],
        "completion of containers": ["c\tx", ":36"],
    }


def test_every_command_is_in_the_matrix_or_sends_no_request() -> None:
    listed = {command.words.split()[0] for command in COMMANDS.values()} - {"__complete"}
    assert listed | {words.split()[0] for words in ASKS_NOTHING} == set(OURS)


def test_no_command_sends_a_watch_request(faults: Matrix) -> None:
    """So no watch can end: what goes on is read again and again."""
    for command in COMMANDS:
        faults.cells(command, every=False)
    assert not [seen for run in faults.clean.values() for seen in run.requests.values() if "watch" in seen.query]


@pytest.mark.parametrize("words", ASKS_NOTHING)
def test_a_command_without_a_cluster_sends_no_request(
    api_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, words: str
) -> None:
    with between(api_cluster, tmp_path_factory.mktemp("nothing")) as middleman:
        done = zygote().run(words.split(), {"KUBECONFIG": middleman.kubeconfig, "PATH": os.environ["PATH"]})
        assert (done.returncode, middleman.seen) == (0, [])
