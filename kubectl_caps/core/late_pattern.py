"""`LatePattern`: a regular expression that is compiled when it is first used, for most commands read no log."""

import re
from collections.abc import Callable


class LatePattern:
    """`pattern` is the text, as of a compiled one."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self.pattern, self._flags = pattern, flags
        self._compiled: re.Pattern[str] | None = None

    def search(self, text: str) -> re.Match[str] | None:
        """The first match in the text."""
        return self._ready().search(text)

    def sub(self, new: Callable[[re.Match[str]], str], text: str) -> str:
        """The text with every match replaced."""
        return self._ready().sub(new, text)

    def _ready(self) -> re.Pattern[str]:
        if self._compiled is None:
            self._compiled = re.compile(self.pattern, self._flags)
        return self._compiled
