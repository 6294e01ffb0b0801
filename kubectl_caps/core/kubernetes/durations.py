"""Parses durations as kubectl's flags do."""

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_PART = r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)"


def seconds_of(text: str) -> float:
    """Seconds of `1h30m`, `1.5h` or `500ms` (Go's time.ParseDuration), or of `5`, as in `--request-timeout=5`.

    Raises ValueError for other texts and for negative durations (client-go, tools/clientcmd/config.go ParseTimeout).
    """
    if re.fullmatch(r"\+?\d+", text, re.ASCII):
        return float(text)
    if re.fullmatch(rf"\+?({_PART})+", text, re.ASCII):
        return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text, re.ASCII))
    raise ValueError(f"no duration: {text!r}")
