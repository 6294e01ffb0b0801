"""Who a request is from, as headers: the user's credential, and whom to act as."""

from collections.abc import Iterator
from urllib.parse import quote

from kubectl_caps.cluster.connection import Impersonation
from kubectl_caps.cluster.credentials import Credential
from kubectl_caps.errors import ConfigError


def identity_headers(wanted: Impersonation, credential: Credential) -> Iterator[tuple[str, str]]:
    """Name and value of each header, as http.client wants them. Raises ConfigError for a value that is no header.

    The kubernetes client never impersonates: without these headers a request would be the real user's. A key of
    `as-user-extra` is percent-encoded where it is no header name (client-go, transport/round_trippers.go).
    """
    if credential.authorization:
        yield _header("Authorization", credential.authorization)
    if not wanted.user:
        return
    yield _header("Impersonate-User", wanted.user)
    if wanted.uid:
        yield _header("Impersonate-Uid", wanted.uid)
    for group in wanted.groups:
        yield _header("Impersonate-Group", group)
    for key, values in wanted.extra:
        for value in values:
            yield _header("Impersonate-Extra-" + quote(key, safe="!#$&'*+-.^_`|~"), value)


def _header(name: str, value: str) -> tuple[str, str]:
    # A line break would start another header; http.client sends Latin-1, Kubernetes reads UTF-8.
    if any(ord(character) < 32 or ord(character) == 127 for character in value.replace("\t", "")):
        raise ConfigError(f'invalid header field value for "{name}"')
    return name, value.encode().decode("latin-1")
