"""SARIF: what Microsoft's validator and GitHub's code scanning want, every finding at its field, exempted ones too."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from testbed import build

from kubectl_caps.core.podsecurity.registry import CHECKS
from kubectl_caps.core.warnings.registry import IDS
from kubectl_caps.main import main
from kubectl_caps.report import sarif

ROOT = Path(__file__).parents[2]
EXEMPTIONS = """\
apiVersion: kubectl-caps/v1alpha1
kind: Exemptions
exemptions:
- name: node-debug
  capabilities: [privileged]
  checks: [hostNamespaces]
  warnings: [privileged]
  reason: while we debug
  until: never
- {name: web, capabilities: [NET_RAW], reason: it was once needed, until: 2020-01-01}
"""


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def log(capsys: pytest.CaptureFixture[str], *flags: str) -> dict[str, Any]:
    """The log of an inspection."""
    main(["inspect", "-o", "sarif", *flags])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def examples(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    """The run over all examples with exemptions, and a file that cannot be judged."""
    path, broken = tmp_path / "exemptions.yaml", tmp_path / "broken.yaml"
    path.write_text(EXEMPTIONS)
    broken.write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: 7}\n")
    return log(capsys, "-f", "examples", "-f", str(broken), "--exemptions", str(path))["runs"][0]


def of_rule(run: Any, rule: str, file: str) -> list[Any]:
    """The results of a rule in one file."""
    return [item for item in run["results"] if item["ruleId"] == rule and uri(item).endswith(file)]


def uri(result: Any) -> str:
    """The file of a result."""
    return str(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])


def marked(result: Any) -> str:
    """The text that a result's region marks in its file."""
    region = result["locations"][0]["physicalLocation"]["region"]
    line: str = (ROOT / uri(result)).read_text().split("\n")[region["startLine"] - 1]
    return line[int(region["startColumn"]) - 1 : int(region["endColumn"]) - 1]


@pytest.mark.parametrize(
    ("rule", "file", "text"),
    [
        ("pod-security-privileged", "debug.yaml", "privileged: true"),
        ("pod-security-hostNamespaces", "debug.yaml", "hostPID: true"),
        ("pod-security-capabilities_baseline", "router.yaml", "add"),
        ("pod-security-seccompProfile_restricted", "report.yaml", "name"),
        ("warning-default-capabilities", "nginx.yaml", "name"),
        ("risk-critical", "router.yaml", "capabilities"),
    ],
)
def test_a_result_is_at_its_field_or_the_nearest_parent(examples: Any, rule: str, file: str, text: str) -> None:
    assert [marked(result) for result in of_rule(examples, rule, file)] == [text]


def test_exempted_findings_are_suppressed_with_their_reason_and_expired_ones_are_not(examples: Any) -> None:
    suppressed = {item["ruleId"] for item in examples["results"] if item["suppressions"]}
    assert suppressed == {
        "pod-security-hostNamespaces",
        "pod-security-privileged",
        "risk-critical",
        "warning-privileged",
    }
    (privileged,) = of_rule(examples, "pod-security-privileged", "debug.yaml")
    (suppression,) = privileged["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("external", "accepted")
    assert suppression["justification"].startswith("while we debug (for good; ")
    assert of_rule(examples, "risk-high", "nginx.yaml")[0]["suppressions"] == []


def test_an_annotation_suppresses_in_the_source(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(
        'apiVersion: v1\nkind: Pod\nmetadata: {name: x, annotations: {kubectl-caps/exempt: "NET_RAW; pings; never"}}\n'
        "spec: {containers: [{name: c, securityContext: {capabilities: {drop: [ALL], add: [NET_RAW]}}}]}\n"
    )
    run = log(capsys, "-f", str(path))["runs"][0]
    (risk,) = [item for item in run["results"] if item["ruleId"] == "risk-high"]
    assert [item["kind"] for item in risk["suppressions"]] == ["inSource"]


def test_an_error_is_a_notification_of_the_run(examples: Any) -> None:
    (invocation,) = examples["invocations"]
    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolExecutionNotifications"]
    assert "broken.yaml" in notification["message"]["text"]


def test_every_check_and_every_warning_is_a_rule_with_help(examples: Any) -> None:
    rules = {rule["id"]: rule for rule in examples["tool"]["driver"]["rules"]}
    wanted = [*(f"pod-security-{check.id}" for check in CHECKS), *(f"warning-{name}" for name in IDS)]
    assert set(wanted) <= set(rules)
    for rule in rules.values():
        assert rule["help"]["text"]
        assert rule["help"]["markdown"]
        assert len(rule["shortDescription"]["text"]) <= 1024
        assert len(rule["properties"]["tags"]) <= 10
    assert Counter(rule["name"] for rule in rules.values()).most_common(1)[0][1] == 1


def test_the_help_address_of_a_rule_is_a_heading_of_the_docs(examples: Any) -> None:
    headings = {
        f"{page.name}#{line[3:].lower().replace(' ', '-')}"
        for page in (ROOT / "docs").glob("*.md")
        for line in page.read_text().splitlines()
        if line.startswith("## ")
    }
    used = {rule["helpUri"].rpartition("/")[2] for rule in examples["tool"]["driver"]["rules"]}
    assert used <= headings


def test_fingerprints_are_unique_and_stay_when_lines_move(
    examples: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prints = [item["partialFingerprints"]["kubectlCapsFinding/v1"] for item in examples["results"]]
    assert len(set(prints)) == len(prints)
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "examples" / "nginx.yaml").read_text()
    (tmp_path / "web.yaml").write_text(text)
    before = log(capsys, "-f", "web.yaml")["runs"][0]["results"]
    (tmp_path / "web.yaml").write_text(f"# moved\n\n{text}")
    after = log(capsys, "-f", "web.yaml")["runs"][0]["results"]
    assert [item["partialFingerprints"] for item in before] == [item["partialFingerprints"] for item in after]
    assert before != after


def test_addresses_are_relative_below_the_working_folder_and_quoted(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    path = folder / "web: ü#1.yaml"
    path.write_text((ROOT / "examples" / "nginx.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    for name in (path, f"./{path.relative_to(tmp_path)}"):
        result = log(capsys, "-f", str(name))["runs"][0]["results"][0]
        location = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert location == {"uri": "a%20b/web%3A%20%C3%BC%231.yaml", "uriBaseId": "%SRCROOT%"}
    monkeypatch.chdir(folder)
    result = log(capsys, "-f", str(ROOT / "examples" / "nginx.yaml"))["runs"][0]["results"][0]
    assert uri(result) == (ROOT / "examples" / "nginx.yaml").as_uri()


def test_hostile_names_are_neither_links_nor_control_characters(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(
        'apiVersion: v1\nkind: Pod\nmetadata: {name: "[a](http://x)\\u202e\\a"}\nspec: {containers: [{}]}\n'
    )
    text = json.dumps([item["message"] for item in log(capsys, "-f", str(path))["runs"][0]["results"]])
    assert "](" not in text
    assert "u202e" in text
    assert "\\u202e" not in text.replace("\\\\u202e", "")


def test_a_run_has_at_most_the_results_that_github_accepts_and_reports_the_rest(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sarif, "MOST_RESULTS", 5)
    run = log(capsys, "-f", "examples")["runs"][0]
    assert [item["level"] for item in run["results"]] == ["error"] * 5
    (notification,) = run["invocations"][0]["toolExecutionNotifications"]
    assert notification["message"]["text"].endswith("findings are left out: a run may have 5 results.")


@pytest.mark.reports
def test_microsofts_validator_and_its_schema_accept_the_log(
    capsys: pytest.CaptureFixture[str], examples: Any, tmp_path: Path
) -> None:
    """Also a hostile file and an empty run."""
    tool = build.SARIF_VALIDATOR.folder / "tool"
    schema = json.loads((tool / "sarif-2.1.0.json").read_text("utf-8-sig"))
    hostile = tmp_path / "hostile.yaml"
    hostile.write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: '<{0}> %'}\nspec: {containers: [{name: '[x](y)'}]}\n"
    )
    logs = {
        "examples": {"$schema": sarif.SCHEMA, "version": "2.1.0", "runs": [examples]},
        "hostile": log(capsys, "-f", str(hostile)),
        "empty": log(capsys, "-f", "examples/api.yaml"),
    }
    for name, content in logs.items():
        jsonschema.validate(content, schema)
        (tmp_path / f"{name}.sarif").write_text(json.dumps(content, indent=1))
    command = [str(tool / "Sarif.Multitool"), "validate", *(str(tmp_path / f"{name}.sarif") for name in logs)]
    done = subprocess.run(
        command,
        # The validator tries to fetch the schema's address, and would wait: nobody answers at this proxy.
        env={**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "HTTPS_PROXY": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert list(complaints(done.stdout)) == []
    assert done.returncode == 0
    assert "3 files scanned" in done.stdout


def complaints(output: str) -> Iterator[str]:
    """The validator's errors and warnings."""
    yield from (line for line in output.splitlines() if ": error" in line or ": warning" in line)
