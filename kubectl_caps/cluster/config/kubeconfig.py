"""Makes a `Connection` from kubeconfig files and flags, by kubectl's rules (k8s.io/client-go, tools/clientcmd).

| question                         | answer, as kubectl                                                            |
| -------------------------------- | ----------------------------------------------------------------------------- |
| which files                      | `--kubeconfig`, else the list $KUBECONFIG, else ~/.kube/config                |
| a file of the list is missing    | the file is skipped; the file of `--kubeconfig` must exist                    |
| the same name in several files   | the whole entry of the first file                                             |
| `current-context` in several     | the first `current-context` that is not empty                                 |
| relative paths                   | from the folder of the file; in flags, from the working folder                |
| a flag and an entry's field      | the flag; `-s` also clears the entry's `tls-server-name`                      |
| `--insecure-skip-tls-verify`     | clears the entry's certificate authority                                      |
| `--certificate-authority`        | clears the entry's `insecure-skip-tls-verify`                                 |
| which proxy                      | the entry's `proxy-url`, else the environment's (`proxy`)                     |
| no kubeconfig, but in a pod      | the service account                                                           |

Three answers differ from kubectl's on purpose. A context whose user or cluster is in no file is an error; kubectl goes
on without credentials, or to localhost:8080. `--as` counts in a pod, too; kubectl ignores the flag there and acts as
the service account. `--token` wins over the entry's `tokenFile`.
"""

import binascii
import os
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from kubectl_caps.cluster.config.connection import Connection, Identity, Impersonation, Trust
from kubectl_caps.cluster.config.kubeconfig_file import (
    ClusterEntry,
    ContextEntry,
    Kubeconfig,
    UserEntry,
    merged,
    read_kubeconfig,
)
from kubectl_caps.cluster.config.proxy import checked_proxy, environments_proxy
from kubectl_caps.cluster.config.validation import checked_identity, checked_trust, request_timeout, server_url
from kubectl_caps.errors import ConfigError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
EXEC_EXTENSION = "client.authentication.k8s.io/exec"

_NO_CONTEXT = "invalid configuration: no configuration has been provided: current-context is not set; use --context"

UsedEntryT = TypeVar("UsedEntryT", ClusterEntry, UserEntry)


class Overrides(Struct, frozen=True, kw_only=True):
    """kubectl's global flags. An empty value means that the flag is not given.

    `msgspec.convert(vars(options), Overrides)` makes the struct from parsed options.
    """

    kubeconfig: str | None = None
    context: str | None = None
    cluster: str | None = None
    user: str | None = None
    namespace: str | None = None
    server: str | None = None
    token: str | None = None
    as_user: str | None = None
    as_groups: tuple[str, ...] = ()
    as_uid: str | None = None
    certificate_authority: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    tls_server_name: str | None = None
    insecure_skip_tls_verify: bool | None = None
    request_timeout: str | None = None


def load_connection(
    overrides: Overrides,
    environment: Mapping[str, str] = os.environ,
    service_account: Path = SERVICE_ACCOUNT,
) -> Connection:
    """The connection that the flags, the kubeconfig files and the environment name.

    In a pod without a kubeconfig, `service_account` is the folder of the service account. Raises ConfigError in
    kubectl's words.
    """
    document = _document(overrides, environment)
    named = overrides.server or overrides.context or overrides.cluster or overrides.user
    if named or document.clusters or document.contexts or document.users:
        found = _chosen(document, overrides)
    else:
        found = _in_pod(overrides, environment, service_account)
    proxy = found.proxy or environments_proxy(found.server, environment)
    return msgspec.structs.replace(found, proxy=proxy, timeout=request_timeout(overrides.request_timeout))


def entry_names(
    kind: Literal["clusters", "contexts", "users"],
    kubeconfig: str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> list[str]:
    """The names of all entries of a kind in the kubeconfig, sorted. Raises ConfigError."""
    return sorted(getattr(_document(Overrides(kubeconfig=kubeconfig), environment), kind))


def _document(overrides: Overrides, environment: Mapping[str, str]) -> Kubeconfig:
    if overrides.kubeconfig:
        document = read_kubeconfig(overrides.kubeconfig)
        if document is None:
            raise ConfigError(f"stat {overrides.kubeconfig}: no such file or directory")
        return document
    several = environment.get("KUBECONFIG")
    paths = several.split(os.pathsep) if several else [str(Path(environment.get("HOME", "/")) / ".kube" / "config")]
    return merged([document for path in paths if path and (document := read_kubeconfig(path)) is not None])


def _chosen(document: Kubeconfig, overrides: Overrides) -> Connection:
    name = overrides.context or document.current_context or ""
    context = document.contexts.get(name)
    if name and context is None:
        raise ConfigError(f"context was not found for specified context: {name}")
    context = context or ContextEntry()
    cluster_name, user_name = overrides.cluster or context.cluster or "", overrides.user or context.user or ""
    cluster = _entry(document.clusters, cluster_name, ClusterEntry)
    user = _entry(document.users, user_name, UserEntry)
    if cluster is None and not overrides.server:
        raise ConfigError(_no_cluster(cluster_name, name, overrides))
    if user is None and not (overrides.token or overrides.client_certificate):
        raise ConfigError(_no_user(user_name, name, overrides))
    cluster, user = cluster or ClusterEntry(), user or UserEntry()
    server = overrides.server or cluster.server
    if not server:
        missing = f'no server found for cluster "{cluster_name}"' if name or cluster_name else _NO_CONTEXT
        raise ConfigError(missing)
    return Connection(
        server=server_url(server),
        context=name,
        namespace=overrides.namespace or context.namespace or "default",
        trust=checked_trust(_trust(cluster, overrides), cluster_name),
        identity=checked_identity(_identity(user, user_name, overrides)),
        impersonation=_impersonation(user, user_name, overrides),
        proxy_url=cluster.proxy_url or "",
        proxy=checked_proxy(cluster.proxy_url, cluster_name) if cluster.proxy_url else "",
        compression=not cluster.disable_compression,
        extension=next((item.extension for item in cluster.extensions or () if item.name == EXEC_EXTENSION), None),
    )


def _entry(entries: Mapping[str, UsedEntryT], name: str, kind: type[UsedEntryT]) -> UsedEntryT | None:
    """The entry of a name, or None if no file has the name. For an empty name, an empty entry."""
    return entries.get(name) if name else kind()


def _no_cluster(cluster: str, context: str, overrides: Overrides) -> str:
    if overrides.cluster:
        return f'no server found for cluster "{cluster}"'
    return f'cluster "{cluster}" was not found for context "{context}"'


def _no_user(user: str, context: str, overrides: Overrides) -> str:
    if overrides.user:
        return f'auth info "{user}" does not exist'
    return f'user "{user}" was not found for context "{context}"'


def _trust(cluster: ClusterEntry, overrides: Overrides) -> Trust:
    name = overrides.tls_server_name or ("" if overrides.server else cluster.tls_server_name or "")
    if overrides.insecure_skip_tls_verify or overrides.certificate_authority:
        return Trust(overrides.certificate_authority or "", b"", name, bool(overrides.insecure_skip_tls_verify))
    return Trust(
        cluster.certificate_authority or "",
        _decoded(cluster.certificate_authority_data, "certificate-authority-data"),
        name,
        bool(cluster.insecure_skip_tls_verify),
    )


def _identity(user: UserEntry, name: str, overrides: Overrides) -> Identity:
    certificate, certificate_data = user.client_certificate, user.client_certificate_data
    if overrides.client_certificate:
        certificate, certificate_data = overrides.client_certificate, None
    key, key_data = (overrides.client_key, None) if overrides.client_key else (user.client_key, user.client_key_data)
    return Identity(
        user=name,
        token=overrides.token or user.token or "",
        token_file="" if overrides.token else user.token_file or "",
        certificate=certificate or "",
        certificate_data=_decoded(certificate_data, "client-certificate-data"),
        key=key or "",
        key_data=_decoded(key_data, "client-key-data"),
        username=user.username or "",
        password=user.password or "",
        exec=user.exec,
        auth_provider=user.auth_provider,
    )


def _impersonation(user: UserEntry, name: str, overrides: Overrides) -> Impersonation:
    extra = tuple((key, tuple(values or ())) for key, values in (user.as_user_extra or {}).items())
    wanted = Impersonation(
        overrides.as_user or user.as_user or "",
        overrides.as_uid or user.as_uid or "",
        overrides.as_groups or tuple(user.as_groups or ()),
        extra,
    )
    if not wanted.user and (wanted.uid or wanted.groups or wanted.extra):
        raise ConfigError(f"requesting uid, groups or user-extra for {name} without impersonating a user")
    return wanted


def _decoded(text: str | None, field: str) -> bytes:
    try:
        return b64decode("".join((text or "").split()), validate=True)
    except binascii.Error as error:
        raise ConfigError(f"invalid configuration: {field}: illegal base64 data ({error})") from error


def _in_pod(overrides: Overrides, environment: Mapping[str, str], folder: Path) -> Connection:
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    if not (host and port and (folder / "token").is_file()):
        raise ConfigError(
            "invalid configuration: no configuration has been provided: "
            "no kubeconfig in --kubeconfig, $KUBECONFIG or ~/.kube/config, and this is not a pod"
        )
    authority = folder / "ca.crt"
    cluster = ClusterEntry(certificate_authority=str(authority) if authority.is_file() else None)
    user = UserEntry(token_file=str(folder / "token"))
    return Connection(
        server=server_url(f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"),
        namespace=overrides.namespace or environment.get("POD_NAMESPACE") or _text(folder / "namespace") or "default",
        trust=checked_trust(_trust(cluster, overrides), ""),
        identity=checked_identity(_identity(user, "", overrides)),
        impersonation=_impersonation(user, "", overrides),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
