"""Several lists at a time: order, memory, errors, and a reader that stops."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_caps.cluster.api.parallel_lists import AHEAD, read_in_parallel, read_in_turns
from kubectl_caps.errors import ApiError, Unreachable

FORBIDDEN = ApiError(403, "Forbidden", "no")

Source = Callable[[], Iterator[int]]


def source(*pages: int | Exception) -> Source:
    def start() -> Iterator[int]:
        for page in pages:
            if isinstance(page, Exception):
                raise page
            yield page

    return start


def read(sources: list[Source], workers: int) -> list[list[int] | ApiError]:
    return [answer if isinstance(answer, ApiError) else list(answer) for answer in read_in_parallel(sources, workers)]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.integers(), max_size=6), max_size=9), st.integers(1, 5))
def test_every_page_comes_in_order(pages: list[list[int]], workers: int) -> None:
    assert read([source(*some) for some in pages], workers) == pages


def test_an_error_of_one_list_does_not_stop_other_lists() -> None:
    assert read([source(1, 2), source(FORBIDDEN), source(3)], 2) == [[1, 2], FORBIDDEN, [3]]


def test_an_error_in_the_middle_is_raised_where_it_is() -> None:
    answers = read_in_parallel([source(1, FORBIDDEN), source(2)], 2)
    pages = next(answers)
    assert not isinstance(pages, ApiError)
    assert next(pages) == 1
    with pytest.raises(ApiError, match="no"):
        next(pages)
    assert [list(answer) for answer in answers if not isinstance(answer, ApiError)] == [[2]]


def test_no_answer_at_all_is_raised() -> None:
    with pytest.raises(Unreachable, match="EOF"):
        read([source(1), source(Unreachable("EOF"))], 2)


def test_unread_pages_of_a_list_are_not_taken_for_an_empty_list() -> None:
    kept = list(read_in_parallel([source(1, 2, 3), source(4)], 2))
    first, last = kept
    assert not isinstance(first, ApiError)
    assert not isinstance(last, ApiError)
    with pytest.raises(RuntimeError, match="passed over"):
        list(first)


def test_a_list_that_was_read_partly_does_not_block_the_next() -> None:
    first = []
    for answer in read_in_parallel([source(*range(50)), source(*range(50)), source(*range(50))], 1):
        assert not isinstance(answer, ApiError)
        first.append(next(answer))
    assert first == [0, 0, 0]


def test_lists_are_not_read_far_ahead_of_the_consumer() -> None:
    made: list[int] = []

    def start() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    answers = read_in_parallel([start], 4)
    pages = next(answers)
    assert not isinstance(pages, ApiError)
    assert next(pages) == 0
    time.sleep(0.1)
    assert len(made) <= AHEAD + 2
    assert [*pages] == list(range(1, 100))


def test_several_iterators_run_at_the_same_time() -> None:
    barrier = threading.Barrier(3, timeout=30)

    def start() -> Iterator[int]:
        barrier.wait()
        yield 1

    assert read([start] * 3, 3) == [[1], [1], [1]]


def test_a_reader_that_stops_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    answers = read_in_parallel([source(*range(100))] * 8, 4)
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    for _ in range(100):
        if threading.active_count() <= before:
            break
        time.sleep(0.01)
    assert threading.active_count() <= before


# --- all lists, in turns


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.integers(), max_size=6), max_size=9), st.integers(1, 5))
def test_lists_that_are_read_in_turns_are_whole(pages: list[list[int]], workers: int) -> None:
    with read_in_turns([source(*some) for some in pages], workers) as answers:
        found: list[list[int]] = [[] for _ in pages]
        for _ in range(7):
            for answer, some in zip(answers, found, strict=True):
                some.extend(islice(answer, 1))
    assert found == pages


def test_the_error_of_a_list_is_raised_where_it_is_and_stops_no_other_list() -> None:
    with read_in_turns([source(1, FORBIDDEN), source(2, 3)], 1) as (first, second):
        assert [next(second), next(first)] == [2, 1]
        with pytest.raises(ApiError, match="no"):
            next(first)
        assert list(second) == [3]


def test_a_list_that_is_read_too_late_is_not_taken_for_an_empty_list() -> None:
    with read_in_turns([source(*range(9)), source(1)], 2) as (first, second):
        assert next(first) == 0
    for late in (first, second):
        with pytest.raises(RuntimeError, match="not read in time"):
            next(late)


def test_a_reader_that_leaves_lists_unread_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    with read_in_turns([source(*range(100))] * 8, 4) as answers:
        next(answers[0])
    for _ in range(100):
        if threading.active_count() <= before:
            break
        time.sleep(0.01)
    assert threading.active_count() <= before
