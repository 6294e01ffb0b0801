"""`HeldLines`: lines that are kept until they are written. Many of them are compressed, to save memory."""

import zlib
from collections.abc import Iterator

_BLOCK = 1 << 20


class HeldLines:
    """Lines without line ends, in the order in which they are added. They can be read several times.

    The first `plain` bytes, in whole MiB, are kept as they are, because it takes time to compress them.
    """

    def __init__(self, plain: int) -> None:
        self._most_plain = plain
        self._plain: list[bytes] = []
        self._packed: list[bytes] = []
        self._last: list[bytes] = []
        self._size = 0

    def add(self, line: bytes) -> None:
        """Keep a line."""
        self._last.append(line)
        self._size += len(line)
        if self._size < _BLOCK:
            return
        block = b"\n".join(self._last)
        if len(self._plain) * _BLOCK < self._most_plain:
            self._plain.append(block)
        else:
            self._packed.append(zlib.compress(block, 1))
        self._last, self._size = [], 0

    def __iter__(self) -> Iterator[bytes]:
        for block in self._plain:
            yield from block.split(b"\n")
        for block in self._packed:
            yield from zlib.decompress(block).split(b"\n")
        yield from self._last
