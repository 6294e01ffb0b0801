"""An inspection as one HTML page, the worst workload first, for screens of any width and for paper.

The page has no scripts and loads nothing. Every text of a cluster or a file is escaped, and control and bidirectional
characters are made visible. The page's Content-Security-Policy allows only its own style sheet.
"""

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.resources import files

from kubectl_caps.core.assess.apply_exemptions import met_exemptions
from kubectl_caps.core.assess.assessment import Assessment, worst_first
from kubectl_caps.core.kubernetes.field_path import field_path
from kubectl_caps.core.linux.capabilities import WORST_FIRST
from kubectl_caps.core.podsecurity.policy import LEVELS
from kubectl_caps.core.podsecurity.registry import Violation
from kubectl_caps.core.text import first_few
from kubectl_caps.errors import AcceptedError, CapsError
from kubectl_caps.report.html_container import container_table, exempted
from kubectl_caps.report.html_elements import badge, breakable, class_attribute, html_text, item_list
from kubectl_caps.report.inspection import source
from kubectl_caps.report.manual import HOME, docs

_FEW = 4


def html(assessments: Sequence[Assessment], errors: Sequence[CapsError]) -> Iterator[str]:
    """The lines of the page."""
    ordered = worst_first(assessments)
    yield from _head()
    yield "<body>"
    yield "<header>"
    yield "<h1>Linux capabilities of workloads</h1>"
    yield f'<p class="soft">{html_text(_origin(ordered))}</p>'
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
    yield f'<footer>Made by <a href="{HOME}">kubectl-caps</a> {html_text(version("kubectl-caps"))}. Predictions'
    yield f'follow from the manifest and the runtime: <a href="{docs("inspect.md")}">how</a>.</footer>'
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
    """The source of the inspection: files, or a context."""
    contexts = {item.workload.source.get("context") for item in assessments}
    if len(contexts) == 1 and (context := contexts.pop()):
        return f"Cluster of the context {context}"
    names = list(dict.fromkeys(str(item.workload.source.get("file", "")) for item in assessments))
    return first_few(names, _FEW, "files")


def _counts(assessments: Sequence[Assessment], errors: Sequence[CapsError]) -> Iterator[str]:
    risks = Counter(item.risk for item in assessments)
    levels = Counter(_level(item) for item in assessments)
    marked = [item for assessment in assessments for item in met_exemptions(assessment)]
    rows = [
        (len(assessments), "workloads", ""),
        *((risks[risk], f"{risk} risk" if risk != "none" else "no risk", risk) for risk in WORST_FIRST if risks[risk]),
        *((levels[level], level, level) for level in reversed(LEVELS) if levels[level]),
        (levels["unknown"], "of an unknown level", "unknown"),
        (sum(not item.expired for item in marked), "exempted", "stamp"),
        (sum(item.expired for item in marked), "expired", "ended"),
        (sum(not isinstance(error, AcceptedError) for error in errors), "not judged", "unknown"),
    ]
    yield '<ul class="counts" aria-label="Summary">'
    for count, words, kind in rows:
        if count or not kind:
            yield f"<li><b>{count}</b>{badge(words, kind) if kind else words}</li>"
    yield "</ul>"


def _not_judged(errors: Sequence[CapsError]) -> Iterator[str]:
    if errors:
        yield "<h2>Not judged</h2>"
        yield '<div class="card"><ul class="items">'
        yield from (f"<li>{html_text(error.words)}</li>" for error in errors)
        yield "</ul></div>"


_COLUMNS = (("Workload", ""), ("Risk", ""), ("Pod Security", ""), ("Containers", "number more"),
            ("Violations", "number more"), ("Warnings", "number more"), ("Exempted", "number more"))  # fmt: skip


def _overview(assessments: Sequence[Assessment]) -> Iterator[str]:
    yield '<h2 id="overview">Overview</h2>'
    yield '<div class="card overview"><table aria-labelledby="overview">'
    yield "<thead><tr>"
    yield from (f'<th scope="col"{class_attribute(kind)}>{name}</th>' for name, kind in _COLUMNS)
    yield "</tr></thead>"
    yield "<tbody>"
    for index, item in enumerate(assessments):
        numbers = (
            len(item.containers),
            len(item.counted_violations),
            sum(len(container.warnings) for container in item.containers),
            sum(not one.expired for one in met_exemptions(item)),
        )
        yield f'<tr><th scope="row"><a href="#w{index}">{breakable(item.workload.reference)}</a>{_small(item)}</th>'
        yield f"<td>{badge(item.risk, item.risk)}</td><td>{badge(_level(item), _level(item))}</td>"
        yield "".join(f'<td class="number more">{number}</td>' for number in numbers) + "</tr>"
    yield "</tbody></table></div>"


def _small(assessment: Assessment) -> str:
    namespace = assessment.workload.namespace
    return f"<small>{html_text(namespace)}</small>" if namespace else ""


def _article(index: int, assessment: Assessment) -> Iterator[str]:
    workload = assessment.workload
    yield f'<article class="card" id="w{index}" aria-labelledby="t{index}">'
    yield f'<div class="title"><h3 id="t{index}">{breakable(workload.reference)}</h3>'
    badges = badge(f"risk {assessment.risk}", assessment.risk) + badge(_level(assessment), _level(assessment))
    yield f"<span>{badges}</span></div>"
    facts = [
        *([f"namespace {workload.namespace}"] if workload.namespace else []),
        source(assessment),
        *([f"{len(assessment.pods)} pods"] if assessment.pods else []),
        f"Pod Security v1.{assessment.minor}",
    ]
    yield f'<p class="soft">{html_text(" · ".join(facts))}</p>'
    yield "<h4>Containers</h4>"
    yield '<div class="containers">'
    for container in assessment.containers:
        yield from container_table(container)
    yield "</div>"
    yield from _violations(assessment)
    yield "</article>"


def _violations(assessment: Assessment) -> Iterator[str]:
    if assessment.violations:
        counted = {item.check for item in assessment.counted_violations}
        yield "<h4>Pod Security violations</h4>"
        yield item_list(_violation(item, assessment, item.check in counted) for item in assessment.violations)
    if assessment.exempted:
        yield "<h4>Exempted for the pod</h4>"
        yield item_list(map(exempted, assessment.exempted))


def _violation(item: Violation, assessment: Assessment, counts: bool) -> str:
    mark = "" if counts else f" {badge('exempted', 'stamp')}"
    fields = "".join(f"<code>{html_text(field_path(assessment.workload.at(path)))}</code>" for path in item.fields)
    link = f'<a href="{docs("checks.md", item.check)}">{html_text(item.check)}</a>'
    return f"{badge(item.level, '')} {link}{mark}<br>{html_text(item.detail or item.reason)}{fields}"


def _level(assessment: Assessment) -> str:
    return assessment.level or "unknown"
