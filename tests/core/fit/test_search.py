"""The search for the smallest set, against oracles that know what is needed, and against brute force."""

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from math import ceil, log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_caps.core.fit.known import USUAL_FIRST
from kubectl_caps.core.fit.search import search_step
from kubectl_caps.core.fit.search_types import Found, Grants, SearchSpace, Stuck, TrialRecord, Try

NAMES = USUAL_FIRST[:14]
NOTHING: Grants = frozenset()

Oracle = Callable[[Grants], TrialRecord]


def grants(*texts: str) -> Grants:
    """`web=CHOWN` as pairs; a name alone is that of container c."""
    pairs = (text.partition("=")[::2] if "=" in text else ("c", text) for text in texts)
    return frozenset((container, name) for container, name in pairs)


HELD = grants(*NAMES)


def superset_of(*needed: Grants, says: Callable[[Grants], Grants] = lambda missing: NOTHING) -> Oracle:
    """Passes with all of one of these sets; `says` is what its log names of what is missing of the first."""

    def run(adds: Grants) -> TrialRecord:
        if any(one <= adds for one in needed):
            return TrialRecord(adds, "passed")
        return TrialRecord(adds, "failed", says(needed[0] - adds))

    return run


def fit(
    space: SearchSpace, oracle: Oracle, parallel: int = 1, order: random.Random | None = None, *, hopes: bool = False
) -> tuple[Found | Stuck, list[TrialRecord]]:
    """Run the search as `fit` does; of several trials a random one ends first, with `hopes` some look well before."""
    trials: list[TrialRecord] = []
    running: list[Grants] = []
    for _ in range(500):
        hopeful = [adds for adds in running if order and hopes and order.random() < 0.5]
        step = search_step(space, trials, running, parallel, hopeful)
        if not isinstance(step, Try):
            return step, trials
        assert 0 < len(step.sets) <= parallel
        running = list(step.sets)
        ended = (order or random.Random(0)).choice(running)
        running.remove(ended)
        trials.append(oracle(ended))
    raise AssertionError("the search does not end")


def minimal_sets(oracle: Oracle, held: Grants) -> list[Grants]:
    """By brute force: all sets that pass and of which no part passes."""
    found: list[Grants] = []
    for size in range(len(held) + 1):
        for members in combinations(sorted(held), size):
            adds = frozenset(members)
            if not any(one <= adds for one in found) and oracle(adds).outcome == "passed":
                found.append(adds)
    return found


def logs(kind: str, seed: int) -> Callable[[Grants], Grants]:
    """What a program says of what is missing: nothing, one name at a time, all names, or wrong ones beside them."""
    noise = random.Random(seed)

    def wrong(missing: Grants) -> Grants:
        return frozenset(noise.sample(sorted(HELD), 2)) | frozenset(sorted(missing)[:1])

    return {
        "silent": lambda missing: NOTHING,
        "one": lambda missing: frozenset(sorted(missing)[:1]),
        "all": lambda missing: missing,
        "wrong": wrong,
        "only wrong": lambda missing: frozenset(noise.sample(sorted(HELD), 2)) - missing,
        "unknown": lambda missing: grants("c=NOT_HELD", "other=CHOWN"),
    }[kind]


KINDS = ("silent", "one", "all", "wrong", "only wrong", "unknown")


@settings(max_examples=400)
@given(
    needed=st.frozensets(st.sampled_from(sorted(HELD)), max_size=14),
    kind=st.sampled_from(KINDS),
    parallel=st.integers(1, 5),
    seed=st.integers(0, 1000),
    hopes=st.booleans(),
)
def test_every_hidden_set_is_found_and_proved_whatever_the_log_says(
    needed: Grants, kind: str, parallel: int, seed: int, hopes: bool
) -> None:
    oracle = superset_of(needed, says=logs(kind, seed))
    answer, trials = fit(SearchSpace(HELD), oracle, parallel, random.Random(seed), hopes=hopes)
    assert isinstance(answer, Found)
    assert answer.needed == needed
    assert answer.proofs.keys() == needed
    assert not answer.unproved
    for grant, index in answer.proofs.items():
        assert trials[index].outcome == "failed"
        assert grant not in trials[index].adds
        assert needed - {grant} <= trials[index].adds


@pytest.mark.parametrize("seed", range(40))
def test_the_answer_is_one_of_the_minimal_sets_of_brute_force(seed: int) -> None:
    chance = random.Random(seed)
    held = frozenset(chance.sample(sorted(HELD), 9))
    ways = [frozenset(chance.sample(sorted(held), chance.randint(0, 4))) for _ in range(chance.randint(1, 3))]
    oracle = superset_of(*ways, says=logs(chance.choice(KINDS), seed))
    answer, _ = fit(SearchSpace(held), oracle, chance.randint(1, 4), chance)
    assert isinstance(answer, Found)
    assert answer.needed in minimal_sets(oracle, held)


@settings(max_examples=200)
@given(needed=st.frozensets(st.sampled_from(sorted(HELD)), max_size=14), parallel=st.integers(1, 4))
def test_a_silent_program_takes_about_k_times_log_n_trials(needed: Grants, parallel: int) -> None:
    answer, trials = fit(SearchSpace(HELD), superset_of(needed), parallel)
    assert isinstance(answer, Found)
    # The empty set and the full one; for each member the halving, a look whether it was the last, and its removal,
    # which is the second failure without it; and the answer once more.
    bound = 2 + len(needed) * (ceil(log2(14)) + 2) + 1
    assert len(trials) <= bound + (2 * parallel if parallel > 1 else 0)


def made_side_by_side(oracle: Oracle, parallel: int, seed: int) -> int:
    """How many trials are made, those that are removed before their end among them: failures end first."""
    chance, made = random.Random(seed), 0
    trials: list[TrialRecord] = []
    running: list[Grants] = []
    while True:
        hopeful = [adds for adds in running if oracle(adds).outcome == "passed" and chance.random() < 0.7]
        step = search_step(SearchSpace(HELD), trials, running, parallel, hopeful)
        if not isinstance(step, Try):
            return made
        made += (Counter(step.sets) - Counter(running)).total()
        running = list(step.sets)
        ended = chance.choice([adds for adds in running if oracle(adds).outcome == "failed"] or running)
        running.remove(ended)
        trials.append(oracle(ended))


@settings(max_examples=100)
@given(
    needed=st.frozensets(st.sampled_from(sorted(HELD)), max_size=8),
    kind=st.sampled_from(["silent", "one", "all"]),
    parallel=st.integers(2, 4),
    seed=st.integers(0, 1000),
)
def test_side_by_side_at_most_twice_as_many_and_six_are_made(
    needed: Grants, kind: str, parallel: int, seed: int
) -> None:
    each = {"silent": ceil(log2(14)) + 2, "one": 2, "all": 1}[kind]
    bound = 3 + len(needed) * each
    assert made_side_by_side(superset_of(needed, says=logs(kind, seed)), parallel, seed) <= 2 * bound + 6


@pytest.mark.parametrize("size", range(7))
def test_a_program_that_names_one_at_a_time_takes_two_trials_for_each(size: int) -> None:
    needed = frozenset(random.Random(size).sample(sorted(HELD), size))
    answer, trials = fit(SearchSpace(HELD), superset_of(needed, says=logs("one", 0)))
    assert isinstance(answer, Found)
    assert len(trials) <= 2 + 2 * size


@pytest.mark.parametrize("size", range(7))
def test_a_program_that_names_all_at_once_takes_a_trial_for_each_and_three(size: int) -> None:
    needed = frozenset(random.Random(size).sample(sorted(HELD), size))
    _, trials = fit(SearchSpace(HELD), superset_of(needed, says=logs("all", 0)))
    assert len(trials) <= 3 + size


def test_likely_grants_come_first_then_possible_ones_then_all() -> None:
    space = SearchSpace(HELD, grants("CHOWN"), grants("CHOWN", "SETUID", "SETGID"))
    first = search_step(space, [], (), 3)
    usual = grants("CHOWN", "SETUID", "SETGID")
    assert first == Try((grants("CHOWN"), usual, usual))  # the more promising one twice: it has to work twice
    assert search_step(space, [TrialRecord(usual, "failed")], (), 3) == Try((HELD,))
    assert search_step(space, [], (), 1) == Try((grants("CHOWN"),))


def test_a_capability_that_is_not_held_today_is_never_tried() -> None:
    space = SearchSpace(grants("CHOWN"), grants("SYS_ADMIN"), grants("SYS_TIME"))
    answer, trials = fit(space, superset_of(grants("CHOWN"), says=lambda _: grants("NET_ADMIN")))
    assert answer == Found(grants("CHOWN"), {("c", "CHOWN"): 0})
    assert all(trial.adds <= space.held for trial in trials)


@pytest.mark.parametrize("parallel", [1, 4])
def test_each_container_has_its_own_set(parallel: int) -> None:
    held = grants(*(f"{container}={name}" for container in ("init", "web", "log") for name in NAMES))
    needed = grants("init=CHOWN", "web=SETUID", "web=SETGID")
    answer, trials = fit(SearchSpace(held), superset_of(needed), parallel)
    assert isinstance(answer, Found)
    assert answer.needed == needed
    assert len(trials) <= (2 + 3 * (ceil(log2(42)) + 2) + 1) * (1 if parallel == 1 else 2)


def rounds(oracle: Oracle, parallel: int) -> int:
    """How often trials were waited for, where those of one round end together."""
    trials: list[TrialRecord] = []
    for count in range(500):
        step = search_step(SearchSpace(HELD), trials, (), parallel)
        if not isinstance(step, Try):
            return count
        trials += map(oracle, step.sets)
    raise AssertionError("the search does not end")


@pytest.mark.parametrize("size", range(1, 5))
def test_side_by_side_takes_at_most_two_thirds_of_the_time(size: int) -> None:
    needed = frozenset(random.Random(size).sample(sorted(HELD), size))
    assert rounds(superset_of(needed), 4) <= rounds(superset_of(needed), 1) * 2 / 3


def test_two_failures_with_all_capabilities_end_the_search() -> None:
    answer, trials = fit(SearchSpace(HELD), lambda adds: TrialRecord(adds, "failed"))
    assert answer == Stuck("everything", (1, 2))
    assert [trial.adds for trial in trials] == [NOTHING, HELD, HELD]


@settings(max_examples=400)
@given(
    needed=st.frozensets(st.sampled_from(sorted(HELD)), max_size=14),
    kind=st.sampled_from(KINDS),
    parallel=st.integers(1, 5),
    seed=st.integers(0, 1000),
    at=st.integers(0, 40),
)
def test_one_trial_that_fails_by_chance_makes_no_capability_needed(
    needed: Grants, kind: str, parallel: int, seed: int, at: int
) -> None:
    oracle, count = superset_of(needed, says=logs(kind, seed)), itertools.count()

    def unlucky(adds: Grants) -> TrialRecord:
        return TrialRecord(adds, "failed") if next(count) == at else oracle(adds)

    answer, trials = fit(SearchSpace(HELD), unlucky, parallel, random.Random(seed))
    assert isinstance(answer, Found)
    assert answer.needed == needed
    assert set(answer.proofs) == needed
    by_chance = at if at < len(trials) and needed <= trials[at].adds else None
    assert answer.chance == by_chance
    # One failure against the answer, one success more for it.
    passes = sum(trial.outcome == "passed" and trial.adds == needed for trial in trials)
    assert passes >= (2 if by_chance is None else 3)


@pytest.mark.parametrize("kind", ["silent", "all"])
def test_a_capability_is_proved_by_one_failure_that_names_it_or_by_two_failures(kind: str) -> None:
    needed = grants("CHOWN", "SETUID")
    answer, trials = fit(SearchSpace(HELD, likely=needed), superset_of(needed, says=logs(kind, 0)))
    assert isinstance(answer, Found)
    for grant in needed:
        without = [trial for trial in trials if trial.adds == needed - {grant}]
        assert len(without) == (2 if kind == "silent" else 1)


def test_a_working_set_that_fails_the_second_time_is_a_contradiction_and_no_answer() -> None:
    seen: list[Grants] = []

    def lucky_once(adds: Grants) -> TrialRecord:
        seen.append(adds)
        return TrialRecord(adds, "failed" if seen.count(NOTHING) > 1 and not adds else "passed")

    answer, trials = fit(SearchSpace(HELD), lucky_once)
    assert answer == Stuck("contradiction", (0, 1))
    assert [trial.adds for trial in trials] == [NOTHING, NOTHING, NOTHING]


def test_a_failure_that_names_a_missing_grant_is_no_chance() -> None:
    trials = [TrialRecord(NOTHING, "failed", grants("CHOWN")), TrialRecord(NOTHING, "passed")]
    assert search_step(SearchSpace(HELD), trials) == Stuck("contradiction", (1, 0))


def test_two_failures_by_chance_are_a_program_that_fails_now_and_then_and_no_answer() -> None:
    trials = [TrialRecord(HELD, "failed"), TrialRecord(grants("CHOWN"), "failed"), TrialRecord(NOTHING, "passed")]
    assert search_step(SearchSpace(HELD), trials) == Stuck("contradiction", (2, 0))


def test_more_rights_that_break_a_program_are_a_contradiction() -> None:
    def picky(adds: Grants) -> TrialRecord:
        works = grants("CHOWN") <= adds and ("c", "MKNOD") not in adds
        return TrialRecord(adds, "passed" if works else "failed", grants("CHOWN"))

    answer, _ = fit(SearchSpace(HELD), picky, 4, random.Random(3))
    assert isinstance(answer, Stuck) or answer.needed == grants("CHOWN")


def not_tried(oracle: Oracle, sets: Iterable[Grants]) -> Oracle:
    """The same, but trials of these sets cannot be made."""
    hopeless = set(sets)
    return lambda adds: TrialRecord(adds, "notTried") if adds in hopeless else oracle(adds)


def test_the_answer_names_a_capability_whose_removal_could_not_be_tried() -> None:
    needed = grants("CHOWN", "SETUID")
    oracle = not_tried(superset_of(needed, says=logs("all", 0)), [grants("CHOWN")])
    answer, _ = fit(SearchSpace(HELD, likely=needed), oracle)
    assert isinstance(answer, Found)
    assert (answer.needed, answer.unproved) == (needed, grants("SETUID"))


@pytest.mark.parametrize("sets", [[NOTHING, HELD], [NOTHING, HELD, grants("CHOWN")]])
def test_a_search_whose_trials_cannot_be_made_ends(sets: Sequence[Grants]) -> None:
    answer, trials = fit(SearchSpace(HELD), not_tried(superset_of(HELD), sets))
    assert isinstance(answer, Stuck)
    assert answer.reason == "notTried"
    assert len(trials) == 4


def test_running_trials_that_still_tell_something_are_kept() -> None:
    trials = [TrialRecord(NOTHING, "failed"), TrialRecord(HELD, "passed")]
    first = search_step(SearchSpace(HELD), trials, (), 3)
    assert isinstance(first, Try)
    again = search_step(SearchSpace(HELD), trials, first.sets, 3)
    assert isinstance(again, Try)
    assert set(again.sets) == set(first.sets)


def test_beside_a_trial_that_looks_well_the_next_trial_runs() -> None:
    likely = grants("CHOWN", "SETUID")
    step = search_step(SearchSpace(HELD, likely), [], [likely, HELD], 4, [likely])
    assert step == Try((likely, likely, grants("CHOWN"), grants("SETUID")))


def test_a_trial_of_the_named_capabilities_runs_beside_a_trial_of_the_usual_set() -> None:
    trials = [TrialRecord(NOTHING, "failed", grants("CHOWN"))]
    usual = grants("CHOWN", "SETGID", "SETUID")
    assert search_step(SearchSpace(HELD), trials, (), 3) == Try((grants("CHOWN"), usual, usual))
    assert search_step(SearchSpace(HELD), trials, (), 1) == Try((grants("CHOWN"),))
