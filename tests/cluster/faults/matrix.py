"""The cells of the matrix, and running them: several shops side by side, each with a proxy of its own."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from testbed.cluster import Cluster
from zygote import zygote

from faults.commands import COMMANDS, SETTINGS, TIMEOUT
from faults.faults import FAULTS, Fault
from faults.judge import Run, complaints
from faults.saboteur import Place, Saboteur, folder_of, is_write, sabotaged, without_names
from faults.shop import Shop

SHOPS = 10
POLLS = 3
"""So many of the same request are each broken: what is asked again and again has no end."""


@dataclass(frozen=True)
class Cell:
    """One run of the matrix."""

    command: str
    fault: str
    at: Place


@dataclass(frozen=True)
class Result:
    """What came of a cell: whether the fault was met, and what is wrong."""

    cell: Cell
    met: bool
    wrong: list[str]
    run: Run


class Stand:
    """A shop and the proxy in front of it."""

    def __init__(self, shop: Shop, saboteur: Saboteur) -> None:
        self.shop, self.saboteur = shop, saboteur

    def run(self, command: str, fault: Fault | None = None, at: Place | None = None) -> Run:
        """One run of a command, and what is stored before and after. Afterwards the shop is as before."""
        shop, saboteur, asked = self.shop, self.saboteur, COMMANDS[command]
        saboteur.plan(asked.target, fault, at)
        before, began = shop.state(), time.monotonic()
        argv = asked.argv(shop.namespace, shop.undo_file)
        argv += [] if argv[0] == "__complete" else ["--request-timeout", f"{TIMEOUT:g}s"]
        env = {"PATH": os.environ["PATH"], "HOME": str(shop.folder), "LANG": "C.UTF-8"}
        done = zygote().run(argv, {**env, "KUBECONFIG": saboteur.kubeconfig}, settings=SETTINGS)
        seconds = time.monotonic() - began
        out, err = (self._plain(text) for text in (done.stdout, done.stderr))
        with saboteur.lock:
            sent = saboteur.writes.copy(), dict(saboteur.requests), saboteur.struck
        run = Run(done.returncode, out, err, seconds, before, shop.state(), shop.left(), *sent)
        saboteur.plan("", None, None)
        shop.reopen()
        return run

    def _plain(self, text: str) -> str:
        return without_names(text.replace(str(self.shop.folder), "FOLDER"), self.shop.namespace)


class Matrix:
    """The clean runs, and the cells that follow from them."""

    def __init__(self, stands: list[Stand]) -> None:
        self._stands = stands
        self.clean: dict[str, Run] = {}

    def cells(self, command: str, *, every: bool) -> list[Cell]:
        """The runs of a command.

        With `every` each fault at each request that the fault can meet. Else each fault at each sort of write, and at
        one other request: every fault at a later one. Of a command that writes every second fault does that.
        """
        if command not in self.clean:
            self.clean[command] = self._stands[0].run(command)
        requests = {at: seen for at, seen in self.clean[command].requests.items() if at[1] < POLLS}
        chosen = []
        for number, (name, fault) in enumerate(FAULTS.items()):
            met = [at for at, seen in requests.items() if fault.meets(seen)]
            writes = list({_alike(at): at for at in reversed(met) if is_write(requests[at])}.values())
            others = [at for at in met if not is_write(requests[at]) and at[1] == 0]
            first = number * len(others) // len(FAULTS)
            few = [] if writes and number % 2 else others[first : first + 1]
            chosen += [Cell(command, name, at) for at in (met if every else [*writes, *few])]
        return chosen

    def results(self, cells: list[Cell]) -> Iterator[Result]:
        """Run the cells, on all stands side by side."""
        todo: SimpleQueue[Cell] = SimpleQueue()
        done: SimpleQueue[Result | BaseException] = SimpleQueue()
        for cell in cells:
            todo.put(cell)
        for stand in self._stands:
            threading.Thread(target=self._work, args=(stand, todo, done), daemon=True).start()
        for _ in cells:
            result = done.get()
            if isinstance(result, BaseException):
                raise result
            yield result

    def _work(self, stand: Stand, todo: "SimpleQueue[Cell]", done: "SimpleQueue[Result | BaseException]") -> None:
        with contextlib.suppress(Empty):
            while True:
                cell = todo.get_nowait()
                try:
                    done.put(self._cell(stand, cell))
                except BaseException as error:  # whoever waits has to know
                    done.put(error)
                    raise

    def _cell(self, stand: Stand, cell: Cell) -> Result:
        fault = FAULTS[cell.fault]
        run = stand.run(cell.command, fault, cell.at)
        method = cell.at[0][0]
        wrong = complaints(cell.command, fault, method, self.clean[cell.command], run)
        return Result(cell, run.struck > 0, wrong, run)


def _alike(at: Place) -> str:
    """What writes have in common that differ only in the object's name, or come again; patches always differ."""
    (method, path), number = at
    return f"{method} {path} {number}" if method == "PATCH" else f"{method} {path.partition('-caps-fit')[0]}"


@contextlib.contextmanager
def matrix(cluster: Cluster, folder: Path) -> Iterator[Matrix]:
    """The matrix in front of a cluster, with its shops open."""
    with ExitStack() as stack:
        stands = []
        for number in range(SHOPS):
            shop = Shop(cluster, folder_of(folder, number))
            shop.open()
            stands.append(Stand(shop, stack.enter_context(sabotaged(shop))))
        yield Matrix(stands)
