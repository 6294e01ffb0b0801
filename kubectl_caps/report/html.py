"""An inspection as one HTML page: no scripts, nothing loaded, the worst first, for screens of any width and for paper.

Every text of a cluster or a file is escaped, control and bidirectional characters are made visible, and the page's
Content-Security-Policy forbids all but its own style sheet.
"""

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib.metadata import version
from importlib.resources import files

from kubectl_caps.core.assessment import Assessment, ContainerAssessment, Observed, Predicted, worst_first
from kubectl_caps.core.exempting import exempted
from kubectl_caps.core.exemptions import Exempted
from kubectl_caps.core.linux.capabilities import WORST_FIRST
from kubectl_caps.core.linux.sets import CapabilitySet, ProcessSets
from kubectl_caps.core.pod import field_path
from kubectl_caps.core.podsecurity.policy import LEVELS
from kubectl_caps.core.podsecurity.registry import Violation
from kubectl_caps.errors import CapsError
from kubectl_caps.report.inspection import source, user_words
from kubectl_caps.report.links import HOME, docs
from kubectl_caps.report.terminal import escaped

_FEW = 4


def html(assessments: Sequence[Assessment], errors: Sequence[CapsError]) -> Iterator[str]:
    """The lines of the page."""
    ordered = worst_first(assessments)
    yield from _head()
    yield "<body>"
    yield "<header>"
    yield "<h1>Linux capabilities of workloads</h1>"
    yield f'<p class="soft">{_text(_origin(ordered))}</p>'
    yield from _counts(ordered, errors)
    yield "</header>"
    yield "<main>"
    yield from _not_judged(errors)
    if ordered:
        yield from _overview(ordered)
        yield "<h2>Each workload</h2>"
        for index, assessment in enumerate(ordered):
            yield from _article(index, assessment)
    else:
        yield "<p>No workloads were found.</p>"
    yield "</main>"
    yield f'<footer>Made by <a href="{HOME}">kubectl-caps</a> {_text(version("kubectl-caps"))}. What is predicted'
    yield f'follows from the manifest and the runtime: <a href="{docs("inspect.md")}">how</a>.</footer>'
    yield "</body>"
    yield "</html>"


def _head() -> Iterator[str]:
    style = files("kubectl_caps.report").joinpath("html.css").read_text()
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    yield "<!DOCTYPE html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="referrer" content="no-referrer">'
    yield "<title>Linux capabilities of workloads</title>"
    yield f"<style>{style}</style>"
    yield "</head>"


def _origin(assessments: Sequence[Assessment]) -> str:
    """Where all of it is from."""
    contexts = {item.workload.source.get("context") for item in assessments}
    if len(contexts) == 1 and (context := contexts.pop()):
        return f"Cluster of the context {context}"
    names = list(dict.fromkeys(str(item.workload.source.get("file", "")) for item in assessments))
    return ", ".join(names[:_FEW]) + (f" and {len(names) - _FEW} more files" if len(names) > _FEW else "")


def _counts(assessments: Sequence[Assessment], errors: Sequence[CapsError]) -> Iterator[str]:
    risks = Counter(item.risk for item in assessments)
    levels = Counter(_level(item) for item in assessments)
    marked = [item for assessment in assessments for item in exempted(assessment)]
    rows = [
        (len(assessments), "workloads", ""),
        *((risks[risk], f"{risk} risk" if risk != "none" else "no risk", risk) for risk in WORST_FIRST if risks[risk]),
        *((levels[level], level, level) for level in reversed(LEVELS) if levels[level]),
        (levels["unknown"], "of an unknown level", "unknown"),
        (sum(not item.expired for item in marked), "exempted", "stamp"),
        (sum(item.expired for item in marked), "expired", "ended"),
        (len(errors), "not judged", "unknown"),
    ]
    yield '<ul class="counts" aria-label="Summary">'
    for count, words, kind in rows:
        if count or not kind:
            yield f"<li><b>{count}</b>{_badge(words, kind) if kind else words}</li>"
    yield "</ul>"


def _not_judged(errors: Sequence[CapsError]) -> Iterator[str]:
    if errors:
        yield "<h2>Not judged</h2>"
        yield '<div class="card"><ul class="items">'
        yield from (f"<li>{_text(str(error).removeprefix('error: '))}</li>" for error in errors)
        yield "</ul></div>"


_COLUMNS = (("Workload", ""), ("Risk", ""), ("Pod Security", ""), ("Containers", "number more"),
            ("Violations", "number more"), ("Warnings", "number more"), ("Exempted", "number more"))  # fmt: skip


def _overview(assessments: Sequence[Assessment]) -> Iterator[str]:
    yield '<h2 id="overview">Overview</h2>'
    yield '<div class="card overview"><table aria-labelledby="overview">'
    yield "<thead><tr>"
    yield from (f'<th scope="col"{_class(kind)}>{name}</th>' for name, kind in _COLUMNS)
    yield "</tr></thead>"
    yield "<tbody>"
    for index, item in enumerate(assessments):
        numbers = (
            len(item.containers),
            len(item.counted_violations),
            sum(len(container.warnings) for container in item.containers),
            sum(not one.expired for one in exempted(item)),
        )
        yield f'<tr><th scope="row"><a href="#w{index}">{_breakable(item.workload.reference)}</a>{_small(item)}</th>'
        yield f"<td>{_badge(item.risk, item.risk)}</td><td>{_badge(_level(item), _level(item))}</td>"
        yield "".join(f'<td class="number more">{number}</td>' for number in numbers) + "</tr>"
    yield "</tbody></table></div>"


def _small(assessment: Assessment) -> str:
    namespace = assessment.workload.namespace
    return f"<small>{_text(namespace)}</small>" if namespace else ""


def _article(index: int, assessment: Assessment) -> Iterator[str]:
    workload = assessment.workload
    yield f'<article class="card" id="w{index}" aria-labelledby="t{index}">'
    yield f'<div class="title"><h3 id="t{index}">{_breakable(workload.reference)}</h3>'
    badges = _badge(f"risk {assessment.risk}", assessment.risk) + _badge(_level(assessment), _level(assessment))
    yield f"<span>{badges}</span></div>"
    facts = [
        *([f"namespace {workload.namespace}"] if workload.namespace else []),
        source(assessment),
        *([f"{len(assessment.pods)} pods"] if assessment.pods else []),
        f"Pod Security v1.{assessment.minor}",
    ]
    yield f'<p class="soft">{_text(" · ".join(facts))}</p>'
    yield "<h4>Containers</h4>"
    yield '<div class="containers">'
    for container in assessment.containers:
        yield from _container(container)
    yield "</div>"
    yield from _violations(assessment)
    yield "</article>"


def _container(container: ContainerAssessment) -> Iterator[str]:
    yield f"<table><caption>{_text(container.container.name)} <span {_soft()}>{container.role}</span></caption>"
    yield "<tbody>"
    yield _row("Risk", _risk(container))
    yield _row("Image", f"<code>{_text(container.container.image or 'none')}</code>")
    yield _row("User", _text(user_words(container)))
    yield _row("Declared", _declared(container))
    for entry in container.predicted:
        yield _row("Predicted", _predicted(entry))
    for observed in container.observed:
        yield _row("Observed", _observed(observed))
    if container.warnings:
        accepted = {item.id for item in container.exempted if item.what == "warning" and not item.expired}
        items = [_warning(item.id, item.message, item.id in accepted) for item in container.warnings]
        yield _row("Warnings", _list(items))
    if container.exempted:
        yield _row("Exempted", _list(map(_exempted, container.exempted)))
    yield "</tbody></table>"


def _risk(container: ContainerAssessment) -> str:
    left = container.counted_risk
    rest = "" if left == container.risk else f" {_badge(f'{left} without what is exempted', 'stamp')}"
    return _badge(container.risk, container.risk) + rest


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
    return "<br>".join(_text(part) for part in parts if part) or f"<span {_soft()}>nothing</span>"


def _predicted(entry: Predicted) -> str:
    where = f"{entry.place.runtime.name}, {entry.place.provenance}"
    if entry.outcome.refused:
        return f"does not start: {_text(entry.outcome.refused)} <span {_soft()}>({_text(where)})</span>"
    return f"<span {_soft()}>{_text(where)}</span><br>{_sets(entry.outcome.sets)}"


def _observed(observed: Observed) -> str:
    seen = observed.observation
    if seen.miss:
        return f"<span {_soft()}>{_text(seen.pod)}</span><br>not observed: {_text(seen.why)}"
    lines = [
        f"<b>{_text(process.comm)}</b> ({process.pid}, user {process.uid})"
        f"{' ' + _badge('differs', 'medium') if differences else ''}<br>{_sets(process.sets)}"
        for process, differences in observed.processes
    ]
    return f"<span {_soft()}>{_text(seen.pod)}</span>{_list(lines)}"


def _sets(sets: ProcessSets) -> str:
    """The effective set, the bounding set where it is another one, and no_new_privs."""
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
    mark = f" {_badge('exempted', 'stamp')}" if accepted else ""
    return f'<a href="{docs("warnings.md", id_)}">{_text(id_)}</a>{mark}<br>{_text(message)}'


def _exempted(item: Exempted) -> str:
    exemption = item.exemption
    until = f"until {exemption.until}" if exemption.until else "for good"
    state = _badge("expired, counts again", "ended") if item.expired else _badge("exempted", "stamp")
    return (
        f"{state} {item.what} <b>{_text(item.id)}</b><br>{_text(exemption.reason)}"
        f'<span class="names">{_text(f"{until}, {exemption.origin}")}</span>'
    )


def _violations(assessment: Assessment) -> Iterator[str]:
    if assessment.violations:
        counted = {item.check for item in assessment.counted_violations}
        yield "<h4>Pod Security violations</h4>"
        yield _list(_violation(item, assessment, item.check in counted) for item in assessment.violations)
    if assessment.exempted:
        yield "<h4>Exempted for the pod</h4>"
        yield _list(map(_exempted, assessment.exempted))


def _violation(item: Violation, assessment: Assessment, counts: bool) -> str:
    mark = "" if counts else f" {_badge('exempted', 'stamp')}"
    fields = "".join(f"<code>{_text(field_path((*assessment.workload.path, *path)))}</code>" for path in item.fields)
    link = f'<a href="{docs("checks.md", item.check)}">{_text(item.check)}</a>'
    return f"{_badge(item.level, '')} {link}{mark}<br>{_text(item.detail or item.reason)}{fields}"


def _row(name: str, content: str) -> str:
    return f'<tr><th scope="row">{name}</th><td>{content}</td></tr>'


def _list(items: Iterable[str]) -> str:
    return f'<ul class="items">{"".join(f"<li>{item}</li>" for item in items)}</ul>'


def _level(assessment: Assessment) -> str:
    return assessment.level or "unknown"


def _badge(text: str, kind: str) -> str:
    """`kind` is a risk, a level or another class of the style sheet."""
    return f'<span class="badge {kind}">{_text(text)}</span>'


def _soft() -> str:
    return 'class="soft"'


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _breakable(reference: str) -> str:
    """A reference that may go on in the next line behind its slash."""
    return _text(reference).replace("/", "/<wbr>")


def _text(text: str) -> str:
    """Text as nothing but text: visible control characters, no markup, no quotes."""
    return escape(escaped(text), quote=True)
