"""The one method to the network, over real HTTP and TLS: what goes out, what comes back, what is said when it fails."""

import gzip
import json
import ssl
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from loopback import Answer, Loopback, Seen, certificates, kubeconfig, kubectl, reply, serving, status

from kubectl_caps.cluster.config.connection import Identity, Trust
from kubectl_caps.cluster.config.kubeconfig import Overrides, load_connection
from kubectl_caps.cluster.http import transport
from kubectl_caps.cluster.http.credentials import Credential
from kubectl_caps.cluster.http.tls import tls_context
from kubectl_caps.cluster.http.transport import Request, Response, Transport, connect
from kubectl_caps.errors import CapsError, ConfigError, Unreachable
from kubectl_caps.report.terminal import warn

GET = Request("GET", "/version")
PATCH = Request("PATCH", "/version", body=b"[]", content_type="application/json-patch+json")


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def to(server: Loopback, folder: Path, warn: Callable[[str], None] = print, **flags: Any) -> Transport:
    return connect(load_connection(Overrides(kubeconfig=server.kubeconfig(folder), **flags)), warn=warn)


def in_turn(*answers: Answer) -> Callable[[Seen], Answer]:
    """One answer after another, the last one for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


# --- what goes out


def test_a_request_is_sent_with_its_method_path_and_body(tmp_path: Path) -> None:
    with serving({"/a%20b": reply({})}) as server:
        to(server, tmp_path).send(Request("GET", "/a%20b", (("limit", "5"), ("empty", ""), ("s", "a in (b,c)"))))
        (seen,) = server.seen
    assert (seen.path, seen.query) == ("/a%20b", {"limit": "5", "s": "a in (b,c)"})
    assert seen.header("Accept") == "application/json"
    assert seen.header("Accept-Encoding") == "gzip"
    assert seen.header("User-Agent") == f"kubectl-caps/{version('kubectl-caps')}"
    assert seen.header("Content-Type") is None


def test_a_json_patch_is_sent_as_one(tmp_path: Path) -> None:
    """The kubernetes client would send these bytes as a strategic merge patch."""
    body = b'[{"op": "test", "path": "/metadata/uid", "value": "1"}]'
    with serving({"/version": reply({})}) as server:
        to(server, tmp_path).send(Request("PATCH", "/version", body=body, content_type="application/json-patch+json"))
        (seen,) = server.seen
    assert (seen.method, seen.body) == ("PATCH", body)
    assert seen.header("Content-Type") == "application/json-patch+json"


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_every_method_is_sent(tmp_path: Path, method: str) -> None:
    with serving({"/version": reply({})}) as server:
        assert to(server, tmp_path).send(Request(method, "/version")).status == 200
        assert [seen.method for seen in server.seen] == [method]


def test_a_server_below_a_path_keeps_its_path(tmp_path: Path) -> None:
    with serving({"/k8s/clusters/c-1/version": reply({})}) as server:
        server.url += "/k8s/clusters/c-1"
        assert to(server, tmp_path).send(GET).status == 200


def test_compression_can_be_turned_off(tmp_path: Path) -> None:
    with serving({"/version": reply({})}) as server:
        path = server.kubeconfig(tmp_path, **{"disable-compression": True})
        connect(load_connection(Overrides(kubeconfig=path))).send(GET)
        assert server.seen[0].header("Accept-Encoding") == "identity"


# --- what comes back


def test_a_compressed_answer_is_read(tmp_path: Path) -> None:
    packed = Answer(gzip.compress(b'{"major": "1"}'), headers=(("Content-Encoding", "gzip"),))
    with serving({"/version": packed}) as server:
        assert to(server, tmp_path).send(GET).body == b'{"major": "1"}'


@pytest.mark.parametrize("code", [200, 401, 404, 422, 500])
def test_every_http_status_is_returned(tmp_path: Path, code: int) -> None:
    with serving({"/version": status(code, "Reason", "words", ("X-One", "1"))}) as server:
        response = to(server, tmp_path).send(GET)
    assert (response.status, dict(response.headers)["X-One"]) == (code, "1")
    assert json.loads(response.body)["message"] == "words"


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    with serving({"/version": Answer(b"", 302, (("Location", "/elsewhere"),))}) as server:
        assert to(server, tmp_path).send(GET).status == 302
        assert len(server.seen) == 1


def test_connections_are_used_again(tmp_path: Path) -> None:
    with serving(in_turn(reply({}), status(404, "NotFound", "no"), reply([1] * 9000)), tls=True) as server:
        transport = to(server, tmp_path)
        for _ in range(6):
            transport.send(GET)
        assert len({seen.connection for seen in server.seen}) == 1


def test_several_threads_may_send(tmp_path: Path) -> None:
    with serving(lambda seen: reply({"path": seen.path}), tls=True) as server:
        transport = to(server, tmp_path)
        paths = [f"/{number}" for number in range(160)]
        with ThreadPoolExecutor(16) as pool:
            bodies = pool.map(lambda path: json.loads(transport.send(Request("GET", path)).body)["path"], paths)
            assert list(bodies) == paths


# --- warnings


def warned(*texts: str) -> tuple[tuple[str, str], ...]:
    return tuple(("Warning", f'299 - "{text}"') for text in texts)


def test_warnings_are_said_once_and_as_kubectl_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    headers = warned("only here 3", 'a \\"quoted\\" one', "only here 3", "grüße".encode().decode("latin-1"))
    with serving(lambda _: Answer(b"{}", headers=headers)) as server:
        texts: list[str] = []
        for _ in range(2):
            to(server, tmp_path, texts.append).send(GET)
        said = kubectl("delete", "--raw", "/version", "--kubeconfig", server.kubeconfig(tmp_path)).stderr
    for text in texts:
        warn(text)
    assert capsys.readouterr().err == said
    assert len(said.splitlines()) == 3


def test_a_warning_of_a_failure_is_said(tmp_path: Path) -> None:
    with serving({"/version": status(403, "Forbidden", "no", *warned("of a failure"))}) as server:
        texts: list[str] = []
        to(server, tmp_path, texts.append).send(GET)
    assert texts == ["of a failure"]


def test_more_warnings_than_http_client_reads_headers(tmp_path: Path) -> None:
    """A namespace with many kinds of violations; http.client gives up at its hundredth header."""
    expected = [f"pod-{number}: privileged" for number in range(250)]
    with serving({"/version": Answer(b"{}", headers=warned(*expected))}) as server:
        texts: list[str] = []
        assert to(server, tmp_path, texts.append).send(GET).status == 200
    assert texts == expected


# --- come back later

BUSY = status(429, "TooManyRequests", "slow down", ("Retry-After", "0"))
DOWN = status(503, "ServiceUnavailable", "starting", ("Retry-After", "0"))


@pytest.mark.parametrize("request_", [GET, PATCH], ids=["GET", "PATCH"])
def test_a_429_is_repeated_because_the_request_had_no_effect(tmp_path: Path, request_: Request) -> None:
    with serving(in_turn(BUSY, BUSY, reply({}))) as server:
        assert to(server, tmp_path).send(request_).status == 200
        assert len(server.seen) == 3
        assert {seen.body for seen in server.seen} == {request_.body or b""}


def test_retry_after_is_waited_for(tmp_path: Path) -> None:
    with serving(in_turn(status(429, "TooManyRequests", "", ("Retry-After", "1")), reply({}))) as server:
        started = time.monotonic()
        assert to(server, tmp_path).send(GET).status == 200
        assert time.monotonic() - started >= 1


@pytest.mark.parametrize(("request_", "requests", "code"), [(GET, 2, 200), (PATCH, 1, 503)], ids=["GET", "PATCH"])
def test_a_503_is_repeated_only_for_requests_without_effect(
    tmp_path: Path, request_: Request, requests: int, code: int
) -> None:
    with serving(in_turn(DOWN, reply({}))) as server:
        assert to(server, tmp_path).send(request_).status == code
        assert len(server.seen) == requests


def test_no_request_is_repeated_without_retry_after(tmp_path: Path) -> None:
    with serving(in_turn(status(503, "ServiceUnavailable", "down"), reply({}))) as server:
        assert to(server, tmp_path).send(GET).status == 503
        assert len(server.seen) == 1


def test_a_request_is_repeated_as_often_as_by_kubectl(tmp_path: Path) -> None:
    with serving(lambda _: BUSY) as server:
        assert to(server, tmp_path).send(GET).status == 429
        ours = len(server.seen)
        kubectl("get", "--raw", "/version", "--kubeconfig", server.kubeconfig(tmp_path))
        assert len(server.seen) == 2 * ours


def test_a_retry_after_of_an_hour_is_not_waited_for(tmp_path: Path) -> None:
    with serving(lambda _: status(429, "TooManyRequests", "", ("Retry-After", "3600"))) as server:
        assert to(server, tmp_path).send(GET).status == 429
        assert len(server.seen) == 1


# --- broken connections


@pytest.mark.parametrize("cut", [-1, 0, 3])
def test_a_get_whose_connection_breaks_is_repeated(tmp_path: Path, cut: int) -> None:
    body = b'{"major": "1"}'
    with serving(in_turn(Answer(body, cut=cut), Answer(body))) as server:
        assert to(server, tmp_path).send(GET).body == body
        assert len(server.seen) == 2


@pytest.mark.parametrize(("cut", "words"), [(-1, "EOF"), (3, "unexpected EOF")])
def test_a_patch_whose_connection_breaks_is_not_repeated(tmp_path: Path, cut: int, words: str) -> None:
    with serving(lambda _: Answer(b'{"major": "1"}', cut=cut)) as server:
        with pytest.raises(Unreachable) as caught:
            to(server, tmp_path).send(PATCH)
        assert len(server.seen) == 1
    assert str(caught.value) == f"Unable to connect to the server: {words}"


def test_half_a_compressed_answer_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "REPEATS", 0)
    half = Answer(gzip.compress(b"[" + b"1," * 9000 + b"1]"), headers=(("Content-Encoding", "gzip"),), cut=30)
    with serving(lambda _: half) as server, pytest.raises(Unreachable, match="EOF"):
        to(server, tmp_path).send(GET)


# --- time


def test_a_slow_server_is_not_waited_for(tmp_path: Path) -> None:
    """kubectl's own text varies from run to run; this is the longest of its three."""

    def slow(_: Seen) -> Answer:
        time.sleep(60)
        return Answer()

    with serving(slow) as server, pytest.raises(Unreachable) as caught:
        to(server, tmp_path, request_timeout="2s").send(GET)
    words = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    assert str(caught.value) == f"Unable to connect to the server: {words}"


def test_the_time_counts_for_the_whole_answer(tmp_path: Path) -> None:
    with serving({"/version": Answer(b"0123456789" * 60, pause=0.1)}) as server:
        started = time.monotonic()
        with pytest.raises(Unreachable, match=r"Client\.Timeout exceeded while reading body"):
            to(server, tmp_path, request_timeout="2s").send(GET)
        assert time.monotonic() - started < 30, "the whole answer takes a minute"


# --- whom we talk to


def refusal(path: str, **flags: Any) -> str:
    with pytest.raises(CapsError) as caught:
        connect(load_connection(Overrides(kubeconfig=path, **flags))).send(GET)
    assert isinstance(caught.value, (Unreachable, ConfigError))
    return str(caught.value)


@pytest.fixture
def secure() -> Iterator[Loopback]:
    with serving({"/version": reply({})}, tls=True) as server:
        yield server


def _another_authority(_: Loopback) -> dict[str, Any]:
    return {"certificate-authority": str(certificates() / "another.crt")}


UNREACHABLE: dict[str, Callable[[Loopback], dict[str, Any]]] = {
    "another authority": _another_authority,
    "the system's authorities": lambda _: {"certificate-authority": None},
    "no certificate in the authority": lambda _: {"certificate-authority": __file__},
    "nobody listens": lambda _: {"server": "https://127.0.0.1:1"},
    "http where https is": lambda server: {
        "server": server.url.replace("https", "http"),
        "certificate-authority": None,
    },
}


@pytest.mark.parametrize("case", UNREACHABLE)
def test_a_server_that_cannot_be_talked_to_is_said_in_kubectls_words(
    secure: Loopback, tmp_path: Path, case: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = secure.kubeconfig(tmp_path, **UNREACHABLE[case](secure))
    theirs = kubectl("get", "--raw", "/version", "--kubeconfig", path).stderr
    assert refusal(path) == theirs.strip()
    assert capfd.readouterr() == ("", "")


def test_https_where_http_is(tmp_path: Path) -> None:
    with serving({"/version": reply({})}) as server:
        path = server.kubeconfig(tmp_path, server=server.url.replace("http", "https"))
        assert refusal(path) == kubectl("get", "--raw", "/version", "--kubeconfig", path).stderr.strip()


def test_a_certificate_of_another_name_is_refused(secure: Loopback, tmp_path: Path) -> None:
    words = "tls: failed to verify certificate: x509: certificate is not valid for other.example"
    path = secure.kubeconfig(tmp_path)
    assert refusal(path, tls_server_name="other.example") == f"Unable to connect to the server: {words}"


def test_the_servers_name_can_be_given(tmp_path: Path) -> None:
    with serving({"/version": reply({})}, tls=True, names="other") as server:
        assert "certificate is not valid for 127.0.0.1" in refusal(server.kubeconfig(tmp_path))
        assert to(server, tmp_path, tls_server_name="other.example").send(GET).status == 200


def test_insecure_skips_the_verification_without_a_warning(
    secure: Loopback, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = secure.kubeconfig(tmp_path, **_another_authority(secure))
    assert connect(load_connection(Overrides(kubeconfig=path, insecure_skip_tls_verify=True))).send(GET).status == 200
    assert capfd.readouterr() == ("", "")


def test_a_servers_own_certificate_is_an_authority_as_for_go(secure: Loopback, tmp_path: Path) -> None:
    own = str(certificates() / "localhost.crt")
    path = secure.kubeconfig(tmp_path, **{"certificate-authority": own})
    assert kubectl("get", "--raw", "/version", "--kubeconfig", path).returncode == 0
    assert connect(load_connection(Overrides(kubeconfig=path))).send(GET).status == 200


def test_an_unknown_host_is_said(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", {"server": "https://no-such-host.invalid"}, {"token": "t"})
    assert refusal(path) == "Unable to connect to the server: dial tcp: lookup no-such-host.invalid: no such host"


def test_a_key_of_another_certificate_is_refused(secure: Loopback, tmp_path: Path) -> None:
    user = {"client-certificate": str(certificates() / "client.crt"), "client-key": str(certificates() / "ca.key")}
    words = refusal(secure.kubeconfig(tmp_path, user))
    assert words == "error: tls: the client certificate and key of it cannot be used: key values mismatch"


def test_an_encrypted_key_is_refused_and_not_asked_about(secure: Loopback, tmp_path: Path) -> None:
    key, locked = str(certificates() / "client.key"), str(tmp_path / "locked.key")
    command = ["openssl", "ec", "-in", key, "-aes128", "-passout", "pass:x", "-out", locked]
    subprocess.run(command, check=True, capture_output=True)
    user = {"client-certificate": str(certificates() / "client.crt"), "client-key": locked}
    assert "the key is encrypted" in refusal(secure.kubeconfig(tmp_path, user))


def test_the_shared_context_keeps_its_protocols_whatever_urllib3_sets_for_a_connection() -> None:
    context = tls_context(Trust(insecure=True), Identity(), Credential())
    context.set_alpn_protocols(["h2"])
    sent = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), sent).do_handshake()
    assert b"\x00\x0b\x00\x09\x08http/1.1" in sent.read()


def test_a_private_key_is_not_left_on_disk(secure: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    names = {"client-certificate-data": "client.crt", "client-key-data": "client.key"}
    user = {key: b64encode((certificates() / name).read_bytes()).decode() for key, name in names.items()}
    authority = b64encode((certificates() / "ca.crt").read_bytes()).decode()
    cluster = {"certificate-authority": None, "certificate-authority-data": authority}
    path = secure.kubeconfig(tmp_path, user, **cluster)
    assert connect(load_connection(Overrides(kubeconfig=path))).send(GET).status == 200
    assert list((tmp_path / "temporary").iterdir()) == []


# --- proxies


@pytest.fixture
def proxy() -> Iterator[Loopback]:
    with serving({}) as server:
        yield server


def test_proxy_url_is_used_whatever_no_proxy_says(
    secure: Loopback, proxy: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    path = secure.kubeconfig(tmp_path, **{"proxy-url": proxy.url})
    assert kubectl("get", "--raw", "/version", "--kubeconfig", path, NO_PROXY="*").returncode == 0
    assert connect(load_connection(Overrides(kubeconfig=path))).send(GET).status == 200
    assert [seen.path for seen in proxy.seen] == [secure.url.removeprefix("https://")] * 2


def test_a_proxys_name_and_password_are_sent(secure: Loopback, proxy: Loopback, tmp_path: Path) -> None:
    path = secure.kubeconfig(tmp_path, **{"proxy-url": proxy.url.replace("://", "://me:p%40ss@")})
    kubectl("get", "--raw", "/version", "--kubeconfig", path)
    connect(load_connection(Overrides(kubeconfig=path))).send(GET)
    theirs, mine = (seen.header("Proxy-Authorization") for seen in proxy.seen)
    assert mine
    assert mine == theirs


def test_the_environments_proxy_is_not_for_loopback(
    secure: Loopback, proxy: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    path = secure.kubeconfig(tmp_path)
    assert kubectl("get", "--raw", "/version", "--kubeconfig", path, HTTPS_PROXY=proxy.url).returncode == 0
    assert connect(load_connection(Overrides(kubeconfig=path))).send(GET).status == 200
    assert proxy.seen == []


def test_the_environments_proxy_is_used_for_all_other_hosts(
    proxy: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    path = kubeconfig(tmp_path / "config", {"server": "http://api.example:8080"}, {})
    assert connect(load_connection(Overrides(kubeconfig=path))).send(GET).status == 404
    assert [seen.header("Host") for seen in proxy.seen] == ["api.example:8080"]


def test_an_unreachable_proxy_gives_an_error(secure: Loopback, tmp_path: Path) -> None:
    """kubectl says that the server refused the connection, which it did not."""
    path = secure.kubeconfig(tmp_path, **{"proxy-url": "http://127.0.0.1:1"})
    words = "proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused"
    assert refusal(path) == f"Unable to connect to the server: {words}"


# --- what it costs


def test_kubernetes_is_imported_only_for_a_connection() -> None:
    modules = ("config.kubeconfig", "http.credentials", "http.transport", "api.resources", "api.client")
    imports = "; ".join(f"import kubectl_caps.cluster.{module}" for module in modules)
    check = "import sys; print([name for name in ('kubernetes', 'urllib3', 'requests') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", f"{imports}; {check}"], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_connection_loads_no_models(tmp_path: Path) -> None:
    with serving({"/version": reply({})}) as server:
        script = (
            "import sys; from kubectl_caps.cluster.config.kubeconfig import Overrides, load_connection;"
            "from kubectl_caps.cluster.http.transport import Request, connect;"
            f"connect(load_connection(Overrides(server={server.url!r}))).send(Request('GET', '/version'));"
            "print([n for n in sys.modules if n.startswith(('kubernetes.client.models.', 'kubernetes.client.api.'))])"
        )
        command = [sys.executable, "-W", "error", "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_client_can_use_a_function_as_its_server() -> None:
    class Fake:
        def send(self, request: Request, /) -> Response:
            return Response(200, (), request.path.encode())

    anything: Transport = Fake()
    assert anything.send(GET).body == b"/version"
