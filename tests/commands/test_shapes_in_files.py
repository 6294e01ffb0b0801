"""Every kind of the table in every broken shape: an error of the object, or nothing to judge; never a crash."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kubectl_caps.core.kubernetes.kinds import KINDS, Kind
from kubectl_caps.main import main

POD: dict[str, Any] = {"spec": {"containers": [{"name": "c", "image": "i"}]}}
GOOD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "good"}, **POD}
WRONG: tuple[Any, ...] = (None, [], {}, "text", 7, True, [None], [[]], ["text"])


def whole(kind: Kind) -> dict[str, Any]:
    """An object of this kind with one pod template."""
    node: Any = POD
    for step in reversed(kind.template):
        node = [node] if step == "*" else {step: node}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "x"}, **node}


def broken(kind: Kind) -> Iterator[dict[str, Any]]:
    """The object with each step of the way to its containers left out, and with each wrong value there."""
    way = [0 if step == "*" else step for step in kind.template]
    steps = [*way, "spec", "containers", 0]
    for depth in range(len(steps)):
        for value in (*WRONG, ...):
            obj = copy.deepcopy(whole(kind))
            holder: Any = obj
            for step in steps[:depth]:
                holder = holder[step]
            if value is ...:
                holder.pop(steps[depth])
            else:
                holder[steps[depth]] = value
            yield obj
    for value in WRONG:
        yield {**whole(kind), "metadata": value}
        yield {**whole(kind), "metadata": {"name": value}}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.kind}.{kind.group}")
@pytest.mark.parametrize(
    "argv", [["inspect", "-o", "name"], ["harden", "-o", "name"], ["label-ns", "-o", "name"]], ids=str
)
def test_an_object_of_a_broken_shape_ends_no_run(
    kind: Kind, argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    file = tmp_path / "a.json"
    file.write_text("\n".join(map(json.dumps, (*broken(kind), GOOD, namespace))))
    assert main([*argv, "-f", str(file)]) == 2
    out, err = capsys.readouterr()
    assert "this is a bug" not in err
    assert argv[0] == "label-ns" or "pod/good" in out


WITHOUT_TEMPLATES: list[dict[str, Any]] = [
    {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "x"},
        "spec": {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
    },
    {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "metadata": {"name": "x"}, "spec": {}},
    {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {"name": "x"},
        "spec": {"replicatedJobs": []},
    },
]


@pytest.mark.parametrize("obj", WITHOUT_TEMPLATES, ids=lambda obj: obj["kind"])
def test_an_object_without_a_template_of_its_own_has_nothing_to_judge(
    obj: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.json"
    file.write_text(f"{json.dumps(obj)}\n{json.dumps(GOOD)}")
    assert main(["harden", "-f", str(file), "-o", "name"]) == 0
    assert capsys.readouterr().out == "pod/good\n"
