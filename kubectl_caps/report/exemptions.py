"""The text output for exempted findings: the cell EXEMPTED and the lines with reasons."""

from collections.abc import Iterator, Sequence

from kubectl_caps.core.assess.exemptions import Exempted, Exemption


def exemptions_cell(items: Sequence[Exempted]) -> str:
    """One cell of a table: `NET_ADMIN, hostPorts (expired)`."""
    return ", ".join(dict.fromkeys(f"{item.id} (expired)" if item.expired else item.id for item in items))


def exemption_lines(items: Sequence[Exempted]) -> Iterator[str]:
    """A line for each finding, with the reason and the place of its exemption."""
    for item in items:
        yield f"{item.what} {item.id}: {reason_of(item.exemption, ', expired: it counts' if item.expired else '')}"


def reason_of(exemption: Exemption, ended: str = "") -> str:
    """`pings its peers (until 2027-06-30; exemptions.yaml:4)`."""
    until = f"until {exemption.until}" if exemption.until else "for good"
    return f"{exemption.reason} ({until}{ended}; {exemption.origin})"
