"""Chooses the next trials from the trials so far, or finds the smallest set that works.

A trial runs a pod with ALL capabilities dropped and some added back. More rights never break a program, so whatever
has a working set in it works, and whatever is inside a failing set fails. Delta debugging on that order (Zeller and
Hildebrandt, "Simplifying and Isolating Failure-Inducing Input") finds a minimal set of k among n in about k*log2(n)
trials, whatever the program says or does not say. What it says only changes the order of the trials, never the answer.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

from kubectl_caps.core.fit.known import FAILED, Known, ordered
from kubectl_caps.core.fit.search_types import (
    Found,
    Grant,
    Grants,
    SearchSpace,
    Stuck,
    TrialRecord,
    Try,
)

ATTEMPTS = 2
"""The number of attempts at a set whose trial could not be made."""
CONFIRMED = 2
"""The number of passes that the answer needs: a program that fails now and then must not count as working."""


def search_step(
    space: SearchSpace,
    trials: Sequence[TrialRecord],
    running: Sequence[Grants] = (),
    parallel: int = 1,
    hopeful: Collection[Grants] = (),
) -> Try | Found | Stuck:
    """The next step after these trials, while `running` are on their way.

    At most `parallel` sets run at a time. `hopeful` are the running trials that look well so far: the sets that follow
    if they pass are tried beside them.
    """
    known = Known(space, trials)
    if known.contradiction:
        return Stuck("contradiction", known.contradiction)
    hope = known.hope(hopeful)
    if hope is not None and parallel > 1:
        others = list(running)
        others.remove(hope)
        ahead = search_step(space, [*trials, TrialRecord(hope, "passed")], others, parallel - 1)
        return Try((hope, *(ahead.sets if isinstance(ahead, Try) else ())))
    step = _climb(known, parallel) if known.best is None else _shrink(known, known.best, running, parallel)
    if not isinstance(step, Try):
        return step
    wanted = [adds for adds in dict.fromkeys(step.sets) if known.attempts(adds) < ATTEMPTS]
    if not wanted:
        return Stuck("notTried", known.not_tried())
    if known.best is None and parallel > CONFIRMED and space.used is None and (promising := known.promising(wanted)):
        wanted.insert(wanted.index(promising) + 1, promising)  # its second success needs as long as its first one
    return Try(tuple(wanted[:parallel]))


def _successes(space: SearchSpace, best: Grants) -> int:
    """The number of trials that have to pass with the answer: a traced baseline that used no more is one of them."""
    return CONFIRMED - (space.used is not None and space.used <= best)


def _climb(known: Known, parallel: int) -> Try | Stuck:
    """Nothing works yet: try the grants that the evidence names, then those that may be needed, then all.

    Side by side with the named ones runs what usually goes with these: a program names one capability at a time.
    """
    held = known.space.held
    if known.fails(held):
        shown = tuple(i for i, trial in enumerate(known.trials) if trial.outcome == "failed" and held <= trial.adds)
        if len(shown) >= FAILED or known.attempts(held) >= ATTEMPTS:
            return Stuck("everything", shown)
        return Try((held,))
    sets = [known.likely, known.likely | (known.space.possible & held), held]
    if known.space.used is not None:
        untried = next((adds for adds in sets if not known.fails(adds)), held)
        return Try((untried,))  # the kernel's record is the best guess: no pods for worse ones beside it
    if parallel > 1:
        sets.insert(1, known.together())
    return Try(tuple(adds for adds in sets if not known.fails(adds)))


def _shrink(known: Known, best: Grants, running: Sequence[Grants], parallel: int) -> Try | Found:
    """A set works: take away its needless members, by halves if no evidence names any, else one by one."""
    needed = {grant for grant in best if next(known.proofs(grant, best), None) is not None}
    rest = best - needed
    likely = (known.likely & best) | needed
    if rest - likely:
        if not known.fails(likely) and likely - needed:
            return Try((likely,))  # what the evidence names is the better guess
        sets = [] if known.fails(likely) else [likely]
        return Try((*sets, *_halves(known, best, likely, running, parallel - len(sets))))
    return _one_by_one(known, best, running, parallel)


def _one_by_one(known: Known, best: Grants, running: Sequence[Grants], parallel: int) -> Try | Found:
    """Each unproved member is taken away once, and the set itself is tried once more."""
    proofs, unproved, sets = dict[Grant, int](), set[Grant](), list[Grants]()
    spare = frozenset(grant for grant in best if any(grant not in adds for adds in known.passed))
    if len(spare) > 1 and not known.fails(best - spare) and known.attempts(best - spare) < ATTEMPTS:
        sets.append(best - spare)  # each alone can be left out: perhaps all of them can
    for grant in ordered(known.space, best):
        without = best - {grant}
        proof = known.proof(grant, best)
        if proof is not None:
            proofs[grant] = proof
        elif known.attempts(without) >= ATTEMPTS:
            weaker = list(known.proofs(grant, best))
            if len(weaker) >= FAILED:
                proofs[grant] = weaker[0]
            else:
                unproved.add(grant)
        else:
            # A trial on its way that began before another member was found to be spare tells the same.
            same = (adds for adds in running if grant not in adds and without <= adds)
            sets.append(next(same, without))
    # One failure against it needs one success more. Who works takes longest to show it, so that trial begins first.
    if sum(adds == best for adds in known.passed) < _successes(known.space, best) + (known.chance is not None):
        sets.insert(0 if parallel > 1 else len(sets), best)
    return Try(tuple(sets)) if sets else Found(best, proofs, frozenset(unproved), known.chance)


def _halves(
    known: Known, best: Grants, first: Grants, running: Sequence[Grants], count: int
) -> Iterator[Grants]:  # fmt: skip
    """Sets between `first` and `best` on one chain, the middle of the widest gap first; running ones are kept.

    The longest failing set of the chain and the shortest working set differ in one grant, which is needed.
    """
    order = [*ordered(known.space, first), *ordered(known.space, best - first)]
    chain = [frozenset(order[:size]) for size in range(len(order) + 1)]
    lowest = max([len(first), *(size for size, adds in enumerate(chain) if known.fails(adds))])
    marks = [lowest, *(size for size, adds in enumerate(chain) if adds in running and size > lowest), len(order)]
    marks = sorted(set(marks))
    yield from (chain[size] for size in marks[1:-1])
    for _ in range(max(count, 1) - len(marks[1:-1])):
        gap, start = max((upper - lower, -lower) for lower, upper in pairwise(marks))
        if gap < 2:
            return
        middle = -start + gap // 2
        yield chain[middle]
        marks = sorted([*marks, middle])
