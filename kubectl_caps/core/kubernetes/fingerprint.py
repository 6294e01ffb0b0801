"""`fingerprint`: bytes by which equal parts of objects are found to be equal."""

import msgspec


def fingerprint(*parts: object) -> bytes | None:
    """The same bytes for equal parts, other bytes for different parts; None where a part has no such bytes.

    Parts are structs, lists, mappings and plain values. A number over 64 bits and a single surrogate exist in Python
    only, and a part may be nested too deep.
    """
    try:
        return msgspec.msgpack.encode(parts)
    except (OverflowError, UnicodeEncodeError, RecursionError):
        return None
