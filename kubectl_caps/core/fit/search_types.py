"""Defines the values of a search: ended trials, the next trials, and the result."""

from typing import Literal

from msgspec import Struct

Grant = tuple[str, str]
"""A container's name and the short name of a capability."""
Grants = frozenset[Grant]
TrialOutcome = Literal["passed", "failed", "notTried"]
StuckReason = Literal["everything", "contradiction", "notTried"]


class TrialRecord(Struct, frozen=True):
    """An ended trial: the added grants, the outcome, and the grants that its evidence names as missing."""

    adds: Grants
    outcome: TrialOutcome
    named: Grants = frozenset()

    @property
    def tells(self) -> bool:
        """Whether the evidence names a grant that the trial did not have. Such a failure is not chance."""
        return bool(self.named - self.adds)


class SearchSpace(Struct, frozen=True):
    """The grants that the containers hold today, and the knowledge before the first trial.

    A search begins with the `likely` grants. `possible` is an upper bound from an observer of the program; empty
    without an observer. `used` are the grants that the kernel gave the baseline; None without a complete record. With
    `used`, the baseline counts as a passed trial of every set that has all of them.
    """

    held: Grants
    likely: Grants = frozenset()
    possible: Grants = frozenset()
    used: Grants | None = None


class Try(Struct, frozen=True):
    """The sets to try now, the most important first. A set that is listed twice runs twice.

    A running trial is no longer needed if its set is not listed.
    """

    sets: tuple[Grants, ...]


class Found(Struct, frozen=True):
    """A set that works, and for each member the index of the failed trial that proves the need.

    No trial could be made without the `unproved` members. `chance` is the index of a trial that failed without naming a
    capability, although it had all grants of a working set.
    """

    needed: Grants
    proofs: dict[Grant, int]
    unproved: Grants = frozenset()
    chance: int | None = None


class Stuck(Struct, frozen=True):
    """The reason why there is no answer, with the indexes of the trials that show it.

    `everything`: the pod fails with every capability. `contradiction`: a set failed, although a part of the set works.
    `notTried`: a trial that the search needs could not be made.
    """

    reason: StuckReason
    trials: tuple[int, ...] = ()
