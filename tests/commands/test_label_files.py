"""label-ns -f: labels edited in the text of Namespace documents, judged against the workloads of the same files."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import jsonschema
import pytest
import yaml

from kubectl_caps.main import main
from kubectl_caps.manifests.edit import write
from kubectl_caps.manifests.read.text import SourceFile

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "labelling.schema.json").read_text())
ENFORCE = "pod-security.kubernetes.io/enforce"


def namespace(name: str = "shop", labels: str = "") -> str:
    """A Namespace document with a comment that has to survive."""
    return f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}  # kept\n{labels}"


def deployment(name: str, where: str = "shop", security: str = "") -> str:
    """A Deployment document; `where` is its namespace, if any."""
    metadata = f"{{name: {name}, namespace: {where}}}" if where else f"{{name: {name}}}"
    container = f"{{name: {name}, image: x{security}}}"
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {metadata}\n"
        f"spec: {{template: {{spec: {{containers: [{container}]}}}}}}\n"
    )


GOOD = (
    ", securityContext: {runAsNonRoot: true, allowPrivilegeEscalation: false, "
    "capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}"
)
FINE = deployment("fine", where="", security=GOOD)
"""An object that every policy lets into every namespace, so that a verdict has something to judge."""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop}\n"
CRON_JOB = """apiVersion: batch/v1
kind: CronJob
metadata: {name: report, namespace: shop}
spec: {schedule: "* * * * *", jobTemplate: {spec: {template: {spec: {containers: [{name: report, image: x}]}}}}}
"""


@pytest.fixture
def manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that `run` judges, in the current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "all.yaml"


class Run(Protocol):
    def __call__(self, documents: list[str] | None, *flags: str) -> tuple[int, str, str]: ...


@pytest.fixture
def run(manifests: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Exit status, stdout and stderr of `label-ns -f all.yaml` on documents; None: on those that are there."""

    def run(documents: list[str] | None, *flags: str) -> tuple[int, str, str]:
        if documents is not None:
            manifests.write_text("---\n".join(documents))
        status = main(["label-ns", "-f", manifests.name, *flags])
        return status, *capsys.readouterr()

    return run


def test_the_labels_are_printed_in_the_manifest_if_no_workload_is_refused(run: Run) -> None:
    documents = [namespace(), deployment("web", security=GOOD)]
    status, out, err = run(documents)
    assert (status, err.splitlines()[-2:]) == (
        0,
        [f"namespace/shop: {ENFORCE}: <none> -> restricted", "Judged 1 object, passed over 0, left 0 unread."],
    )
    assert out == "---\n".join([namespace(labels=f"  labels:\n    {ENFORCE}: restricted\n"), documents[1]])


def test_write_changes_only_the_labels_and_a_second_run_changes_nothing(run: Run, manifests: Path) -> None:
    status, out, _ = run([namespace(), deployment("web", security=GOOD)], "--write")
    assert (status, out.splitlines()[-1]) == (0, "namespace/shop labeled")
    written = manifests.read_text()
    assert written == "---\n".join(
        [namespace(labels=f"  labels:\n    {ENFORCE}: restricted\n"), deployment("web", security=GOOD)]
    )
    status, out, _ = run(None, "--write")
    assert (status, out.splitlines()[-1], manifests.read_text()) == (0, "namespace/shop not labeled", written)


@pytest.mark.parametrize(
    ("offender", "field"),
    [
        (CRON_JOB, "spec.jobTemplate.spec.template.spec.containers[0].securityContext.capabilities.drop"),
        (deployment("web", where=""), "spec.template.spec.containers[0].securityContext.capabilities.drop"),
    ],
    ids=["cron job", "no namespace, and only one is in the files"],
)
def test_a_namespace_is_refused_for_workloads_of_the_files(
    run: Run, manifests: Path, offender: str, field: str
) -> None:
    status, out, err = run([namespace(), offender])
    assert (status, out) == (1, "---\n".join([namespace(), offender]))
    assert f"      {field}\n" in err
    assert "namespace/shop not labeled: enforce=restricted:latest would refuse what is listed" in err
    assert "to fix: " in err
    assert f" harden -f {manifests.name} --profile=restricted\n" in err


def test_force_labels_a_refused_namespace(run: Run, manifests: Path) -> None:
    status, _, _ = run([namespace(), CRON_JOB], "--force", "--write")
    assert (status, yaml.safe_load(manifests.read_text().split("---\n")[0])["metadata"]["labels"]) == (
        0,
        {ENFORCE: "restricted"},
    )


def test_a_copied_manifest_with_the_uid_of_another_is_judged_itself(run: Run) -> None:
    good = deployment("web", security=GOOD).replace("{name: web,", "{uid: u, name: web,", 1)
    copied = deployment("copy").replace("{name: copy,", "{uid: u, name: copy,", 1)
    status, _, err = run([namespace(), good, copied])
    assert (status, "  deployment.apps/copy\n" in err) == (1, True)


def test_objects_of_other_namespaces_do_not_count(run: Run) -> None:
    assert run([namespace(), deployment("web", where="other"), deployment("ours", security=GOOD)])[0] == 0


def test_a_violating_object_that_may_be_in_either_namespace_is_not_judged(run: Run) -> None:
    status, _, err = run([namespace("a"), namespace("b"), deployment("web", where="")])
    assert status == 2
    for name in ("a", "b"):
        unsure = "deployment.apps/web names no namespace; this namespace would refuse it"
        assert f"namespace/{name}: not judged: {unsure}\n" in err
        assert f"namespace/{name} not labeled: not everything could be judged" in err


def test_a_compliant_object_without_a_namespace_does_not_prevent_a_verdict(run: Run) -> None:
    assert run([namespace("a"), namespace("b"), deployment("web", where="", security=GOOD)])[0] == 0


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("a: {{ .Values.x }}\n", "all.yaml"),
        (deployment("web").replace("image: x", "securityContext: {privileged: maybe}"), "expected bool"),
        (
            "apiVersion: x.io/v1\nkind: Thing\nmetadata: {name: t}\nspec: {containers: [{image: x}]}\n",
            "x.io/v1 Thing t seems to make pods (spec.containers)",
        ),
    ],
    ids=["template", "wrong type", "unknown kind"],
)
def test_a_file_that_cannot_be_read_leaves_the_namespace_not_judged(run: Run, broken: str, reason: str) -> None:
    status, _, err = run([namespace(), broken])
    assert status == 2
    assert "namespace/shop: not judged: " in err
    assert reason in err
    assert "Traceback" not in err


def test_names_choose_among_the_namespaces(run: Run, manifests: Path) -> None:
    documents = [namespace("a"), namespace("b"), FINE]
    status, _, err = run(documents, "b", "--write", "c")
    assert (status, err.splitlines()[0]) == (2, 'error: namespaces "c" not found in the files')
    first, second, _ = yaml.safe_load_all(manifests.read_text())
    assert ("labels" in first["metadata"], second["metadata"]["labels"]) == (False, {ENFORCE: "restricted"})


def test_existing_labels_are_kept_and_shown_and_need_overwrite(run: Run, manifests: Path) -> None:
    documents = [namespace(labels=f"  labels: {{team: a, {ENFORCE}: baseline}}\n"), deployment("fine", security=GOOD)]
    status, _, err = run(documents)
    assert status == 1
    assert f"'{ENFORCE}' already has a value (baseline), and --overwrite is false" in err
    status, out, _ = run(documents, "--overwrite", "--write")
    assert (status, f"namespace/shop: {ENFORCE}: baseline -> restricted\n" in out) == (0, True)
    written, _ = yaml.safe_load_all(manifests.read_text())
    assert written["metadata"]["labels"] == {"team": "a", ENFORCE: "restricted"}


def test_removing_a_mode_unlabels_the_namespace(run: Run, manifests: Path) -> None:
    documents = [namespace(labels=f"  labels:\n    team: a\n    {ENFORCE}: baseline\n")]
    status, out, _ = run(documents, "--remove", "enforce", "--force", "--write")
    assert (status, out.splitlines()[-1]) == (0, "namespace/shop unlabeled")
    assert manifests.read_text() == namespace(labels="  labels:\n    team: a\n")


ALIASED = "  labels: &l {a: b}\n  annotations: *l\n"
"""Text that cannot be edited: the annotations would change as well."""


@pytest.mark.parametrize("flags", [["--write"], ["--check"], ["-o", "json"], []])
def test_a_label_that_cannot_be_written_is_not_reported_as_set(run: Run, manifests: Path, flags: list[str]) -> None:
    documents = [namespace(labels=ALIASED), namespace("b"), FINE]
    status, out, err = run(documents, *flags)
    assert status == 2
    assert "error: all.yaml:5: " in err
    if flags == ["-o", "json"]:
        items = {item["namespace"]: item for item in json.loads(out)["items"]}
        assert {name: item["result"] for name, item in items.items()} == {"shop": "failed", "b": "planned"}
        assert items["shop"]["message"].startswith("all.yaml:5: ")
    else:
        assert "namespace/shop not labeled: all.yaml:5: " in out + err
        assert "namespace/shop labeled" not in out + err
    assert manifests.read_text().startswith(namespace(labels=ALIASED))
    assert (ENFORCE in manifests.read_text()) is (flags == ["--write"])


def test_a_written_namespace_is_labeled_in_json(run: Run) -> None:
    status, out, _ = run([namespace(), FINE], "--write", "-o", "json")
    assert (status, [item["result"] for item in json.loads(out)["items"]]) == (0, ["labeled"])


def test_a_file_that_cannot_be_written_fails_and_holds_back_no_other(
    run: Run, manifests: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = manifests.with_name("other.yaml")
    other.write_text(namespace("b"))

    write_file = write.write_file

    def changed(file: SourceFile, text: str) -> None:
        if file.name == manifests.name:
            manifests.write_text("# somebody else's\n")
        write_file(file, text)

    monkeypatch.setattr(write, "write_file", changed)
    status, out, err = run([namespace(), FINE], "-f", other.name, "--write")
    assert (status, err.startswith("error: ")) == (2, True)
    assert "namespace/shop not labeled: " in out
    assert "namespace/b labeled\n" in out
    assert ENFORCE in other.read_text()


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (
            f"  labels:\n    a: b\n    {ENFORCE}-version: 1.24\n",
            f"7: Namespace shop: metadata.labels[{ENFORCE}-version]",
        ),
        (f"  labels:\n    {ENFORCE}: null\n", f"6: Namespace shop: metadata.labels[{ENFORCE}]"),
        ("  labels: [a]\n", "5: Namespace shop: metadata.labels"),
        ("  labels: {a: 5}\n", "5: Namespace shop: metadata.labels.a"),
        ("  labels: {a: true}\n", "5: Namespace shop: metadata.labels.a"),
    ],
)
def test_labels_that_are_no_strings_are_an_error_with_their_line(run: Run, labels: str, words: str) -> None:
    fine = deployment("fine", "b", GOOD)
    status, out, err = run([fine, namespace("b"), namespace(labels=labels)], "--check")
    assert status == 2
    line = int(words.partition(":")[0]) + 10
    assert f"error: all.yaml:{line}:{words.partition(':')[2]}: expected " in err
    assert "bug" not in err
    assert out.splitlines()[-1] == "namespace/b labeled (check)"


def test_a_name_that_is_no_string_is_an_error_with_its_line(run: Run) -> None:
    status, _, err = run([namespace("5")])
    assert (status, err.splitlines()[0]) == (
        2,
        "error: all.yaml:4: Namespace 5: metadata.name: expected string, got 5",
    )


def test_labels_without_a_value_are_ignored(run: Run) -> None:
    assert run([namespace(labels="  labels: {team: null}\n"), FINE], "--check")[0] == 1
    assert run([namespace(labels="  labels:\n"), FINE], "--check")[0] == 1


@pytest.mark.parametrize(
    "past",
    [
        "status: {phase: Succeeded}",
        "status: {phase: Failed}",
        "metadata: {deletionTimestamp: 2026-01-01T00:00:00Z}",
    ],
)
def test_a_pod_of_a_manifest_is_judged_as_new_whatever_its_status(run: Run, past: str) -> None:
    name = "name: p, namespace: shop"
    metadata = past.replace("{", f"{{{name}, ") if "metadata" in past else f"metadata: {{{name}}}\n{past}"
    pod = f"apiVersion: v1\nkind: Pod\n{metadata}\nspec: {{hostNetwork: true, containers: [{{name: p, image: x}}]}}\n"
    status, out, _ = run([namespace(), pod], "--enforce", "baseline", "--check")
    assert (status, "  pod/p\n" in out) == (1, True)
    assert out.splitlines()[-1].startswith("namespace/shop not labeled: enforce=baseline:latest would refuse")


def test_violations_of_the_warn_level_beside_enforce_are_a_note(run: Run) -> None:
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: bad, namespace: shop}\n"
    bad = f"{pod}spec: {{hostNetwork: true, containers: [{{name: x}}]}}\n"
    modes = ("--enforce", "baseline", "--warn", "restricted", "--audit", "restricted:v1.0")
    _, _, err = run([namespace(), deployment("web"), bad], *modes)
    assert "  pod/bad\n" in err
    assert "note: warn=restricted:latest would warn of deployment.apps/web as well\n" in err
    assert err.count(" as well") == 2
    _, _, err = run([namespace(), deployment("web")], "--audit", "privileged", "--warn", "restricted")
    assert "namespace/shop: warn=restricted:latest would warn of 1 workload\n" in err


def test_a_namespace_may_be_named_with_its_type(run: Run) -> None:
    assert run([namespace(), namespace("b"), FINE], "ns/shop", "shop", "--check")[1].splitlines()[-1] == (
        "namespace/shop labeled (check)"
    )
    status, _, err = run([namespace()], "pod/shop")
    assert (status, err.splitlines()[0]) == (2, "error: pod/shop: not a namespace")


def test_check_prints_the_verdict_and_edits_no_file(run: Run, manifests: Path) -> None:
    documents = [namespace(), deployment("fine", security=GOOD)]
    status, out, _ = run(documents, "--check")
    assert (status, out.splitlines()[-1]) == (1, "namespace/shop labeled (check)")
    assert manifests.read_text() == "---\n".join(documents)


def test_files_without_a_namespace_object_are_an_error(run: Run) -> None:
    status, out, err = run([deployment("web", security=GOOD)], "--check")
    assert (status, out) == (2, "")
    assert err.splitlines() == [
        "error: nothing to judge: the files hold no Namespace",
        "Judged 0 objects, passed over 1, left 0 unread.",
    ]


@pytest.mark.parametrize("others", [[], [deployment("web", where="other", security=GOOD)], [SERVICE]])
@pytest.mark.parametrize("mode", ["--enforce", "--warn"])
def test_a_namespace_of_which_the_files_hold_no_object_is_not_judged(run: Run, mode: str, others: list[str]) -> None:
    status, out, err = run([namespace(), *others], mode, "baseline", "--check")
    nothing = "namespace/shop: not judged: nothing to judge: the files hold no object in it that runs pods\n"
    assert (status, nothing in out) == (2, True)
    assert err == f"Judged 0 objects, passed over {len(others)}, left 0 unread.\n"


def test_a_label_of_level_privileged_needs_no_object(run: Run) -> None:
    assert run([namespace()], "--enforce", "privileged", "--check")[0] == 1


def test_an_object_counts_as_judged_where_its_namespace_is_among_the_named_ones(run: Run) -> None:
    documents = [namespace("a"), namespace("b"), deployment("web", "a", GOOD), deployment("db", "b", GOOD), SERVICE]
    status, out, err = run(documents, "b", "-o", "json")
    assert (status, err) == (0, "Judged 1 object, passed over 2, left 0 unread.\n")
    summary = json.loads(out)["summary"]
    assert {key: summary[key] for key in ("judged", "passedOver", "notRead")} == {
        "judged": 1,
        "passedOver": 2,
        "notRead": 0,
    }


def test_diff_shows_only_the_new_lines(run: Run) -> None:
    _, out, _ = run([namespace(), deployment("web", security=GOOD)], "--diff")
    changed = [line for line in out.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == ["+  labels:", f"+    {ENFORCE}: restricted"]


def test_a_workload_that_warn_names_does_not_change_the_exit_status(run: Run, manifests: Path) -> None:
    status, _, err = run([namespace(), CRON_JOB], "--warn", "restricted:v1.30", "--write")
    assert (status, err) == (0, "Judged 1 object, passed over 0, left 0 unread.\n")
    assert yaml.safe_load(manifests.read_text().split("---\n")[0])["metadata"]["labels"] == {
        "pod-security.kubernetes.io/warn": "restricted",
        "pod-security.kubernetes.io/warn-version": "v1.30",
    }


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_the_output_conforms_to_its_schema(run: Run, output: str) -> None:
    status, out, _ = run([namespace(), CRON_JOB, "a: [\n"], "-o", output)
    result = yaml.safe_load(out)
    jsonschema.validate(result, SCHEMA)
    assert (status, result["items"][0]["result"], result["summary"]["unknown"]) == (2, "refused", 1)


def test_output_name_prints_only_namespaces_that_may_be_labeled(run: Run) -> None:
    documents = [namespace("a"), namespace("b"), deployment("web", where="a"), FINE]
    assert run(documents, "-o", "name")[1] == "namespace/b\n"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--all"], "--all, --plan, --dry-run and --field-manager have no meaning with -f"),
        (["--plan"], "--all, --plan, --dry-run and --field-manager have no meaning with -f"),
        (["--field-manager", "x"], "--all, --plan, --dry-run and --field-manager have no meaning with -f"),
        (["--diff", "-o", "json"], "--diff and -o cannot be used together"),
        (["-l", "a=b"], "-l selects objects of a cluster"),
        (["--enforce", "strict"], 'invalid value "strict": must be one of privileged, baseline, restricted'),
        (["--enforce", "restricted:1.30"], 'must be "latest" or "v1.x"'),
        (["--remove", "enforc"], '--remove: unknown mode "enforc"'),
        (["--remove", "warn", "--warn", "baseline"], "--warn and --remove warn cannot be used together"),
        (["-o", "wide"], 'unable to match a printer suitable for the output format "wide"'),
    ],
)
def test_flags_that_do_not_go_together_are_errors(run: Run, flags: list[str], words: str) -> None:
    status, out, err = run([namespace()], *flags)
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert words in err


USER_NAMESPACE = (
    deployment("web", security=GOOD)
    .replace("{spec: {", "{spec: {hostUsers: false, ")
    .replace("{runAsNonRoot: true", "{runAsNonRoot: true, runAsUser: 0")
)
"""Root in a user namespace, which restricted allows since v1.35."""


def test_latest_names_its_rules_and_the_violations_of_older_servers(run: Run) -> None:
    status, _, err = run([namespace(), USER_NAMESPACE])
    rules, note = err.splitlines()[:2]
    assert (status, rules) == (0, "namespace/shop: judged by the rules of v1.37")
    assert note == (
        "namespace/shop: note: on Kubernetes 1.34 deployment.apps/web violates restricted:latest: runAsUser: "
        'container "web" must not set runAsUser=0: spec.template.spec.containers[0].securityContext.runAsUser'
    )


@pytest.mark.parametrize(
    ("version", "minor", "status"),
    [("1.34", 34, 1), ("v1.34", 34, 1), ("1.34.7", 34, 1), ("1.35", 35, 0), ("1.37", 37, 0), ("1.22", 22, 0)],
)
def test_the_kubernetes_version_flag_sets_the_meaning_of_latest(
    run: Run, version: str, minor: int, status: int
) -> None:
    result, out, _ = run([namespace(), USER_NAMESPACE], "-o", "json", "--kubernetes-version", version)
    (item,) = json.loads(out)["items"]
    checks = [violation["check"] for violation in item["violations"]]
    assert (result, checks) == (status, ["runAsUser"] if status else [])
    assert (item["policy"], item["podSecurityVersion"], item["notes"]) == ("restricted:latest", f"v1.{minor}", [])


def test_a_version_label_that_is_older_than_the_server_is_judged_by_itself(run: Run) -> None:
    documents = [namespace(), USER_NAMESPACE]
    _, out, _ = run(documents, "-o", "json", "--kubernetes-version", "1.36", "--enforce", "restricted:v1.34")
    assert [item["podSecurityVersion"] for item in json.loads(out)["items"]] == ["v1.34"]


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("1.38", 'unknown version "1.38": the newest rules known here are those of 1.37'),
        ("34", 'invalid value "34": a version is written 1.37'),
        ("1.034", 'invalid value "1.034": a version is written 1.37'),
        ("latest", 'invalid value "latest": a version is written 1.37'),
        ("", 'invalid value "": a version is written 1.37'),
    ],
)
def test_a_kubernetes_version_that_is_not_known_is_an_error(run: Run, version: str, words: str) -> None:
    assert run([namespace()], "--kubernetes-version", version) == (2, "", f"error: --kubernetes-version: {words}\n")


def test_objects_of_files_are_not_said_to_run(run: Run) -> None:
    owned = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web-1, namespace: shop, ownerReferences: "
        "[{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]}\n"
        "spec: {hostNetwork: true, containers: [{name: c, image: x, securityContext: {privileged: true}}]}\n"
    )
    bare = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\n"
        "spec: {hostPID: true, containers: [{name: c}]}\n"
    )
    web = deployment("web").replace("{name: web,", "{uid: u, name: web,", 1)
    folded = (
        owned.replace("web-1", "web-2")
        .replace("hostNetwork: true, ", "")
        .replace(", securityContext: {privileged: true}", "")
    )
    documents = [namespace(), owned, bare, web, folded]
    for flags in ([], ["--check"], ["--enforce", "baseline"], ["--enforce", "baseline", "--write", "--force"]):
        _, out, err = run(documents, *flags)
        for word in ("running", "patched", "changed in place", "delete it"):
            assert word not in out + err, (flags, word)


def test_files_need_no_cluster_client(manifests: Path) -> None:
    manifests.write_text(namespace())
    code = (
        "import sys; from kubectl_caps.main import main; "
        f"main(['label-ns', '-f', {str(manifests)!r}]); sys.exit('kubernetes' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
