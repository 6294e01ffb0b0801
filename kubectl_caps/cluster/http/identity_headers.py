"""Makes the headers that identify the user of a request: the credential, and the user to act as."""

import re
from collections.abc import Iterator
from urllib.parse import quote

from kubectl_caps.cluster.config.connection import Impersonation
from kubectl_caps.cluster.http.credentials import Credential
from kubectl_caps.errors import ConfigError

_NOT_ALLOWED = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


def identity_headers(wanted: Impersonation, credential: Credential) -> Iterator[tuple[str, str]]:
    """The names and values of the headers. Raises ConfigError for a value that no header can have.

    The kubernetes client never impersonates: without these headers a request would be made as the real user. A key of
    `as-user-extra` is percent-encoded where it cannot be a header name (client-go, transport/round_trippers.go).
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
    # A line break would start another header. Python decodes an argument that is not UTF-8 to surrogates.
    if _NOT_ALLOWED.search(value):
        raise ConfigError(f'invalid header field value for "{name}"')
    return name, value
