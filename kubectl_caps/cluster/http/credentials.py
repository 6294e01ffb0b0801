"""Fetches the user's credential: a header or a client certificate, from kubeconfig, token file or credential plugin.

A plugin that is missing, fails or prints no credential is a ConfigError in kubectl's words (client-go,
plugin/pkg/client/auth/exec/exec.go). The request is never sent without the credential instead.
"""

import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from kubectl_caps.cluster.config.connection import AuthProvider, Connection, Exec, Identity
from kubectl_caps.cluster.config.plugin_policy import (
    IN_WORKING_FOLDER,
    PluginNotFound,
    permitted,
    plugin_policy,
    refused,
)
from kubectl_caps.cluster.config.validation import EXEC_VERSIONS
from kubectl_caps.errors import ConfigError, os_words

FILE_LIFETIME = 50.0
"""Seconds until a token file is read again: a minute less 10 seconds (client-go, transport/token_source.go)."""

_REMOVED = {
    "gcp": 'The gcp auth plugin has been removed. Please use the "gke-gcloud-auth-plugin" credential plugin instead.',
    "azure": "The azure auth plugin has been removed. Please use the kubelogin credential plugin instead.",
}


class Credential(Struct, frozen=True):
    """An `Authorization` header and a client certificate with its key, as PEM. `expires` is a Unix time."""

    authorization: str = ""
    certificate: bytes = b""
    key: bytes = b""
    expires: float | None = None

    def __repr__(self) -> str:
        return "Credential(...)"


class Credentials:
    """A connection's credential, fetched again when it has expired. Several threads may use it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._credential: Credential | None = None

    def current(self) -> Credential:
        """The credential, fetched again if it has expired. Raises ConfigError."""
        with self._lock:
            known = self._credential
            if known is None or (known.expires is not None and known.expires <= time.time()):
                self._credential = known = fetch_credential(self._connection)
            return known

    def renew(self, refused: Credential) -> bool:
        """Fetch a new credential after a 401; whether it differs from the refused credential. Raises ConfigError."""
        with self._lock:
            if self._credential is refused:
                self._credential = fetch_credential(self._connection)
            now = self._credential or refused
            return (now.authorization, now.certificate) != (refused.authorization, refused.certificate)


def fetch_credential(connection: Connection) -> Credential:
    """Read the credential of a connection, or run its credential plugin. Raises ConfigError.

    The credential is empty over plain http, as in kubectl, and for a client certificate of the kubeconfig.
    """
    identity = connection.identity
    if not connection.secure:
        return Credential()
    if identity.token_file:
        return Credential(f"Bearer {_file_token(identity)}", expires=time.time() + FILE_LIFETIME)
    if identity.token:
        return Credential(f"Bearer {identity.token}")
    if identity.username or identity.password:
        pair = f"{identity.username}:{identity.password}".encode()
        return Credential(f"Basic {base64.b64encode(pair).decode()}")
    if identity.has_certificate:
        return Credential()
    if identity.exec:
        return run_plugin(identity.exec, connection)
    if identity.auth_provider:
        return Credential(f"Bearer {_oidc_token(identity.auth_provider)}")
    raise ConfigError(
        f"no credentials for {connection.server}: the kubeconfig has none for this user; "
        "give --user, --token or --client-certificate with --client-key"
    )


def _file_token(identity: Identity) -> str:
    """The token of the file, or of the `token` field if the file has none (client-go, transport/round_trippers.go)."""
    try:
        return _token_in(identity.token_file)
    except ConfigError:
        if not identity.token:
            raise
        return identity.token


def _token_in(path: str) -> str:
    try:
        token = Path(path).read_text().strip()
    except OSError as error:
        raise ConfigError(f"open {path}: {os_words(error)}") from error
    if not token:
        raise ConfigError(f"read empty token from file {path}")
    return token


def run_plugin(plugin: Exec, connection: Connection) -> Credential:
    """Run a credential plugin, whose stderr the user sees. Raises ConfigError: `getting credentials: ...`."""
    interactive = _interactive(plugin)
    try:
        program = permitted(plugin.command, plugin_policy(os.environ), os.environ)
        done = subprocess.run(
            [os.path.normpath(plugin.command), *(plugin.args or ())],
            executable=program,
            env=_environment(plugin, connection, interactive),
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=False,
        )
    except PluginNotFound as error:
        why = str(error) if str(error) == IN_WORKING_FOLDER else ""
        hint = " ".join((plugin.install_hint or "").split())
        words = f"exec: executable {plugin.command} not found"
        raise refused(": ".join(part for part in (words, why, hint) if part)) from error
    except OSError as error:
        raise refused(f"exec: fork/exec {program}: {os_words(error)}") from error
    if done.returncode:
        raise refused(f"exec: executable {plugin.command} failed with exit code {done.returncode}")
    return _credential(done.stdout, plugin.api_version)


def _interactive(plugin: Exec) -> bool:
    terminal = sys.stdin is not None and sys.stdin.isatty()
    if plugin.interactive_mode == "Always" and not terminal:
        raise refused("exec plugin cannot support interactive mode: standard input is not a terminal")
    return terminal and plugin.interactive_mode != "Never"


def _environment(plugin: Exec, connection: Connection, interactive: bool) -> dict[str, str]:
    spec: dict[str, Any] = {"interactive": interactive}
    if plugin.provide_cluster_info:
        spec["cluster"] = _cluster_info(connection)
    info = {"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": spec}
    variables = {variable.name: variable.value for variable in plugin.env or ()}
    return {**os.environ, **variables, "KUBERNETES_EXEC_INFO": json.dumps(info)}


def _cluster_info(connection: Connection) -> dict[str, Any]:
    trust = connection.trust
    authority = trust.authority_data or (Path(trust.authority).read_bytes() if trust.authority else b"")
    info = {
        "server": connection.server,
        "tls-server-name": trust.server_name,
        "insecure-skip-tls-verify": trust.insecure,
        "certificate-authority-data": base64.b64encode(authority).decode(),
        "proxy-url": connection.proxy_url,
        "disable-compression": not connection.compression,
        "config": connection.extension,
    }
    return {name: value for name, value in info.items() if value}


class _Status(Struct, frozen=True, rename="camel"):
    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: datetime | None = None


class _ExecCredential(Struct, frozen=True, rename="camel"):
    api_version: str = ""
    kind: str = ""
    status: _Status | None = None


def _credential(output: bytes, api_version: str) -> Credential:
    try:
        answer = msgspec.json.decode(output, type=_ExecCredential)
    except msgspec.DecodeError as error:
        raise refused(f"decoding stdout: {error}") from error
    if answer.kind != "ExecCredential" or answer.api_version not in EXEC_VERSIONS:
        raise refused(f"decoding stdout: no {api_version} ExecCredential")
    if answer.api_version != api_version:
        words = f"configured to use API version {api_version}, plugin returned version {answer.api_version}"
        raise refused(f"exec plugin is {words}")
    status = answer.status
    if status is None:
        raise refused("exec plugin didn't return a status field")
    certificate, key = status.client_certificate_data or "", status.client_key_data or ""
    if not (status.token or certificate or key):
        raise refused("exec plugin didn't return a token or cert/key pair")
    if bool(certificate) != bool(key):
        raise refused("exec plugin returned only certificate or key, not both")
    return Credential(
        f"Bearer {status.token}" if status.token else "",
        certificate.encode(),
        key.encode(),
        status.expiration_timestamp.timestamp() if status.expiration_timestamp else None,
    )


def _oidc_token(provider: AuthProvider) -> str:
    """The id-token of the kubeconfig. Raises ConfigError if the token has expired.

    kubectl caps does not renew the token, because the new refresh token has to be stored in the kubeconfig.
    """
    if provider.name in _REMOVED:
        raise ConfigError(_REMOVED[provider.name])
    if provider.name != "oidc":
        raise ConfigError(f'no Auth Provider found for name "{provider.name}"')
    token = (provider.config or {}).get("id-token", "")
    expiry = _jwt_expiry(token)
    if not token or (expiry is not None and expiry <= time.time()):
        raise refused("the OIDC id-token has expired; any kubectl command renews it, as kubectl get --raw /version")
    return token


def _jwt_expiry(token: str) -> float | None:
    with contextlib.suppress(ValueError, IndexError, TypeError, AttributeError):
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        return float(claims["exp"]) if "exp" in claims else None
    return None
