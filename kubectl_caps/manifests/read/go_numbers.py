"""Reads numbers in YAML as Go and kubectl do."""

import math
import re

_INT = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_BASES = {"x": 16, "b": 2, "o": 8}
_MOST_DIGITS = 20
"""The decimal digits of 2**64. Python's time grows with the square of the digits, and it refuses more than 4,300."""


def number(text: str) -> int | float | None:
    """The text as a number of Go; None if it is no number.

    Underscores are allowed except at the start, and so are the prefixes 0x, 0b, 0o and 0. An integer of more than 64
    bits becomes a float.
    """
    whole = integer(text)
    if whole is not None:
        return whole
    text = text[:1] + text[1:].replace("_", "")
    if _FLOAT.fullmatch(text):
        found = float(text)
        if math.isinf(found):
            return None
        return int(found) if found.is_integer() and abs(found) < 2**53 else found
    return None


def integer(text: str) -> int | None:
    """The text as an integer of Go; None for any other text, and for an integer of more than 64 bits."""
    text = text[:1] + text[1:].replace("_", "")
    if not _INT.fullmatch(text):
        return None
    digits, base = text.lstrip("+-"), 10
    if digits[:1] == "0" and len(digits) > 1:
        base = _BASES.get(digits[1].lower(), 8)
    elif len(digits) > _MOST_DIGITS:
        return None
    found = int(digits[2:] if digits[1:2].isalpha() else digits, base) * (-1 if text[0] == "-" else 1)
    return found if -(2**63) <= found < 2**64 else None
