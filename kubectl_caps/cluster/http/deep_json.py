"""Decodes JSON that is nested too deep for a decoder: a mark replaces each part that is too deep.

The API server accepts 10,000 levels (Go's encoding/json). Python's decoders stop at the interpreter's recursion limit.
No judged field is nested so deep.
"""

import re
from typing import TypeVar

from msgspec.json import Decoder

DEEPEST = 200
CUT = b'"kubectl-caps: nested too deep"'
UNREADABLE = (ValueError, RecursionError)
"""The exceptions of msgspec for bytes that are not the wanted JSON. Its DecodeError is a ValueError."""

# A string without an end is one token, too. Otherwise the search would start again at each quote: quadratic time.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)

T = TypeVar("T")


def decode_deep(decoder: Decoder[T], text: bytes) -> T:
    """Decode the text. A text that is nested too deep is first cut by `shallow`. Raises the exceptions UNREADABLE."""
    try:
        return decoder.decode(text)
    except RecursionError:
        return decoder.decode(shallow(text))


def shallow(text: bytes) -> bytes:
    """The text with CUT in the place of every object and array that is deeper than DEEPEST levels."""
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
