"""The JSON contract (`kubectl-caps/v1alpha1`): results as plain dicts, and as JSON or YAML text.

docs/inspection.schema.json and its neighbours say the same as JSON Schema; a test validates real output with them.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import msgspec

from kubectl_caps.core.assessment import Assessment, ContainerAssessment, Predicted
from kubectl_caps.core.pod import Path, field_path
from kubectl_caps.core.podsecurity.registry import Violation
from kubectl_caps.core.workloads import Workload
from kubectl_caps.errors import ApiError, CapsError, NotObserved
from kubectl_caps.report import exempted, observation

_NOT_ASCII = re.compile(r"[^\x00-\x7e]+")
_NOT_PLAIN = re.compile(r"[^A-Za-z_/]|(?i:y|n|yes|no|on|off|true|false|null)\Z")
_HALF = re.compile("[\ud800-\udfff]")
API_VERSION = "kubectl-caps/v1alpha1"


def document(kind: str, items: Sequence[Any], errors: Iterable[CapsError], summary: dict[str, Any]) -> dict[str, Any]:
    """The frame that every kind has."""
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "items": list(items),
        "errors": [error_item(error) for error in errors],
        "summary": summary,
    }


def text(result: dict[str, Any], output: str) -> str:
    """A document as `json` or `yaml`, ending in a newline; not ASCII is escaped in JSON.

    Half a surrogate pair, as in the name of a file that is not UTF-8, is an escape in JSON and U+FFFD in YAML.
    """
    if output == "json":
        return _json(result) + "\n"
    import yaml

    return str(yaml.dump(_whole(result), Dumper=_dumper(), sort_keys=False, allow_unicode=False, width=1000))


@cache
def _dumper() -> Any:
    """Quotes a string that kubectl's parser (sigs.k8s.io/yaml) could take for something else: `y`, `1e3`, `0o17`."""
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        pass

    def quoted(dumper: Any, value: str) -> Any:
        style = '"' if _NOT_PLAIN.match(value) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, quoted)
    return Dumper


def _json(result: dict[str, Any]) -> str:
    """As `json.dumps(result, indent=2)`, of which it takes a sixth of the time."""
    try:
        formatted = msgspec.json.format(msgspec.json.encode(result), indent=2).decode()
    except UnicodeEncodeError:
        return json.dumps(result, indent=2)
    return _NOT_ASCII.sub(lambda match: json.dumps(match[0])[1:-1], formatted)


def _whole(result: dict[str, Any]) -> Any:
    try:
        msgspec.json.encode(result)
    except UnicodeEncodeError:
        return json.loads(_HALF.sub("\ufffd", json.dumps(result, ensure_ascii=False)))
    return result


def inspection(assessments: Sequence[Assessment], errors: Sequence[CapsError]) -> dict[str, Any]:
    """`kind: Inspection`: every workload, and what could not be judged."""
    containers = [container for assessment in assessments for container in assessment.containers]
    missed = sum(bool(item.observation.miss) for container in containers for item in container.observed)
    summary = {
        "workloads": len(assessments),
        "containers": len(containers),
        "unknown": sum(not isinstance(error, NotObserved) for error in errors) + missed,
        "byRisk": dict(Counter(assessment.risk for assessment in assessments)),
        "byLevel": dict(Counter(assessment.level or "unknown" for assessment in assessments)),
        **exempted.summary(assessments),
    }
    return document("Inspection", [_workload(assessment) for assessment in assessments], errors, summary)


def identity(workload: Workload) -> dict[str, Any]:
    """Where an object is from and which it is."""
    return {
        "source": dict(workload.source),
        "apiVersion": workload.api_version,
        "kind": workload.kind,
        "namespace": workload.namespace,
        "name": workload.name,
    }


def violation(item: Violation, prefix: Path) -> dict[str, Any]:
    """A violation with its fields from the root of the object that holds the template."""
    return {
        "level": item.level,
        "check": item.check,
        "reason": item.reason,
        "detail": item.detail,
        "containers": list(item.containers),
        "fields": [field_path((*prefix, *path)) for path in item.fields],
    }


def error_item(error: CapsError) -> dict[str, Any]:
    """Something that could not be judged."""
    if isinstance(error, ApiError):
        return {"code": error.code, "reason": error.reason, "message": error.message, "source": {}}
    return {"code": 0, "reason": type(error).__name__, "message": error.words, "source": {}}


def _workload(assessment: Assessment) -> dict[str, Any]:
    workload = assessment.workload
    counted = {item.check for item in assessment.counted_violations}
    return {
        **identity(workload),
        "risk": assessment.risk,
        "podSecurity": {
            "version": f"v1.{assessment.minor}",
            "level": assessment.level,
            "violations": [
                {**violation(item, workload.path), "exempted": item.check not in counted}
                for item in assessment.violations
            ],
        },
        "exempted": exempted.as_json(assessment.exempted),
        **({} if workload.is_pod else {"pods": list(assessment.pods)}),
        "containers": [_container(container) for container in assessment.containers],
    }


def _container(assessment: ContainerAssessment) -> dict[str, Any]:
    declared = assessment.declared
    capabilities = assessment.container.capabilities
    return {
        "name": assessment.container.name,
        "role": assessment.role,
        "image": assessment.container.image,
        "risk": assessment.risk,
        "declared": {
            "add": capabilities.add or [],
            "drop": capabilities.drop or [],
            "privileged": bool(declared.privileged),
            "allowPrivilegeEscalation": declared.allow_privilege_escalation,
            "runAsUser": declared.run_as_user,
            "runAsNonRoot": declared.run_as_non_root,
        },
        "user": {"uid": assessment.user.uid, "source": assessment.user.source},
        "predicted": [_predicted(entry) for entry in assessment.predicted],
        **observation.as_json(assessment),
        "warnings": [
            {"id": item.id, "message": item.message, "field": field_path(item.field)} for item in assessment.warnings
        ],
        "countedRisk": assessment.counted_risk,
        "exempted": exempted.as_json(assessment.exempted),
    }


def _predicted(entry: Predicted) -> dict[str, Any]:
    place, outcome = entry.place, entry.outcome
    return {
        "runtime": place.runtime.name,
        "provenance": place.provenance,
        "evidence": place.runtime.evidence,
        "nodes": place.nodes,
        **observation.process_sets(outcome.sets),
        "refused": outcome.refused,
        "ignoredAdds": list(outcome.ignored_adds),
        "ignoredDrops": list(outcome.ignored_drops),
        "unknowns": list(outcome.unknowns),
        "notes": list(outcome.notes),
    }
