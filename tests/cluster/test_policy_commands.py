"""`policy --apply`, `--check` and `--remove` against a real API server, and what CEL costs there."""

import json
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import yaml
from labeling import GOOD, Result, deployment, make, run, spec
from loopback import Answer, Seen, status
from middleman import between, is_patch
from policies.random_policies import ADMIN
from policies.verdicts import PATHS, await_policy, install
from testbed.cluster import Cluster

from kubectl_caps.core.kubernetes.made_pods import COUNTS_AS
from kubectl_caps.core.policy.model import BUILTIN_CONTROLLERS, NamespacePolicy, PolicyGrant, PolicyWorkload

HARDENED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"], "add": ["CHOWN", "SETUID"]}}
NAMES = ("configmap", "validatingadmissionpolicy.admissionregistration.k8s.io",
         "validatingadmissionpolicybinding.admissionregistration.k8s.io")  # fmt: skip


def policy(cluster: Cluster, namespace: str, *arguments: str) -> Result:
    """Run policy on a namespace."""
    return run(cluster, "policy", "-n", namespace, *arguments)


def stored(cluster: Cluster, namespace: str) -> list[Any]:
    """The objects of the policy as they are now; None for one that is not there."""
    kinds = ("ConfigMap", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    found = [cluster.api.get(f"{PATHS[kind]}/kubectl-caps-{namespace}") for kind in kinds]
    if found[1] is not None:  # the controller manager writes its status at any time
        found[1].pop("status", None)
        metadata = found[1]["metadata"]
        del metadata["resourceVersion"]
        metadata["managedFields"] = [one for one in metadata["managedFields"] if one.get("subresource") != "status"]
    return found


def web(cluster: Cluster, namespace: str, security: dict[str, Any] | None = None, name: str = "web") -> None:
    """A Deployment without pods."""
    deployment(cluster, namespace, name, spec(HARDENED if security is None else security))


def replace_security(cluster: Cluster, namespace: str, security: dict[str, Any]) -> str:
    """Set the security context of the only container of the Deployment web; returns what the server says to that."""
    [container] = spec(security)["containers"]
    change = [{"op": "replace", "path": "/spec/template/spec/containers/0", "value": container}]
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"
    _, answer = cluster.api.request("PATCH", path, change, "application/json-patch+json")
    return str(answer.get("message") or "")


def test_what_is_applied_denies_and_applying_it_again_changes_nothing(api_cluster: Cluster, namespace: str) -> None:
    web(api_cluster, namespace)
    first = policy(api_cluster, namespace, "--apply", "--action", "deny", "--controller", ADMIN)
    assert (first.status, first.out.split()[1::2]) == (0, ["created"] * 3), first
    assert [line.split("/")[0] for line in first.out.splitlines()] == list(NAMES)
    await_policy(api_cluster, namespace)
    before = stored(api_cluster, namespace)
    again = policy(api_cluster, namespace, "--apply", "--action", "deny", "--controller", ADMIN)
    assert (again.status, again.out.split()[1::2]) == (0, ["unchanged"] * 3), again
    assert stored(api_cluster, namespace) == before
    less, other = ({**HARDENED, "capabilities": {"drop": ["ALL"], "add": [name]}} for name in ("CHOWN", "NET_ADMIN"))
    assert replace_security(api_cluster, namespace, less) == ""
    assert "container main: capabilities.add has NET_ADMIN" in replace_security(api_cluster, namespace, other)


def test_what_is_printed_is_what_is_applied_and_is_the_same_each_time(api_cluster: Cluster, namespace: str) -> None:
    web(api_cluster, namespace)
    printed = policy(api_cluster, namespace)
    assert printed.out == policy(api_cluster, namespace).out
    api_cluster.kubectl("apply", "-f", "-", input=printed.out)
    applied = policy(api_cluster, namespace, "--apply")
    assert (applied.status, applied.out.split()[1::2]) == (0, ["unchanged"] * 3), applied
    items = json.loads(policy(api_cluster, namespace, "-o", "json").out)["items"]
    assert items == list(yaml.safe_load_all(printed.out))


def test_deny_is_not_applied_while_something_would_be_refused(api_cluster: Cluster, namespace: str) -> None:
    web(api_cluster, namespace, {"capabilities": {"add": ["CHOWN"]}})
    held = policy(api_cluster, namespace, "--apply", "--action", "deny")
    assert (held.status, stored(api_cluster, namespace)) == (1, [None] * 3)
    assert "deployment.apps/web\n    container main: capabilities.drop lacks ALL\n" in held.err
    assert "--force applies it anyway" in held.out
    assert policy(api_cluster, namespace, "--apply").status == 0  # audit and warn refuse nothing
    assert policy(api_cluster, namespace, "--apply", "--action", "deny", "--force").status == 0


def test_check_sees_a_workload_that_is_added_removed_or_widened(api_cluster: Cluster, namespace: str) -> None:
    web(api_cluster, namespace)
    assert policy(api_cluster, namespace, "--check").status == 1
    policy(api_cluster, namespace, "--apply")
    agreed = policy(api_cluster, namespace, "--check")
    assert (agreed.status, agreed.out) == (0, f"namespace/{namespace}: the policy and the namespace agree\n")
    web(api_cluster, namespace, name="new")
    added = policy(api_cluster, namespace, "--check")
    assert (added.status, "deployment.apps/new: is not in the policy" in added.out) == (1, True), added
    api_cluster.kubectl("delete", "deployment", "new", "-n", namespace)
    replace_security(api_cluster, namespace, {"capabilities": {"drop": ["ALL"], "add": ["CHOWN", "SETUID", "KILL"]}})
    widened = policy(api_cluster, namespace, "--check")
    assert widened.status == 1
    assert "container main goes beyond the policy by KILL, allowPrivilegeEscalation" in widened.out
    assert "deployment.apps/web: is refused: container main: capabilities.add has KILL" in widened.out
    api_cluster.kubectl("delete", "deployment", "web", "-n", namespace)
    gone = policy(api_cluster, namespace, "--check")
    assert (gone.status, gone.out) == (1, "deployment.apps/web: is in the policy, but not in the namespace\n")


def test_check_sees_a_policy_that_somebody_has_changed(api_cluster: Cluster, namespace: str) -> None:
    web(api_cluster, namespace)
    policy(api_cluster, namespace, "--apply")
    name = f"kubectl-caps-{namespace}"
    change = [{"op": "replace", "path": "/spec/failurePolicy", "value": "Ignore"}]
    path = f"{PATHS['ValidatingAdmissionPolicy']}/{name}"
    assert api_cluster.api.request("PATCH", path, change, "application/json-patch+json")[0] == 200
    assert "spec.failurePolicy is not as kubectl caps makes it" in policy(api_cluster, namespace, "--check").out
    key = "deployment.apps_web_main"
    widened = {"data": {key: "CHOWN,NET_ADMIN,SETUID"}}
    path = f"{PATHS['ConfigMap']}/{name}"
    assert api_cluster.api.request("PATCH", path, widened, "application/merge-patch+json")[0] == 200
    assert "less than the policy grants: NET_ADMIN" in policy(api_cluster, namespace, "--check").out
    denied = policy(api_cluster, namespace, "--check", "--action", "deny")
    assert "spec.validationActions is not as kubectl caps makes it" in denied.out
    mended = policy(api_cluster, namespace, "--apply")
    assert mended.out.split()[1::2] == ["configured", "configured", "unchanged"], mended
    assert policy(api_cluster, namespace, "--check").status == 0


def test_inspect_names_the_policy_that_holds_a_workload(api_cluster: Cluster, namespace: str) -> None:
    web(api_cluster, namespace)
    assert "Held by:" not in run(api_cluster, "inspect", "deployment/web", "-n", namespace).out
    policy(api_cluster, namespace, "--apply")
    shown = run(api_cluster, "inspect", "deployment/web", "-n", namespace).out
    assert f"Held by:       policy kubectl-caps-{namespace} (audit, warn)\n" in shown


def test_what_somebody_else_changes_meanwhile_is_not_overwritten(
    api_cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """The dry run has passed; just before the patch another hand changes the same line of the parameters."""
    web(api_cluster, namespace)
    policy(api_cluster, namespace, "--apply")
    less = {**HARDENED, "capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}}
    assert replace_security(api_cluster, namespace, less) == ""
    path = f"{PATHS['ConfigMap']}/kubectl-caps-{namespace}"

    def meddle(seen: Seen) -> None:
        if is_patch(seen):
            other = {"data": {"deployment.apps_web_main": "KILL"}}
            api_cluster.api.request("PATCH", path, other, "application/merge-patch+json")

    with between(api_cluster, tmp_path, before=meddle) as proxy:
        held = policy(api_cluster, namespace, "--apply", "--kubeconfig", str(proxy.kubeconfig))
    assert (held.status, "was changed by somebody else in the meantime; run it again" in held.err) == (2, True), held
    assert stored(api_cluster, namespace)[0]["data"]["deployment.apps_web_main"] == "KILL"
    again = policy(api_cluster, namespace, "--apply")
    assert (again.status, again.out.split()[1::2]) == (0, ["configured", "unchanged", "unchanged"]), again
    assert stored(api_cluster, namespace)[0]["data"]["deployment.apps_web_main"] == "CHOWN"


def test_nothing_is_applied_where_the_server_refuses_one_of_the_objects(
    api_cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    web(api_cluster, namespace)

    def refuse(seen: Seen) -> Answer | None:
        refused = seen.method == "POST" and "policies" in seen.path
        return status(403, "Forbidden", "no policies here", details={}) if refused else None

    with between(api_cluster, tmp_path, before=refuse) as proxy:
        held = policy(api_cluster, namespace, "--apply", "--kubeconfig", str(proxy.kubeconfig))
    assert (held.status, "Error from server (Forbidden): no policies here" in held.err) == (2, True), held
    assert stored(api_cluster, namespace) == [None] * 3


def test_remove_takes_all_of_it_away_and_nothing_of_others(api_cluster: Cluster, namespace: str) -> None:
    web(api_cluster, namespace)
    policy(api_cluster, namespace, "--apply")
    shown = policy(api_cluster, namespace, "--remove", "--dry-run", "server")
    assert (shown.status, None in stored(api_cluster, namespace)) == (0, False)
    removed = policy(api_cluster, namespace, "--remove")
    assert (removed.status, stored(api_cluster, namespace)) == (0, [None] * 3)
    assert [line.split("/")[0] for line in removed.out.splitlines()] == list(reversed(NAMES))
    assert policy(api_cluster, namespace, "--remove").status == 0
    foreign = {"metadata": {"name": f"kubectl-caps-{namespace}"}, "data": {}}
    assert api_cluster.api.request("POST", PATHS["ConfigMap"], foreign)[0] == 201
    for flag in ("--apply", "--remove", "--check"):
        kept = policy(api_cluster, namespace, flag)
        assert (kept.status, "kubectl caps did not make it" in kept.err) == (2, True), kept


def test_the_systems_namespaces_need_force(api_cluster: Cluster) -> None:
    held = policy(api_cluster, "kube-public", "--apply", "--dry-run", "server")
    assert (held.status, "belongs to the system" in held.out) == (1, True)
    assert policy(api_cluster, "kube-public", "--apply", "--dry-run", "server", "--force").status == 0


def test_an_exemption_lapses_by_itself(api_cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    web(api_cluster, namespace)
    today = datetime.now(timezone.utc).date()
    file = tmp_path / "exemptions.yaml"
    for days, is_refused in ((1, False), (-1, True)):
        until = (today + timedelta(days)).isoformat()
        entry = {"kind": "Deployment", "name": "web", "capabilities": ["SETUID"], "reason": "until 2.0", "until": until}
        content = {"apiVersion": "kubectl-caps/v1alpha1", "kind": "Exemptions", "exemptions": [entry]}
        file.write_text(yaml.safe_dump(content))
        done = policy(api_cluster, namespace, "--apply", "--action", "deny", "--exemptions", str(file), "--force")
        assert ("capabilities.add has SETUID" in done.err, done.status) == (is_refused, 0), done
        parameters = stored(api_cluster, namespace)[0]
        assert parameters["data"]["deployment.apps_web_main"] == f"CHOWN,SETUID@{until}"
        assert "until 2.0" in parameters["metadata"]["annotations"]["kubectl-caps/exemptions"]
        lapsed = policy(api_cluster, namespace, "--check")
        assert (lapsed.status, "capabilities.add has SETUID" in lapsed.out) == (int(is_refused), is_refused), lapsed


def test_harden_and_label_ns_ask_as_the_workload_whose_pods_they_try(api_cluster: Cluster, namespace: str) -> None:
    """In a dry run, which makes nothing. The pods of a stranger are still refused."""
    web(api_cluster, namespace)
    assert policy(api_cluster, namespace, "--apply", "--action", "deny").status == 0
    await_policy(api_cluster, namespace)
    assert run(api_cluster, "label-ns", namespace, "--enforce", "baseline").status == 0
    hardened = run(api_cluster, "harden", "deployment/web", "-n", namespace, "--run-as-user", "7", "--wait=false")
    assert hardened.status == 0, hardened
    added = run(api_cluster, "harden", "deployment/web", "-n", namespace, "-c", "main", "--add", "KILL")
    assert (added.status, "capabilities.add has KILL" in added.out) == (2, True), added
    marked = {"name": "x", "annotations": {COUNTS_AS: "deployment.apps_web"}}
    for query, code in (("?dryRun=All", 201), ("", 403)):
        path = f"/api/v1/namespaces/{namespace}/pods{query}"
        assert api_cluster.api.request("POST", path, {"metadata": marked, "spec": spec(HARDENED)})[0] == code


def test_an_owner_reference_counts_only_from_a_controller(api_cluster: Cluster, namespace: str) -> None:
    """The test's user is a controller only where the policy says so: else its owner reference is a forged one."""
    web(api_cluster, namespace)
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d4f", "uid": "1", "controller": True}
    labels = {"app": "web", "pod-template-hash": "5d4f"}
    body = {"metadata": {"name": "x", "labels": labels, "ownerReferences": [owner]}, "spec": spec(HARDENED)}
    for flags, wanted in ((["--controller", ADMIN], 201), ([], 403)):
        assert policy(api_cluster, namespace, "--apply", "--action", "deny", *flags).status == 0
        await_policy(api_cluster, namespace)
        deadline = time.monotonic() + 30
        while True:
            code, answer = api_cluster.api.request("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", body)
            if code == wanted or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        assert code == wanted, answer


def test_a_template_that_does_not_change_is_not_judged(api_cluster: Cluster, namespace: str) -> None:
    web(api_cluster, namespace, {})
    assert policy(api_cluster, namespace, "--apply", "--action", "deny", "--force").status == 0
    await_policy(api_cluster, namespace)
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"
    scaled = {"spec": {"replicas": 0}, "metadata": {"annotations": {"a": "b"}}}
    assert api_cluster.api.request("PATCH", path, scaled, "application/merge-patch+json")[0] == 200
    changed = {"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}}
    code, answer = api_cluster.api.request("PATCH", path, changed, "application/merge-patch+json")
    assert (code, "capabilities.drop lacks ALL" in answer["message"]) == (403, True), answer


def test_500_workloads_and_200_policies_stay_below_the_limits_of_cel(api_cluster: Cluster) -> None:
    """A pod with 100 containers, of which each has a line, beside 499 other workloads and 199 other policies."""
    today = datetime.now(timezone.utc).date().isoformat()
    added = ["CHOWN", "KILL", "SETGID", "SETUID", "SYS_CHROOT", "NET_ADMIN"]
    grants = tuple(PolicyGrant(name, today) for name in added)
    wide = {f"c{index}": grants for index in range(100)}
    few = {"main": grants, "side": grants}
    held = [PolicyWorkload("deployment.apps", f"w{index}", "default", few) for index in range(499)]
    held.append(PolicyWorkload("pod", "wide", "default", wide))
    names = [api_cluster.make_namespace() for _ in range(200)]
    for name in names:
        workloads = held if name == names[0] else held[:1]
        install(api_cluster, NamespacePolicy(name, tuple(workloads), (*BUILTIN_CONTROLLERS, ADMIN)))
    await_policy(api_cluster, names[0])
    await_policy(api_cluster, names[-1])
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"], "add": added}}
    containers = [{"name": name, "image": "x", "securityContext": context} for name in wide]
    pod = {"metadata": {"name": "wide"}, "spec": {"containers": containers}}
    path = f"/api/v1/namespaces/{names[0]}/pods?dryRun=All"
    started = time.monotonic()
    code, answer = api_cluster.api.request("POST", path, pod)
    print(f"100 containers: {time.monotonic() - started:.3f} s")
    assert code == 201, answer
    containers[-1]["securityContext"] = {**context, "privileged": True, "allowPrivilegeEscalation": True}
    code, answer = api_cluster.api.request("POST", path, pod)
    assert (code, "container c99: privileged" in answer["message"]) == (403, True), answer
    for name in names:
        api_cluster.delete_namespace(name)


def test_a_pod_that_is_restricted_may_be_debugged(api_cluster: Cluster, namespace: str) -> None:
    make(api_cluster, namespace, "v1/pods", {"metadata": {"name": "bare"}, "spec": spec(GOOD)})
    assert policy(api_cluster, namespace, "--apply", "--action", "deny").status == 0
    await_policy(api_cluster, namespace)
    for profile, is_allowed in (("restricted", True), ("general", False), ("sysadmin", False)):
        debug = ("debug", "bare", "-n", namespace, "--image=x", f"--profile={profile}", "--attach=false")
        done = api_cluster.kubectl(*debug, check=False)
        assert (done.returncode == 0) == is_allowed, (profile, done)
