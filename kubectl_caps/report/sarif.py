"""SARIF 2.1.0 (OASIS), within the limits of GitHub code scanning: one run, at most 25,000 results, the worst first."""

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import quote

from kubectl_caps.core.assess.assessment import Assessment
from kubectl_caps.core.assess.exemptions import Exemption
from kubectl_caps.core.assess.findings import Locate, ReportedFinding, reported_findings
from kubectl_caps.core.kubernetes.field_path import Path, field_path
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.errors import AcceptedError, CapsError
from kubectl_caps.report.manual import HOME
from kubectl_caps.report.sarif_rules import sarif_rules
from kubectl_caps.report.terminal import escaped

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MOST_RESULTS = 25_000
_MOST_FIELDS = 100
_LONGEST = 4_000
_ROOT = "%SRCROOT%"


def sarif(assessments: Sequence[Assessment], errors: Sequence[CapsError], locate: Locate) -> dict[str, Any]:
    """The log of an inspection: every finding, with exempted findings as suppressed, and every error."""
    descriptors = sarif_rules()
    found = reported_findings(assessments)
    kept = found[:MOST_RESULTS]
    indices = {descriptor["id"]: index for index, descriptor in enumerate(descriptors)}
    seen: Counter[str] = Counter()
    driver = {
        "name": "kubectl-caps",
        "informationUri": HOME,
        "version": version("kubectl-caps"),
        "semanticVersion": version("kubectl-caps"),
        "rules": descriptors,
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": "kubectl-caps/inspect/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The folder that the command ran in."}}},
        "invocations": [_invocation(errors, len(found) - len(kept))],
        "results": [_result(finding, indices[finding.rule], locate, seen) for finding in kept],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _invocation(errors: Sequence[CapsError], left_out: int) -> dict[str, Any]:
    levels = ["note" if isinstance(error, AcceptedError) else "error" for error in errors]
    texts = [(level, f"Not judged: {error.words}") for level, error in zip(levels, errors, strict=True)]
    if left_out:
        texts.append(("warning", f"{left_out} findings are left out: a run may have {MOST_RESULTS} results."))
    return {
        "executionSuccessful": "error" not in levels,
        "toolExecutionNotifications": [{"level": level, "message": _message(text)} for level, text in texts],
    }


def _result(finding: ReportedFinding, index: int, locate: Locate, seen: Counter[str]) -> dict[str, Any]:
    first, *others = finding.fields[:_MOST_FIELDS]
    related = [
        {"id": number, "message": _message(field_path(path)), **_location(finding, path, locate)}
        for number, path in enumerate(others, start=1)
    ]
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.severity,
        "message": _message(finding.message),
        "locations": [_location(finding, first, locate)],
        **({"relatedLocations": related} if related else {}),
        "partialFingerprints": _fingerprints(finding, seen),
        "suppressions": [_suppression(exemption) for exemption in finding.accepted],
    }


def _location(finding: ReportedFinding, path: Path, locate: Locate) -> dict[str, Any]:
    # An object of a cluster has no text. Its location is the first character of an artifact with the object's name.
    line, column, end = locate(finding.workload, path) or (1, 1, 1)
    region = {"startLine": line, "startColumn": column, "endLine": line, "endColumn": end}
    name = _qualified(finding)
    return {
        "physicalLocation": {"artifactLocation": _artifact(finding.workload), "region": region},
        "logicalLocations": [
            {
                "name": escaped(finding.container or finding.workload.name) or "unnamed",
                "fullyQualifiedName": escaped(f"{name}/{field_path(path)}"),
                "kind": "resource",
            }
        ],
    }


def _qualified(finding: ReportedFinding) -> str:
    workload = finding.workload
    return "/".join(part for part in (workload.namespace, workload.reference, finding.container) if part)


def _artifact(workload: Workload) -> dict[str, str]:
    """The address of a file, relative if it is below the working folder; for a cluster's object, a stable address."""
    name = workload.source.get("file")
    if name is None:
        parts = [workload.namespace, *workload.reference.split("/", 1)]
        return {"uri": "/".join(["cluster", *(quote(part, safe="") for part in parts if part)]), "uriBaseId": _ROOT}
    path = os.path.normpath(name)
    below = os.path.relpath(path) if FilePath(path).is_absolute() else path
    if below.startswith(".."):
        return {"uri": f"file://{quote(os.fsencode(os.path.abspath(path)))}"}  # noqa: PTH100 - resolves no links
    return {"uri": quote(os.fsencode(below.replace(os.sep, "/"))), "uriBaseId": _ROOT}


def _fingerprints(finding: ReportedFinding, seen: Counter[str]) -> dict[str, str]:
    """The fingerprints of a finding. They stay the same if the object moves in its file.

    GitHub reads only `primaryLocationLineHash`. For files, GitHub's upload computes it from the text of the line.
    """
    parts = (finding.rule, str(finding.workload.source.get("file", "")), _qualified(finding))
    digest = hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:32]
    seen[digest] += 1
    value = f"{digest}:{seen[digest]}"
    own = {"kubectlCapsFinding/v1": value}
    return own if "file" in finding.workload.source else {**own, "primaryLocationLineHash": value}


def _suppression(exemption: Exemption) -> dict[str, Any]:
    until = f"until {exemption.until}" if exemption.until else "for good"
    return {
        "kind": "inSource" if exemption.is_annotation else "external",
        "status": "accepted",
        "justification": escaped(f"{exemption.reason} ({until}; {exemption.origin})"),
    }


def _message(text: str) -> dict[str, str]:
    """A message with escaped control characters and without links, even if a name in it looks like a link."""
    return {"text": escaped(text)[:_LONGEST].replace("](", "] (")}
