"""inspect -f: which files and objects are judged, and where each stands."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from kubectl_caps.main import main

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "inspection.schema.json").read_text())
POD = "apiVersion: v1\nkind: Pod\nmetadata: {{name: {0}}}\nspec: {{containers: [{{name: c, image: i}}]}}\n"
KUBECTL = Path(sys.prefix, "bin", "kubectl")
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(path: str, text: str) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    return Path(path)


class Inspected:
    """What `inspect -o json` says."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *argv: str) -> None:
        self.status = main(["inspect", "-o", "json", *argv])
        out, err = capsys.readouterr()
        result: dict[str, Any] = json.loads(out)
        jsonschema.validate(result, SCHEMA)
        self.items, self.said = result["items"], err.splitlines()
        self.names = [item["name"] for item in self.items]


def test_each_object_says_where_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    deployment = POD.format("d").replace("v1", "apps/v1").replace("Pod", "Deployment")
    deployment = deployment.replace("spec: {", "spec: {template: {spec: {").replace("}]}", "}]}}}")
    put("a.yaml", f"# c\n---\n{SERVICE}---\n# d\n{POD.format('a')}---\n{deployment}")
    put("b.json", '{"apiVersion": "v1", "kind": "List", "items": [\n{"apiVersion": "v1", "kind": "Pod",\n'
                  '"metadata": {"name": "b"}, "spec": {"containers": [{"name": "c"}]}}]}')  # fmt: skip
    found = Inspected(capsys, "-f", "a.yaml", "-f", "b.json")
    assert (found.status, found.said) == (0, [])
    assert [(item["name"], item["kind"], item["source"]) for item in found.items] == [
        ("a", "Pod", {"file": "a.yaml", "document": 1, "line": 8}),
        ("d", "Deployment", {"file": "a.yaml", "document": 2, "line": 13}),
        ("b", "Pod", {"file": "b.json", "document": 0, "line": 2}),
    ]


def test_a_folder_is_read_as_by_kubectl(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("b.yaml", "a.yml", "c.json", "d.txt", "e.YAML", "noextension", "sub/f.yaml", ".hidden.yaml"):
        put(name, POD.format(name.replace("/", "-")))
    Path("link").symlink_to("sub")
    assert Inspected(capsys, "-f", ".").names == [".hidden.yaml", "a.yml", "b.yaml", "c.json"]
    recursive = Inspected(capsys, "-f", ".", "-R")
    assert recursive.names == [".hidden.yaml", "a.yml", "b.yaml", "c.json", "sub-f.yaml"]


def test_a_named_file_is_read_with_any_extension(capsys: pytest.CaptureFixture[str]) -> None:
    put("manifest", POD.format("a"))
    assert Inspected(capsys, "-f", "manifest").names == ["a"]


def test_a_pattern_that_no_shell_expanded_is_expanded(capsys: pytest.CaptureFixture[str]) -> None:
    put("a1.yaml", POD.format("a1"))
    put("a2.yaml", POD.format("a2"))
    assert Inspected(capsys, "-f", "a*.yaml").names == ["a1", "a2"]


def test_a_loop_of_folders_ends(capsys: pytest.CaptureFixture[str]) -> None:
    put("a/a.yaml", POD.format("a"))
    Path("a/up").symlink_to("..")
    assert Inspected(capsys, "-R", "-f", ".").names == ["a"]


NO_OBJECTS = {
    "values.yaml": "image: {name: x, tag: y}\n",
    "package.json": '{"name": "x"}',
    "tsconfig.json": '{"a": 1, // why\n}',
    "playbook.yml": "- hosts: all\n  tasks: []\n",
    "compose.yaml": "services: {web: {image: nginx}}\n",
    "text.yaml": "hello\n",
}


def test_a_file_that_is_clearly_no_object_is_passed_over_in_a_folder_and_named(
    capsys: pytest.CaptureFixture[str]
) -> None:
    put("a.yaml", POD.format("a"))
    for name, text in NO_OBJECTS.items():
        put(name, text)
    found = Inspected(capsys, "-f", ".")
    assert (found.status, found.names) == (0, ["a"])
    first = "compose.yaml, package.json, playbook.yml, text.yaml, tsconfig.json, ..."
    assert found.said == [f"Passed over 6 files without objects to judge: {first}"]


@pytest.mark.parametrize("name", NO_OBJECTS)
def test_a_file_without_an_object_is_an_error_if_it_is_named(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    put(name, NO_OBJECTS[name])
    found = Inspected(capsys, "-f", name)
    assert (found.status, len(found.said)) == (2, 1)


@pytest.mark.parametrize(
    "text",
    [
        "kind: Pod\nspec: [\n",
        "apiVersion: v1\n",
        "spec: {containers: [{name: a, image: b}]}\n",
        "- {spec: {containers: [{name: a, image: b}]}}\n",
        "a: {{ .Values.a }}\n",
        POD.format("a") + "---\na: b\n",
        POD.format("a").encode("utf-16-le"),
        POD.format("a").encode("utf-32"),
        "a: \x1b\n",
        "a: b: c\n",
        "{a: [\n",
        '{"\\u006bind": "Pod", // why\n}',
        '{"a": {"containers": [{"image": "i"}]}, // why\n}',
    ],
    ids=["broken", "no kind", "a pod spec alone", "a list of pod specs", "a template", "beside an object", "UTF-16",
         "UTF-32", "an escape", "no YAML", "no JSON", "an object with comments", "pods with comments"],
)  # fmt: skip
def test_a_file_that_could_be_an_object_is_an_error_in_a_folder_too(
    text: str | bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("x.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    found = Inspected(capsys, "-f", ".")
    assert (found.status, len(found.said)) == (2, 1)


@pytest.mark.parametrize("start", ["chart", "."])
def test_a_chart_is_one_error_with_the_command_to_render(start: str, capsys: pytest.CaptureFixture[str]) -> None:
    put("chart/Chart.yaml", "name: web\n")
    put("chart/values.yaml", "a: b\n")
    put("chart/templates/pod.yaml", POD.format("a") + "{{- if x }}\n")
    put("chart/charts/sub/Chart.yaml", "name: sub\n")
    put("chart/charts/sub/templates/pod.yaml", POD.format("a"))
    put("chart/examples/pod.yaml", POD.format("example"))
    found = Inspected(capsys, "-R", "-f", start)
    assert (found.status, found.names, len(found.said)) == (2, ["example"], 1)
    assert "helm template chart | " in found.said[0]
    assert found.said[0].endswith(" inspect -f -")


def test_complete_objects_are_judged_beside_and_below_a_kustomization_that_does_not_list_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    put("base/kustomization.yaml", "resources:\n- a.yaml\n- sub/b.yaml\n")
    put("base/a.yaml", POD.format("a"))
    put("base/sub/b.yaml", POD.format("b"))
    put("base/left-over.yaml", POD.format("left-over"))
    put("prod/kustomization.yml", "kind: Kustomization\nbases: [../base]\nresources: [c.yaml]\nnamePrefix: p-\n")
    put("prod/c.yaml", POD.format("c"))
    for path in ("prod", "prod/kustomization.yml"):
        found = Inspected(capsys, "-f", path)
        assert (found.status, found.names, found.said) == (0, ["c", "a", "b"], [])
    found = Inspected(capsys, "-f", "base")
    assert (found.status, found.names) == (0, ["a", "b", "left-over"])
    assert found.said == ["Left 1 folder unread because -R is not given: base/sub"]
    found = Inspected(capsys, "-R", "-f", ".")
    assert (found.status, sorted(found.names), found.said) == (0, ["a", "b", "c", "left-over"], [])


@pytest.mark.parametrize(
    ("kustomization", "message"),
    [
        ("patches: [{path: p.yaml}]\n", "patches not applied here; for the result: "),
        ("commonAnnotations: {a: b}\n", "commonAnnotations not applied here; for the result: "),
        ("Patches: [{path: p.yaml}]\n", "Patches not applied here; for the result: "),
        ("resource: [p.yaml]\n", "resource not applied here; for the result: "),
        ("helmCharts: [{name: x}]\n", "helmCharts not applied here; for the result: "),
        ("resources: [https://x.io/y.yaml]\n", "https://x.io/y.yaml is no file here, not read"),
        ("resources: [gone.yaml]\n", "gone.yaml is no file here, not read"),
        ("resources: [plain]\n", "plain is a folder without a kustomization"),
        ("resources: gone.yaml\n", "gone.yaml is no file here, not read"),
    ],
    ids=[
        "patches",
        "annotations",
        "another spelling",
        "an unknown field",
        "helm",
        "an address",
        "missing",
        "a folder",
        "no list",
    ],
)
def test_fields_of_a_kustomization_beyond_its_resources_are_not_judged_and_named(
    kustomization: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put("k/kustomization.yaml", kustomization)
    put("k/p.yaml", POD.format("patch"))
    put("k/plain/a.yaml", POD.format("plain"))
    found = Inspected(capsys, "-f", "k")
    assert (found.status, found.names) == (2, [] if kustomization.startswith("patches") else ["patch"])
    assert [said for said in found.said if said.startswith(f"error: k/kustomization.yaml: {message}")]


def test_kustomizations_that_build_on_each_other_end(capsys: pytest.CaptureFixture[str]) -> None:
    put("a/kustomization.yaml", "resources: [../b, pod.yaml]\n")
    put("a/pod.yaml", POD.format("a"))
    put("b/kustomization.yaml", "resources: [../a]\n")
    assert Inspected(capsys, "-f", "b").names == ["a"]


@pytest.mark.parametrize("path", [".", "k", "k/kustomization.yaml"])
@pytest.mark.parametrize("command", [["inspect", "--fail-on", "low"], ["harden", "--check"]])
def test_a_second_document_in_the_file_of_a_kustomization_is_not_passed_over(
    command: list[str], path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put("k/kustomization.yaml", f"configMapGenerator: [{{name: m}}]\n---\n{POD.format('hidden')}")
    assert main([*command, "-R", "-f", path]) == 2
    assert "k/kustomization.yaml: invalid Kustomization: more than one document" in capsys.readouterr().err


def test_a_named_file_that_is_excluded_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    put("a.yaml", POD.format("a"))
    put("b.yaml", POD.format("b"))
    found = Inspected(capsys, "-f", "a.yaml", "-f", "b.yaml", "--exclude", "b.yaml")
    assert (found.status, found.names) == (0, ["a"])


UNBUILT = {
    "a tab": ("resources:\n- ../base\n\tpatches: []\n", "invalid Kustomization: yaml: line 3: "),
    "an open brace": ("{", "invalid Kustomization: yaml: line "),
    "two colons": ("namePrefix: a: b\n", "invalid Kustomization: yaml: line 1: "),
    "NUL": ("resources: [p.yaml]\n\0", "invalid Kustomization: yaml: line 2: control characters are not allowed"),
    "a list": ("[a]", "invalid Kustomization: not a mapping"),
    "text": ("hello", "invalid Kustomization: not a mapping"),
    "a number": ("0\n", "invalid Kustomization: not a mapping"),
    "nothing": ("", "is empty"),
    "a comment": ("# c\n", "is empty"),
    "null": ("null\n", "is empty"),
    "only a kind": ("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n", "is empty"),
    "an empty component": ("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n", "is empty"),
}


@pytest.mark.parametrize("path", ["k", "k/kustomization.yaml", "over", "."])
@pytest.mark.parametrize("name", UNBUILT)
def test_a_kustomization_that_cannot_be_built_is_an_error(
    name: str, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text, message = UNBUILT[name]
    put("base/pod.yaml", POD.format("base"))
    put("k/kustomization.yaml", text)
    put("k/p.yaml", POD.format("p"))
    put("over/kustomization.yaml", "resources: [../k]\n")
    assert subprocess.run([KUBECTL, "kustomize", "k"], capture_output=True, check=False).returncode
    found = Inspected(capsys, "-f", path, "-R")
    errors = [said for said in found.said if said.startswith("error: ")]
    assert (found.status, len(errors)) == (2, 1)
    assert errors[0].startswith(f"error: k/kustomization.yaml{'' if message == 'is empty' else ':'} {message}")
    assert main(["harden", "-f", path, "-R", "--check"]) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resources: []\n", "is empty"),
        ("namePrefix: a-\n", "lists no resources"),
        ("namespace: x\nimages: [{name: i}]\n", "lists no resources"),
    ],
)
def test_a_kustomization_that_lists_nothing_is_an_error(
    text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put("k/kustomization.yaml", text)
    put("k/p.yaml", POD.format("p"))
    found = Inspected(capsys, "-f", "k")
    assert (found.status, found.names) == (2, ["p"])
    assert found.said == [f"error: k/kustomization.yaml {message}"]


def test_two_kustomizations_in_a_folder_are_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    put("k/kustomization.yaml", "resources: [a.yaml]\n")
    put("k/Kustomization", "resources: [b.yaml]\n")
    put("k/a.yaml", POD.format("a"))
    found = Inspected(capsys, "-f", "k")
    assert (found.status, found.names) == (2, ["a"])
    assert "error: Found multiple kustomization files under: k" in found.said


def test_a_file_below_a_kustomization_that_holds_no_object_is_passed_over(
    capsys: pytest.CaptureFixture[str],
) -> None:
    put("k/kustomization.yaml", "resources: [ok.json]\n")
    put("k/ok.json", '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}')
    put("k/apps/priv.yaml", POD.format("priv"))
    put("k/values.yaml", "a: b\n")
    found = Inspected(capsys, "-R", "-f", ".")
    assert (found.status, found.names) == (0, ["priv"])
    assert found.said == ["Passed over 1 file without objects to judge: k/values.yaml"]


def test_a_kustomization_may_only_generate_and_be_named_twice(capsys: pytest.CaptureFixture[str]) -> None:
    put("g/kustomization.yaml", "configMapGenerator: [{name: a, literals: [a=b]}]\n")
    put("k/kustomization.yaml", "resources: [../g, ../p.yaml]\n")
    put("p.yaml", POD.format("p"))
    assert Inspected(capsys, "-f", "g").status == 0
    found = Inspected(capsys, "-f", "k", "-f", "g", "-f", "k")
    assert (found.status, found.names, found.said) == (0, ["p"], [])


DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {serviceAccountName: s, containers: [{name: c, image: i, envFrom: [{configMapRef: {name: m}}]}]}
"""
HARMLESS = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
metadata: {name: x}
resources: [d.yaml]
configMapGenerator: [{name: m, literals: [a=b]}]
secretGenerator: [{name: s, literals: [a=b]}]
generatorOptions: {labels: {c: d}}
namePrefix: p-
nameSuffix: -s
namespace: prod
labels: [{pairs: {e: f}, includeTemplates: true}]
commonLabels: {g: h}
images: [{name: i, newTag: v2}]
replicas: [{name: d, count: 5}]
buildMetadata: [managedByLabel, originAnnotations]
sortOptions: {order: fifo}
"""


def test_fields_of_a_kustomization_that_are_not_named_change_no_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    put("k/kustomization.yaml", HARMLESS)
    put("k/d.yaml", DEPLOYMENT)
    built = subprocess.run([KUBECTL, "kustomize", "k"], capture_output=True, text=True, check=True).stdout
    put("built.yaml", built)
    ours, kubectls = Inspected(capsys, "-f", "k"), Inspected(capsys, "-f", "built.yaml")
    assert (ours.status, ours.said) == (0, [])
    assert [verdict(item) for item in ours.items] == [verdict(item) for item in kubectls.items]


def verdict(item: dict[str, Any]) -> dict[str, Any]:
    """What is said of a workload but for its name, its place and its image."""
    containers = [{key: value for key, value in one.items() if key != "image"} for one in item["containers"]]
    return {"risk": item["risk"], "podSecurity": item["podSecurity"], "containers": containers}


def test_the_kustomization_kind_of_flux_is_read_as_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    put("kustomization.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: x}\n")
    put("a.yaml", POD.format("a"))
    found = Inspected(capsys, "-f", ".")
    assert (found.status, found.names, found.said) == (0, ["a"], [])


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("securityContext: {privileged: y}", "privileged"),
        ("securityContext: {privileged: !!bool on}", "privileged"),
        ("<<: {securityContext: {privileged: true}}", "privileged"),
        ("securityContext: {privileged: false}, <<: {securityContext: {privileged: true}}", "privileged"),
        ("<<: {securityContext: {privileged: true}}, securityContext: {privileged: false}", "baseline"),
        ("securityContext: {privileged: true}, securityContext: {privileged: false}", "baseline"),
        ('"securityCont\\x65xt": {privileged: true}', "privileged"),
    ],
    ids=["y", "on", "merge", "merge overrides", "merge overridden", "duplicate", "escape"],
)
def test_yaml_that_hides_a_grant_is_read_as_the_cluster_reads_it(
    text: str, level: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put("a.yaml", POD.format("a").replace("image: i", text))
    assert [item["podSecurity"]["level"] for item in Inspected(capsys, "-f", "a.yaml").items] == [level]


def test_an_old_group_version_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    put("a.yaml", "apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: a}\n"
                  "spec: {template: {spec: {containers: [{name: c, image: i}]}}}\n")  # fmt: skip
    assert Inspected(capsys, "-f", "a.yaml").names == ["a"]


def test_a_null_field_counts_as_absent(capsys: pytest.CaptureFixture[str]) -> None:
    container = "{name: c, image: i, securityContext: {runAsUser: 1e3}}"
    pod = f"{{metadata: null, spec: {{securityContext: , containers: [{container}]}}}}"
    put("a.yaml", f"apiVersion: batch/v1\nkind: Job\nmetadata: {{name: a, labels: null}}\nspec: {{template: {pod}}}\n")
    found = Inspected(capsys, "-f", "a.yaml")
    assert (found.said, found.items[0]["containers"][0]["declared"]["runAsUser"]) == ([], 1000)


@pytest.mark.parametrize("number", ["1000", "1000.0", "1e3"])
def test_a_number_in_json_is_read_as_by_the_server(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    put("a.json", '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": ['
                  f'{{"name": "c", "securityContext": {{"runAsUser": {number}}}}}]}}}}')  # fmt: skip
    found = Inspected(capsys, "-f", "a.json")
    assert (found.said, found.items[0]["containers"][0]["declared"]["runAsUser"]) == ([], 1000)


def test_the_namespace_of_a_list_applies_to_objects_without_a_namespace(capsys: pytest.CaptureFixture[str]) -> None:
    """As kubectl does with -f: an object of another namespace is an error, and its file is not changed by harden."""
    elsewhere = POD.format("b").replace("name: b", "name: b, namespace: other")
    put("a.yaml", f"{POD.format('a')}---\n{elsewhere}")
    found = Inspected(capsys, "-f", "a.yaml", "-n", "shop")
    assert (found.status, [(item["namespace"], item["name"]) for item in found.items]) == (2, [("shop", "a")])
    assert found.said == [
        'error: a.yaml:6: Pod b: the namespace from the provided object "other" does not match the namespace "shop"'
    ]
    assert main(["harden", "-f", "a.yaml", "-n", "shop", "--write"]) == 2
    assert Path("a.yaml").read_text().endswith(elsewhere)


def test_a_status_in_a_file_does_not_lower_the_risk(capsys: pytest.CaptureFixture[str]) -> None:
    """The server throws it away, and the container runs as root."""
    status = "status: {containerStatuses: [{name: c, user: {linux: {uid: 1000}}}]}\n"
    put("a.yaml", POD.format("a").replace("image: i", "image: i, securityContext: {runAsUser: 0}") + status)
    (item,) = Inspected(capsys, "-f", "a.yaml").items
    assert (item["containers"][0]["user"]["uid"], item["risk"]) == (0, "high")


FLATTENED = [
    (
        "OpenTelemetryCollector",
        "opentelemetry.io/v1beta1",
        {"securityContext": {"privileged": True}},
        "securityContext",
    ),
    ("Agent", "example.com/v1", {"hostNetwork": True}, "hostNetwork"),
    ("Agent", "example.com/v1", {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "volumes[0].hostPath"),
    ("ClusterTask", "tekton.dev/v1beta1", {"steps": [{"image": "x"}]}, "steps"),
]


@pytest.mark.parametrize(("kind", "api_version", "spec", "field"), FLATTENED)
def test_a_kind_that_takes_a_pod_apart_is_not_judged(
    kind: str, api_version: str, spec: object, field: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, "spec": spec}))
    assert main(["inspect", "-f", str(file), "--fail-on", "low"]) == 2
    told = f"error: {file}:1: {api_version} {kind} x seems to make pods (spec.{field}), but the kind is unknown"
    assert told in capsys.readouterr().err


PRIVILEGED = "securityContext: {privileged: true}"
FRAGMENTS = {
    "a patch of replicas": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {replicas: 2}\n",
    "a patch of the pods": "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: d}\n"
    "spec: {template: {spec: {nodeSelector: {a: b}}}}\n",
    "a patch of a container": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"
    "spec: {template: {spec: {containers: [{name: c, securityContext: {capabilities: {drop: [ALL]}}}]}}}\n",
    "an assertion on a status": "apiVersion: v1\nkind: Pod\nmetadata: {name: d}\nstatus: {phase: Running}\n",
    "a patch of a job": "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: d}\nspec: {suspend: true}\n",
}


@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_partial_object_is_passed_over_and_named(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    put("a.yaml", FRAGMENTS[name])
    put("b.yaml", POD.format("b"))
    found = Inspected(capsys, "-f", ".", "--fail-on", "critical")
    assert (found.status, found.names) == (0, ["b"])
    assert found.said == [
        "Passed over 1 object, which is only a part of one: a.yaml:1",
        "Judged 1 object, passed over 1, left 0 unread.",
    ]


WHOLE = {
    "a privileged part": FRAGMENTS["a patch of a container"].replace("drop: [ALL]}", "add: [SYS_ADMIN]}"),
    "a part in the host's network": FRAGMENTS["a patch of the pods"].replace("nodeS", "hostNetwork: true, nodeS"),
    "a selector": FRAGMENTS["a patch of a container"].replace("{template", "{selector: {}, template"),
    "an image": FRAGMENTS["a patch of a container"].replace("name: c,", "name: c, image: i,"),
    "a pod with a container": "apiVersion: v1\nkind: Pod\nmetadata: {name: d}\nspec: {containers: [{name: c}]}\n",
    "a pod under another key": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"
    "spec: {temp: {spec: {containers: [{name: c, image: i}]}}}\n",
    "a wrong type": "apiVersion: v1\nkind: Pod\nmetadata: {name: d}\nspec: [a]\n",
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_an_object_that_may_be_whole_is_never_passed_over(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    put("a.yaml", WHOLE[name])
    found = Inspected(capsys, "-f", ".", "--require", "restricted")
    assert found.status in (1, 2)
    assert not [said for said in found.said if "Passed over" in said]


def test_a_component_is_named_and_its_objects_are_judged(capsys: pytest.CaptureFixture[str]) -> None:
    head = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    put("c/kustomization.yaml", f"{head}resources: [a.yaml]\npatchesStrategicMerge: [p.yaml, whole.yaml]\n")
    put("c/a.yaml", POD.format("a"))
    put("c/p.yaml", FRAGMENTS["a patch of a container"])
    put("c/whole.yaml", POD.format("whole"))
    found = Inspected(capsys, "-f", "c")
    assert (found.status, found.names) == (0, ["a", "whole"])
    assert sorted(found.said) == [
        "Passed over 1 file with a Component, which is a part of other kustomizations: c/kustomization.yaml",
        "Passed over 1 object, which is only a part of one: c/p.yaml:1",
    ]


@pytest.mark.parametrize("field", ["patches: [{path: p.yaml}]", "patchesStrategicMerge: [p.yaml, 'a: b\n\n']",
                                   "patchesJson6902: [{path: p.yaml}]"])  # fmt: skip
def test_a_patch_is_named_and_no_gate_passes_beside_it(field: str, capsys: pytest.CaptureFixture[str]) -> None:
    put("k/kustomization.yaml", f"resources: [a.yaml]\n{field}\n")
    for name in "ap":
        put(f"k/{name}.yaml", POD.format(name))
    found = Inspected(capsys, "-f", "k", "--fail-on", "critical")
    assert (found.status, found.names) == (2, ["a"])
    assert found.said[0] == "Passed over 1 file listed as a patch by a kustomization: k/p.yaml"
    assert Inspected(capsys, "-f", "k/p.yaml").names == ["p"]


def test_excluded_files_are_left_out_counted_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.yaml", "b-test.yaml", "charts/x/Chart.yaml", "tests/sub/t.yaml", "k/p.yaml"):
        put(name, POD.format(Path(name).stem))
    put("k/kustomization.yaml", "resources: [p.yaml, ../tests/sub/t.yaml]\n")
    flags = [f"--exclude={glob}" for glob in ("charts", "tests/sub", "*-test.yaml", "tests/sub/*")]
    found = Inspected(capsys, "-f", ".", "-R", *flags, "--fail-on", "critical")
    assert (found.status, sorted(found.names)) == (0, ["a", "p"])
    named = "b-test.yaml, charts, tests/sub/t.yaml, tests/sub"
    assert found.said == [
        f"Passed over 4 files left out by --exclude: {named}",
        "Judged 2 objects, passed over 4, left 0 unread.",
    ]
    assert Inspected(capsys, "-f", "a.yaml", "--exclude", "a.*", "--fail-on", "low").status == 2


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["-k", "k", "-f", "k"], "only one of -f or -k can be specified"),
        (["-k", "k", "-R"], "the -k flag can't be used with -f or -R"),
        (["-k", "k", "--exclude", "x"], "--exclude goes with -f"),
        (["--exclude", "x"], "--exclude goes with -f"),
        (["-f", "k", "--exclude", ""], "--exclude: the pattern is empty"),
    ],
)
@pytest.mark.parametrize("command", ["inspect", "harden", "label-ns"])
def test_flags_for_files_that_do_not_go_together(
    command: str, flags: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, *flags]) == 2
    assert capsys.readouterr().err.splitlines()[0] == f"error: {words}"


OVERLAY = "namespace: prod\nresources: [a.yaml, ns.yaml]\npatches: [{path: p.yaml}]\n"
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: prod}\n"


def overlay() -> None:
    put("k/kustomization.yaml", OVERLAY)
    put("k/a.yaml", POD.format("a"))
    put("k/ns.yaml", NAMESPACE)
    put("k/p.yaml", POD.format("a").replace("name: c", f"name: c, {PRIVILEGED}"))


def test_the_output_of_kubectl_kustomize_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    overlay()
    found = Inspected(capsys, "-k", "k", "--require", "baseline")
    assert (found.status, [(item["namespace"], item["podSecurity"]["level"]) for item in found.items]) == (
        1,
        [("prod", "privileged")],
    )
    assert found.said[-1] == "Judged 1 object, passed over 1, left 0 unread."
    assert main(["label-ns", "-k", "k", "--enforce", "baseline", "--check"]) == 1
    assert "  pod/a\n" in capsys.readouterr().out
    assert main(["harden", "-k", "k", "--write"]) == 2
    assert capsys.readouterr().err.startswith("error: --write needs -f: ")
    put("k/p.yaml", POD.format("a").replace("name: c", "name: c, tty: true"))
    assert main(["harden", "-k", "k"]) == 0
    put("hard.yaml", capsys.readouterr().out)
    assert main(["harden", "-f", "hard.yaml", "--check"]) == 0
    assert main(["harden", "-k", "k", "--check"]) == 1
    assert main(["label-ns", "-k", "k", "--check"]) == 1
    assert " harden -k k " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "rendered", "words"),
    [
        ("/nonexistent", "k", "-k runs `kubectl kustomize`, and there is no kubectl in PATH; install kubectl, "),
        (None, "gone", "kubectl kustomize gone: must build at directory: not a valid directory: "),
    ],
    ids=["no kubectl", "no folder"],
)  # fmt: skip
def test_a_kustomization_that_cannot_be_rendered_is_an_error(
    path: str | None, rendered: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    overlay()
    if path:
        monkeypatch.setenv("PATH", path)
    assert main(["inspect", "-k", rendered, "--fail-on", "critical"]) == 2
    err = capsys.readouterr().err.splitlines()
    assert err[0].startswith(f"error: {words}")
    assert err[-1] == "Judged 0 objects, passed over 0, left 1 unread."


def test_a_namespace_that_a_kustomization_sets_leaves_verdicts_by_namespace_not_judged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    put("base/kustomization.yaml", "resources: [a.yaml]\nnamespace: inner\n")
    put("base/a.yaml", POD.format("a").replace("name: a", "name: a, namespace: own"))
    put("k/kustomization.yaml", "namespace: prod\nresources: [../base, ns.yaml]\n")
    put("k/ns.yaml", "---\n".join(NAMESPACE.replace("prod", name) for name in ("prod", "own", "else")))
    put("z.yaml", POD.format("z").replace("name: z", "name: z, namespace: else"))
    assert main(["label-ns", "-f", "k", "-f", "z.yaml", "--enforce", "baseline", "--check"]) == 2
    out = capsys.readouterr().out
    not_judged = "not judged: k sets the namespace prod, and is not rendered here; judge that: "
    assert [name for name in ("prod", "own", "else") if f"namespace/{name}: {not_judged}" in out] == ["prod", "own"]
    assert "label-ns -k k\n" in out


@pytest.mark.parametrize(("namespace", "status"), [("prod", 2), ("p*", 2), ("'*'", 0), ("prod, kind: Job", 1)])
def test_an_exemption_by_namespace_is_not_judged_where_a_kustomization_sets_it(
    namespace: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    put("k/kustomization.yaml", "namespace: prod\nresources: [a.yaml]\n")
    put("k/a.yaml", POD.format("a"))
    entry = f"{{name: a, namespace: {namespace}, capabilities: [ALL], reason: r, until: never}}"
    put("e.yaml", f"apiVersion: kubectl-caps/v1alpha1\nkind: Exemptions\nexemptions: [{entry}]\n")
    found = Inspected(capsys, "-f", "k", "--fail-on", "high", "--exemptions", "e.yaml")
    assert found.status == status
    assert any("an exemption by namespace is not judged: k sets the namespace prod" in said for said in found.said) is (
        status == 2
    )
