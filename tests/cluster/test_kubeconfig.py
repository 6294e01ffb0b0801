"""Kubeconfig files and flags -> Connection. Where kubectl can be asked, it is the oracle."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import kubeconfig, kubectl

from kubectl_caps.cluster.config.connection import Connection, Trust
from kubectl_caps.cluster.config.kubeconfig import Overrides, entry_names, load_connection
from kubectl_caps.cluster.config.kubeconfig_file import merged, read_kubeconfig
from kubectl_caps.errors import ConfigError

SERVER = {"server": "https://127.0.0.1:1"}


def write(path: Path, **sections: Any) -> str:
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **sections}))
    return str(path)


def said(*arguments: str, **environment: str) -> str:
    """What kubectl says is wrong, without its prefix."""
    lines = [line for line in kubectl(*arguments, **environment).stderr.splitlines() if "memcache.go" not in line]
    text = " ".join(lines).strip().rstrip(".")
    return text.removeprefix("error: ").removeprefix("Error in configuration: ")


def refusal(**flags: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load_connection(Overrides(**flags), {"HOME": "/nonexistent"})
    return str(caught.value).removeprefix("error: ")


# --- which files, and how they are merged

NAMES = st.sampled_from(["x", "y"])


@st.composite
def files(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A few kubeconfigs whose entries overlap; each value tells which file it is from."""
    result = []
    for number in range(draw(st.integers(1, 3))):
        clusters, users, names = (draw(st.sets(NAMES)) for _ in range(3))
        result.append(
            {
                "clusters": [{"name": name, "cluster": {"server": f"https://{name}{number}"}} for name in clusters],
                "users": [{"name": name, "user": {"token": f"{name}{number}"}} for name in users],
                "contexts": [{"name": name, "context": {"cluster": name, "user": str(number)}} for name in names],
                "current-context": draw(st.sampled_from(["", "x", "y"])),
            }
        )
    return result


@settings(max_examples=12, deadline=None)
@given(files())
def test_several_files_are_merged_as_kubectl_does(documents: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = [write(Path(folder, f"config{number}"), **document) for number, document in enumerate(documents)]
        shown = kubectl("config", "view", "--raw", "-o", "json", KUBECONFIG=os.pathsep.join(paths))
        ours = merged([document for path in paths if (document := read_kubeconfig(path))])
    theirs = json.loads(shown.stdout)
    assert (ours.current_context or "") == theirs["current-context"]
    assert {name: entry.server for name, entry in ours.clusters.items()} == {
        item["name"]: item["cluster"]["server"] for item in theirs["clusters"] or ()
    }
    assert {name: entry.token for name, entry in ours.users.items()} == {
        item["name"]: item["user"]["token"] for item in theirs["users"] or ()
    }
    assert {name: entry.user for name, entry in ours.contexts.items()} == {
        item["name"]: item["context"]["user"] for item in theirs["contexts"] or ()
    }


def test_the_first_current_context_wins_and_missing_files_are_skipped(tmp_path: Path) -> None:
    def one(name: str) -> str:
        cluster, user = {"server": f"https://{name}:1"}, {"token": name}
        return write(
            tmp_path / name,
            clusters=[{"name": name, "cluster": cluster}],
            users=[{"name": name, "user": user}],
            contexts=[{"name": name, "context": {"cluster": name, "user": name, "namespace": name}}],
            **{"current-context": name},
        )

    paths = os.pathsep.join(["", str(tmp_path / "missing"), one("a"), one("b")])
    found = load_connection(Overrides(), {"KUBECONFIG": paths})
    assert (found.context, found.server, found.namespace) == ("a", "https://a:1", "a")
    assert load_connection(Overrides(context="b"), {"KUBECONFIG": paths}).identity.token == "b"


def test_without_flag_and_variable_the_kubeconfig_of_the_home_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    kubeconfig(tmp_path / ".kube" / "config", {"server": "https://home"}, {"token": "t"})
    assert load_connection(Overrides(), {"HOME": str(tmp_path)}).server == "https://home"


def test_the_flag_is_read_instead_of_the_variable(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "a", {"server": "https://a"}, {"token": "t"})
    other = kubeconfig(tmp_path / "b", {"server": "https://b"}, {"token": "t"})
    assert load_connection(Overrides(kubeconfig=path), {"KUBECONFIG": other}).server == "https://a"


def test_relative_paths_start_at_the_folder_of_their_kubeconfig(tmp_path: Path) -> None:
    for name in ("ca", "cert", "key"):
        (tmp_path / name).write_text("x")
    user = {
        "client-certificate": "cert", "client-key": "key", "tokenFile": "t/token",
        "exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "./bin/plugin"},
    }  # fmt: skip
    path = kubeconfig(tmp_path / "config", {**SERVER, "certificate-authority": "ca"}, user)
    found = load_connection(Overrides(kubeconfig=os.path.relpath(path)))
    assert found.trust.authority == str(tmp_path / "ca")
    assert (found.identity.certificate, found.identity.key) == (str(tmp_path / "cert"), str(tmp_path / "key"))
    assert found.identity.token_file == str(tmp_path / "t" / "token")
    assert found.identity.exec
    assert found.identity.exec.command == str(tmp_path / "bin" / "plugin")


def test_a_plugin_without_a_slash_is_looked_up_on_the_path(tmp_path: Path) -> None:
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "plugin"}}
    found = load_connection(Overrides(kubeconfig=kubeconfig(tmp_path / "config", SERVER, user)))
    assert found.identity.exec
    assert found.identity.exec.command == "plugin"


def test_contexts_lists_the_names_for_completion(tmp_path: Path) -> None:
    config = kubeconfig(tmp_path / "config", SERVER, {})
    kinds: tuple[Literal["clusters", "contexts", "users"], ...] = ("clusters", "contexts", "users")
    for kind in kinds:
        assert entry_names(kind, config) == ["it"]
        assert entry_names(kind, None, {"KUBECONFIG": str(tmp_path / "missing")}) == []


# --- what a chosen entry and the flags come to

AUTHORITY = {"certificate-authority-data": "Y2E=", "tls-server-name": "inner"}


@pytest.mark.parametrize(
    ("cluster", "flags", "trust"),
    [
        pytest.param(AUTHORITY, {}, Trust("", b"ca", "inner"), id="entry"),
        pytest.param(AUTHORITY, {"server": "https://other"}, Trust("", b"ca", ""), id="-s clears the name"),
        pytest.param(AUTHORITY, {"tls_server_name": "x"}, Trust("", b"ca", "x"), id="name"),
        pytest.param(
            AUTHORITY, {"insecure_skip_tls_verify": True}, Trust("", b"", "inner", True), id="insecure clears CA"
        ),
        pytest.param(
            {"insecure-skip-tls-verify": True},
            {"certificate_authority": __file__},
            Trust(__file__),
            id="CA clears skip",
        ),
        pytest.param({"certificate-authority-data": "Y2\n E="}, {}, Trust("", b"ca"), id="folded base64"),
    ],
)
def test_flags_override_the_authority_of_an_entry(
    tmp_path: Path, cluster: dict[str, Any], flags: dict[str, Any], trust: Trust
) -> None:
    path = kubeconfig(tmp_path / "config", {**SERVER, **cluster}, {"token": "t"})
    assert load_connection(Overrides(kubeconfig=path, **flags)).trust == trust


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("https://a:6443/", "https://a:6443"),
        ("https://rancher/k8s/clusters/c-1", "https://rancher/k8s/clusters/c-1"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://[::1]:6443", "https://[::1]:6443"),
        ("HTTPS://A", "https://A"),
    ],
)
def test_the_servers_address_gets_a_scheme_and_no_trailing_slash(server: str, url: str) -> None:
    assert load_connection(Overrides(server=server, token="t"), {}).server == url


@pytest.mark.parametrize("server", ["ftp://a", "https://", "https://a:port", "a b", "host/path", "https://[::1"])
def test_an_invalid_server_address_is_refused_in_kubectls_words(server: str) -> None:
    assert refusal(server=server) == f'host must be a URL or a host:port pair: "{server}"'


def test_an_empty_flag_counts_as_not_given(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", SERVER, {"as": "alice", "token": "t"}, namespace="shop")
    empty = load_connection(
        Overrides(kubeconfig=path, as_user="", namespace="", token="", request_timeout="", context="")
    )
    assert (empty.impersonation.user, empty.namespace, empty.identity.token) == ("alice", "shop", "t")


def test_a_text_that_kubectl_reads_is_read_as_kubectl_does(tmp_path: Path) -> None:
    """60 is no base, `=` is no value, an entry needs no name, and what stands behind the first document is not read."""
    path = tmp_path / "config"
    path.write_text(
        "clusters: [{name: it, cluster: {server: 'https://a'}}, {cluster: {server: 'https://b'}}]\n"
        "users: [{name: it, user: {username: 1:30, password: 12:34}}, {name: x, user: {token: =}}]\n"
        "contexts: [{name: it, context: {cluster: it, user: it}}]\ncurrent-context: it\n---\nx: [\n"
    )
    theirs = json.loads(kubectl("config", "view", "--raw", "-o", "json", "--kubeconfig", str(path)).stdout)
    ours = read_kubeconfig(str(path))
    assert ours
    users = {name: (user.username, user.password, user.token) for name, user in ours.users.items()}
    fields = ("username", "password", "token")
    assert users == {item["name"]: tuple(map(item["user"].get, fields)) for item in theirs["users"]}
    servers = {name: cluster.server for name, cluster in ours.clusters.items()}
    assert servers == {item["name"]: item["cluster"]["server"] for item in theirs["clusters"]}


def test_null_is_absent_and_a_date_is_text(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(
        "clusters: [{name: it, cluster: {server: 'https://a', tls-server-name: null,"
        " extensions: [{name: x, extension: {last-update: 2024-01-01}}]}}]\n"
        "users: [{name: it, user: null}, {name: 2024-01-01, user: {}}]\n"
        "contexts: [{name: it, context: {cluster: it, user: it, namespace: null}}]\ncurrent-context: it\n"
    )
    found = load_connection(Overrides(kubeconfig=str(path)))
    assert (found.server, found.namespace, found.trust) == ("https://a", "default", Trust())


def test_secrets_are_in_no_repr(tmp_path: Path) -> None:
    user = {"token": "hush", "client-certificate": __file__, "client-key-data": "aHVzaA=="}
    found = load_connection(Overrides(kubeconfig=kubeconfig(tmp_path / "config", SERVER, user)))
    assert (found.identity.token, found.identity.key_data) == ("hush", b"hush")
    assert "hush" not in repr(found)


# --- --request-timeout


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5", 5), ("+5", 5), ("0", 0), ("5s", 5), ("2m", 120), ("3h", 10800), ("1h30m", 5400), ("1.5s", 1.5),
     (".5s", 0.5), ("500ms", 0.5), ("0s", 0)],
)  # fmt: skip
def test_a_request_timeout_is_read_in_seconds(text: str, seconds: float) -> None:
    assert load_connection(Overrides(server="a", request_timeout=text), {}).timeout == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["foo", "-5", " 5", "5 ", "5d", "1h-5m", "3.", "1_0", "٥", "5S"])
def test_an_invalid_timeout_is_refused_in_kubectls_words(text: str) -> None:
    theirs = said("get", "ns", "-s", "127.0.0.1:1", f"--request-timeout={text}")
    assert refusal(server="a", request_timeout=text) == theirs


def test_no_timeout_given_is_not_no_limit() -> None:
    assert load_connection(Overrides(server="a"), {}).timeout is None


# --- what cannot be used, in kubectl's words

V1 = "client.authentication.k8s.io/v1"

UNUSABLE: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = {
    "unknown context": ({}, {}, {"context": "nope"}),
    "unknown cluster flag": ({}, {}, {"cluster": "nope"}),
    "unknown user flag": ({}, {}, {"user": "nope"}),
    "two ways to log in": ({}, {"token": "t", "username": "a", "password": "b"}, {}),
    "authority missing": ({"certificate-authority": "/nonexistent"}, {}, {}),
    "authority flag missing": ({}, {}, {"certificate_authority": "/nonexistent"}),
    "authority and insecure": (
        {"certificate-authority": __file__, "insecure-skip-tls-verify": True}, {"token": "t"}, {},
    ),
    "certificate without key": ({}, {"client-certificate": __file__}, {}),
    "certificate missing": ({}, {"client-certificate": "/nonexistent", "client-key": __file__}, {}),
    "groups without user": ({}, {"as-groups": ["a"], "token": "t"}, {}),
    "uid without user": ({}, {"token": "t"}, {"as_uid": "7"}),
    "plugin of an old version": ({}, {"exec": {"apiVersion": f"{V1}alpha1", "command": "x"}}, {}),
    "plugin without interactiveMode": ({}, {"exec": {"apiVersion": V1, "command": "x"}}, {}),
    "plugin with an odd interactiveMode": (
        {}, {"exec": {"apiVersion": V1, "command": "x", "interactiveMode": "Perhaps"}}, {},
    ),
    "plugin without command": ({}, {"exec": {"apiVersion": V1, "interactiveMode": "Never"}}, {}),
}  # fmt: skip


@pytest.mark.parametrize("case", UNUSABLE)
def test_an_unusable_kubeconfig_is_refused_in_kubectls_words(tmp_path: Path, case: str) -> None:
    cluster, user, flags = UNUSABLE[case]
    path = kubeconfig(tmp_path / "config", {**SERVER, **cluster}, user)
    given_flags = [f"--{name.replace('_', '-')}={value}" for name, value in flags.items()]
    assert refusal(kubeconfig=path, **flags) == said("get", "ns", "--kubeconfig", path, *given_flags)


@pytest.mark.parametrize(
    ("name", "content"),
    [("missing", None), ("broken", "a: [b\n"), ("tab", "clusters:\n\t- a\n")],
)
def test_a_file_that_cannot_be_read_is_refused_in_kubectls_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path(name).write_text(content)
    theirs = said("get", "ns", "--kubeconfig", name)
    # Go's reader counts the lines of some errors from 0, libyaml's from 1.
    assert refusal(kubeconfig=name).replace("line 2", "line 1") == theirs.replace("line 2", "line 1")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("hello", "expected object, got str"),
        ("clusters: {a: b}", "clusters: expected array | null, got object"),
        ("users: [{name: a, user: {token: 7}}]", "users[0].user.token: expected str | null, got int"),
        ("users: [{name: a}, {name: a}]", 'duplicate name "a" in users'),
        ("kind: Pod", 'no kind "Pod" is registered'),
    ],
)
def test_a_file_of_another_shape_names_the_field(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    assert refusal(kubeconfig=str(path)) == f'error loading config file "{path}": {problem}'


def test_a_folder_is_no_kubeconfig(tmp_path: Path) -> None:
    problem = f"read {tmp_path}: is a directory"
    assert refusal(kubeconfig=str(tmp_path)) == f'error loading config file "{tmp_path}": {problem}'


def test_a_broken_file_of_the_list_is_not_skipped(tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("a: [b")
    good = kubeconfig(tmp_path / "good", SERVER, {"token": "t"})
    with pytest.raises(ConfigError, match="error loading config file"):
        load_connection(Overrides(), {"KUBECONFIG": f"{tmp_path / 'broken'}{os.pathsep}{good}"})


def test_data_that_is_not_base64_is_refused(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", {**SERVER, "certificate-authority-data": "!!!"}, {"token": "t"})
    assert "certificate-authority-data: illegal base64 data" in refusal(kubeconfig=path)


# --- where we differ from kubectl on purpose


@pytest.mark.parametrize("missing", ["user", "cluster"])
def test_a_context_without_a_cluster_is_refused(tmp_path: Path, missing: str) -> None:
    path = kubeconfig(tmp_path / "config", SERVER, {"token": "t"}, **{missing: "nope"})
    assert refusal(kubeconfig=path) == f'{missing} "nope" was not found for context "it"'


def test_a_flag_replaces_a_missing_entry_of_the_context(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", SERVER, {}, user="nope")
    assert load_connection(Overrides(kubeconfig=path, token="t")).identity.token == "t"


def test_no_context_is_not_localhost(tmp_path: Path) -> None:
    path = write(tmp_path / "config", clusters=[{"name": "a", "cluster": SERVER}])
    assert "current-context is not set" in refusal(kubeconfig=path)


def test_no_configuration_at_all_is_said() -> None:
    assert refusal().startswith("invalid configuration: no configuration has been provided")


def test_the_token_flag_wins_over_a_token_file(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", SERVER, {"tokenFile": "t"})
    identity = load_connection(Overrides(kubeconfig=path, token="flag")).identity
    assert (identity.token, identity.token_file) == ("flag", "")


# --- in a pod


@pytest.fixture
def service_account(tmp_path: Path) -> Path:
    for name, text in (("token", "pod-token"), ("ca.crt", "ca"), ("namespace", "shop\n")):
        (tmp_path / name).write_text(text)
    return tmp_path


POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443", "HOME": "/nonexistent"}


def in_pod(folder: Path, environment: dict[str, str] | None = None, **flags: Any) -> Connection:
    return load_connection(Overrides(**flags), POD if environment is None else environment, folder)


def test_a_pod_uses_its_service_account(service_account: Path) -> None:
    found = in_pod(service_account)
    assert (found.server, found.namespace) == ("https://10.0.0.1:443", "shop")
    assert found.identity.token_file == str(service_account / "token")
    assert found.trust.authority == str(service_account / "ca.crt")


def test_an_ipv6_service_address_is_bracketed(service_account: Path) -> None:
    assert in_pod(service_account, {**POD, "KUBERNETES_SERVICE_HOST": "fd00::1"}).server == "https://[fd00::1]:443"


def test_flags_count_in_a_pod_too(service_account: Path) -> None:
    found = in_pod(service_account, as_user="alice", as_groups=("dev",), namespace="n", token="t", request_timeout="5s")
    assert (found.impersonation.user, found.impersonation.groups) == ("alice", ("dev",))
    assert (found.namespace, found.identity.token, found.identity.token_file, found.timeout) == ("n", "t", "", 5)


@pytest.mark.parametrize("gone", ["token", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"])
def test_an_incomplete_service_account_is_no_configuration(service_account: Path, gone: str) -> None:
    (service_account / gone).unlink(missing_ok=True)
    environment = {name: value for name, value in POD.items() if name != gone}
    with pytest.raises(ConfigError, match="no configuration has been provided"):
        in_pod(service_account, environment)


def test_a_kubeconfig_wins_over_the_pod(service_account: Path, tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", SERVER, {"token": "t"})
    assert in_pod(service_account, {**POD, "KUBECONFIG": path}).server == SERVER["server"]


def test_a_context_flag_in_a_pod_without_kubeconfig_is_not_ignored(service_account: Path) -> None:
    with pytest.raises(ConfigError, match="context was not found for specified context: nope"):
        in_pod(service_account, context="nope")


@pytest.mark.parametrize("value", ["!!timestamp abc", "!!bool abc", '!!int ""', '!!float ""', "!!int abc"])
def test_a_value_that_does_not_fit_its_yaml_tag_is_an_error_of_the_file(value: str, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(f"x: {value}\n")
    with pytest.raises(ConfigError, match="error loading config file"):
        read_kubeconfig(str(file))
