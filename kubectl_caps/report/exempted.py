"""How exempted findings look on a terminal and in JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from kubectl_caps.core.assessment import Assessment
from kubectl_caps.core.exempting import exempted
from kubectl_caps.core.exemptions import Exempted


def short(items: Sequence[Exempted]) -> str:
    """One cell of a table: `NET_ADMIN, hostPorts (expired)`."""
    return ", ".join(dict.fromkeys(f"{item.id} (expired)" if item.expired else item.id for item in items))


def lines(items: Sequence[Exempted]) -> Iterator[str]:
    """A line each, with the reason and where it is written."""
    for item in items:
        exemption = item.exemption
        until = f"until {exemption.until}" if exemption.until else "for good"
        ended = ", expired: it counts" if item.expired else ""
        yield f"{item.what} {item.id}: {exemption.reason} ({until}{ended}; {exemption.origin})"


def as_json(items: Sequence[Exempted]) -> list[dict[str, Any]]:
    """The JSON contract's `exempted`."""
    return [
        {
            "what": item.what,
            "id": item.id,
            "reason": item.exemption.reason,
            "until": item.exemption.until.isoformat() if item.exemption.until else None,
            "origin": item.exemption.origin,
            "expired": item.expired,
        }
        for item in items
    ]


def summary(assessments: Sequence[Assessment]) -> dict[str, int]:
    """How many findings are exempted, and how many were until their exemption expired."""
    items = [item for assessment in assessments for item in exempted(assessment)]
    gone = sum(item.expired for item in items)
    return {"exempted": len(items) - gone, "expired": gone}
