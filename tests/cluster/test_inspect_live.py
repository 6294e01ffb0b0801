"""inspect against a real API server: what is folded, kubectl's words, what is forbidden, a network that fails."""

import contextlib
import io
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jsonschema
import pytest
import yaml
from labeling import GOOD, spec
from loopback import Answer, Seen, expired_list, reply, serving, status
from tab_again import tab_again
from testbed.cluster import Cluster

from kubectl_caps.cluster.api import client
from kubectl_caps.main import main

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "inspection.schema.json").read_text())
BAD = {"privileged": True}

Json = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """What one run of inspect ended with."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Json:
        """Its JSON, which is what the schema says."""
        document: Json = json.loads(self.out)
        jsonschema.Draft202012Validator(SCHEMA).validate(document)
        return document

    @property
    def items(self) -> dict[str, Json]:
        """Each row by `deployment/web`."""
        return {f"{item['kind'].lower()}/{item['name']}": item for item in self.document["items"]}


def inspect(cluster: Cluster, *arguments: str) -> Result:
    """Run it in this process; a `--kubeconfig` in `arguments` wins."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(["inspect", "--kubeconfig", str(cluster.kubeconfig), *arguments])
    return Result(status, out.getvalue(), err.getvalue())


def judged(cluster: Cluster, *arguments: str) -> Result:
    return inspect(cluster, *arguments, "-o", "json")


def make(cluster: Cluster, namespace: str, path: str, body: Json, name: str = "it") -> None:
    """Create an object of a spec; `path` is `apps/v1/deployments`, or `v1/pods` for the core group."""
    root = "api" if path.startswith("v1/") else "apis"
    version, _, plural = path.rpartition("/")
    document = {"apiVersion": version, "metadata": {"name": name, "labels": {"app": name}}, "spec": body}
    code, answer = cluster.api.request("POST", f"/{root}/{version}/namespaces/{namespace}/{plural}", document)
    assert code == 201, answer


def template(security: Json | None = None, app: str = "x", **more: Any) -> Json:
    return {"metadata": {"labels": {"app": app}}, "spec": spec(security, **more)}


def controller(security: Json | None = None, app: str = "x", **more: Any) -> Json:
    selector = {"matchLabels": {"app": app}}
    return {"replicas": 1, "selector": selector, "template": template(security, app), **more}


def until(what: Callable[[], Any]) -> Any:
    """What it returns once that is true."""
    deadline = time.monotonic() + 20
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def pods(cluster: Cluster, namespace: str, app: str = "x") -> list[Json]:
    answer = cluster.api.get(f"/api/v1/namespaces/{namespace}/pods?labelSelector=app%3D{app}")
    found: list[Json] = answer["items"]
    return found


# --- what is shown, and what stands under what


def test_each_kind_is_shown_with_its_pods_under_it(api_cluster: Cluster, namespace: str) -> None:
    job = {"template": {"metadata": {"labels": {"app": "job"}}, "spec": spec(restartPolicy="Never")}}
    makers = {
        "apps/v1/deployments": controller(app="deploy"),
        "apps/v1/statefulsets": controller(app="sts", serviceName="x"),
        "apps/v1/replicasets": controller(app="rs"),
        "v1/replicationcontrollers": {**controller(app="rc"), "selector": {"app": "rc"}},
        "batch/v1/jobs": job,
    }
    for path, body in makers.items():
        make(api_cluster, namespace, path, body)
    daemons = {"selector": {"matchLabels": {"app": "ds"}}, "template": template(app="ds")}
    make(api_cluster, namespace, "apps/v1/daemonsets", daemons)
    cron = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": job}}
    make(api_cluster, namespace, "batch/v1/cronjobs", cron)
    make(api_cluster, namespace, "v1/pods", spec())
    for app in ("deploy", "sts", "rs", "rc", "job"):
        until(lambda app=app: pods(api_cluster, namespace, app))  # type: ignore[misc]
    result = judged(api_cluster, "-n", namespace)
    assert (result.status, result.err) == (0, "")
    folded = {name.split("/")[0]: len(item.get("pods", ())) for name, item in result.items.items()}
    assert folded == {
        "pod": 0, "deployment": 1, "statefulset": 1, "replicaset": 1, "replicationcontroller": 1, "job": 1,
        "daemonset": folded["daemonset"], "cronjob": 0,
    }  # fmt: skip
    assert len(result.document["items"]) == 8


def test_an_old_revision_has_a_row_and_makes_its_workload_as_bad(api_cluster: Cluster, namespace: str) -> None:
    make(api_cluster, namespace, "apps/v1/deployments", controller(BAD))
    (old,) = until(lambda: pods(api_cluster, namespace))
    _harden(api_cluster, namespace, "deployments")
    until(lambda: len(pods(api_cluster, namespace)) == 2)
    items = judged(api_cluster, "-n", namespace).items
    (deployment,) = (item for name, item in items.items() if name.startswith("deployment/"))
    others = {name: item for name, item in items.items() if not name.startswith("deployment/")}
    assert (deployment["risk"], deployment["podSecurity"]["level"]) == ("critical", "privileged")
    assert len(deployment["pods"]) == 1
    assert old["metadata"]["name"] not in deployment["pods"]
    assert deployment["containers"][0]["risk"] == "none"
    assert [item["risk"] for item in others.values()] == ["critical"]
    assert old["metadata"]["name"] in json.dumps(others)


def test_a_pod_that_was_not_deleted_yet_has_a_row(api_cluster: Cluster, namespace: str) -> None:
    on_delete: Json = {"serviceName": "x", "updateStrategy": {"type": "OnDelete"}}
    make(api_cluster, namespace, "apps/v1/statefulsets", controller(BAD, **on_delete))
    until(lambda: pods(api_cluster, namespace))
    _harden(api_cluster, namespace, "statefulsets")
    items = judged(api_cluster, "-n", namespace).items
    kinds = {name.split("/")[0]: item for name, item in items.items()}
    assert set(kinds) == {"statefulset", "pod"}
    assert (kinds["statefulset"]["risk"], kinds["statefulset"]["pods"]) == ("critical", [])
    assert kinds["pod"]["risk"] == "critical"


def test_a_pod_with_an_injected_sidecar_has_a_row(api_cluster: Cluster, namespace: str) -> None:
    sidecar = {"name": "proxy", "image": "none:1", "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}
    body = {**spec(GOOD), "containers": [*spec(GOOD)["containers"], sidecar]}
    adopted = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "with", "labels": {"app": "x"}}, "spec": body}
    code, answer = api_cluster.api.request("POST", f"/api/v1/namespaces/{namespace}/pods", adopted)
    assert code == 201, answer
    make(api_cluster, namespace, "apps/v1/replicasets", controller(GOOD))
    until(lambda: pods(api_cluster, namespace)[0]["metadata"].get("ownerReferences"))
    items = judged(api_cluster, "-n", namespace).items
    (owner,) = (item for name, item in items.items() if name.startswith("replicaset/"))
    assert (owner["risk"], owner["podSecurity"]["level"], owner["pods"]) == ("high", "privileged", [])
    assert [one["name"] for one in items["pod/with"]["containers"]] == ["main", "proxy"]


def _harden(cluster: Cluster, namespace: str, plural: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/{plural}"
    (found,) = cluster.api.get(path)["items"]
    name = found["metadata"]["name"]
    patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/securityContext", "value": GOOD}]
    cluster.kubectl("patch", plural, name, "-n", namespace, "--type=json", "-p", json.dumps(patch))


# --- what is asked for, in kubectl's words


@pytest.fixture(scope="module")
def shop(api_cluster: Cluster) -> Iterator[str]:
    """Two deployments of no pods and a pod."""
    namespace = api_cluster.make_namespace()
    for app, security in (("web", None), ("api", GOOD)):
        make(api_cluster, namespace, "apps/v1/deployments", controller(security, app, replicas=0), app)
    make(api_cluster, namespace, "v1/pods", spec(BAD), "one")
    until(lambda: len(api_cluster.api.get(f"/apis/apps/v1/namespaces/{namespace}/replicasets")["items"]) == 2)
    yield namespace
    api_cluster.delete_namespace(namespace)


ASKED = {
    "": ["pod/one", "deployment.apps/api", "deployment.apps/web"],
    "deploy": ["deployment.apps/api", "deployment.apps/web"],
    "deploy web": ["deployment.apps/web"],
    "deployments.apps/web pods/one": ["deployment.apps/web", "pod/one"],
    "Deployment,po": ["deployment.apps/api", "deployment.apps/web", "pod/one"],
    "-l app=web": ["deployment.apps/web"],
    "deploy -l app!=web": ["deployment.apps/api"],
    "all": ["deployment.apps/api", "deployment.apps/web", "pod/one"],
    "--sort-by risk": ["pod/one", "deployment.apps/web", "deployment.apps/api"],
}


@pytest.mark.parametrize(("words", "shown"), ASKED.items(), ids=[words or "nothing" for words in ASKED])
def test_the_selected_workloads_are_shown(api_cluster: Cluster, shop: str, words: str, shown: list[str]) -> None:
    result = inspect(api_cluster, *words.split(), "-n", shop, "-o", "name")
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    assert (lines if "sort-by" in words else sorted(lines)) == (shown if "sort-by" in words else sorted(shown))


WRONG = [
    "deploy nope", "deploy/nope", "deploy/web deploy/nope", "nosuch", "nosuch.example.com", "deploy/", "/web",
    "deploy web ns/x", "deploy web -A", "deploy web -l a=b", "deploy/a/b", "deploy,pods/x",
    "deploy -l a=b -A", "deploy -l nothing=here", "-o nonsense",
]  # fmt: skip


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_command_line_is_answered_in_kubectls_words(api_cluster: Cluster, shop: str, words: str) -> None:
    asked = words.split() if "-o" not in words else ["pods", *words.split()]
    kubectl = api_cluster.kubectl("get", *asked, "-n", shop, check=False)
    caps = inspect(api_cluster, *words.split(), "-n", shop)
    # Behind it are kubectl's own formats, and its own name.
    said, expected = (
        re.split(r", allowed formats| \(e\.g\. ", text.splitlines()[0])[0] for text in (caps.err, kubectl.stderr)
    )
    assert said == expected
    assert (caps.status == 0) == (kubectl.returncode == 0)
    assert caps.status in (0, 2)


def test_an_error_of_every_list_is_printed_once(api_cluster: Cluster, shop: str) -> None:
    result = inspect(api_cluster, "-l", "a=b=c", "-n", shop)
    assert (result.status, result.out) == (2, "")
    assert result.err == "Error from server (BadRequest): found '=', expected: ',' or 'end of string'\n"


def test_a_missing_name_does_not_hide_other_objects(api_cluster: Cluster, shop: str) -> None:
    result = inspect(api_cluster, "deploy", "web", "nope", "-n", shop, "-o", "name")
    assert (result.status, result.out) == (2, "deployment.apps/web\n")
    assert result.err == 'Error from server (NotFound): deployments.apps "nope" not found\n'


@pytest.mark.parametrize("flags", [(), ("pods,deployments",), ("-l", "app=web"), ("--sort-by=risk",)], ids=" ".join)
def test_each_namespace_is_shown_among_all_as_it_is_alone(
    api_cluster: Cluster, shop: str, namespace: str, flags: tuple[str, ...]
) -> None:
    make(api_cluster, namespace, "v1/pods", spec())
    make(api_cluster, namespace, "apps/v1/deployments", controller(BAD, app="web"), "web")
    until(lambda: pods(api_cluster, namespace, "web"))
    everywhere = judged(api_cluster, "-A", *flags).document["items"]
    for name in (shop, namespace):
        alone = judged(api_cluster, "-n", name, *flags).document["items"]
        assert alone
        assert [item for item in everywhere if item["namespace"] == name] == alone
    if flags != ("--sort-by=risk",):
        order = [item["namespace"] for item in everywhere]
        assert [name for name, _ in groupby(order)] == sorted(set(order), key=lambda name: f"{name}/")


def test_all_namespaces_have_a_column(api_cluster: Cluster, shop: str) -> None:
    result = inspect(api_cluster, "-A")
    assert result.out.splitlines()[0].split()[:2] == ["NAMESPACE", "WORKLOAD"]
    assert [line.split()[1] for line in result.out.splitlines() if line.startswith(f"{shop} ")] == [
        "pod/one", "deployment.apps/api", "deployment.apps/web",
    ]  # fmt: skip


def test_the_namespace_of_the_context_counts(api_cluster: Cluster, shop: str, tmp_path: Path) -> None:
    config = yaml.safe_load(api_cluster.kubeconfig.read_text())
    config["contexts"][0]["context"]["namespace"] = shop
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(config))
    result = inspect(api_cluster, "--kubeconfig", str(file), "deploy", "-o", "name")
    assert sorted(result.out.splitlines()) == ["deployment.apps/api", "deployment.apps/web"]


def test_an_empty_namespace_gives_kubectls_message_that_no_resources_were_found(
    api_cluster: Cluster, namespace: str
) -> None:
    result = inspect(api_cluster, "-n", namespace)
    assert (result.status, result.out, result.err) == (0, "", f"No resources found in {namespace} namespace.\n")
    assert judged(api_cluster, "-n", namespace).document["items"] == []


# --- how it is printed


def test_the_table_is_kubectls_kind(api_cluster: Cluster, shop: str) -> None:
    result = inspect(api_cluster, "deploy", "-n", shop)
    assert result.out == inspect(api_cluster, "deploy", "-n", shop).out
    head, *rows = result.out.splitlines()
    assert head.split() == [
        "WORKLOAD", "CONTAINER", "ADD", "DROP", "USER", "EFFECTIVE", "RISK", "POD-SECURITY", "WARNINGS",
    ]  # fmt: skip
    assert [row.split()[0] for row in rows] == ["deployment.apps/api", "deployment.apps/web"]
    assert "\x1b" not in result.out
    assert all(line == line.rstrip() for line in result.out.splitlines())


def test_wide_has_more_and_names_each_violation(api_cluster: Cluster, shop: str) -> None:
    out = inspect(api_cluster, "deploy", "-n", shop, "-o", "wide").out
    assert "NO-NEW-PRIVS" in out.splitlines()[0].split()
    assert 'container "main" must set securityContext.capabilities.drop=["ALL"]' in out
    assert "    spec.template.spec.containers[0].securityContext.capabilities.drop" in out.splitlines()


def test_yaml_and_json_have_the_same_values(api_cluster: Cluster, shop: str) -> None:
    assert (
        yaml.safe_load(inspect(api_cluster, "-n", shop, "-o", "yaml").out) == judged(api_cluster, "-n", shop).document
    )


def test_the_level_is_by_the_servers_rules(api_cluster: Cluster, shop: str) -> None:
    minor = api_cluster.version.split(".")[1]
    items = judged(api_cluster, "-n", shop).items
    levels = {name: (item["podSecurity"]["level"], item["podSecurity"]["version"]) for name, item in items.items()}
    assert levels == {
        "pod/one": ("privileged", f"v1.{minor}"),
        "deployment/api": ("restricted", f"v1.{minor}"),
        "deployment/web": ("baseline", f"v1.{minor}"),
    }


# The node's runtime and kubelet -> the risk of `add: [CAP_SYS_MODULE]`, and of a host directory beside runAsNonRoot.
NODES: list[tuple[str, str, str, str]] = [
    ("containerd://2.3.1", "v1.33.0", "none", "medium"),
    ("containerd://2.3.0", "v1.33.0", "none", "high"),
    ("containerd://2.3.0", "v1.34.0", "none", "medium"),
    ("cri-o://1.30.0", "v1.30.0", "critical", "medium"),
    ("rkt://1.30.0", "v1.30.0", "critical", "high"),
]


def test_each_pod_is_judged_by_the_runtime_of_its_node(api_cluster: Cluster, namespace: str) -> None:
    drops = {"capabilities": {"drop": ["ALL"], "add": ["CAP_SYS_MODULE"]}, "allowPrivilegeEscalation": False}
    alone = {"capabilities": {"drop": ["ALL"]}, "allowPrivilegeEscalation": False, "runAsNonRoot": True}
    mounted = [{"name": "v", "mountPath": "/v"}]
    volumes = [{"name": "v", "hostPath": {"path": "/data"}}]
    others = ("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "operatingSystem", "architecture")
    wanted: dict[str, str] = {}
    for at, (runtime, kubelet, void, evaded) in enumerate(NODES):
        node = f"{namespace}-{at}"
        info = {**dict.fromkeys(others, "x"), "containerRuntimeVersion": runtime, "kubeletVersion": kubelet}
        body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}, "status": {"nodeInfo": info}}
        code, answer = api_cluster.api.request("POST", "/api/v1/nodes", body)
        assert code == 201, answer
        only = {"name": "c", "image": "i"}
        pod = {"nodeName": node, "containers": [{**only, "securityContext": drops}]}
        make(api_cluster, namespace, "v1/pods", pod, f"void-{at}")
        pod = {"nodeName": node, "containers": [{**only, "securityContext": alone, "volumeMounts": mounted}]}
        make(api_cluster, namespace, "v1/pods", {**pod, "volumes": volumes}, f"evaded-{at}")
        wanted |= {f"pod/void-{at}": void, f"pod/evaded-{at}": evaded}
    try:
        items = judged(api_cluster, "-n", namespace).items
    finally:
        for at in range(len(NODES)):
            api_cluster.api.request("DELETE", f"/api/v1/nodes/{namespace}-{at}")
    assert {name: item["risk"] for name, item in items.items()} == wanted
    on = [items[f"pod/void-{at}"]["containers"][0]["riskRuntimes"] for at in (0, 3, 4)]
    assert on == [[], [], ["cri-o", "docker"]]


# --- what may not be read


def test_a_forbidden_list_is_named_and_counted_and_the_rest_is_judged(api_cluster: Cluster, shop: str) -> None:
    user = f"reader-{shop}"
    role = ["--verb=list,get", "--resource=pods,deployments.apps,replicasets.apps"]
    api_cluster.kubectl("create", "role", user, "-n", shop, *role)
    api_cluster.kubectl("create", "rolebinding", user, "-n", shop, f"--role={user}", f"--user={user}")
    result = judged(api_cluster, "-n", shop, "--as", user)
    assert result.status == 2
    assert set(result.items) == {"pod/one", "deployment/web", "deployment/api"}
    forbidden = {"statefulsets.apps", "daemonsets.apps", "replicationcontrollers", "jobs.batch", "cronjobs.batch"}
    errors = result.document["errors"]
    assert {(error["code"], error["message"].split(" ")[0]) for error in errors} == {(403, name) for name in forbidden}
    assert result.document["summary"]["unknown"] == len(forbidden)
    lines = result.err.splitlines()
    assert len([line for line in lines if line.startswith("Error from server (Forbidden)")]) == len(forbidden)
    says = "cannot list nodes (forbidden): the container runtime is read from the status of pods, and else assumed"
    assert lines[0] == says
    (predicted,) = result.items["deployment/web"]["containers"][0]["predicted"]
    assert (predicted["runtime"], predicted["provenance"], predicted["nodes"]) == ("containerd", "assumed", 0)


@pytest.mark.parametrize("runtime", ["cri-o", "containerd", "docker"])
def test_the_status_of_the_pods_names_the_runtime_if_nodes_may_not_be_listed(
    api_cluster: Cluster, namespace: str, runtime: str
) -> None:
    make(api_cluster, namespace, "v1/pods", {"nodeName": "far", "containers": [{"name": "c", "image": "i"}]}, "one")
    status = {"name": "c", "image": "i", "imageID": "", "ready": True, "restartCount": 0}
    status["containerID"] = f"{runtime}://3f2a9c"
    patch = json.dumps({"status": {"phase": "Running", "containerStatuses": [status]}})
    api_cluster.kubectl("patch", "pod", "one", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)
    user = f"no-nodes-{namespace}"
    api_cluster.kubectl("create", "role", user, "-n", namespace, "--verb=list,get", "--resource=pods,replicasets.apps")
    api_cluster.kubectl("create", "rolebinding", user, "-n", namespace, f"--role={user}", f"--user={user}")
    result = judged(api_cluster, "pod/one", "-n", namespace, "--as", user)
    (predicted,) = result.items["pod/one"]["containers"][0]["predicted"]
    assert (predicted["runtime"], predicted["provenance"], predicted["nodes"]) == (runtime, "observed", 1)


def test_a_user_without_rights_gets_an_error_for_each_list(api_cluster: Cluster, shop: str) -> None:
    result = judged(api_cluster, "-n", shop, "--as", "nobody")
    assert (result.status, result.items) == (2, {})
    assert result.document["summary"]["unknown"] == 8


# --- no cluster


def test_a_context_that_does_not_exist(api_cluster: Cluster) -> None:
    kubectl = api_cluster.kubectl("get", "pods", "--context", "nope", check=False)
    result = inspect(api_cluster, "--context", "nope")
    assert (result.status, result.out) == (2, "")
    assert result.err.splitlines() == ["error: context was not found for specified context: nope"]
    assert "context was not found for specified context: nope" in kubectl.stderr


def test_an_unreachable_server_gives_kubectls_error(api_cluster: Cluster) -> None:
    where = ("--server", "http://127.0.0.1:9")
    result = inspect(api_cluster, *where)
    kubectl = api_cluster.kubectl("get", "pods", *where, check=False)
    assert (result.status, result.out) == (2, "")
    assert result.err.splitlines() == [kubectl.stderr.splitlines()[-1]]


# --- what a network does


def through(cluster: Cluster, fault: Callable[[Seen, int], Answer | None]) -> Callable[[Seen], Answer]:
    """Passes requests on, but for those that `fault` answers; it is told how often the path was asked for."""
    asked: dict[str, int] = {}

    def answer(seen: Seen) -> Answer:
        asked[seen.path] = asked.get(seen.path, 0) + 1
        wrong = fault(seen, asked[seen.path])
        if wrong:
            return wrong
        query = f"?{urlencode(seen.query)}" if seen.query else ""
        code, value = cluster.api.request(seen.method, seen.path + query)
        return reply(value, code)

    return answer


BUSY = status(429, "TooManyRequests", "slow down", ("Retry-After", "0"))
FAULTS: dict[str, Callable[[Seen, int], Answer | None]] = {
    "too many requests": lambda seen, nth: BUSY if nth == 1 else None,
    "broken connections": lambda seen, nth: Answer(cut=-1) if nth == 1 else None,
    "an answer cut in half": lambda seen, nth: Answer(b'{"items": []}', cut=5) if nth == 1 else None,
    "an expired list": lambda seen, nth: expired_list(seen) if "continue" in seen.query and nth == 2 else None,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_network_fault_does_not_change_the_verdict(
    api_cluster: Cluster, shop: str, fault: Callable[[Seen, int], Answer | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    one_at_a_time = {"label_selector": None, "field_selector": None, "limit": 1}
    monkeypatch.setattr(client.Cluster.pages, "__kwdefaults__", one_at_a_time)
    with serving(through(api_cluster, fault)) as proxy:
        result = inspect(api_cluster, "--server", proxy.url, "-n", shop, "-o", "name")
    assert (result.status, result.err) == (0, "")
    assert sorted(result.out.splitlines()) == ["deployment.apps/api", "deployment.apps/web", "pod/one"]


def test_a_list_that_stays_broken_is_an_error_and_not_an_empty_list(api_cluster: Cluster, shop: str) -> None:
    fails = status(500, "InternalError", "etcd is gone")
    fault = lambda seen, nth: fails if seen.path.endswith("/statefulsets") else None  # noqa: E731
    with serving(through(api_cluster, fault)) as proxy:
        result = judged(api_cluster, "--server", proxy.url, "-n", shop)
    assert result.status == 2
    assert len(result.items) == 3
    assert result.err == "Error from server (InternalError): etcd is gone\n"
    assert result.document["summary"]["unknown"] == 1


# --- through a real kubectl


def test_flags_and_exit_codes_pass_through_kubectl(api_cluster: Cluster, shop: str) -> None:
    good = api_cluster.kubectl("caps", "inspect", "deploy/web", "-n", shop, "-o", "name")
    assert (good.stdout, good.stderr) == ("deployment.apps/web\n", "")
    missing = api_cluster.kubectl("caps", "inspect", "deploy/nope", "-n", shop, check=False)
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr == 'Error from server (NotFound): deployments.apps "nope" not found\n'
    unknown = api_cluster.kubectl("caps", "inspect", "--nope", check=False)
    assert (unknown.returncode, unknown.stderr.splitlines()) == (
        2, ["error: unknown flag: --nope", "See 'kubectl caps inspect --help' for usage."],
    )  # fmt: skip


def test_kubectl_lists_the_plugin_without_a_complaint(api_cluster: Cluster) -> None:
    listed = api_cluster.kubectl("plugin", "list")
    names = [Path(line).name for line in listed.stdout.splitlines()[1:] if line]
    complaints = [line for line in listed.stderr.splitlines() if not line.startswith("Unable to read directory")]
    assert (names, complaints) == (["kubectl-caps"], [])


COMPLETIONS = {
    "caps ins": ["inspect"],
    "caps inspect deploy/": ["deploy/api", "deploy/web"],
    "caps inspect deployment w": ["web"],
    "caps inspect --live=e": ["exec", "ephemeral"],
    "caps inspect -o w": ["wide"],
}


@pytest.mark.parametrize(("words", "found"), COMPLETIONS.items(), ids=list(COMPLETIONS))
def test_kubectl_completes_types_and_names(api_cluster: Cluster, shop: str, words: str, found: list[str]) -> None:
    first, *rest = words.split()
    typed = [first, *rest[:1], *(["-n", shop] if len(rest) > 1 else []), *rest[1:]]
    lines = tab_again(
        lambda: api_cluster.kubectl("__complete", *typed).stdout.splitlines(), lambda lines: len(lines) < 2
    )
    assert [line.partition("\t")[0] for line in lines[:-1]] == found
    assert lines[-1] == ":36"
