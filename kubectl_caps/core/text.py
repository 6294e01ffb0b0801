"""Words for sentences: plurals, and the first few of many names."""

from collections.abc import Sequence


def plural(noun: str, count: int) -> str:
    """The noun, with an s unless there is exactly one."""
    return noun if count == 1 else f"{noun}s"


def first_few(names: Sequence[str], most: int, noun: str = "") -> str:
    """`a, b and 3 more`: at most so many names, and the number of the other ones."""
    more = f" and {len(names) - most} more{noun and f' {noun}'}" if len(names) > most else ""
    return ", ".join(names[:most]) + more
