"""Finds the program of a credential plugin, and checks that kubectl's policy (kuberc) allows the plugin.

A name is looked up as in Go (os/exec, lp_unix.go). The policy is `credentialPluginPolicy` in kuberc, kubectl's file of
preferences (k8s.io/kubectl, pkg/kuberc). The refusals have client-go's words (plugin/pkg/client/auth/exec/exec.go).

| question                  | answer, as kubectl                                                       |
| ------------------------- | ------------------------------------------------------------------------ |
| which kuberc              | $KUBERC, else ~/.kube/kuberc; none if KUBERC=off or KUBECTL_KUBERC=false |
| a file is missing         | an error for $KUBERC; no policy for ~/.kube/kuberc                       |
| several documents         | the first Preference of a known version                                  |
| a name without a slash    | searched in the PATH of kubectl caps, never in the working folder        |
| a path                    | used as it is; `kubeconfig_file` has made the path absolute              |

One answer differs from kubectl's on purpose: if ~/.kube/kuberc cannot be read, the plugin is not run. kubectl prints a
warning and runs the plugin.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import yaml
from msgspec import Struct

from kubectl_caps.cluster.config.kubeconfig_file import KubectlLoader
from kubectl_caps.errors import ConfigError, os_words

IN_WORKING_FOLDER = "cannot run executable found relative to current directory"
"""Go's ErrDot: PATH leads to a program in the working folder, or below it."""

_GROUP = "kubectl.config.k8s.io/"
_VERSIONS = (f"{_GROUP}v1beta1", f"{_GROUP}v1alpha1")
_SEPARATOR = re.compile(r"^---\s*(?:#.*)?$", re.MULTILINE)


class _Entry(Struct, frozen=True):
    name: str | None = None
    command: str | None = None


class _Preference(Struct, frozen=True, rename="camel"):
    api_version: str = ""
    kind: str = ""
    credential_plugin_policy: str | None = None
    credential_plugin_allowlist: list[_Entry] | None = None


class PluginPolicy(Struct, frozen=True):
    """`kind` is `AllowAll`, `DenyAll` or `Allowlist`; `allowed` are the names and paths of the list."""

    kind: str = "AllowAll"
    allowed: tuple[str, ...] = ()


class PluginNotFound(Exception):
    """No program has the name (Go's LookPath). `path` is the path of the refused program, or the name itself."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(why)
        self.path = path


def plugin_policy(environment: Mapping[str, str]) -> PluginPolicy:
    """The policy of the user's kuberc. Raises ConfigError if the file or the policy cannot be used."""
    told = environment.get("KUBERC", "")
    if told == "off" or environment.get("KUBECTL_KUBERC", "").lower() == "false":
        return PluginPolicy()
    file = told or str(Path(environment.get("HOME", "/")) / ".kube" / "kuberc")
    try:
        return _checked(_preference(Path(file).read_text()))
    except FileNotFoundError as error:
        if not told:
            return PluginPolicy()
        raise ConfigError(f"kuberc: open {file}: no such file or directory") from error
    except OSError as error:
        raise ConfigError(f"kuberc: open {file}: {os_words(error)}") from error
    except ValueError as error:
        raise ConfigError(f"kuberc {file}: {error}; fix the file, or ignore it with KUBERC=off") from error


def permitted(command: str, rule: PluginPolicy, environment: Mapping[str, str]) -> str:
    """The path of the program to run.

    Raises ConfigError if the policy forbids the program, PluginNotFound if no program has the name.
    """
    name = os.path.normpath(command)
    if rule.kind == "DenyAll":
        raise refused(f'plugin "{name}" not allowed: policy set to "DenyAll"')
    if rule.kind == "AllowAll" and "/" in name:
        return name  # execve fails if the program cannot be run
    try:
        path, missing = look_path(name, environment), None
    except PluginNotFound as error:
        path, missing = error.path, error
    if rule.kind == "Allowlist" and not {name, path} & {*rule.allowed}:
        if missing:
            where = f'plugin path "{path}" cannot be resolved for credential plugin allowlist check'
            raise refused(f'{where}: exec: "{name}": {missing}') from missing
        if path not in _resolved(rule, path, environment):
            raise refused(f'plugin path "{path}" is not permitted by the credential plugin allowlist')
    if missing and "/" not in name:
        raise missing
    return path


def refused(words: str) -> ConfigError:
    """The error for a credential plugin that gives no credential. It begins with client-go's words."""
    return ConfigError(f"getting credentials: {words}")


def look_path(name: str, environment: Mapping[str, str]) -> str:
    """The path of the program that a name means. Raises PluginNotFound."""
    if name in ("", ".", ".."):
        raise PluginNotFound(name, "executable file not found in $PATH")
    if "/" in name:
        if why := _not_executable(name):
            raise PluginNotFound(name, why)
        return name
    folders = environment.get("PATH", "")
    for folder in folders.split(os.pathsep) if folders else ():
        path = os.path.normpath(os.path.join(folder or ".", name))  # noqa: PTH118 Path("", name) has no folder
        if not _not_executable(path):
            if not os.path.isabs(path):  # noqa: PTH117
                raise PluginNotFound(path, IN_WORKING_FOLDER)
            return path
    raise PluginNotFound(name, "executable file not found in $PATH")


def _not_executable(path: str) -> str | None:
    try:
        if Path(path).is_dir():
            return "is a directory"
        Path(path).stat()
    except OSError as error:
        return f"stat {path}: {os_words(error)}"
    return None if os.access(path, os.X_OK) else "permission denied"


def _resolved(rule: PluginPolicy, path: str, environment: Mapping[str, str]) -> Iterator[str]:
    """The paths of those entries of the allowlist whose last part is the program's name."""
    for entry in rule.allowed:
        if os.path.basename(entry) == os.path.basename(path):  # noqa: PTH119
            try:
                yield look_path(entry, environment)
            except PluginNotFound:
                continue


def _preference(text: str) -> _Preference:
    """The first document that is a Preference. Raises ValueError if there are documents and none is a Preference."""
    documents = [part for part in _SEPARATOR.split(text) if part.strip()]
    for part in documents:
        try:
            found = msgspec.convert(yaml.load(part, KubectlLoader), _Preference)
            for entry in found.credential_plugin_allowlist or ():
                if entry.name and entry.command and entry.name != entry.command:
                    raise ValueError("both name and command were supplied with different values")
        except (yaml.YAMLError, ValueError):
            continue
        if found.kind == "Preference" and found.api_version in _VERSIONS:
            return found if found.api_version == _VERSIONS[0] else _Preference()
    if documents:
        raise ValueError("no valid preferences found")
    return _Preference()


def _checked(preference: _Preference) -> PluginPolicy:
    """The policy of a Preference (client-go's ValidatePluginPolicy). Raises ValueError."""
    kind, entries = preference.credential_plugin_policy or "", preference.credential_plugin_allowlist
    if kind in ("", "AllowAll", "DenyAll"):
        if entries is not None:
            wrong = f'plugin policy is "{kind}" but allowlist is non-nil'
            raise ValueError(f"misconfigured credential plugin allowlist: {wrong}")
        return PluginPolicy(kind or "AllowAll")
    if kind != "Allowlist":
        raise ValueError(f'unknown plugin policy: "{kind}"')
    if not entries:
        wrong = "unspecified" if entries is None else 'empty; use "DenyAll" policy instead'
        raise ValueError(f'credential plugin policy set to "Allowlist", but allowlist is {wrong}')
    allowed = tuple(entry.command or entry.name or "" for entry in entries)
    for number, command in enumerate(allowed, 1):
        if not command:
            raise ValueError(f"misconfigured credential plugin allowlist: empty allowlist entry #{number}")
        if command != os.path.normpath(command):
            raise ValueError(f'non-normalized file path: "{command}" vs "{os.path.normpath(command)}"')
    return PluginPolicy(kind, allowed)
