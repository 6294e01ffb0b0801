"""From argv to a command and an exit status, and what is imported on the way."""

import subprocess
import sys
from pathlib import Path

import pytest

from kubectl_caps import main
from kubectl_caps.cli.commands import COMMANDS
from kubectl_caps.cli.flags import program_name
from kubectl_caps.cli.parser import parse

EXAMPLES = Path(__file__).parents[1] / "examples"
HEAVY = ("argcomplete", "kubernetes", "msgspec", "yaml", "urllib3")


def imported(*argv: str) -> tuple[int, set[str]]:
    """The exit status of a command line, and the top-level modules that were imported for it."""
    code = (
        "import sys\nfrom kubectl_caps.main import main\n"
        "try: status = main(sys.argv[1:])\nexcept SystemExit as end: status = end.code or 0\n"
        "print('\\n' + ' '.join(sorted({name.partition('.')[0] for name in sys.modules})))\nsys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, check=False)
    return done.returncode, set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "argv", [[], ["--help"], ["inspect", "--help"], ["harden", "-h"], ["help", "fit"], ["options"]]
)
def test_help_imports_no_slow_module(argv: list[str]) -> None:
    status, modules = imported(*argv)
    assert (status, modules & set(HEAVY)) == (0, set())


@pytest.mark.parametrize("argv", [["inspect", "-f"], ["harden", "--check", "-f"], ["label-ns", "--check", "-f"]])
def test_files_never_import_kubernetes(argv: list[str]) -> None:
    status, modules = imported(*argv, str(EXAMPLES / "shop.yaml"))
    slow = modules & {"kubernetes", "urllib3", "typing_extensions"}
    assert (status, slow) == (0 if argv[0] == "inspect" else 1, set())


def test_the_kubernetes_client_imports_typing_extensions_after_a_command_without_it() -> None:
    code = (
        "from kubectl_caps.main import main\nmain(['version', '--client'])\n"
        "import sys; from kubectl_caps.cluster.read.quantities import quantity\n"
        "print(quantity('500m'), 'typing_extensions' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "0.500 True", done


def test_a_command_on_a_cluster_imports_no_kubernetes_client(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "{clusters: [{name: a, cluster: {server: http://127.0.0.1:1}}], users: [], current-context: a, "
        "contexts: [{name: a, context: {cluster: a}}]}"
    )
    status, modules = imported("inspect", "-A", "--kubeconfig", str(config))
    assert (status, modules & {"kubernetes", "urllib3"}) == (2, {"urllib3"})


def test_every_command_reaches_its_own_module(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[str] = []

    def module(name: str) -> object:
        class Module:
            @staticmethod
            def main(options: object) -> int:
                reached.append(name)
                return 0

        return Module

    monkeypatch.setattr(main, "import_module", module)
    lines = {"completion": ["completion", "bash"]}
    for name in COMMANDS:
        assert main.main(lines.get(name, [name])) == 0
    assert reached == [main.MODULES[name] for name in COMMANDS]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["nosuch"], 'error: unknown command "nosuch" for "{program}"'),
        (["inspct"], 'error: unknown command "inspct" for "{program}", did you mean inspect?\n'),
        (["help", "nosuch"], 'error: unknown help topic "nosuch" for "{program}"\n'),
        (["help", "hardn"], 'error: unknown help topic "hardn" for "{program}", did you mean harden?\n'),
        (["version", "--outptu"], "error: unknown flag: --outptu"),
        (["inspect", "--nosuch"], "error: unknown flag: --nosuch\n"),
        (["inspect", "--fail-no=high"], "error: unknown flag: --fail-no, did you mean --fail-on?\n"),
        (
            ["inspect", "--fail-on=hihg"],
            'error: --fail-on: invalid value "hihg": must be one of low, medium, high, critical, did you mean high?\n',
        ),
        (
            ["inspect", "--require", "restrictd:v1.30"],
            (
                'error: --require: invalid value "restrictd:v1.30": must be one '
                "of privileged, baseline, restricted, did you mean restricted?\n"
            ),
        ),
        (
            ["label-ns", "x", "--warn", "baselin"],
            (
                'error: --warn: invalid value "baselin": must be one of privileged, '
                "baseline, restricted, did you mean baseline?\n"
            ),
        ),
        (["inspect", "--nosuch=x"], "error: unknown flag: --nosuch"),
        (["inspect", "-o"], "error: flag needs an argument: -o/--output"),
        (["inspect", "--out", "json"], "error: unknown flag: --out, did you mean --output?\n"),
        (["-n", "x", "inspect"], "error: flags cannot be placed before the command: -n"),
        (["inspect", "-o", "xml"], 'error: unable to match a printer suitable for the output format "xml", allowed'),
        (["inspect", "-f", "nosuch.yaml"], 'error: the path "nosuch.yaml" does not exist'),
        (["inspect", "pods", "-f", "x"], "error: TYPE, NAME and -A cannot be used with -f"),
        (["inspect", "--runtime", "rkt", "-f", "x"], 'error: unknown container runtime "rkt", must be one of'),
        (["inspect", "--pod-security-version", "1.25", "-f", "x"], "error: --pod-security-version: must be"),
        (["inspect", "deploy", "-R"], "error: --recursive goes with -f"),
        (["inspect", "--kubeconfig", "/nosuch/config"], "error: stat /nosuch/config: no such file or directory"),
        (["harden"], "error: you must provide one or more resources"),
        (["harden", "deploy", "--write"], "error: --write goes with -f"),
        (["harden", "deploy", "web", "--dry-run=foo"], 'error: Invalid dry-run value (foo). Must be "none", "server"'),
        (["harden", "deploy", "web", "--add", "NET_RWA"], 'error: unknown capability "NET_RWA", did you mean NET_RAW?'),
        (["harden", "deploy", "web", "--add", "web=NET_RWA"], 'error: unknown capability "NET_RWA", did you mean'),
        (["harden", "deploy", "web", "--add", "web=all"], "error: --add ALL would undo the hardening"),
        (["harden", "deploy", "web", "--add", "web="], 'error: invalid argument "web=" for "--add" flag: must be CAP'),
        (["harden", "deploy", "web", "--add", "=CHOWN"], 'error: invalid argument "=CHOWN" for "--add" flag: must be'),
        (["harden", "deploy", "web", "--add", "web=CHOWN", "-c", "log"], "error: --add names container web"),
        (["harden", "deploy", "web", "--add", "all"], "error: --add ALL would undo the hardening"),
        (["harden", "deploy", "web", "--timeout", "soon"], 'error: invalid argument "soon" for "--timeout" flag'),
        (["harden", "deploy", "web", "--wait=maybe"], 'error: invalid argument "maybe" for "--wait" flag'),
        (["harden", "deploy", "web", "--run-as-user", "root"], "error: --run-as-user: invalid int value: 'root'"),
        (["harden", "--undo", "x", "-n", "y"], "error: --namespace has no meaning with --undo: the file says what"),
        (
            ["harden", "--undo", "x", "--allow-privilege-escalation", "keep"],
            "error: --allow-privilege-escalation has no meaning with --undo",
        ),
        (["harden", "deploy", "--undo-to", "x", "-o", "patch"], "error: --undo-to saves what undoes a change: nothing"),
        (["harden", "deploy", "--undo-to", "x", "--dry-run=server"], "error: --undo-to saves what undoes a change"),
        (["harden", "deploy", "-o", "patch", "--dry-run=foo"], "error: Invalid dry-run value (foo)"),
        (["harden", "-f", "x", "--write", "--check"], "error: --write, --diff and --check cannot be used together"),
        (["harden", "-f", "x", "--diff", "-o", "patch"], "error: --diff and -o cannot be used together"),
        (["harden", "-f", "x", "--timeout", "banana"], "error: --timeout has no meaning with -f"),
        (["harden", "-f", "x", "--settle=10s"], "error: --settle has no meaning with -f"),
        (["harden", "-f", "x", "--wait=true"], "error: --wait has no meaning with -f"),
        (["harden", "-f", "x", "--field-manager", "x"], "error: --field-manager has no meaning with -f"),
        (["harden", "-f", "x", "-y"], "error: --yes has no meaning with -f"),
        (["harden", "-f", "-", "--write"], "error: standard input cannot be edited in place"),
        (["label-ns"], "error: you must name one or more namespaces"),
        (["label-ns", "x", "--enforce", "strict"], 'error: --enforce: invalid value "strict": must be one of'),
        (
            ["label-ns", "x", "--warn", "baseline:1.25"],
            'error: --warn: invalid value "baseline:1.25": must be "latest"',
        ),
        (["completion", "tcsh"], 'error: unsupported shell type "tcsh"; known are'),
        (["completion"], "error: no shell is named: bash, zsh, fish or kubectl"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_status_2(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main.main(argv)
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert err.startswith(message.format(program=program_name()))
    assert "Traceback" not in err


def test_a_flag_with_an_optional_value_does_not_take_the_next_word() -> None:
    options = parse(["harden", "--wait", "deploy/web", "--rollback", "sts/db"])
    assert (options.resources, options.wait, options.rollback) == (["deploy/web", "sts/db"], "true", "true")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that fails in a way that nobody foresaw."""

    def fail(options: object) -> int:
        raise RuntimeError("first\nsecond \x1b[31m")

    monkeypatch.setattr("kubectl_caps.commands.version.main", fail)
    return


@pytest.mark.usefixtures("broken")
def test_a_bug_is_reported_as_a_bug_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    status = main.main(["version"])
    assert (status, capsys.readouterr().err) == (
        2,
        "error: this is a bug in kubectl-caps: RuntimeError: first (KUBECTL_CAPS_TRACEBACK=1 shows where)\n",
    )


def test_an_interrupted_command_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("kubectl_caps.commands.version.main", interrupt)
    assert main.main(["version"]) == 130


def shell(command: str) -> tuple[list[str], str]:
    """Lines of stdout and stderr of a shell command, in which CAPS is the command line."""
    caps = f"{sys.executable} -m kubectl_caps"
    done = subprocess.run(["bash", "-c", command.replace("CAPS", caps)], capture_output=True, text=True, check=False)
    return done.stdout.splitlines(), done.stderr


def test_a_closed_pipe_changes_only_the_exit_status(tmp_path: Path) -> None:
    """So that a gate before `| head` is not taken for passed."""
    (tmp_path / "many.yaml").write_text("---\n".join(EXAMPLES.joinpath("api.yaml").read_text() for _ in range(200)))
    command = f"CAPS inspect -f {tmp_path} -o json | head -n 1; echo ${{PIPESTATUS[0]}}"
    assert shell(f"unset PYTHONUNBUFFERED; {command}") == (["{", "141"], "")


CLOSED = [
    ("(CAPS inspect -f {} --fail-on low -o json >&-)", 1),
    ("(CAPS inspect -f {} --fail-on low 2>&-)", 1),
    ("(CAPS explain - <&-)", 1),
]


@pytest.mark.parametrize(("command", "status"), CLOSED)
def test_a_stream_that_is_closed_changes_no_status(command: str, status: int) -> None:
    out, err = shell(f"{command.format(EXAMPLES)}; echo $?")
    assert out[-1] == str(status)
    assert "this is a bug" not in err


def test_a_full_disk_is_said() -> None:
    out, err = shell(f"CAPS inspect -f {EXAMPLES / 'api.yaml'} >/dev/full; echo $?")
    assert (out, err) == (["2"], "error: write /dev/stdout: No space left on device\n")


def test_output_is_utf_8_whatever_the_terminal_says(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(EXAMPLES.joinpath("api.yaml").read_text().replace("name: api", "name: caf\u00e9"))
    out, err = shell(f"PYTHONIOENCODING=ascii CAPS inspect -f {tmp_path} -o name")
    assert (out, err) == (["deployment.apps/caf\u00e9"], "")
