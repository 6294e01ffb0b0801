"""`Connection`: the API server and the user, as kubeconfig files and flags name them."""

from typing import Any

from msgspec import Struct


class Impersonation(Struct, frozen=True):
    """The user to act as (`--as`, `as:`). An empty `user` means no impersonation."""

    user: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


class ExecVariable(Struct, frozen=True):
    name: str
    value: str = ""


class Exec(Struct, frozen=True, rename="camel"):
    """A credential plugin (client.authentication.k8s.io). A `command` with a slash is an absolute path."""

    command: str = ""
    api_version: str = ""
    args: tuple[str, ...] | None = None
    env: tuple[ExecVariable, ...] | None = None
    install_hint: str | None = None
    interactive_mode: str | None = None
    provide_cluster_info: bool | None = None


class AuthProvider(Struct, frozen=True):
    """An `auth-provider` entry, the predecessor of `exec`. Only `oidc` is supported."""

    name: str = ""
    config: dict[str, str] | None = None


class Trust(Struct, frozen=True):
    """How the server's certificate is verified.

    Without `authority` and `authority_data`, the system's certificate authorities count. `authority_data` wins over the
    file `authority`.
    """

    authority: str = ""
    authority_data: bytes = b""
    server_name: str = ""
    insecure: bool = False


class Identity(Struct, frozen=True):
    """The user's credentials. `user` is the name of the kubeconfig's entry; only messages use the name."""

    user: str = ""
    token: str = ""
    token_file: str = ""
    certificate: str = ""
    certificate_data: bytes = b""
    key: str = ""
    key_data: bytes = b""
    username: str = ""
    password: str = ""
    exec: Exec | None = None
    auth_provider: AuthProvider | None = None

    @property
    def has_certificate(self) -> bool:
        """Whether the kubeconfig or a flag gives a client certificate."""
        return bool(self.certificate or self.certificate_data)

    def __repr__(self) -> str:
        return f"Identity(user={self.user!r})"  # secrets must not reach a log or a traceback


class Connection(Struct, frozen=True, kw_only=True):
    """The address of one API server and the user's identity; the result of `load_connection`.

    `server` has a scheme and no trailing slash. `proxy_url` is the kubeconfig's `proxy-url`. `proxy` is the proxy to
    use: `proxy_url`, or the proxy of the environment. `timeout` is in seconds: None means not given, 0 means no limit.
    `extension` is the cluster's `client.authentication.k8s.io/exec` extension, which some credential plugins read.
    """

    server: str
    context: str = ""
    namespace: str = "default"
    trust: Trust = Trust()
    identity: Identity = Identity()
    impersonation: Impersonation = Impersonation()
    proxy_url: str = ""
    proxy: str = ""
    compression: bool = True
    timeout: float | None = None
    extension: Any = None

    @property
    def secure(self) -> bool:
        """Whether the connection uses TLS. kubectl sends credentials only over TLS."""
        return self.server.startswith("https://")
