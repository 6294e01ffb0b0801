"""`completion install`: what it writes, and that a fresh shell then completes, after pip and after krew."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from pseudo_terminal import Shell

from kubectl_caps import main
from kubectl_caps.commands.completion.install import BEGIN, END, install

BIN = Path(sys.executable).parent
START = {"bash": ".bashrc", "zsh": ".zshrc"}
PROMPT = {
    "bash": r"""
bind 'set enable-bracketed-paste off'
bind -x '"\C-g": echo "LINE<$READLINE_LINE>ENIL"'
PS1='READY>'
""",
    "zsh": r"""
unset zle_bracketed_paste
show() { print -r -- "LINE<$BUFFER>ENIL" }
zle -N show
bindkey '^G' show
bindkey '^U' kill-whole-line
PS1='READY>'
""",
    "fish": r"""
function fish_prompt; echo -n 'READY>'; end
function fish_greeting; end
bind \cg 'echo "LINE<"(commandline)">ENIL"'
bind \cu 'commandline ""'
""",
}
COMMAND = {"bash": ["bash", "-i"], "zsh": ["zsh", "-i"], "fish": ["fish", "-i"]}


@pytest.fixture
def krew(tmp_path: Path) -> Path:
    """A machine of krew's: one link to kubectl-caps, in a folder on PATH, and kubectl."""
    folder = tmp_path / ".krew" / "bin"
    folder.mkdir(parents=True)
    (folder / "kubectl-caps").symlink_to(BIN / "kubectl-caps")
    (folder / "kubectl").symlink_to(BIN / "kubectl")
    return tmp_path


def environment(home: Path, *folders: Path) -> dict[str, str]:
    """The variables of a login."""
    path = os.pathsep.join([*map(str, folders), "/usr/bin", "/bin"])
    return {"HOME": str(home), "PATH": path, "TERM": "xterm", "LANG": "C.UTF-8", "KUBECONFIG": "/nosuch"}


@pytest.mark.parametrize("shell", COMMAND)
def test_a_fresh_shell_completes_after_krew(shell: str, krew: Path) -> None:
    if not shutil.which(shell):
        assert not os.environ.get("CI"), f"{shell} is not installed"
        pytest.skip(f"{shell} is not installed")
    env = environment(krew, krew / ".krew" / "bin")
    lines = list(install(shell, env))
    assert any(line == f"{krew}/.krew/bin/kubectl_complete-caps: written" for line in lines)
    start = krew / START.get(shell, ".config/fish/config.fish")
    start.parent.mkdir(parents=True, exist_ok=True)
    start.write_text((start.read_text() if start.exists() else "") + PROMPT[shell])
    opened = Shell(COMMAND[shell], env, str(krew))
    try:
        for program in ("kubectl caps", "kubectl-caps"):
            assert opened.completed(f"{program} harden --dry-run ser")[0] == f"{program} harden --dry-run server "
    finally:
        opened.close()


@pytest.mark.parametrize("shell", COMMAND)
def test_a_second_run_changes_nothing(shell: str, krew: Path) -> None:
    env = environment(krew, krew / ".krew" / "bin")
    first, second = list(install(shell, env)), list(install(shell, env))
    assert [line for line in first if line.endswith(": written")]
    assert [line for line in second if line.endswith(": written")] == []
    assert [line.replace(": written", ": unchanged") for line in first] == second


def test_installing_completion_keeps_the_other_lines_of_a_start_up_file(krew: Path) -> None:
    env = environment(krew, krew / ".krew" / "bin")
    start = krew / ".bashrc"
    start.write_text("alias k=kubectl\n. <(kubectl completion bash)")
    list(install("bash", env))
    text = start.read_text()
    assert text.startswith(f"alias k=kubectl\n. <(kubectl completion bash)\n{BEGIN}\n")
    assert text.endswith(f"\n{END}\n")
    assert text.count("kubectl completion bash") == 1, "what is there is not loaded twice"
    start.write_text(text + "alias kc='kubectl caps'\n")
    list(install("bash", env))
    assert start.read_text().endswith("alias kc='kubectl caps'\n" + text[text.index(BEGIN) :])
    assert start.read_text().count(BEGIN) == 1


def test_the_executable_that_pip_installed_is_left_alone(tmp_path: Path) -> None:
    first, *_ = install("fish", environment(tmp_path, BIN))
    assert first == f"{BIN}/kubectl_complete-caps: there already"


@pytest.mark.parametrize(
    ("shell", "path", "words"),
    [
        ("tcsh", str(BIN), 'error: unsupported shell type "tcsh": name one of bash, zsh, fish after install'),
        ("bash", "/nosuch", "error: kubectl-caps is not on PATH: install it, or add its folder to PATH"),
    ],
)
def test_a_completion_that_cannot_be_installed_is_reported_in_one_line(
    shell: str,
    path: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", path)
    monkeypatch.setattr("sys.argv", ["pytest"])
    assert main.main(["completion", "install", shell]) == 2
    assert capsys.readouterr().err == f"{words}\n"
    assert list(tmp_path.iterdir()) == []


def test_the_scripts_call_no_program_but_this(capsys: pytest.CaptureFixture[str]) -> None:
    for shell in ("bash", "zsh", "fish", "kubectl"):
        assert main.main(["completion", shell]) == 0
        text = capsys.readouterr().out
        assert "kubectl-caps __complete" in text
        assert "argcomplete" not in text
