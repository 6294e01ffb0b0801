"""Defines the flags that several commands share, as structs, and checks flags that cannot be combined.

Each command has its own struct (`cli/inspect.py` and so on), with all defaults and units.
"""

import argparse
import re
import shlex
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from kubectl_caps.errors import UsageError


class ClusterArguments(Struct, frozen=True, kw_only=True):
    """kubectl's global flags, which select the cluster and the user. None means that the flag is not given.

    With a `verbosity` of 6 or more, requests are written to stderr.
    """

    namespace: str | None = None  # label-ns has no such flag
    kubeconfig: str | None
    context: str | None
    cluster: str | None
    user: str | None
    server: str | None
    token: str | None
    as_user: str | None
    as_groups: tuple[str, ...]
    as_uid: str | None
    certificate_authority: str | None
    client_certificate: str | None
    client_key: str | None
    tls_server_name: str | None
    insecure_skip_tls_verify: bool | None
    request_timeout: str | None
    verbosity: int = 0


class FileArguments(ClusterArguments, frozen=True, kw_only=True):
    """The manifests of -f, --changed-files or -k. Without these flags, the command works on a cluster.

    `changed_files` says that the files may have any content, as in a folder. A file without an object is passed over.
    """

    filename: tuple[str, ...]
    changed_files: bool = False
    kustomize: str | None
    recursive: bool
    exclude: tuple[str, ...]

    @property
    def on_files(self) -> bool:
        """Whether the command works on files, without a cluster."""
        return bool(self.filename or self.kustomize)


def connection_flags(asked: ClusterArguments) -> str:
    """The arguments as flags, for printed commands. Token and password are left out."""
    words: list[str] = []
    for flag, name in _CONNECTION.items():
        value = getattr(asked, name)
        for item in value if isinstance(value, tuple) else [value] if value else []:
            words += [flag] if item is True else [flag, shlex.quote(_IN_ADDRESS.sub(r"\1", item))]
    return "".join(f" {word}" for word in [*words, *(["--token", "TOKEN"] if asked.token else [])])


_IN_ADDRESS = re.compile(r"^(https?://)[^/]*@")
_CONNECTION = {
    "--kubeconfig": "kubeconfig", "--context": "context", "--cluster": "cluster", "--user": "user",
    "--server": "server", "--as": "as_user", "--as-group": "as_groups", "--as-uid": "as_uid",
    "--certificate-authority": "certificate_authority", "--client-certificate": "client_certificate",
    "--client-key": "client_key", "--tls-server-name": "tls_server_name",
    "--insecure-skip-tls-verify": "insecure_skip_tls_verify",
}  # fmt: skip


class EditArguments(FileArguments, frozen=True, kw_only=True):
    """What happens to the new text of files: it is printed (default), written, shown as a diff, or only checked."""

    write: bool
    diff: bool
    check: bool


class RefusedFlags(Struct, frozen=True):
    """Flags or arguments that are refused, with the message. `{flag}` in the message stands for the given flag.

    A flag with a value among `nothing` counts as not given.
    """

    flags: tuple[str, ...]
    words: str
    nothing: tuple[Any, ...] = ("", [])


def values_of(kind: type[Struct], options: argparse.Namespace) -> dict[str, Any]:
    """The values of the flags that have the names of a struct's fields. Lists become tuples."""
    found = {name: getattr(options, name) for name in kind.__struct_fields__ if hasattr(options, name)}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}


def refuse(options: argparse.Namespace, refused: Sequence[RefusedFlags]) -> None:
    """Raise UsageError for the first of these flags that was given, even with its default value."""
    for row in refused:
        for name in row.flags:
            if name in options.given and getattr(options, name) not in row.nothing:
                raise UsageError(row.words.format(flag=_SHOWN.get(name) or f"--{name.replace('_', '-')}"))


_SHOWN = {"resources": "TYPE", "names": "NAME", "document": "--from"}

NO_SELECTOR = RefusedFlags(
    ("selector",), "-l selects objects of a cluster; with -f every object of the files is judged"
)
ONLY_WITH_FILES = RefusedFlags(("write", "diff", "check", "recursive", "kubernetes_version"), "{flag} goes with -f")


_PATHS = {"kustomize": "-k", "undo": "--undo", "undo_to": "--undo-to"}
"""The flags with a path. An empty path, such as an unset variable in `--undo "$FILE"`, would mean another command."""


def checked_files(options: argparse.Namespace) -> FileArguments:
    """The flags -f and -k and their related flags, checked. Raises UsageError in kubectl's words."""
    for name, flag in _PATHS.items():
        if getattr(options, name, None) == "":
            raise UsageError(f'invalid argument "" for "{flag}" flag: the path is empty')
    files = FileArguments(**values_of(FileArguments, options))
    if files.changed_files and not files.filename:
        raise UsageError("--changed-files: no files are given")
    if files.filename and files.kustomize:
        raise UsageError("only one of -f or -k can be specified")
    if files.kustomize and files.recursive:
        raise UsageError("the -k flag can't be used with -f or -R")
    if "" in files.exclude:
        raise UsageError("--exclude: the pattern is empty")
    if files.exclude and not files.filename:
        raise UsageError("--exclude goes with -f")
    return files


def check_edit(options: argparse.Namespace) -> None:
    """Raise UsageError if the flags for the output of files cannot be combined."""
    if sum((options.write, options.diff, options.check)) > 1:
        raise UsageError("--write, --diff and --check cannot be used together")
    if options.diff and options.output != "table":
        raise UsageError("--diff and -o cannot be used together")
    if options.write and options.kustomize:
        raise UsageError("--write needs -f: the output of `kubectl kustomize` is in no file, and can only be printed")
    if options.write and "-" in options.filename:
        raise UsageError("standard input cannot be edited in place; leave out --write to print it")
