"""Rows in which every pair of values of any two columns is met: what `cover` returns is the same for the same seed."""

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, product
from typing import Any

Row = dict[str, Any]
Pair = tuple[str, int, str, int]


def pairs(columns: Mapping[str, Sequence[Any]], allowed: Callable[[Row], bool]) -> set[Pair]:
    """Every pair of values that may stand in one row, as column and index of each. `allowed` judges half a row."""
    return {
        (one, i, other, j)
        for one, other in combinations(columns, 2)
        for i, j in product(range(len(columns[one])), range(len(columns[other])))
        if allowed({one: columns[one][i], other: columns[other][j]})
    }


def met(columns: Mapping[str, Sequence[Any]], rows: Sequence[Row]) -> set[Pair]:
    """The pairs that some rows meet."""
    return {pair for row in rows for pair in _of(columns, {name: columns[name].index(row[name]) for name in columns})}


def cover(columns: Mapping[str, Sequence[Any]], allowed: Callable[[Row], bool], seed: int) -> list[Row]:
    """Allowed rows that meet every allowed pair; the greedy way: each row meets as many new pairs as it can."""
    source = random.Random(seed)
    open_pairs = pairs(columns, allowed)
    rows: list[Row] = []
    while open_pairs:
        chosen = max((_row(columns, allowed, open_pairs, source) for _ in range(8)), key=lambda one: len(one[1]))
        assert chosen[1], "a pair cannot be met in any allowed row"
        open_pairs -= chosen[1]
        rows.append({name: columns[name][index] for name, index in chosen[0].items()})
    return rows


def _row(
    columns: Mapping[str, Sequence[Any]], allowed: Callable[[Row], bool], wanted: set[Pair], source: random.Random
) -> tuple[dict[str, int], set[Pair]]:
    """A row that meets a wanted pair, and the wanted pairs that it meets."""
    one, i, other, j = source.choice(sorted(wanted))
    row = {one: i, other: j}
    for name in source.sample(sorted(set(columns) - {one, other}), len(columns) - 2):
        candidates = [
            index
            for index in source.sample(range(len(columns[name])), len(columns[name]))
            if allowed({key: columns[key][at] for key, at in {**row, name: index}.items()})
        ]
        if not candidates:
            return row, set()
        row[name] = max(candidates, key=lambda index: len(_of(columns, {**row, name: index}) & wanted))
    return row, _of(columns, row) & wanted


def _of(columns: Mapping[str, Sequence[Any]], row: Mapping[str, int]) -> set[Pair]:
    present = [name for name in columns if name in row]
    return {(one, row[one], other, row[other]) for one, other in combinations(present, 2)}
