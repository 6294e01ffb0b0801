"""`Known`: what the trials so far prove: sets that fail, capabilities that are needed, and contradictions."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from kubectl_caps.core.fit.search_types import Grant, Grants, SearchSpace, TrialRecord

_TOGETHER = ("CHOWN", "SETGID", "SETUID")
"""What a program needs that starts as root, gives its files to its own user and goes on as that user."""
FAILED = 2
"""The number of equal failures that prove a need if no failure names it: one failure may be chance."""

USUAL_FIRST = (
    "SETUID", "SETGID", "CHOWN", "NET_BIND_SERVICE", "DAC_OVERRIDE", "FOWNER", "NET_RAW", "KILL", "SYS_CHROOT",
    "AUDIT_WRITE", "FSETID", "SETPCAP", "SETFCAP", "MKNOD", "DAC_READ_SEARCH", "NET_ADMIN", "SYS_ADMIN", "SYS_TIME",
    "SYS_NICE", "SYS_RESOURCE", "IPC_LOCK", "SYS_PTRACE",
)  # fmt: skip
"""The capabilities that programs need most often, by the images of docs/fit.md: they shorten the search."""


class Known:
    """The knowledge from trials. `best` is the smallest set that passed, `named` all grants that failed trials name.

    `contradiction` has the indexes of a trial that passed, and of a trial that failed with all of its grants. If there
    is only one such failed trial, and it named nothing, `chance` is its index: then it proves nothing.
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

    def hope(self, hopeful: Iterable[Grants]) -> Grants | None:
        """The smallest running set that looks well and would be a better answer."""
        better = (adds for adds in hopeful if not self.fails(adds) and (self.best is None or adds < self.best))
        return min(better, key=len, default=None)

    def together(self) -> Grants:
        """What is likely, with what usually goes with that."""
        steps_down = {container for container, name in self.likely if name in _TOGETHER}
        usual = frozenset((container, name) for container in steps_down for name in _TOGETHER)
        return self.likely | (usual & self.space.held)

    def promising(self, sets: Collection[Grants]) -> Grants | None:
        """The set among these that most likely works: what is likely, and with that what usually goes with that."""
        found = self.together()
        return found if found and found in sets else None

    def fails(self, adds: Grants) -> bool:
        return any(adds <= failed for failed in self.failed)

    def attempts(self, adds: Grants) -> int:
        """The number of trials with exactly this set that could not be made."""
        return sum(trial.outcome == "notTried" and trial.adds == adds for trial in self.trials)

    def not_tried(self) -> tuple[int, ...]:
        return tuple(index for index, trial in enumerate(self.trials) if trial.outcome == "notTried")

    def proofs(self, grant: Grant, best: Grants) -> Iterator[int]:
        """The failed trials that had all of `best` except this member."""
        for index, trial in enumerate(self.trials):
            if self._fails(index, trial) and grant not in trial.adds and best - {grant} <= trial.adds:
                yield index

    def proof(self, grant: Grant, best: Grants) -> int | None:
        """The trial that proves a member: a trial that names it, or one of several that lacked nothing else."""
        found = list(self.proofs(grant, best))
        named = [index for index in found if grant in self.trials[index].named]
        direct = [index for index in found if self.trials[index].adds == best - {grant}]
        told = [index for index in direct if index in named] or named
        return next(iter(told or (direct if len(found) >= FAILED else ())), None)

    def _fails(self, index: int, trial: TrialRecord) -> bool:
        return trial.outcome == "failed" and index != self.chance


def _contradictions(trials: Sequence[TrialRecord]) -> Iterator[tuple[int, int]]:
    """The indexes of failed trials, each with that of a trial that passed with a part of the same grants."""
    for other, failed in enumerate(trials):
        for index, passed in enumerate(trials):
            if failed.outcome == "failed" and passed.outcome == "passed" and passed.adds <= failed.adds:
                yield other, index
                break


def ordered(space: SearchSpace, grants: Iterable[Grant]) -> list[Grant]:
    """Grants in the order of the search: first those that may be needed, then those that are needed most often."""
    rank = {name: number for number, name in enumerate(USUAL_FIRST)}
    return sorted(grants, key=lambda grant: (grant not in space.possible, rank.get(grant[1], len(rank)), grant))
