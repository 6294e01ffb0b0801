"""Each command of docs/rbac.md on the real node with exactly the rights of its files, and with each right taken away.

Without a right a command ends with status 2, or goes on and names what is missing in one line: never in silence.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from rbac import FILES, RoleRight, Row, goes_on, rights_of, rows
from testbed.cluster import Completed, Node

RBAC = "rbac.authorization.k8s.io"
NAMES = {
    "pods": "pod/alone",
    "replicationcontrollers": "replicationcontroller/old",
    "deployments": "deployment/web",
    "statefulsets": "statefulset/db",
    "daemonsets": "daemonset/agent",
    "replicasets": "replicaset/set",
    "jobs": "job/once",
    "cronjobs": "cronjob/report",
}
"""One object of each kind."""
_users = itertools.count()


def objects(node: Node) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kind, apiVersion and spec of each of them: programs that sleep, and one that ends."""
    image = {"name": "c", "image": node.busybox, "imagePullPolicy": "Never"}

    def spec(*containers: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"terminationGracePeriodSeconds": 0, "containers": list(containers or [image]), **more}

    def selected(name: str, **more: Any) -> dict[str, Any]:
        labels = {"app": name}
        return {
            **more,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec()},
        }

    once = {"template": {"spec": spec({**image, "command": ["true"]}, restartPolicy="Never")}}
    yield "Pod", "v1", spec()
    yield "Deployment", "apps/v1", selected("web")
    yield "StatefulSet", "apps/v1", selected("db", serviceName="db")
    yield "DaemonSet", "apps/v1", selected("agent")
    yield "ReplicaSet", "apps/v1", selected("set", replicas=0)
    yield "ReplicationController", "v1", {"replicas": 0, "template": selected("old")["template"]}
    yield "Job", "batch/v1", once
    yield "CronJob", "batch/v1", {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": once}}


def fresh(node: Node, *, bare: bool = False) -> str:
    """A namespace with the objects, of which no command has changed any yet; `bare`: also a pod without a shell."""
    namespace = node.make_namespace()
    items = []
    for kind, version, spec in objects(node):
        name = next(value.partition("/")[2] for value in NAMES.values() if value.startswith(f"{kind.lower()}/"))
        items.append({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec})
    node.kubectl(
        "create", "-n", namespace, "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    )
    for name in ("deployment/web", "statefulset/db", "daemonset/agent"):
        node.kubectl("rollout", "status", "-n", namespace, name, "--timeout=90s")
    if bare:
        image = node.real("distroless")
        node.kubectl("run", "bare", "-n", namespace, f"--image={image}", "--image-pull-policy=Never")
    node.kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod/bare" if bare else "pod/alone", "--timeout=60s")
    # A container that ends just when its processes are read has not been observed, and `inspect --live` says so.
    node.kubectl("wait", "-n", namespace, "--for=condition=Complete", "job/once", "--timeout=60s")
    return namespace


def user_with(node: Node, namespace: str | None, rights: Sequence[RoleRight]) -> str:
    """A ServiceAccount's name with exactly these rights; in one namespace, but for those that are the cluster's."""
    account = f"caps-{next(_users)}"
    subject = {"kind": "ServiceAccount", "name": account, "namespace": "default"}
    for scope in ("namespace", "cluster", "parameters"):
        rules = [
            {"apiGroups": [right.group], "resources": [right.resource], "verbs": [right.verb]}
            for right in rights
            if (right.is_for_the_cluster, right.is_for_parameters) == (scope == "cluster", scope == "parameters")
        ]
        name = f"{account}-{scope}"
        bound_in = {"namespace": namespace, "parameters": "kube-system"}.get(scope)
        where = f"/namespaces/{bound_in}/rolebindings" if bound_in else "/clusterrolebindings"
        reference = {"kind": "ClusterRole", "name": name, "apiGroup": RBAC}
        for path, body in (
            ("/clusterroles", {"rules": rules}),
            (where, {"subjects": [subject], "roleRef": reference}),
        ):
            code, answer = node.api.request("POST", f"/apis/{RBAC}/v1{path}", {"metadata": {"name": name}, **body})
            assert code == 201, answer
    return f"system:serviceaccount:default:{account}"


def run(node: Node, namespace: str, row: Row, rights: Sequence[RoleRight], target: str = "deployment/web") -> Completed:
    """Run a row's command in a namespace with these rights."""
    replaced = {"shop": namespace, "TYPE/NAME": target, "IMAGE": node.busybox}
    words = [replaced.get(word, word) for word in row.command.split()]
    quick = ["--settle", "1s"] if words[0] in ("fit", "harden") else []
    user = user_with(node, None if "--all" in words else namespace, rights)
    groups = ["--as-group", "system:serviceaccounts", "--as-group", "system:authenticated"]
    return node.caps(*words, *quick, "--as", user, *groups)


@pytest.fixture(scope="module")
def untouched(node_cluster: Node) -> Iterator[str]:
    """For commands that change no workload, or end before they do."""
    namespace = fresh(node_cluster, bare=True)
    yield namespace
    node_cluster.delete_namespace(namespace)


def test_the_server_takes_the_files(node_cluster: Node) -> None:
    for file in FILES:
        node_cluster.kubectl("apply", "-f", str(file))


def prepare(node: Node, namespace: str, row: Row) -> None:
    """A policy that is there, for a command that changes or removes it; made of something else, so that all differs."""
    if row.command.startswith("policy") and ("--apply" in row.command or "--remove" in row.command):
        inspected = node.caps("inspect", "-n", namespace, "-o", "json").stdout
        done = node.caps("policy", "--from", "-", "-n", namespace, "--apply", "--form", "map", input=inspected)
        assert done.returncode == 0, done


def targets(row: Row) -> list[str]:
    """The objects that a row is run with: of each kind that its rights get, but of one for the slow fit."""
    if "TYPE/NAME" not in row.command:
        return [""]
    if row.command.startswith("fit"):
        return ["deployment/web"]
    return [NAMES[right.resource] for right in row.rights() if right.verb == "get" and right.resource in NAMES]


@pytest.mark.node
@pytest.mark.parametrize("row", rows(), ids=lambda row: row.command)
def test_a_command_succeeds_with_exactly_these_rights(request: pytest.FixtureRequest, row: Row) -> None:
    everywhere = "--all" in row.command
    node: Node = request.getfixturevalue("node_alone" if everywhere else "node_cluster")
    namespace = fresh(node, bare="pod/bare" in row.command)
    if "--apply" in row.command:  # once without a policy, once with another one
        done = run(node, namespace, row, row.rights())
        assert done.returncode == 0, done
    for target in targets(row):
        prepare(node, namespace, row)
        done = run(node, namespace, row, row.rights(), target)
        assert done.returncode == (1 if everywhere else 0), (target, done)  # 1: restricted would refuse the objects
        missing = [right for right in row.rights() if right.is_named(done.stdout + done.stderr)]
        assert (missing, "orbidden" in done.stderr) == ([], False), (target, done.stderr)
    node.delete_namespace(namespace)


def uses(row: Row, right: RoleRight) -> bool:
    """Whether it is this command of the several with a role that needs the right."""
    command = row.command
    if right.role == "kubectl-caps-trials":
        return command.startswith("fit")
    if right.resource == "jobs" and right.role == "kubectl-caps-harden":
        return "cronjob/" in command
    named = ("kubectl-caps-inspect", "kubectl-caps-inspect-cluster", "kubectl-caps-fit", "kubectl-caps-harden")
    if right.verb == "get" and right.role in named:
        return "TYPE/NAME" in command
    return True


def removals() -> Iterator[tuple[Row, RoleRight]]:
    """Each right of each file, with a command that uses it."""
    for file in FILES:
        for right in rights_of(file.stem):
            yield next(row for row in rows() if file.stem in row.files and uses(row, right)), right


@pytest.mark.parametrize(
    ("row", "right"), [pytest.param(*one, id=f"{one[1].role}: {one[1].verb} {one[1].kind}") for one in removals()]
)
def test_a_removed_right_is_named(
    node_cluster: Node, untouched: str, row: Row, right: RoleRight
) -> None:
    changes = row.command.startswith("harden") and goes_on(right)
    asks = right.role == "kubectl-caps-trials" and goes_on(right)
    if asks:  # fit says this before its question, where it ends without a terminal; the trials would take ten seconds
        row = row._replace(command=row.command.replace(" --yes", ""))
    rights = [one for one in row.rights() if (one.verb, one.kind) != (right.verb, right.kind)]
    target = NAMES.get(right.resource, "") if right.verb in ("get", "patch") else ""
    namespace = fresh(node_cluster) if changes else untouched
    if right.verb in ("patch", "delete"):
        prepare(node_cluster, namespace, row)
    elif "--apply" in row.command and right.verb == "create":
        node_cluster.caps("policy", "-n", namespace, "--remove")
    done = run(node_cluster, namespace, row, rights, target or "deployment/web")
    assert right.is_named(done.stdout + done.stderr), done
    assert done.returncode == (0 if goes_on(right) and not asks else 2), done
    if changes:
        node_cluster.delete_namespace(namespace)
