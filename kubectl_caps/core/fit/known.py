"""Draws conclusions from the trials so far: sets that fail, capabilities that are needed, and contradictions."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from kubectl_caps.core.fit.search_types import Grant, Grants, SearchSpace, TrialRecord

_USUAL_TOGETHER = ("CHOWN", "SETGID", "SETUID")
"""The needs of a program that starts as root, changes the owner of its files, and then changes to that user."""
FAILED = 2
"""The number of failures that prove a need if no failure names the capability. A single failure may be chance."""

USUAL_FIRST = (
    "SETUID", "SETGID", "CHOWN", "NET_BIND_SERVICE", "DAC_OVERRIDE", "FOWNER", "NET_RAW", "KILL", "SYS_CHROOT",
    "AUDIT_WRITE", "FSETID", "SETPCAP", "SETFCAP", "MKNOD", "DAC_READ_SEARCH", "NET_ADMIN", "SYS_ADMIN", "SYS_TIME",
    "SYS_NICE", "SYS_RESOURCE", "IPC_LOCK", "SYS_PTRACE",
)  # fmt: skip
"""The capabilities that programs need most often (by the images of docs/fit.md). This order shortens the search."""


class Known:
    """The conclusions from the trials so far.

    `best` is the smallest set that passed. `likely` are the grants that the evidence or a failed trial names.
    `contradiction` has the indexes of a passed trial, and of a trial that failed with all grants of the passed one. If
    there is only one such failed trial, and it named no capability, the failure counts as chance and proves nothing.
    Then `chance` is its index.
    """

    def __init__(self, space: SearchSpace, trials: Sequence[TrialRecord]) -> None:
        self.space, self.trials = space, trials
        self.passed = [trial.adds for trial in trials if trial.outcome == "passed"]
        pairs = dict(_contradictions(trials))
        is_chance = len(pairs) == 1 and not any(trials[failed].tells for failed in pairs)
        self.chance = next(iter(pairs)) if is_chance else None
        self.contradiction = next(((passed, failed) for failed, passed in pairs.items() if not is_chance), None)
        self.failed = [trial.adds for index, trial in enumerate(trials) if self._fails(index, trial)]
        self.best = min(self.passed, key=lambda adds: (len(adds), ordered(space, adds)), default=None)
        named = {grant for trial in trials if trial.outcome == "failed" for grant in trial.named}
        self.likely = (space.likely | named) & space.held

    def best_hopeful(self, hopeful: Iterable[Grants]) -> Grants | None:
        """The smallest of the `hopeful` sets that would be a better answer than `best`; None if there is none."""
        better = (adds for adds in hopeful if not self.fails(adds) and (self.best is None or adds < self.best))
        return min(better, key=len, default=None)

    def likely_with_usual(self) -> Grants:
        """The likely grants, and the grants that are usually needed together with them."""
        steps_down = {container for container, name in self.likely if name in _USUAL_TOGETHER}
        usual = frozenset((container, name) for container in steps_down for name in _USUAL_TOGETHER)
        return self.likely | (usual & self.space.held)

    def most_likely(self, sets: Collection[Grants]) -> Grants | None:
        """The set of `likely_with_usual`, if it is not empty and is one of these sets."""
        found = self.likely_with_usual()
        return found if found and found in sets else None

    def fails(self, adds: Grants) -> bool:
        return any(adds <= failed for failed in self.failed)

    def attempts(self, adds: Grants) -> int:
        """The number of trials with exactly this set that could not be made."""
        return sum(trial.outcome == "notTried" and trial.adds == adds for trial in self.trials)

    def not_tried(self) -> tuple[int, ...]:
        return tuple(index for index, trial in enumerate(self.trials) if trial.outcome == "notTried")

    def proofs(self, grant: Grant, best: Grants) -> Iterator[int]:
        """The indexes of the failed trials that had all grants of `best` except this one."""
        for index, trial in enumerate(self.trials):
            if self._fails(index, trial) and grant not in trial.adds and best - {grant} <= trial.adds:
                yield index

    def proof(self, grant: Grant, best: Grants) -> int | None:
        """The index of the failed trial that proves the need for a grant; None if there is no proof.

        A trial that names the grant is a proof. Without a name, FAILED failures are a proof.
        """
        found = list(self.proofs(grant, best))
        named = [index for index in found if grant in self.trials[index].named]
        direct = [index for index in found if self.trials[index].adds == best - {grant}]
        told = [index for index in direct if index in named] or named
        return next(iter(told or (direct if len(found) >= FAILED else ())), None)

    def _fails(self, index: int, trial: TrialRecord) -> bool:
        return trial.outcome == "failed" and index != self.chance


def _contradictions(trials: Sequence[TrialRecord]) -> Iterator[tuple[int, int]]:
    """Pairs of indexes: a failed trial, and a trial that passed with the same grants or a part of them."""
    for other, failed in enumerate(trials):
        for index, passed in enumerate(trials):
            if failed.outcome == "failed" and passed.outcome == "passed" and passed.adds <= failed.adds:
                yield other, index
                break


def ordered(space: SearchSpace, grants: Iterable[Grant]) -> list[Grant]:
    """The grants in the order of the search: first the possible ones of the space, then by USUAL_FIRST."""
    rank = {name: number for number, name in enumerate(USUAL_FIRST)}
    return sorted(grants, key=lambda grant: (grant not in space.possible, rank.get(grant[1], len(rank)), grant))
