"""The known word that is nearest to a misspelt one."""

from collections.abc import Iterable

_LONGEST = 40
"""Looking for the nearest of a long text takes quadratic time."""
_NEAR = 0.7
"""The difflib ratio from which two words count as near. With difflib's default of 0.6, `--token` is near `--nope`."""


def hint(word: str, known: Iterable[str]) -> str:
    """`, did you mean inspect?`, or nothing if no known word is near."""
    import difflib  # costs some milliseconds of start-up, and is needed only for an error

    found = difflib.get_close_matches(word[:_LONGEST], list(known), n=1, cutoff=_NEAR)
    return f", did you mean {found[0]}?" if found else ""
