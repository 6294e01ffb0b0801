"""Reads and merges kubeconfig files: entries by name, with absolute paths.

The fields are those of k8s.io/client-go, tools/clientcmd/api/v1/types.go. An unknown field is ignored. A null is an
absent field. A wrong type is an error that names the field.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec
import yaml
from msgspec import Struct, field

from kubectl_caps.cluster.config.connection import AuthProvider, Exec
from kubectl_caps.core.kubernetes.field_path import in_words
from kubectl_caps.errors import ConfigError, os_words


class Extension(Struct, frozen=True):
    name: str = ""
    extension: Any = None


class ClusterEntry(Struct, frozen=True, kw_only=True, rename="kebab"):
    """A `cluster:` entry."""

    server: str | None = None
    tls_server_name: str | None = None
    insecure_skip_tls_verify: bool | None = None
    certificate_authority: str | None = None
    certificate_authority_data: str | None = None
    proxy_url: str | None = None
    disable_compression: bool | None = None
    extensions: list[Extension] | None = None


class UserEntry(Struct, frozen=True, kw_only=True, rename="kebab"):
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


class ContextEntry(Struct, frozen=True):
    """A `context:` entry."""

    cluster: str | None = None
    user: str | None = None
    namespace: str | None = None


class _NamedCluster(Struct, frozen=True):
    name: str = ""
    cluster: ClusterEntry | None = None


class _NamedUser(Struct, frozen=True):
    name: str = ""
    user: UserEntry | None = None


class _NamedContext(Struct, frozen=True):
    name: str = ""
    context: ContextEntry | None = None


class _File(Struct, frozen=True, rename="kebab"):
    kind: str | None = None
    current_context: str | None = None
    clusters: list[_NamedCluster] | None = None
    users: list[_NamedUser] | None = None
    contexts: list[_NamedContext] | None = None


class Kubeconfig(Struct):
    """One kubeconfig, or several merged: entries by name."""

    clusters: dict[str, ClusterEntry]
    users: dict[str, UserEntry]
    contexts: dict[str, ContextEntry]
    current_context: str | None = None


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_STRINGS = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")


class KubectlLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """libyaml's loader, with kubectl's strings. It is 12 times as fast as PyYAML's own on a file of 100 clusters.

    A date, `12:34` and `=` are strings to kubectl. PyYAML makes a date, a number to the base 60 and an error of them.
    """

    yaml_implicit_resolvers: ClassVar[Any] = {
        first: [(tag, re.compile(f"(?!.*:){rule.pattern}", rule.flags)) for tag, rule in rules if tag not in _STRINGS]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Construct as PyYAML does, but raise YAMLError also for a wrong value after `!!bool` or `!!timestamp`."""
        try:
            return super().construct_object(node, deep)
        except (AttributeError, LookupError, OverflowError) as error:
            raise yaml.constructor.ConstructorError(None, None, f"not a {node.tag}", node.start_mark) from error


def read_kubeconfig(path: str) -> Kubeconfig | None:
    """Read one kubeconfig file; None if the file does not exist.

    Raises ConfigError with kubectl's words: `error loading config file "PATH": ...`.
    """
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
        words = os_words(error)
        raise ConfigError(f'error loading config file "{path}": open {path}: {words}') from error
    except yaml.YAMLError as error:
        raise ConfigError(f'error loading config file "{path}": yaml: {_where(error)}') from error
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigError(f'error loading config file "{path}": {in_words(error)}') from error


def _first_document(text: bytes) -> Any:
    """The first document of the text. kubectl reads only the first one."""
    loader = KubectlLoader(text)
    try:
        return loader.get_data()
    finally:
        loader.dispose()


def merged(documents: Sequence[Kubeconfig]) -> Kubeconfig:
    """The kubeconfig that several files make together. The first file that has an entry or a current context wins."""
    result = Kubeconfig({}, {}, {})
    for document in reversed(documents):
        result.clusters.update(document.clusters)
        result.users.update(document.users)
        result.contexts.update(document.contexts)
        result.current_context = document.current_context or result.current_context
    return result


def _document(file: _File, folder: Path) -> Kubeconfig:
    clusters = {item.name: item.cluster or ClusterEntry() for item in _unique("clusters", file.clusters)}
    users = {item.name: item.user or UserEntry() for item in _unique("users", file.users)}
    contexts = {item.name: item.context or ContextEntry() for item in _unique("contexts", file.contexts)}
    return Kubeconfig(
        {name: _absolute(entry, folder, "certificate_authority") for name, entry in clusters.items()},
        {name: _located(entry, folder) for name, entry in users.items()},
        contexts,
        file.current_context,
    )


NamedT = TypeVar("NamedT", bound=_Named)
EntryT = TypeVar("EntryT", bound=Struct)


def _unique(section: str, items: Sequence[NamedT] | None) -> Iterator[NamedT]:
    seen = set()
    for item in items or ():
        if item.name in seen:
            raise ValueError(f'duplicate name "{item.name}" in {section}')
        seen.add(item.name)
        yield item


def _located(user: UserEntry, folder: Path) -> UserEntry:
    user = _absolute(user, folder, "client_certificate", "client_key", "token_file")
    if user.exec and "/" in user.exec.command:
        return msgspec.structs.replace(user, exec=_absolute(user.exec, folder, "command"))
    return user


def _absolute(entry: EntryT, folder: Path, *fields: str) -> EntryT:
    paths = {name: getattr(entry, name) for name in fields}
    # normpath, not resolve: kubectl does not follow a symbolic link to another folder.
    located = {name: os.path.normpath(folder / path) for name, path in paths.items() if path}
    return msgspec.structs.replace(entry, **located)


def _where(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return " ".join(str(error).split())
