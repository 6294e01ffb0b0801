"""`Coverage`: the number of objects that a verdict judged, passed over, and could not read."""

from collections.abc import Iterable

from msgspec import Struct

from kubectl_caps.core.text import plural


class Coverage(Struct, frozen=True):
    """The counts behind a verdict.

    `judged`: objects that run pods. `passed_over`: objects that run no pods (on a cluster any more), partial objects,
    patches, files without objects. `not_read`: files, folders and lists that were not opened, and objects of a cluster
    that could not be read or not be tried.
    """

    judged: int = 0
    passed_over: int = 0
    not_read: int = 0

    @property
    def line(self) -> str:
        """`Judged 3 objects, passed over 2, left 1 unread.`"""
        return f"{self.words.capitalize()}."

    @property
    def words(self) -> str:
        """The counts for the middle of a sentence: `judged 3 objects, …`."""
        objects = f"{self.judged} {plural('object', self.judged)}"
        return f"judged {objects}, passed over {self.passed_over}, left {self.not_read} unread"


def total(parts: Iterable[Coverage]) -> Coverage:
    """The counts of several verdicts together."""
    every = list(parts)
    return Coverage(
        sum(one.judged for one in every), sum(one.passed_over for one in every), sum(one.not_read for one in every)
    )
