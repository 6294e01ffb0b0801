"""Who a request is from, as it comes over the wire, with kubectl against the same server as the oracle."""

import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from loopback import Answer, Loopback, Seen, certificates, kubectl, reply, serving, status

from kubectl_caps.cluster.config.connection import Connection, Identity
from kubectl_caps.cluster.config.kubeconfig import Overrides, load_connection
from kubectl_caps.cluster.http.credentials import FILE_LIFETIME, Credentials
from kubectl_caps.cluster.http.transport import Request, connect
from kubectl_caps.errors import ConfigError

GET = Request("GET", "/version")
V1 = "client.authentication.k8s.io/v1"


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serving({"/version": reply({})}, tls=True, client_ca=True) as loopback:
        yield loopback


def plugin(folder: Path, script: str, **more: Any) -> dict[str, Any]:
    """A user with a credential plugin, a real program."""
    path = folder / "plugin"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return {"exec": {"apiVersion": V1, "command": str(path), "interactiveMode": "Never", **more}}


def hands_out(version: str = V1, **status: str) -> str:
    """The script of a plugin that returns this."""
    return f"echo '{json.dumps({'apiVersion': version, 'kind': 'ExecCredential', 'status': status})}'"


def who(seen: Seen) -> list[tuple[str, str]]:
    """The headers that say who it is, in an order that does not matter."""
    names = ("authorization", "impersonate-")
    return sorted((name.lower(), value) for name, value in seen.headers if name.lower().startswith(names))


def ask_as_both(server: Loopback, path: str, *flags: str, **ours: Any) -> tuple[Seen, Seen]:
    """The same request from kubectl and from us."""
    done = kubectl("get", "--raw", "/version", "--kubeconfig", path, *flags)
    assert done.returncode == 0, done.stderr
    connect(load_connection(Overrides(kubeconfig=path, **ours))).send(GET)
    theirs, mine = server.seen
    return theirs, mine


WHO: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a token": ({"token": "t"}, {}),
    "the flag's token": ({"token": "t"}, {"token": "flag"}),
    "name and password": ({"username": "a", "password": "b"}, {}),
    "as": ({"token": "t", "as": "alice"}, {}),
    "as with everything": (
        {"token": "t", "as": "alice", "as-uid": "7", "as-groups": ["dev", "ops"],
         "as-user-extra": {"Scope/of x%": ["a", "b"], "reason": ["é"]}},
        {},
    ),
    "as flags": ({"token": "t"}, {"as_user": "bob", "as_groups": ("g1", "g2"), "as_uid": "9"}),
    "the flag's user, the entry's groups": ({"token": "t", "as": "alice", "as-groups": ["dev"]}, {"as_user": "bob"}),
    "the entry's user, the flag's groups": (
        {"token": "t", "as": "alice", "as-groups": ["dev"]}, {"as_groups": ("g1",)},
    ),
    "a user beyond Latin-1": ({"token": "t", "as": "ałé"}, {}),
    "the flag's token instead of the plugin": (
        {"exec": {"apiVersion": V1, "command": "/nonexistent", "interactiveMode": "Never"}}, {"token": "flag"},
    ),
}  # fmt: skip


def as_flags(ours: dict[str, Any]) -> list[str]:
    names = {"as_user": "as", "as_groups": "as-group", "as_uid": "as-uid"}
    return [
        f"--{names.get(key, key)}={value}"
        for key, values in ours.items()
        for value in (values if isinstance(values, tuple) else (values,))
    ]


@pytest.mark.parametrize("case", WHO)
def test_the_server_sees_the_same_user_as_from_kubectl(server: Loopback, tmp_path: Path, case: str) -> None:
    user, ours = WHO[case]
    theirs, mine = ask_as_both(server, server.kubeconfig(tmp_path, user), *as_flags(ours), **ours)
    assert who(theirs)
    assert who(mine) == who(theirs)


def test_a_client_certificate_is_shown(server: Loopback, tmp_path: Path) -> None:
    folder = certificates()
    user = {"client-certificate": str(folder / "client.crt"), "client-key": str(folder / "client.key")}
    theirs, mine = ask_as_both(server, server.kubeconfig(tmp_path, user))
    assert (theirs.peer, mine.peer, who(mine)) == ("client", "client", [])


def test_a_client_certificate_from_data_is_shown(server: Loopback, tmp_path: Path) -> None:
    names = {"client-certificate-data": "client.crt", "client-key-data": "client.key"}
    user = {key: base64.b64encode((certificates() / name).read_bytes()).decode() for key, name in names.items()}
    theirs, mine = ask_as_both(server, server.kubeconfig(tmp_path, user))
    assert (theirs.peer, mine.peer) == ("client", "client")


@pytest.mark.parametrize("user", [{"token": "t", "as": "alice"}, {"username": "a", "password": "b"}, {}])
def test_credentials_are_not_sent_over_plain_http(tmp_path: Path, user: dict[str, Any]) -> None:
    with serving({"/version": reply({})}) as server:
        theirs, mine = ask_as_both(server, server.kubeconfig(tmp_path, user))
        assert who(mine) == who(theirs)
        assert mine.header("Authorization") is None


def test_a_plugin_is_not_run_for_plain_http(tmp_path: Path) -> None:
    with serving({"/version": reply({})}) as server:
        path = server.kubeconfig(tmp_path, plugin(tmp_path, f"touch {tmp_path}/ran; exit 1"))
        _, mine = ask_as_both(server, path)
    assert who(mine) == []
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("user", ["a\nb", "a\r\nImpersonate-Group: system:masters", "a\x00"])
def test_a_line_break_never_becomes_a_header(server: Loopback, tmp_path: Path, user: str) -> None:
    path = server.kubeconfig(tmp_path, {"token": "t", "as": user})
    with pytest.raises(ConfigError, match='invalid header field value for "Impersonate-User"'):
        connect(load_connection(Overrides(kubeconfig=path))).send(GET)
    assert server.seen == []


def test_a_user_without_any_credential_is_not_anonymous(server: Loopback, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no credentials for https://127\.0\.0\.1"):
        connect(load_connection(Overrides(kubeconfig=server.kubeconfig(tmp_path, {}))))
    assert server.seen == []


# --- credential plugins


def test_a_plugins_token_is_sent(server: Loopback, tmp_path: Path) -> None:
    theirs, mine = ask_as_both(server, server.kubeconfig(tmp_path, plugin(tmp_path, hands_out(token="from-plugin"))))
    assert who(mine) == who(theirs) == [("authorization", "Bearer from-plugin")]


def test_a_plugin_gets_the_same_input_as_from_kubectl(server: Loopback, tmp_path: Path) -> None:
    # $(echo ...) takes off the line end that kubectl's JSON has.
    script = f'echo "$(echo "$KUBERNETES_EXEC_INFO")|$EXTRA|$1|$(pwd)" >> {tmp_path}/told; {hands_out(token="x")}'
    more = {"provideClusterInfo": True, "args": ["first"], "env": [{"name": "EXTRA", "value": "e"}]}
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}}
    path = server.kubeconfig(tmp_path, plugin(tmp_path, script, **more), extensions=[extension])
    ask_as_both(server, path)
    theirs, mine = (line.split("|") for line in (tmp_path / "told").read_text().splitlines())
    assert (json.loads(mine[0]), mine[1:]) == (json.loads(theirs[0]), theirs[1:])
    assert json.loads(mine[0])["spec"]["cluster"]["config"] == {"audience": "a"}


def test_a_plugin_may_hand_out_a_certificate(server: Loopback, tmp_path: Path) -> None:
    pair = {"clientCertificateData": "client.crt", "clientKeyData": "client.key"}
    answer = {key: (certificates() / name).read_text() for key, name in pair.items()}
    document = {"apiVersion": V1, "kind": "ExecCredential", "status": answer}
    (tmp_path / "answer").write_text(json.dumps(document))
    theirs, mine = ask_as_both(server, server.kubeconfig(tmp_path, plugin(tmp_path, f"cat {tmp_path}/answer")))
    assert (theirs.peer, mine.peer, who(mine)) == ("client", "client", [])


FAILURES: dict[str, str] = {
    "it fails": "exit 3",
    "another version": hands_out("client.authentication.k8s.io/v1beta1", token="x"),
    "no status": f"""echo '{{"apiVersion": "{V1}", "kind": "ExecCredential"}}'""",
    "nothing in it": hands_out(),
    "certificate without key": hands_out(clientCertificateData="x"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_plugin_that_fails_is_never_an_anonymous_request(server: Loopback, tmp_path: Path, case: str) -> None:
    path = server.kubeconfig(tmp_path, plugin(tmp_path, FAILURES[case]))
    theirs = kubectl("get", "--raw", "/version", "--kubeconfig", path).stderr.strip()
    with pytest.raises(ConfigError) as caught:
        connect(load_connection(Overrides(kubeconfig=path)))
    assert str(caught.value).removeprefix("error: ") == theirs.removeprefix("Unable to connect to the server: ")
    assert server.seen == []


@pytest.mark.parametrize("output", ["echo hi", "true", "echo '{}'", "echo '[1]'"])
def test_nonsense_from_a_plugin_is_refused(server: Loopback, tmp_path: Path, output: str) -> None:
    path = server.kubeconfig(tmp_path, plugin(tmp_path, output))
    with pytest.raises(ConfigError, match=r"^error: getting credentials: decoding stdout: "):
        connect(load_connection(Overrides(kubeconfig=path)))
    assert server.seen == []


def test_the_stderr_of_a_plugin_is_passed_on(
    server: Loopback, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = server.kubeconfig(tmp_path, plugin(tmp_path, "echo please log in >&2; exit 1"))
    with pytest.raises(ConfigError, match="failed with exit code 1"):
        connect(load_connection(Overrides(kubeconfig=path)))
    assert capfd.readouterr().err == "please log in\n"


def test_a_missing_plugin_shows_its_install_hint(server: Loopback, tmp_path: Path) -> None:
    entry = {"apiVersion": V1, "command": "no-such-plugin", "interactiveMode": "Never"}
    path = server.kubeconfig(tmp_path, {"exec": {**entry, "installHint": "get it\n  from here"}})
    with pytest.raises(ConfigError) as caught:
        connect(load_connection(Overrides(kubeconfig=path)))
    words = "getting credentials: exec: executable no-such-plugin not found"
    assert str(caught.value) == f"error: {words}: get it from here"
    assert words in kubectl("get", "--raw", "/version", "--kubeconfig", path).stderr
    assert server.seen == []


def test_a_plugin_that_needs_a_terminal_is_not_run_without_one(server: Loopback, tmp_path: Path) -> None:
    user = plugin(tmp_path, f"touch {tmp_path}/ran", interactiveMode="Always")
    with pytest.raises(ConfigError, match="standard input is not a terminal"):
        connect(load_connection(Overrides(kubeconfig=server.kubeconfig(tmp_path, user))))
    assert not (tmp_path / "ran").exists()


def _counting(folder: Path, **status: str) -> str:
    """A plugin whose token tells how often it ran."""
    answer = json.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": {"token": "token-COUNT", **status}})
    return f"echo x >> {folder}/runs; echo '{answer}' | sed s/COUNT/$(wc -l < {folder}/runs | tr -d ' ')/"


def test_a_plugin_is_asked_once_for_many_requests(server: Loopback, tmp_path: Path) -> None:
    path = server.kubeconfig(tmp_path, plugin(tmp_path, _counting(tmp_path)))
    transport = connect(load_connection(Overrides(kubeconfig=path)))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: transport.send(GET), range(24)))
    assert {seen.header("Authorization") for seen in server.seen} == {"Bearer token-1"}
    assert len(server.seen) == 24


def test_an_expired_token_is_asked_for_again(server: Loopback, tmp_path: Path) -> None:
    script = _counting(tmp_path, expirationTimestamp="2020-01-01T00:00:00Z")
    transport = connect(load_connection(Overrides(kubeconfig=server.kubeconfig(tmp_path, plugin(tmp_path, script)))))
    transport.send(GET)
    transport.send(GET)
    assert [seen.header("Authorization") for seen in server.seen] == ["Bearer token-2", "Bearer token-3"]


def test_a_token_that_is_valid_for_long_is_kept(server: Loopback, tmp_path: Path) -> None:
    script = _counting(tmp_path, expirationTimestamp="2999-01-01T00:00:00.123456789Z")
    transport = connect(load_connection(Overrides(kubeconfig=server.kubeconfig(tmp_path, plugin(tmp_path, script)))))
    transport.send(GET)
    transport.send(GET)
    assert {seen.header("Authorization") for seen in server.seen} == {"Bearer token-1"}


def _accepts(token: str) -> Any:
    def answer(seen: Seen) -> Answer:
        if seen.header("Authorization") == f"Bearer {token}":
            return reply({})
        return status(401, "Unauthorized", "Unauthorized")

    return answer


def test_a_refused_token_is_renewed_once_and_the_request_repeated(tmp_path: Path) -> None:
    with serving(_accepts("token-2"), tls=True) as server:
        path = server.kubeconfig(tmp_path, plugin(tmp_path, _counting(tmp_path)))
        patch = Request("PATCH", "/version", body=b"[]")
        assert connect(load_connection(Overrides(kubeconfig=path))).send(patch).status == 200
        assert [seen.header("Authorization") for seen in server.seen] == ["Bearer token-1", "Bearer token-2"]


def test_a_token_that_stays_refused_is_a_401(tmp_path: Path) -> None:
    with serving(_accepts("never"), tls=True) as server:
        path = server.kubeconfig(tmp_path, plugin(tmp_path, _counting(tmp_path)))
        assert connect(load_connection(Overrides(kubeconfig=path))).send(GET).status == 401
        assert len(server.seen) == 2


def test_a_token_that_never_changes_is_not_tried_twice(tmp_path: Path) -> None:
    with serving(_accepts("never"), tls=True) as server:
        connect(load_connection(Overrides(kubeconfig=server.kubeconfig(tmp_path)))).send(GET)
        assert len(server.seen) == 1


# --- token files and what is left of auth-provider


def identified(**identity: Any) -> Connection:
    return Connection(server="https://it", identity=Identity("it", **identity))


def test_a_token_file_is_read_again_while_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("one\n")
    credentials = Credentials(identified(token_file=str(tmp_path / "token")))
    first = credentials.current()
    (tmp_path / "token").write_text("two\n")
    kept = credentials.current()
    later = time.time() + FILE_LIFETIME
    monkeypatch.setattr(time, "time", lambda: later)
    assert [first.authorization, kept.authorization, credentials.current().authorization] == [
        "Bearer one", "Bearer one", "Bearer two",
    ]  # fmt: skip


def test_a_token_file_that_is_the_same_is_no_renewal(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("one")
    credentials = Credentials(identified(token_file=str(tmp_path / "token")))
    assert not credentials.renew(credentials.current())
    refused = credentials.current()
    (tmp_path / "token").write_text("two")
    assert credentials.renew(refused)


@pytest.mark.parametrize(("content", "problem"), [(None, "no such file or directory"), (" \n", "empty token")])
def test_a_token_file_without_token_is_refused(tmp_path: Path, content: str | None, problem: str) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content)
    with pytest.raises(ConfigError, match=problem):
        Credentials(identified(token_file=str(tmp_path / "token"))).current()


def test_a_token_is_sent_if_the_token_file_is_missing(tmp_path: Path) -> None:
    identity = identified(token_file=str(tmp_path / "gone"), token="beside")
    assert Credentials(identity).current().authorization == "Bearer beside"


def jwt(**claims: Any) -> str:
    return f"h.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.s"


@pytest.mark.parametrize("token", [jwt(exp=4102444800), jwt(), "opaque"])
def test_an_oidc_token_is_sent_as_it_is(server: Loopback, tmp_path: Path, token: str) -> None:
    user = {"auth-provider": {"name": "oidc", "config": {"id-token": token}}}
    connect(load_connection(Overrides(kubeconfig=server.kubeconfig(tmp_path, user)))).send(GET)
    assert server.seen[0].header("Authorization") == f"Bearer {token}"


@pytest.mark.parametrize("config", [{"id-token": jwt(exp=1)}, {}, None])
def test_an_expired_oidc_token_must_be_renewed_by_kubectl(
    server: Loopback, tmp_path: Path, config: dict[str, str] | None
) -> None:
    user = {"auth-provider": {"name": "oidc", "config": config}}
    with pytest.raises(ConfigError, match="has expired; any kubectl command renews it"):
        connect(load_connection(Overrides(kubeconfig=server.kubeconfig(tmp_path, user))))


@pytest.mark.parametrize("name", ["gcp", "azure", "other"])
def test_a_removed_auth_provider_is_refused_as_kubectl_does(server: Loopback, tmp_path: Path, name: str) -> None:
    path = server.kubeconfig(tmp_path, {"auth-provider": {"name": name}})
    theirs = kubectl("get", "--raw", "/version", "--kubeconfig", path).stderr
    with pytest.raises(ConfigError) as caught:
        connect(load_connection(Overrides(kubeconfig=path)))
    assert str(caught.value).split(".")[0] == theirs.strip().split(".")[0]
