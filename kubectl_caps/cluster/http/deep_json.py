"""Cuts JSON that is nested too deep for a decoder: a mark replaces each part that is too deep.

The API server takes 10,000 levels (Go's encoding/json); Python's decoders stop at the interpreter's recursion limit.
Nothing that is judged is as deep as the cut.
"""

import re
from typing import TypeVar

from msgspec.json import Decoder

DEEPEST = 200
CUT = b'"kubectl-caps: nested too deep"'
UNREADABLE = (ValueError, RecursionError)
"""What msgspec raises for bytes that are not the wanted JSON. Its DecodeError is a ValueError."""

# A text that never ends is one token, too: tried again at each of its quotes it would take quadratic time.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)

T = TypeVar("T")


def decode_deep(decoder: Decoder[T], text: bytes) -> T:
    """The decoded text; of a text that is nested too deep, the decoded result of `shallow`. Raises UNREADABLE."""
    try:
        return decoder.decode(text)
    except RecursionError:
        return decoder.decode(shallow(text))


def shallow(text: bytes) -> bytes:
    """The text with CUT for every object and array that is deeper than DEEPEST."""
    kept, start, depth = [], 0, 0
    for token in _TOKEN.finditer(text):
        if token[0] in b"{[":
            depth += 1
            if depth == DEEPEST:
                kept.append(text[start : token.start()])
        elif token[0] in b"]}":
            if depth == DEEPEST:
                kept.append(CUT)
                start = token.end()
            depth -= 1
    return b"".join([*kept, text[start:]])
