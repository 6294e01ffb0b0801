"""The file name that stands for the output of `kubectl kustomize`, and the flag (-f or -k) for a file name."""

import shlex

_RENDERED = "kubectl kustomize "


def rendered_name(folder: str) -> str:
    """The name that stands for the output of `kubectl kustomize FOLDER`, in place of a file name."""
    return f"{_RENDERED}{folder}"


def file_flag(name: str) -> str:
    """`-f FILE` for the name of a file, `-k FOLDER` for a name that `rendered_name` made; quoted for a shell."""
    if name.startswith(_RENDERED):
        return f"-k {shlex.quote(name.removeprefix(_RENDERED))}"
    return f"-f {shlex.quote(name)}"
