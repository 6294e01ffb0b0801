"""Validates the chosen kubeconfig entries, with kubectl's errors (client-go, tools/clientcmd/validation.go)."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from kubectl_caps.cluster.config.connection import Exec, Identity, Trust
from kubectl_caps.cluster.config.proxy import without_login
from kubectl_caps.core.kubernetes.durations import seconds_of
from kubectl_caps.errors import ConfigError, os_words

EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
INTERACTIVE_MODES = ("Never", "IfAvailable", "Always")


def request_timeout(text: str | None) -> float | None:
    """`--request-timeout` in seconds; None if not given, 0 for no limit. Raises ConfigError in kubectl's words."""
    if not text:
        return None
    try:
        return seconds_of(text)
    except ValueError as error:
        raise ConfigError(
            "Invalid timeout value. Timeout must be a single integer in seconds, "
            "or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)"
        ) from error


def server_url(server: str) -> str:
    """The server's URL with a scheme and without a trailing slash. A `host:port` becomes http, as in kubectl.

    Raises ConfigError in kubectl's words.
    """
    text = server if "://" in server else f"http://{server}"
    try:
        url = urlsplit(text)
        usable = url.scheme in ("http", "https") and url.hostname and (url.port or 1) and not re.search(r"\s", text)
    except ValueError:
        usable = None
    if not usable or ("://" not in server and url.path.strip("/")):
        raise ConfigError(f'host must be a URL or a host:port pair: "{without_login(server)}"')
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path.rstrip('/')}"


def checked_trust(trust: Trust, cluster: str) -> Trust:
    """The same trust, after its checks. Raises ConfigError for contradicting fields or a missing file."""
    if trust.authority and trust.authority_data:
        raise ConfigError(f"certificate-authority-data and certificate-authority are both specified for {cluster}")
    if trust.authority:
        _readable("certificate-authority", trust.authority, cluster)
    if trust.insecure and (trust.authority or trust.authority_data):
        raise ConfigError("specifying a root certificates file with the insecure flag is not allowed")
    return trust


def checked_identity(identity: Identity) -> Identity:
    """The same identity, after its checks. Raises ConfigError for contradicting fields or a missing file."""
    problems = [*_certificate_problems(identity), *_exec_problems(identity.exec, identity)]
    if identity.token and (identity.username or identity.password):
        found = "found [token basicAuth], only one is allowed"
        problems.append(f"more than one authentication method found for {identity.user}; {found}")
    if problems:
        raise ConfigError("; ".join(problems))
    if identity.certificate:
        _readable("client-cert", identity.certificate, identity.user)
    if identity.has_certificate and identity.key:
        _readable("client-key", identity.key, identity.user)
    return identity


def _certificate_problems(identity: Identity) -> Iterator[str]:
    if not identity.has_certificate:
        return
    if identity.certificate and identity.certificate_data:
        yield f"client-cert-data and client-cert are both specified for {identity.user}"
    if identity.key and identity.key_data:
        yield f"client-key-data and client-key are both specified for {identity.user}"
    if not (identity.key or identity.key_data):
        yield (
            f"client-key-data or client-key must be specified for {identity.user} "
            "to use the clientCert authentication method"
        )


def _exec_problems(plugin: Exec | None, identity: Identity) -> Iterator[str]:
    if plugin is None:
        return
    use = f"for {identity.user} to use exec authentication plugin"
    if identity.auth_provider:
        yield f"authProvider cannot be provided in combination with an exec plugin for {identity.user}"
    if not plugin.command:
        yield f"command must be specified {use}"
    if not plugin.api_version:
        yield f"apiVersion must be specified {use}"
    elif plugin.api_version not in EXEC_VERSIONS:
        yield f'exec plugin: invalid apiVersion "{plugin.api_version}"'
    # interactiveMode has a default in v1beta1 and must be set in v1 (client-go, tools/clientcmd/api/v1/defaults.go).
    if not plugin.interactive_mode and plugin.api_version == EXEC_VERSIONS[0]:
        yield f"interactiveMode must be specified {use}"
    elif plugin.interactive_mode and plugin.interactive_mode not in INTERACTIVE_MODES:
        yield f'invalid interactiveMode for {identity.user}: "{plugin.interactive_mode}"'


def _readable(what: str, path: str, owner: str) -> None:
    try:
        with Path(path).open("rb"):
            return
    except OSError as error:
        words = os_words(error)
        raise ConfigError(f"unable to read {what} {path} for {owner} due to open {path}: {words}") from error
