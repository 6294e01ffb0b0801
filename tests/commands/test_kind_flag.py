"""--kind adds a kind for one run: inspected, hardened and judged for labels as those of the table are."""

import json
from pathlib import Path
from typing import Any

import pytest

from kubectl_caps.main import main

TEMPLATE = {"spec": {"containers": [{"name": "c", "image": "i"}]}}
KIND = "--kind=example.com/Fleet=spec.jobs.*.template"


def fleet(spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v2", "kind": "Fleet", "metadata": {"name": "f", "namespace": "n"}, "spec": spec}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    objects = [fleet({"jobs": [{"template": TEMPLATE}, {"template": TEMPLATE}]}), namespace]
    path = tmp_path / "a.json"
    path.write_text("\n".join(map(json.dumps, objects)))
    return path


def test_every_template_of_the_kind_is_inspected(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", KIND, "-f", str(file), "-o", "json"]) == 0
    items = json.loads(capsys.readouterr().out)["items"]
    fields = [item["containers"][0]["warnings"][0]["field"] for item in items]
    assert [field.partition("spec.containers")[0] for field in fields] == [
        "spec.jobs[0].template.",
        "spec.jobs[1].template.",
    ]


def test_every_template_of_the_kind_is_hardened(file: Path) -> None:
    assert main(["harden", KIND, "-f", str(file), "--write"]) == 0
    assert main(["harden", KIND, "-f", str(file), "--check"]) == 0
    obj = json.loads(file.read_text().splitlines()[0])
    for job in obj["spec"]["jobs"]:
        assert job["template"]["spec"]["containers"][0]["securityContext"]["capabilities"]["drop"] == ["ALL"]


def test_a_violating_object_of_an_added_kind_prevents_the_labels(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["label-ns", KIND, "-f", str(file), "--check"]) == 1
    assert "fleet.example.com/f" in capsys.readouterr().out


def test_a_kind_of_the_command_line_does_not_stay_for_the_next_run(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["inspect", KIND, "-f", str(file)])
    assert main(["inspect", "-f", str(file)]) == 2
    assert "seems to make pods (spec.jobs[0].template.spec.containers)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({}, "spec.jobs"),
        ({"jobs": []}, "spec.jobs.*.template"),
        ({"jobs": [{}]}, "spec.jobs[0].template"),
        ({"jobs": [{"template": {}}]}, "spec.jobs[0].template.spec.containers"),
        ({"jobs": [{"template": TEMPLATE["spec"]}]}, "spec.jobs[0].template.spec.containers"),
    ],
)
def test_an_object_without_a_template_is_an_error(
    spec: Any, field: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(fleet(spec)))
    assert main(["inspect", KIND, "-f", str(path)]) == 2
    assert "Required value" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("beside", "field"),
    [
        ({"worker": {"template": TEMPLATE}}, "spec.worker.template.spec.containers"),
        ({"jobs": [{"template": TEMPLATE, "privileged": True}]}, "spec.jobs[0].privileged"),
        ({"hostNetwork": True}, "spec.hostNetwork"),
    ],
)
@pytest.mark.parametrize("command", [["inspect", "--fail-on", "critical"], ["harden", "--check"], ["label-ns"]])
def test_fields_of_pods_beside_the_templates_are_not_judged(
    command: list[str], beside: Any, field: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(fleet({"jobs": [{"template": TEMPLATE}], **beside})))
    assert main([*command, KIND, "-f", str(path)]) == 2
    assert f"Fleet f: seems to make other pods, too ({field}), which cannot be judged" in capsys.readouterr().err


WRONG = ["", "Fleet", "example.com/Fleet", "example.com/Fleet=", "example.com/Fleet=spec..a", "example.com/Fleet=*.a",
         "Fleet=spec", "example.com/Fleet=metadata.a", "apps/Deployment=spec.template", "a/b=c"]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_a_kind_flag_without_kind_and_path_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["inspect"], ["harden", "--all"], ["label-ns", "n"]):
        assert main([*command, "--kind", text]) == 2
        assert f'error: invalid argument "{text}" for "--kind" flag: ' in capsys.readouterr().err


def test_a_field_may_be_called_as_a_word_of_python(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(fleet({"from": {"class": TEMPLATE}})))
    assert main(["inspect", "--kind", "example.com/Fleet=spec.from.class", "-f", str(path), "-o", "name"]) == 0
    assert capsys.readouterr().out == "fleet.example.com/f\n"
