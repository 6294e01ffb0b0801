"""The values of a search: trials that have ended, trials to make, and the end."""

from typing import Literal

from msgspec import Struct

Grant = tuple[str, str]
"""A container's name and the short name of a capability."""
Grants = frozenset[Grant]
TrialOutcome = Literal["passed", "failed", "notTried"]
StuckReason = Literal["everything", "contradiction", "notTried"]


class TrialRecord(Struct, frozen=True):
    """A trial that has ended: the added grants, the result, and the grants that its evidence names as missing."""

    adds: Grants
    outcome: TrialOutcome
    named: Grants = frozenset()

    @property
    def tells(self) -> bool:
        """Whether its evidence names a grant that it did not have: such a failure is no chance."""
        return bool(self.named - self.adds)


class SearchSpace(Struct, frozen=True):
    """The grants that the containers hold today, and the knowledge before any trial.

    A search begins with the `likely` grants. `possible` is an upper bound by an observer of the program, empty without
    one. `used` are the grants that the kernel gave the baseline, None if there is no complete record of that: the
    baseline counts as a success of every set that has them.
    """

    held: Grants
    likely: Grants = frozenset()
    possible: Grants = frozenset()
    used: Grants | None = None


class Try(Struct, frozen=True):
    """The sets to try now, the most telling first; a set that is listed twice runs twice.

    A running trial that is not listed is no longer needed.
    """

    sets: tuple[Grants, ...]


class Found(Struct, frozen=True):
    """A set that works, and for each member the index of the failed trial that proves it.

    No trial without the `unproved` members could be made. `chance` is the index of a trial that failed and named
    nothing, although it had all grants of a working set.
    """

    needed: Grants
    proofs: dict[Grant, int]
    unproved: Grants = frozenset()
    chance: int | None = None


class Stuck(Struct, frozen=True):
    """Why there is no answer, with the indexes of the trials that show it.

    `everything`: the pod fails with every capability by name. `contradiction`: a set failed although a part of it
    works. `notTried`: a trial that the search needs could not be made.
    """

    reason: StuckReason
    trials: tuple[int, ...] = ()
