"""One container of an inspection as a table of an HTML page."""

from collections.abc import Iterator

from kubectl_caps.core.assess.assessment import ContainerAssessment, Observed, Predicted
from kubectl_caps.core.assess.exemptions import Exempted
from kubectl_caps.core.linux.sets import CapabilitySet, ProcessSets
from kubectl_caps.report.html_elements import SOFT, badge, html_text, item_list, row
from kubectl_caps.report.inspection import on_runtimes, user_words
from kubectl_caps.report.manual import docs


def container_table(container: ContainerAssessment) -> Iterator[str]:
    """The lines of one container's table."""
    yield f"<table><caption>{html_text(container.container.name)} <span {SOFT}>{container.role}</span></caption>"
    yield "<tbody>"
    yield row("Risk", _risk(container))
    yield row("Image", f"<code>{html_text(container.container.image or 'none')}</code>")
    yield row("User", html_text(user_words(container)))
    yield row("Declared", _declared(container))
    for entry in container.predicted:
        yield row("Predicted", _predicted(entry))
    for observed in container.observed:
        yield row("Observed", _observed(observed))
    if container.warnings:
        accepted = {item.id for item in container.exempted if item.what == "warning" and not item.expired}
        items = [_warning(item.id, item.message, item.id in accepted) for item in container.warnings]
        yield row("Warnings", item_list(items))
    if container.exempted:
        yield row("Exempted", item_list(map(exempted, container.exempted)))
    yield "</tbody></table>"


def _risk(container: ContainerAssessment) -> str:
    left = container.counted_risk
    rest = "" if left == container.risk else f" {badge(f'{left} without exempted findings', 'stamp')}"
    return badge(container.risk, container.risk) + html_text(on_runtimes(container)) + rest


def _declared(container: ContainerAssessment) -> str:
    capabilities, declared = container.container.capabilities, container.declared
    parts = [
        "privileged" if declared.privileged else "",
        f"add {', '.join(capabilities.add)}" if capabilities.add else "",
        f"drop {', '.join(capabilities.drop)}" if capabilities.drop else "",
        {True: "allowPrivilegeEscalation true", False: "allowPrivilegeEscalation false", None: ""}[
            declared.allow_privilege_escalation
        ],
        "runAsNonRoot" if declared.run_as_non_root else "",
    ]
    return "<br>".join(html_text(part) for part in parts if part) or f"<span {SOFT}>nothing</span>"


def _predicted(entry: Predicted) -> str:
    where = f"{entry.place.runtime.name}, {entry.place.provenance}"
    if entry.outcome.refused:
        return f"does not start: {html_text(entry.outcome.refused)} <span {SOFT}>({html_text(where)})</span>"
    return f"<span {SOFT}>{html_text(where)}</span><br>{_sets(entry.outcome.sets)}"


def _observed(observed: Observed) -> str:
    seen = observed.observation
    if seen.miss:
        return f"<span {SOFT}>{html_text(seen.pod)}</span><br>not observed: {html_text(seen.why)}"
    lines = [
        f"<b>{html_text(process.comm)}</b> ({process.pid}, user {process.uid})"
        f"{' ' + badge('differs', 'medium') if differences else ''}<br>{_sets(process.sets)}"
        for process, differences in observed.processes
    ]
    return f"<span {SOFT}>{html_text(seen.pod)}</span>{item_list(lines)}"


def _sets(sets: ProcessSets) -> str:
    """The effective set, the bounding set if it differs, and no_new_privs if it is set."""
    parts = [_set("effective", sets.effective)]
    if sets.bounding != sets.effective:
        parts.append(_set("bounding", sets.bounding))
    if sets.no_new_privs:
        parts.append("no_new_privs")
    return "<br>".join(parts)


def _set(name: str, capabilities: CapabilitySet) -> str:
    if not capabilities:
        return f"{name} none"
    mask = f'<code class="mask">{capabilities.hex.lstrip("0")}</code>'
    return f'{name} {mask}<span class="names">{", ".join(capabilities.short_names)}</span>'


def _warning(id_: str, message: str, accepted: bool) -> str:
    mark = f" {badge('exempted', 'stamp')}" if accepted else ""
    return f'<a href="{docs("warnings.md", id_)}">{html_text(id_)}</a>{mark}<br>{html_text(message)}'


def exempted(item: Exempted) -> str:
    """An exempted finding, with the reason and the place of its exemption."""
    exemption = item.exemption
    until = f"until {exemption.until}" if exemption.until else "for good"
    state = badge("expired, counts again", "ended") if item.expired else badge("exempted", "stamp")
    return (
        f"{state} {item.what} <b>{html_text(item.id)}</b><br>{html_text(exemption.reason)}"
        f'<span class="names">{html_text(f"{until}, {exemption.origin}")}</span>'
    )
