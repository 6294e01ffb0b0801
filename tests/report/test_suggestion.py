"""What harden says of a failure: who misses what, what results, and the same in JSON."""

import json
from pathlib import Path

import jsonschema

from kubectl_caps.core.harden.plan import HardenOptions, harden
from kubectl_caps.core.harden.result import HardenResult, Suggestion
from kubectl_caps.core.kubernetes.kinds import WORKLOADS
from kubectl_caps.core.kubernetes.workloads import read_workloads
from kubectl_caps.report.documents.hardening import hardening_document
from kubectl_caps.report.hardening import suggestion
from kubectl_caps.report.json import text

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "hardening.schema.json").read_text())
FOUND = Suggestion({"web": ("SETUID", "CHOWN"), "log": ("NET_RAW",)}, "privileged", "baseline")


def test_the_suggestion_prints_containers_and_level() -> None:
    assert list(suggestion(FOUND)) == [
        "container web misses SETUID, CHOWN; container log misses NET_RAW",
        "Pod Security level with SETUID, CHOWN, NET_RAW: privileged, baseline without",
    ]
    same = Suggestion({"web": ("CHOWN",)}, "baseline", "baseline")
    assert list(suggestion(same))[1] == "Pod Security level with CHOWN: baseline"


def test_the_suggestion_is_in_the_document() -> None:
    kind = next(kind for kind in WORKLOADS if kind.kind == "Deployment")
    obj = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "x"}]}}},
    }
    (workload,) = read_workloads(kind, obj, {"context": "c"})
    job = HardenResult(kind, obj, workload, harden(obj, (workload,), HardenOptions()), suggestion=FOUND)
    document = json.loads(text(hardening_document([job], []), "json"))
    jsonschema.validate(document, SCHEMA)
    assert document["items"][0]["suggestion"] == {
        "add": {"web": ["SETUID", "CHOWN"], "log": ["NET_RAW"]},
        "podSecurity": {"level": "privileged", "levelWithout": "baseline"},
    }
