"""Whom `--as` makes one: the same user for every request, whatever the alphabet of the name."""

import pytest
from loopback import reply, serving, status
from test_exec_websocket import EXEC, runner
from testbed.cluster import Cluster as RealCluster

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.api.resources import PODS, Resource
from kubectl_caps.cluster.config.kubeconfig import Overrides, load_connection
from kubectl_caps.cluster.http.transport import Connected, Request, connect
from kubectl_caps.errors import ApiError, ConfigError

NAMES = ["alice", "jürgen", "Ärger Söhne", "田中", "🦊", "a=?utf-8?q?b?="]
_SELF = Resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", False)


def acting_as(cluster: RealCluster, name: str, *groups: str) -> Connected:
    return connect(load_connection(Overrides(kubeconfig=str(cluster.kubeconfig), as_user=name, as_groups=groups)))


@pytest.mark.parametrize("name", NAMES)
def test_a_list_and_an_exec_send_the_same_bytes(name: str) -> None:
    with serving(lambda seen: status(403, "Forbidden", "no") if seen.path.endswith("exec") else reply({})) as server:
        one = connect(load_connection(Overrides(server=server.url, as_user=name, as_groups=(name, "b"))))
        one.send(Request("GET", "/version"))
        with pytest.raises(ApiError):
            runner(server.url, as_user=name, as_groups=(name, "b")).run(EXEC, 5)  # type: ignore[arg-type]
        users = [seen.all("Impersonate-User") for seen in server.seen]
        groups = [seen.all("Impersonate-Group") for seen in server.seen]
    raw = name.encode().decode("latin-1")  # the test's server reads headers as Latin-1
    assert users == [[raw]] * 2
    assert groups == [[raw, "b"]] * 2


def test_a_name_that_is_not_utf8_is_refused_before_anything_is_sent() -> None:
    with serving({}) as server:
        with pytest.raises(ConfigError, match='invalid header field value for "Impersonate-User"'):
            connect(load_connection(Overrides(server=server.url, as_user="j\udcfcrgen"))).send(
                Request("GET", "/version")
            )
        assert server.seen == []


@pytest.mark.parametrize("name", NAMES)
def test_the_server_knows_the_same_user_in_a_review_a_list_and_an_exec(
    api_cluster: RealCluster, namespace: str, name: str
) -> None:
    """RBAC of the real server is what counts: its words name the user that it judged."""
    transport = acting_as(api_cluster, name, "team-ö")
    body = {"apiVersion": _SELF.api_version, "kind": _SELF.kind}
    me = Cluster(acting_as(api_cluster, name, "team-ö", "system:masters")).create(_SELF, None, body)
    assert me["status"]["userInfo"]["username"] == name
    assert "team-ö" in me["status"]["userInfo"]["groups"]
    with pytest.raises(ApiError) as listed:
        list(Cluster(transport).pages(PODS, namespace))
    with pytest.raises(ApiError) as executed:
        transport.run(Request("GET", PODS.path(namespace, "web", "exec"), (("command", "id"), ("stdout", "true"))), 10)
    assert f'User "{name}" cannot list resource "pods"' in listed.value.message
    assert f'User "{name}" cannot' in executed.value.message
    assert 'resource "pods/exec"' in executed.value.message


def test_a_role_that_is_bound_to_the_name_counts_for_both(api_cluster: RealCluster, namespace: str) -> None:
    rules = ("--verb=get,list,create", "--resource=pods,pods/exec")
    api_cluster.kubectl("create", "role", "reader", "-n", namespace, *rules)
    api_cluster.kubectl("create", "rolebinding", "reader", "-n", namespace, "--role=reader", "--user=jürgen")
    transport = acting_as(api_cluster, "jürgen")
    assert list(Cluster(transport).pages(PODS, namespace)) == [[]]
    with pytest.raises(ApiError) as executed:
        transport.run(Request("GET", PODS.path(namespace, "web", "exec"), (("command", "id"), ("stdout", "true"))), 10)
    assert (executed.value.code, executed.value.reason) == (404, "NotFound")
