"""JSON that is nested deeper than a decoder goes: what is too deep is cut off, and a mark stands in its place.

The API server takes 10,000 levels (Go's encoding/json); Python's decoders stop at the interpreter's recursion limit.
Nothing that is judged is as deep as the cut.
"""

import re

DEEPEST = 200
CUT = b'"kubectl-caps: nested too deep"'

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


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
