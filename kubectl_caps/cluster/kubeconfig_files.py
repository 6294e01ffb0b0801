"""What a kubeconfig file says: its entries by name, paths made absolute, several files merged.

Fields are those of k8s.io/client-go, tools/clientcmd/api/v1/types.go. Unknown ones are ignored, null is absent, a
wrong type is an error that names the field.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec
import yaml
from msgspec import Struct, field

from kubectl_caps.cluster.connection import AuthProvider, Exec
from kubectl_caps.errors import ConfigError


class Extension(Struct, frozen=True):
    name: str = ""
    extension: Any = None


class Cluster(Struct, frozen=True, kw_only=True, rename="kebab"):
    """A `cluster:` entry."""

    server: str | None = None
    tls_server_name: str | None = None
    insecure_skip_tls_verify: bool | None = None
    certificate_authority: str | None = None
    certificate_authority_data: str | None = None
    proxy_url: str | None = None
    disable_compression: bool | None = None
    extensions: list[Extension] | None = None


class User(Struct, frozen=True, kw_only=True, rename="kebab"):
    """A `user:` entry."""

    client_certificate: str | None = None
    client_certificate_data: str | None = None
    client_key: str | None = None
    client_key_data: str | None = None
    token: str | None = None
    token_file: str | None = field(default=None, name="tokenFile")
    as_user: str | None = field(default=None, name="as")
    as_uid: str | None = None
    as_groups: list[str] | None = None
    as_user_extra: dict[str, list[str] | None] | None = None
    username: str | None = None
    password: str | None = None
    auth_provider: AuthProvider | None = None
    exec: Exec | None = None


class Context(Struct, frozen=True):
    """A `context:` entry."""

    cluster: str | None = None
    user: str | None = None
    namespace: str | None = None


class _NamedCluster(Struct, frozen=True):
    name: str = ""
    cluster: Cluster | None = None


class _NamedUser(Struct, frozen=True):
    name: str = ""
    user: User | None = None


class _NamedContext(Struct, frozen=True):
    name: str = ""
    context: Context | None = None


class _File(Struct, frozen=True, rename="kebab"):
    kind: str | None = None
    current_context: str | None = None
    clusters: list[_NamedCluster] | None = None
    users: list[_NamedUser] | None = None
    contexts: list[_NamedContext] | None = None


class Document(Struct):
    """One kubeconfig, or several merged: entries by name."""

    clusters: dict[str, Cluster]
    users: dict[str, User]
    contexts: dict[str, Context]
    current_context: str | None = None


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_STRINGS = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """libyaml's: 12 times as fast on a file of 100 clusters.

    A date, `12:34` (60 is a base to PyYAML) and `=` are strings to kubectl, so they are here.
    """

    yaml_implicit_resolvers: ClassVar[Any] = {
        first: [(tag, re.compile(f"(?!.*:){rule.pattern}", rule.flags)) for tag, rule in rules if tag not in _STRINGS]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read(path: str) -> Document | None:
    """One kubeconfig file; None where there is none. Raises ConfigError: `error loading config file "PATH": ...`."""
    try:
        data = _first_document(Path(path).read_bytes())
        file = msgspec.convert({} if data is None else data, _File)
        if file.kind not in (None, "", "Config"):
            raise ValueError(f'no kind "{file.kind}" is registered')
        return _document(file, Path(path).absolute().parent)
    except FileNotFoundError:
        return None
    except IsADirectoryError as error:
        raise ConfigError(f'error loading config file "{path}": read {path}: is a directory') from error
    except OSError as error:
        words = (error.strerror or str(error)).lower()
        raise ConfigError(f'error loading config file "{path}": open {path}: {words}') from error
    except yaml.YAMLError as error:
        raise ConfigError(f'error loading config file "{path}": yaml: {_where(error)}') from error
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigError(f'error loading config file "{path}": {_plain(str(error))}') from error


def _first_document(text: bytes) -> Any:
    """kubectl reads no other one."""
    loader = _Loader(text)
    try:
        return loader.get_data()
    finally:
        loader.dispose()


def merged(documents: Sequence[Document]) -> Document:
    """Several files as one: the first to name an entry, or a current context, wins."""
    result = Document({}, {}, {})
    for document in reversed(documents):
        result.clusters.update(document.clusters)
        result.users.update(document.users)
        result.contexts.update(document.contexts)
        result.current_context = document.current_context or result.current_context
    return result


def _document(file: _File, folder: Path) -> Document:
    clusters = {item.name: item.cluster or Cluster() for item in _unique("clusters", file.clusters)}
    users = {item.name: item.user or User() for item in _unique("users", file.users)}
    contexts = {item.name: item.context or Context() for item in _unique("contexts", file.contexts)}
    return Document(
        {name: _absolute(entry, folder, "certificate_authority") for name, entry in clusters.items()},
        {name: _located(entry, folder) for name, entry in users.items()},
        contexts,
        file.current_context,
    )


Item = TypeVar("Item", bound=_Named)
Entry = TypeVar("Entry", bound=Struct)


def _unique(section: str, items: Sequence[Item] | None) -> Iterator[Item]:
    seen = set()
    for item in items or ():
        if item.name in seen:
            raise ValueError(f'duplicate name "{item.name}" in {section}')
        seen.add(item.name)
        yield item


def _located(user: User, folder: Path) -> User:
    user = _absolute(user, folder, "client_certificate", "client_key", "token_file")
    if user.exec and "/" in user.exec.command:
        return msgspec.structs.replace(user, exec=_absolute(user.exec, folder, "command"))
    return user


def _absolute(entry: Entry, folder: Path, *fields: str) -> Entry:
    paths = {name: getattr(entry, name) for name in fields}
    # normpath, not resolve: through a symlink kubectl stays in the folder of the link.
    located = {name: os.path.normpath(folder / path) for name, path in paths.items() if path}
    return msgspec.structs.replace(entry, **located)


def _where(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return " ".join(str(error).split())


def _plain(message: str) -> str:
    """msgspec's "Expected `str`, got `int` - at `$.a.b`" as "a.b: expected str, got int"."""
    text, _, path = message.partition(" - at `$")
    text = text.replace("`", "")
    text = text[:1].lower() + text[1:]
    return f"{path.strip('.`')}: {text}" if path else text
