"""Tab in real bash, zsh and fish: through kubectl's own completion, for `kubectl-caps` alone, and by argcomplete."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Answer, Seen, reply, serving
from pseudo_terminal import Shell
from tab_again import tab_again

BIN = Path(sys.executable).parent
SHELLS = {
    "bash": ["bash", "--noprofile", "--rcfile", "{home}/rc.bash", "-i"],
    "zsh": ["zsh", "-i"],
    "fish": ["fish", "--no-config", "-i", "-C", "source {home}/rc.fish"],
    "bash, argcomplete": ["bash", "--noprofile", "--rcfile", "{home}/argcomplete.bash", "-i"],
    "bash, argcomplete everywhere": ["bash", "--noprofile", "--rcfile", "{home}/everywhere.bash", "-i"],
    "zsh, argcomplete": ["env", "ZDOTDIR={home}/argcomplete", "zsh", "-i"],
}
PROGRAMS = [
    *((shell, program) for shell in ("bash", "zsh", "fish") for program in ("kubectl caps", "kubectl-caps")),
    *((shell, "kubectl-caps") for shell in SHELLS if "argcomplete" in shell),
]
IDS = ["-".join(pair) for pair in PROGRAMS]
BASH = r"""
bind 'set enable-bracketed-paste off'
bind 'set completion-query-items 1000'
bind 'set page-completions off'
bind -x '"\C-g": echo "LINE<$READLINE_LINE>ENIL"'
PS1='READY>'
"""
ZSH = r"""
unset zle_bracketed_paste
show-line() { print -r -- "LINE<$BUFFER>ENIL" }
zle -N show-line
bindkey '^G' show-line
bindkey '^U' kill-whole-line
LISTMAX=1000
PS1='READY>'
"""
RC = {
    "rc.bash": f"""
. /usr/share/bash-completion/bash_completion
. <(kubectl completion bash)
. <(kubectl-caps completion bash)
{BASH}""",
    "argcomplete.bash": f"""
eval "$(register-python-argcomplete kubectl-caps)"
{BASH}""",
    "everywhere.bash": f"""
eval "$(activate-global-python-argcomplete --dest=-)"
{BASH}""",
    "argcomplete/.zshrc": f"""
autoload -Uz compinit && compinit -u
eval "$(register-python-argcomplete kubectl-caps)"
{ZSH}""",
    ".zshrc": f"""
autoload -Uz compinit && compinit -u
. <(kubectl completion zsh)
. <(kubectl-caps completion zsh)
{ZSH}""",
    "rc.fish": r"""
kubectl completion fish | source
kubectl-caps completion fish | source
function fish_prompt; echo -n 'READY>'; end
function fish_greeting; end
bind \cg 'echo "LINE<"(commandline)">ENIL"'
bind \cu 'commandline ""'
""",
}


def _shop(seen: Seen) -> Answer:
    """A cluster with two namespaces, and a Deployment in one."""
    lists = {
        "/api/v1/namespaces": ("default", "shop"),
        "/apis/apps/v1/namespaces/shop/deployments": ("web-frontend",),
        "/apis/apps/v1/namespaces/shop/statefulsets": ("database",),
    }
    if seen.path == "/apis/apps/v1/namespaces/shop/deployments/web-frontend":
        return reply({"spec": {"template": {"spec": {"containers": [{"name": "nginx"}, {"name": "logger"}]}}}})
    return reply({"items": [{"metadata": {"name": name}} for name in lists.get(seen.path, ())]})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with start-up files, a manifest, a folder, and the kubeconfig of a server."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "argcomplete").mkdir()
    for name, text in RC.items():
        (folder / name).write_text(text)
    (folder / "example.yaml").write_text("")
    (folder / "manifests").mkdir()
    with serving(_shop, tls=True) as server:
        server.kubeconfig(folder)
        yield folder


@pytest.fixture(scope="module")
def shell(request: pytest.FixtureRequest, home: Path) -> Iterator[Shell]:
    """An interactive shell with completion loaded: kubectl's and ours, or argcomplete's."""
    name = request.param.partition(",")[0]
    if not shutil.which(name):
        assert not os.environ.get("CI"), f"{name} is not installed"
        pytest.skip(f"{name} is not installed")
    env = {
        "HOME": str(home), "PATH": f"{BIN}:/usr/bin:/bin", "TERM": "xterm", "LANG": "C.UTF-8",
        "KUBECONFIG": str(home / "config"),
    }  # fmt: skip
    command = [word.format(home=home) for word in SHELLS[request.param]]
    opened = Shell(command, env, str(home))
    yield opened
    opened.close()


LINES = {
    "insp": "inspect ",
    "inspect --sort": "inspect --sort-by ",
    "inspect --fail-on=cri": "inspect --fail-on=critical ",
    "harden --dry-run ser": "harden --dry-run server ",
    "inspect -f exam": "inspect -f example.yaml ",
    "inspect --filename=exam": "inspect --filename=example.yaml ",
    "inspect --exemptions exam": "inspect --exemptions example.yaml ",
    "harden --undo exam": "harden --undo example.yaml ",
    "inspect -k mani": "inspect -k manifests/",
    "harden --add CHOWN,NET_BI": "harden --add CHOWN,NET_BIND_SERVICE ",
    "harden --add=net_bi": "harden --add=net_bind_service ",
    "harden --add web=CHO": "harden --add web=CHOWN ",
    "explain CAP_CHO": "explain CAP_CHOWN ",
    "inspect deploy,state": "inspect deploy,statefulset ",
    "inspect deploy -n shop ": "inspect deploy -n shop web-frontend ",
    "inspect -n shop deployments.apps/": "inspect -n shop deployments.apps/web-frontend ",
    "inspect -n shop deploy,sts da": "inspect -n shop deploy,sts database ",
    "harden -n shop deploy/web-frontend -c log": "harden -n shop deploy/web-frontend -c logger ",
    "harden -n shop deploy/web-frontend --add log": "harden -n shop deploy/web-frontend --add logger=",
    "inspect -n sh": "inspect -n shop ",
    "inspect --context ": "inspect --context it ",
    "inspect --cluster ": "inspect --cluster it ",
    "inspect --user ": "inspect --user it ",
    "label-ns sh": "label-ns shop ",
    "help opt": "help options ",
}


@pytest.mark.parametrize(("shell", "program"), PROGRAMS, indirect=["shell"], ids=IDS, scope="module")
@pytest.mark.parametrize("typed", LINES)
def test_tab_completes_the_word(shell: Shell, program: str, typed: str) -> None:
    whole = f"{program} {typed}"
    line, _ = tab_again(lambda: shell.completed(whole), lambda answer: answer[0] == whole)
    assert line.replace("\\,", ",") == f"{program} {LINES[typed]}"  # bash through kubectl escapes a comma


@pytest.mark.parametrize(("shell", "program"), PROGRAMS, indirect=["shell"], ids=IDS, scope="module")
def test_tab_lists_capabilities_with_their_descriptions(
    shell: Shell, program: str, request: pytest.FixtureRequest
) -> None:
    """bash has no descriptions: kubectl's script adds them to the candidates, ours does not."""
    _, shown = shell.completed(f"{program} harden --add NET_B", tabs=2)
    assert "NET_BROADCAST" in shown
    assert ("listen on ports" in shown) is ("[bash" not in request.node.name or program == "kubectl caps")
