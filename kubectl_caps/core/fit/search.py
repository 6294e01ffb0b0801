"""Chooses the next trials from the trials so far, or finds the smallest set that works.

A trial runs a pod that drops ALL capabilities and adds some. More rights never break a program, so every superset of a
working set works, and every subset of a failing set fails. Delta debugging on this order (Zeller and Hildebrandt,
"Simplifying and Isolating Failure-Inducing Input") finds a minimal set of k among n in about k*log2(n) trials. The
program's messages only change the order of the trials, never the answer.
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
"""The number of attempts at a trial that cannot be made."""
CONFIRMED = 2
"""The number of passed trials that the answer needs. A program that fails now and then must not count as working."""


def search_step(
    space: SearchSpace,
    trials: Sequence[TrialRecord],
    running: Sequence[Grants] = (),
    parallel: int = 1,
    hopeful: Collection[Grants] = (),
) -> Try | Found | Stuck:
    """The next step after these trials: the sets to try now, the answer, or the reason why there is no answer.

    `running` are the sets of the trials that run. At most `parallel` sets run at a time. `hopeful` are the running sets
    whose pods work so far. The sets that will be tried after their success are tried at once.
    """
    known = Known(space, trials)
    if known.contradiction:
        return Stuck("contradiction", known.contradiction)
    expected = known.best_hopeful(hopeful)
    if expected is not None and parallel > 1:
        others = list(running)
        others.remove(expected)
        ahead = search_step(space, [*trials, TrialRecord(expected, "passed")], others, parallel - 1)
        return Try((expected, *(ahead.sets if isinstance(ahead, Try) else ())))
    step = _climb(known, parallel) if known.best is None else _shrink(known, known.best, running, parallel)
    if not isinstance(step, Try):
        return step
    wanted = [adds for adds in dict.fromkeys(step.sets) if known.attempts(adds) < ATTEMPTS]
    if not wanted:
        return Stuck("notTried", known.not_tried())
    if known.best is None and parallel > CONFIRMED and space.used is None and (best_guess := known.most_likely(wanted)):
        wanted.insert(wanted.index(best_guess) + 1, best_guess)  # the answer needs two passes, and both can run now
    return Try(tuple(wanted[:parallel]))


def _successes(space: SearchSpace, best: Grants) -> int:
    """The number of trials that must pass with the answer. A traced baseline that used no other grant counts as one."""
    return CONFIRMED - (space.used is not None and space.used <= best)


def _climb(known: Known, parallel: int) -> Try | Stuck:
    """The next sets while no set works: the grants that the evidence names, then the possible grants, then all.

    A program often names only one capability at a time. So a set with the grants that are usually needed together runs
    beside the named ones.
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
        return Try((untried,))  # the kernel's record is the best guess, so worse guesses get no pods
    if parallel > 1:
        sets.insert(1, known.likely_with_usual())
    return Try(tuple(adds for adds in sets if not known.fails(adds)))


def _shrink(known: Known, best: Grants, running: Sequence[Grants], parallel: int) -> Try | Found:
    """The next sets after `best` works: the likely grants, then halves of the rest, then `best` without each member."""
    needed = {grant for grant in best if next(known.proofs(grant, best), None) is not None}
    rest = best - needed
    likely = (known.likely & best) | needed
    if rest - likely:
        if not known.fails(likely) and likely - needed:
            return Try((likely,))  # the evidence is a better guess than halving
        sets = [] if known.fails(likely) else [likely]
        return Try((*sets, *_halves(known, best, likely, running, parallel - len(sets))))
    return _one_by_one(known, best, running, parallel)


def _one_by_one(known: Known, best: Grants, running: Sequence[Grants], parallel: int) -> Try | Found:
    """Try `best` without each unproved member, and `best` once more. The answer, if all members are proved."""
    proofs, unproved, sets = dict[Grant, int](), set[Grant](), list[Grants]()
    spare = frozenset(grant for grant in best if any(grant not in adds for adds in known.passed))
    if len(spare) > 1 and not known.fails(best - spare) and known.attempts(best - spare) < ATTEMPTS:
        sets.append(best - spare)  # each member alone can be left out, so perhaps all can
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
            # A running trial without this grant may have more members, which are not needed. Its result counts as well.
            same = (adds for adds in running if grant not in adds and without <= adds)
            sets.append(next(same, without))
    # A failure by chance needs one more pass. A passing trial takes longest, so it begins first.
    if sum(adds == best for adds in known.passed) < _successes(known.space, best) + (known.chance is not None):
        sets.insert(0 if parallel > 1 else len(sets), best)
    return Try(tuple(sets)) if sets else Found(best, proofs, frozenset(unproved), known.chance)


def _halves(
    known: Known, best: Grants, first: Grants, running: Sequence[Grants], count: int
) -> Iterator[Grants]:  # fmt: skip
    """Sets between `first` and `best` that divide the widest gaps of a chain. Running sets of the chain stay.

    Each set of the chain has one grant more than the set before. In the end the largest failing set and the smallest
    working set differ in one grant, and this grant is needed.
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
