"""Runs `kubectl caps completion install`: writes the files and lines that kubectl and a shell need for completion.

A second run changes nothing. The lines in a shell's start-up file stand between two markers. The rest of the file is
not changed.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from kubectl_caps.commands.completion.scripts import script
from kubectl_caps.errors import CapsError, UsageError

BEGIN, END = "# >>> kubectl caps completion >>>", "# <<< kubectl caps completion <<<"
_HELPER = "kubectl_complete-caps"
_MARK = "exec "
_BASH_COMPLETION = ("/usr/share/bash-completion/bash_completion", "/opt/homebrew/etc/profile.d/bash_completion.sh")


class InstallFailed(CapsError):
    """A file cannot be written. The text names the file and a remedy."""

    def __str__(self) -> str:
        return f"error: {Exception.__str__(self)}"


def install(shell: str | None, environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Write the missing files and lines, and yield a line about each file. Raises UsageError, InstallFailed."""
    shell = shell or Path(environment.get("SHELL", "")).name
    if shell not in _INSTALLERS:
        raise UsageError(f'unsupported shell type "{shell}": name one of {", ".join(_INSTALLERS)} after install')
    home = Path(environment.get("HOME") or "~").expanduser()
    program = _program(environment)
    yield _helper(program, home, environment)
    yield from _INSTALLERS[shell](program, home, environment)
    yield f"Start a new {shell}, and type: kubectl caps <Tab>"


def _program(environment: Mapping[str, str]) -> Path:
    """The path of `kubectl-caps` on PATH. A symbolic link is not resolved, so that the path survives an upgrade."""
    found = shutil.which("kubectl-caps", path=environment.get("PATH", ""))
    if not found:
        found = shutil.which(sys.argv[0]) if Path(sys.argv[0]).name == "kubectl-caps" else None
    if not found:
        raise InstallFailed("kubectl-caps is not on PATH: install it, or add its folder to PATH")
    return Path(found).absolute()


def _helper(program: Path, home: Path, environment: Mapping[str, str]) -> str:
    """Write kubectl_complete-caps to a folder on PATH. pip and pipx have installed one, krew has not."""
    path = environment.get("PATH", "")
    found = shutil.which(_HELPER, path=path)
    if found and not _is_ours(Path(found)):
        return f"{found}: there already"
    folders = [Path(found).parent] if found else [program.parent, home / ".local/bin"]
    on_path = [Path(part) for part in path.split(os.pathsep) if part]
    for folder in folders:
        if folder in on_path and os.access(folder, os.W_OK):
            return _written(folder / _HELPER, script("kubectl", str(program)), executable=True)
    raise InstallFailed(
        f"no folder for {_HELPER} can be written: tried {', '.join(map(str, folders))}, which must be on PATH; save "
        f"the output of `kubectl caps completion kubectl` as {_HELPER} in a folder on PATH and make it executable"
    )


def _is_ours(path: Path) -> bool:
    """Whether this module has written a file. A file that pip made is not changed."""
    try:
        return _MARK in path.read_text() and "__complete" in path.read_text()
    except (OSError, ValueError):
        return False


def _bash(program: Path, home: Path, environment: Mapping[str, str]) -> Iterator[str]:
    file = _data(home, environment) / "completion.bash"
    yield _written(file, script("bash", str(program)))
    package = next((path for path in _BASH_COMPLETION if Path(path).exists()), _BASH_COMPLETION[0])
    lines = [f'[ -n "$BASH_COMPLETION_VERSINFO" ] || {{ [ -r {package} ] && . {package}; }}']
    yield _start_up(home / ".bashrc", [*lines, *_kubectl(home / ".bashrc", "bash"), f'. "{file}"'])
    if not Path(package).exists():
        yield "kubectl's completion of bash needs the package bash-completion, which is not installed"


def _zsh(program: Path, home: Path, environment: Mapping[str, str]) -> Iterator[str]:
    file = _data(home, environment) / "completion.zsh"
    yield _written(file, script("zsh", str(program)))
    start = Path(environment.get("ZDOTDIR") or home) / ".zshrc"
    lines = ["(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }"]
    yield _start_up(start, [*lines, *_kubectl(start, "zsh"), f'. "{file}"'])


def _fish(program: Path, home: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Write the files for fish, which loads the completion of a program from a file with its name."""
    folder = Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "fish" / "completions"
    yield _written(folder / "kubectl-caps.fish", script("fish", str(program)))
    kubectl = folder / "kubectl.fish"
    if kubectl.exists() and "kubectl completion fish" not in kubectl.read_text():
        yield f"{kubectl}: there already"
    else:
        yield _written(kubectl, "kubectl completion fish | source\n")


_INSTALLERS = {"bash": _bash, "zsh": _zsh, "fish": _fish}


def _data(home: Path, environment: Mapping[str, str]) -> Path:
    return Path(environment.get("XDG_DATA_HOME") or home / ".local/share") / "kubectl-caps"


def _kubectl(start: Path, shell: str) -> list[str]:
    """The line that loads kubectl's completion, unless the start-up file has one."""
    own = _without_block(start.read_text()) if start.exists() else ""
    if f"kubectl completion {shell}" in own:
        return []
    return [f"command -v kubectl > /dev/null && . <(kubectl completion {shell})"]


def _start_up(start: Path, lines: list[str]) -> str:
    """Replace the lines between the markers of a start-up file."""
    own = _without_block(start.read_text()) if start.exists() else ""
    separator = "" if not own or own.endswith("\n") else "\n"
    block = "\n".join([BEGIN, *lines, END])
    return _written(start, f"{own}{separator}{block}\n")


def _without_block(text: str) -> str:
    before, begin, rest = text.partition(BEGIN)
    return before + rest.partition(f"{END}\n")[2] if begin and END in rest else text


def _written(path: Path, text: str, *, executable: bool = False) -> str:
    """Write a file unless it already has the text. Returns a line about the file. Raises InstallFailed."""
    try:
        if path.exists() and path.read_text() == text:
            return f"{path}: unchanged"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if executable:
            path.chmod(0o755)
    except OSError as error:
        raise InstallFailed(f"{path}: {error.strerror}: completion cannot be installed there") from error
    return f"{path}: written"
