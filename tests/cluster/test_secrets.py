"""No token, password or key in anything that is printed, wherever the secret stands and whatever goes wrong."""

import copy
import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from loopback import Answer, certificates, reply, serving, status

from kubectl_caps import main

SECRET = "S3cretT0ken"
_DATA = b64encode(SECRET.encode()).decode()
_AUTHORITY = b64encode(b"-----BEGIN CERTIFICATE-----\n" + SECRET.encode()).decode()
_PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never"}
_SAYS = f'{{"kind":"ExecCredential","apiVersion":"x","status":{{"token":"{SECRET}"}}}}'

CLUSTERS: dict[str, dict[str, Any]] = {
    "a password in the server": {"server": f"https://me:{SECRET}@127.0.0.1:1"},
    "a password in a server that cannot be parsed": {"server": f"https://me:{SECRET}@127.0.0.1:99999"},
    "a password in a server with a broken address": {"server": f"https://me:{SECRET}@[::1"},
    "a password in a server without a scheme": {"server": f"me:{SECRET}@127.0.0.1:99999"},
    "a password in a server with a space": {"server": f"https://me:{SECRET}@127.0.0.1 :1"},
    "a password in a server of another scheme": {"server": f"ftp://me:{SECRET}@127.0.0.1"},
    "a password of a proxy": {"proxy-url": f"http://me:{SECRET}@127.0.0.1:1"},
    "a password of a socks proxy": {"proxy-url": f"socks5://me:{SECRET}@127.0.0.1:1"},
    "a password of an https proxy": {"proxy-url": f"https://me:{SECRET}@127.0.0.1:1"},
    "a password of a proxy that cannot be parsed": {"proxy-url": f"http://me:{SECRET}@127.0.0.1:99999"},
    "a password of a proxy of another scheme": {"proxy-url": f"gopher://me:{SECRET}@127.0.0.1:1"},
    "an authority that is none": {"certificate-authority-data": _AUTHORITY},
}
USERS: dict[str, dict[str, Any]] = {
    "a token": {"token": SECRET},
    "a token with a line break": {"token": f"{SECRET}\nX: y"},
    "a token that is not ASCII": {"token": f"{SECRET}ü"},
    "a password": {"username": "me", "password": SECRET},
    "a token and a password": {"token": SECRET, "username": "me", "password": SECRET},
    "a certificate that is none": {"client-certificate-data": _DATA, "client-key-data": _DATA},
    "a key that is no base64": {"client-certificate-data": _DATA, "client-key-data": f"!{SECRET}"},
    "a plugin's variable": {"exec": {**_PLUGIN, "command": "false", "env": [{"name": "TOKEN", "value": SECRET}]}},
    "a plugin's argument": {"exec": {**_PLUGIN, "command": "false", "args": [SECRET]}},
    "what a plugin prints": {"exec": {**_PLUGIN, "command": "echo", "args": [SECRET]}},
    "a plugin's answer of another version": {"exec": {**_PLUGIN, "command": "echo", "args": [_SAYS]}},
    "an id-token": {"auth-provider": {"name": "oidc", "config": {"id-token": SECRET}}},
    "an unknown provider": {"auth-provider": {"name": "other", "config": {"id-token": SECRET}}},
}


def document(cluster: dict[str, Any], user: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "it", "cluster": {"server": "https://127.0.0.1:1", **cluster}}],
        "users": [{"name": "it", "user": user}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "current-context": "it",
    }


DOCUMENTS = {
    **{name: document(cluster, {"token": "t"}) for name, cluster in CLUSTERS.items()},
    **{name: document({}, user) for name, user in USERS.items()},
}


def printed(path: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    assert main.main(["inspect", "--kubeconfig", str(path), *flags]) == 2
    text = "".join(capsys.readouterr())
    assert "this is a bug" not in text
    assert text.count("\n") == 1, "one line"
    return text


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_error_shows_no_secret_of_the_kubeconfig(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(DOCUMENTS[name]))
    text = printed(path, capsys)
    assert SECRET not in text
    assert _DATA not in text


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_error_of_a_kubeconfig_that_is_wrong_anywhere_shows_no_secret(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each node is replaced by every other type, which holds the secret, too; and the text is cut off in it."""
    path = tmp_path / "config"
    for wrong in _wrong(DOCUMENTS[name]):
        path.write_text(json.dumps(wrong))
        main.main(["inspect", "--kubeconfig", str(path)])
    whole = yaml.safe_dump(DOCUMENTS[name])
    ends = [place for place in range(len(whole)) if whole.startswith(SECRET, place)]
    for text in (
        *(whole[: end + len(SECRET)] + end_ for end in ends for end_ in ("'", ": {", "\t\x00", "\n -", '"')),
        whole + "}",
    ):
        path.write_text(text)
        main.main(["inspect", "--kubeconfig", str(path)])
    text = "".join(capsys.readouterr())
    assert SECRET not in text
    assert "this is a bug" not in text


def _wrong(node: Any) -> Iterator[Any]:
    """The document with one node replaced."""
    if isinstance(node, (dict, list)):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            for other in _wrong(node[key]):
                changed = copy.copy(node)
                changed[key] = other
                yield changed
    yield from (x for x in ({"x": SECRET}, [SECRET], 7, None) if type(x) is not type(node))


FLAGS = [
    ("-s", f"https://me:{SECRET}@127.0.0.1:99999"),
    ("-s", f"https://me:{SECRET}@127.0.0.1:1"),
    ("-s", f"me:{SECRET}@127.0.0.1:99999"),
    ("-s", f"https://me:{SECRET}@"),
    ("--token", SECRET),
    ("--token", f"{SECRET}\x01"),
]


@pytest.mark.parametrize("flags", FLAGS)
def test_an_error_shows_no_secret_of_the_command_line(
    flags: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(document({}, {"token": "t"})))
    assert SECRET not in printed(path, capsys, *flags)


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "HTTP_PROXY"])
@pytest.mark.parametrize("port", ["1", "99999"])
def test_an_error_shows_no_password_of_the_environments_proxy(
    variable: str, port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, f"http://me:{SECRET}@127.0.0.1:{port}")
    path = tmp_path / "config"
    scheme = variable.partition("_")[0].lower()
    path.write_text(yaml.safe_dump(document({"server": f"{scheme}://api.example:1"}, {"token": "t"})))
    assert SECRET not in printed(path, capsys)


_OBJECT = {"kind": "Secret", "metadata": {"annotations": {"last": SECRET}}, "data": {"a": SECRET}, "stringData": SECRET}
BODIES = {
    "a Secret": reply(_OBJECT),
    "a list of Secrets": reply({"kind": "SecretList", "items": [{**_OBJECT, "kind": None}, {"data": {"a": SECRET}}]}),
    "a Secret in a list": reply({"kind": "List", "items": [{"kind": "Pod"}, _OBJECT]}),
    "a Secret that was cut off": Answer(json.dumps(_OBJECT).encode()[:-1]),
    "a Secret in YAML": Answer(f"kind: Secret\ndata: {{a: {SECRET}}}".encode()),
    "a token": reply({"kind": "TokenRequest", "status": {"token": SECRET}}),
    "a cookie": reply({}, 200, ("Set-Cookie", f"session={SECRET}")),
    "a failure": status(401, "Unauthorized", "no"),
}


@pytest.mark.parametrize("verbosity", ["6", "7", "8", "9", "10"])
@pytest.mark.parametrize("body", BODIES)
def test_the_log_of_requests_shows_no_secret(
    body: str, verbosity: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the user (a token, or a name and password), of the address, and of what the server sends."""
    cookie = [] if int(verbosity) < 8 else ["Set-Cookie: <masked>"] if body == "a cookie" else []
    for user in ({"token": SECRET}, {"username": "me", "password": SECRET}):
        with serving(lambda _: BODIES[body], tls=True) as server:
            address = server.url.replace("://", f"://me:{SECRET}@")
            path = tmp_path / "config"
            path.write_text(json.dumps(document({**server.cluster(), "server": address}, user)))
            main.main(["version", "--kubeconfig", str(path), f"-v={verbosity}"])
        text = "".join(capsys.readouterr())
        assert "/version" in text
        assert [word for word in cookie if word not in text] == []
        assert [word for word in (SECRET, _DATA, b64encode(f"me:{SECRET}".encode()).decode()) if word in text] == []


@pytest.mark.parametrize("answer", [status(401, "Unauthorized", "no"), status(500, "", ""), Answer(b"<html>", 200)])
def test_an_error_of_the_server_shows_no_secret(
    answer: Answer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(lambda _: answer, tls=True) as server:
        address = server.url.replace("://", f"://me:{SECRET}@")
        cluster = {"server": address, "certificate-authority": str(certificates() / "ca.crt")}
        path = tmp_path / "config"
        path.write_text(yaml.safe_dump(document(cluster, {"token": SECRET})))
        assert main.main(["inspect", "--kubeconfig", str(path)]) == 2
    assert SECRET not in "".join(capsys.readouterr())
