"""The command line: every command's flags, in kubectl's own spelling. Imports nothing that takes time.

The command modules are loaded only when they run, so that `--help` and completion stay near a bare interpreter.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

LEVELS = ("privileged", "baseline", "restricted")
DRY_RUNS = ("none", "client", "server")

Flag = tuple[tuple[str, ...], dict[str, Any]]


def _flag(*names: str, **settings: Any) -> Flag:
    return names, settings


NAMESPACE = _flag("-n", "--namespace", metavar="NAMESPACE", help="the namespace; default: the context's")
EVERYWHERE = _flag("-A", "--all-namespaces", action="store_true", help="all namespaces")
SELECTOR = _flag("-l", "--selector", metavar="SELECTOR", help="label selector, as in `-l app=web,tier!=db`")
FILES = _flag(
    "-f", "--filename", action="append", metavar="FILE", default=[],
    help="judge files, folders or standard input (-), never a cluster; may be repeated",
)  # fmt: skip
RECURSIVE = _flag("-R", "--recursive", action="store_true", help="with -f: folders in folders, too")
DRY_RUN = _flag(
    "--dry-run", metavar="none|client|server", default="none",
    help="client: show what would be sent; server: have the server try it and store nothing",
)  # fmt: skip
MANAGER = _flag("--field-manager", metavar="NAME", default="kubectl-caps", help="who the change is recorded as")
WRITE = _flag("--write", action="store_true", help="with -f: edit the files in place")
DIFF = _flag("--diff", action="store_true", help="with -f: print a unified diff")
CHECK = _flag("--check", action="store_true", help="with -f: only say what would change (exit status 1)")

CLUSTER: tuple[Flag, ...] = (
    _flag("--kubeconfig", metavar="FILE", help="the kubeconfig file to use"),
    _flag("--context", metavar="NAME", help="the context of the kubeconfig to use"),
    _flag("--cluster", metavar="NAME", help="the cluster of the kubeconfig to use"),
    _flag("--user", metavar="NAME", help="the user of the kubeconfig to use"),
    _flag("-s", "--server", metavar="URL", help="the API server's address"),
    _flag("--token", metavar="TOKEN", help="bearer token"),
    _flag("--as", metavar="USER", dest="as_user", help="the user to impersonate"),
    _flag("--as-group", metavar="GROUP", dest="as_groups", action="append", default=[], help="a group to impersonate"),
    _flag("--as-uid", metavar="UID", help="the uid to impersonate"),
    _flag("--certificate-authority", metavar="FILE", help="the CA that signed the server's certificate"),
    _flag("--client-certificate", metavar="FILE", help="client certificate for TLS"),
    _flag("--client-key", metavar="FILE", help="client key for TLS"),
    _flag("--tls-server-name", metavar="NAME", help="the name to look for in the server's certificate"),
    _flag("--insecure-skip-tls-verify", action="store_true", default=None, help="trust any server certificate"),
    _flag("--request-timeout", metavar="TIME", help="how long one request may take: 5, 5s, 2m, 3h; 0 is no limit"),
)

INSPECT: tuple[Flag, ...] = (
    _flag("resources", nargs="*", metavar="TYPE [NAME…] | TYPE/NAME", help="default: all workloads of the namespace"),
    NAMESPACE, EVERYWHERE, SELECTOR, FILES, RECURSIVE,
    _flag("-o", "--output", metavar="table|wide|json|yaml|name|sarif|html", default="table", help="how to print it"),
    _flag(
        "--live", nargs="?", const="exec", metavar="exec|ephemeral",
        help="also read what the kernel says of every running process; ephemeral: with --image where exec cannot",
    ),
    _flag("--image", metavar="IMAGE", help="with --live=ephemeral: an image with a shell, for the ephemeral container"),
    _flag("--sort-by", metavar="risk", help="risk: the worst first"),
    _flag("--runtime", metavar="containerd|cri-o|docker", help="the container runtime to assume where no node tells"),
    _flag("--pod-security-version", metavar="VERSION", help="rules to judge by; default: the server's, or the newest"),
    _flag("--fail-on", metavar="RISK", help="exit with 1 if a container's risk is this or worse: critical, high, …"),
    _flag("--require", metavar="LEVEL[:VERSION]", help="exit with 1 if a workload does not satisfy this level"),
    _flag("--exemptions", metavar="FILE", help="findings that are accepted: they are shown, but do not count"),
)  # fmt: skip

HARDEN: tuple[Flag, ...] = (
    _flag("resources", nargs="*", metavar="TYPE [NAME…] | TYPE/NAME", help="what to harden; a TYPE alone is all of it"),
    NAMESPACE, EVERYWHERE, SELECTOR,
    _flag("--all", action="store_true", help="everything in the namespace that runs pods, by its top owner"),
    FILES, RECURSIVE,
    _flag("--add", metavar="CAP[,CAP]", action="append", default=[], help="capability to add back; may be repeated"),
    _flag("-c", "--container", metavar="NAME", action="append", default=[], help="only this container; repeatable"),
    _flag("--remove-adds", action="store_true", help="take away the capabilities that the manifest adds now"),
    _flag(
        "--allow-privilege-escalation", metavar="false|keep", default="false",
        help="keep: leave allowPrivilegeEscalation as it is",
    ),
    _flag("--profile", metavar="restricted", default="none", help="also what else the restricted level asks for"),
    _flag("--run-as-user", metavar="UID", type=int, help="also set runAsUser"),
    DRY_RUN, MANAGER,
    _flag("-y", "--yes", action="store_true", help="do not ask"),
    _flag("--wait", metavar="true|false", nargs="?", const="true", default="true", help="watch the rollout"),
    _flag("--rollback", metavar="true|false", nargs="?", const="true", default="true", help="undo a failed rollout"),
    _flag("--timeout", metavar="TIME", default="10m", help="how long a rollout may take; 0 is no limit"),
    _flag("--settle", metavar="TIME", default="10s", help="how long new pods must stay up once available"),
    _flag("--max-parallel", metavar="N", type=int, default=1, help="how many rollouts at a time"),
    _flag("--keep-going", action="store_true", help="go on with the rest when one fails"),
    _flag("--force", action="store_true", help="harden also what is unhealthy or in the middle of a rollout"),
    _flag("--undo-to", metavar="FILE", help="save what undoes this run, before anything is sent"),
    _flag("--undo", metavar="FILE", help="undo the run that was saved with --undo-to"),
    _flag("-o", "--output", metavar="table|json|yaml|name|patch", default="table", help="how to print it"),
    WRITE, DIFF, CHECK,
)  # fmt: skip

LABEL_NS: tuple[Flag, ...] = (
    _flag("names", nargs="*", metavar="NAME", help="the namespaces"),
    SELECTOR,
    _flag("--all", action="store_true", help="all namespaces but those of the system"),
    FILES, RECURSIVE,
    *(
        _flag(f"--{mode}", metavar="LEVEL[:VERSION]", help=f"the {mode} label: {', '.join(LEVELS)}")
        for mode in ("enforce", "warn", "audit")
    ),
    _flag("--remove", metavar="enforce|warn|audit", action="append", default=[], help="take a mode's labels away"),
    _flag("--overwrite", action="store_true", help="replace a label that has another value"),
    _flag("--force", action="store_true", help="label although something would be refused, and allow loosening"),
    _flag("--plan", action="store_true", help="change nothing; print the commands to go from here, in order"),
    DRY_RUN, MANAGER,
    _flag("-o", "--output", metavar="table|json|yaml|name", default="table", help="how to print it"),
    WRITE, DIFF, CHECK,
)  # fmt: skip

EXPLAIN: tuple[Flag, ...] = (
    _flag(
        "subject",
        nargs="?",
        metavar='CAP | MASK | SYSCALL | CHECK | WARNING | "LOG LINE" | -',
        help="a word, a mask, a line in quotes, or - for a log or strace output on standard input; default: list all",
    ),
    _flag("-o", "--output", metavar="table|json|yaml", default="table", help="how to print it"),
)

COMPLETION: tuple[Flag, ...] = (
    _flag("shell", metavar="bash|zsh|fish|kubectl", help="which shell; kubectl: the file that kubectl looks for"),
)

COMMANDS: dict[str, tuple[str, tuple[Flag, ...]]] = {
    "inspect": ("Show the capabilities that containers declare and get, their risk and Pod Security level", INSPECT),
    "harden": ("Drop ALL capabilities and add back only what is chosen, live or in files", HARDEN),
    "label-ns": ("Put Pod Security labels on namespaces, after showing what they would refuse", LABEL_NS),
    "explain": ("Explain a capability, a mask, a system call, a Pod Security check, a warning, or a log", EXPLAIN),
    "completion": ("Print a shell completion script", COMPLETION),
    "version": ("Print the version", ()),
}

EXAMPLES = {
    "inspect": """\
  # every workload of the current namespace
  {program} inspect
  # one deployment in detail, another namespace
  {program} inspect deployment/web -n shop
  # what every process really holds
  {program} inspect -n shop --live
  # manifests, no cluster needed
  {program} inspect -f deploy/ -R -o json""",
    "harden": """\
  # try it on the server, change nothing
  {program} harden deployment web --dry-run=server
  # drop ALL, keep one capability, watch the rollout, undo it if it fails
  {program} harden deployment web --add NET_BIND_SERVICE
  # everything in a namespace, one rollout after the other, with a way back
  {program} harden --all -n shop --undo-to shop-undo.json
  # edit manifests in place, only the lines that must change
  {program} harden -f deploy/ --write""",
    "label-ns": """\
  # would enforcing the restricted profile refuse anything? label only if not
  {program} label-ns shop
  # warn now, enforce later
  {program} label-ns shop --warn restricted --audit restricted""",
    "explain": """\
  # what it allows, why it is dangerous, what needs it
  {program} explain NET_ADMIN
  # which capabilities a mask of /proc/PID/status stands for
  {program} explain a80425fb
  # why a program failed
  {program} explain "bind() to 0.0.0.0:80 failed (13: Permission denied)"
  strace -f PROGRAM 2>&1 | {program} explain -""",
}


class Invalid(Exception):
    """A command line that cannot be parsed: the text, and the command whose help to look at."""

    def __init__(self, message: str, program: str) -> None:
        super().__init__(message)
        self.program = program


class _Parser(argparse.ArgumentParser):
    """argparse with kubectl's words for errors, and no abbreviated flags."""

    def error(self, message: str) -> NoReturn:
        if message.startswith("unrecognized arguments: "):
            first = message.removeprefix("unrecognized arguments: ").split()[0]
            what = "flag" if first.startswith("-") else "argument"
            message = f"unknown {what}: {first.partition('=')[0]}"
        elif message.startswith("argument "):
            name, _, rest = message.removeprefix("argument ").partition(": ")
            message = f"flag needs an argument: {name}" if rest == "expected one argument" else f"{name}: {rest}"
        raise Invalid(message, self.prog)


def program_name() -> str:
    """`kubectl caps` where kubectl (or krew) runs it, else the file's own name."""
    name = os.path.basename(sys.argv[0])  # noqa: PTH119 - pathlib costs 5 ms of start-up
    return "kubectl caps" if name.startswith("kubectl-caps") else "python -m kubectl_caps"


def parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The whole command line: the root, and each command's own parser by name."""
    program = program_name()
    root = _Parser(
        prog=program,
        description="See, drop and enforce Linux capabilities of Kubernetes workloads.",
        epilog=f"Use `{program} COMMAND --help` for a command's flags. Flags stand after the command.",
        allow_abbrev=False,
    )
    commands = root.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for name, (summary, flags) in COMMANDS.items():
        _fill(commands.add_parser(name, help=summary, **_texts(name, summary)), name, flags)
    return root, dict(commands.choices)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The command line as values; `command` is the subcommand, `flags` are the long ones given. Raises Invalid."""
    root, commands = parser()
    if not argv or argv[0] not in commands:
        if argv and argv[0].startswith("-") and argv[0] not in ("-h", "--help"):
            raise Invalid(f"flags cannot be placed before the command: {argv[0]}", root.prog)
        if argv and not argv[0].startswith("-"):
            raise Invalid(f'unknown command "{argv[0]}" for "{root.prog}"', root.prog)
        root.print_help()
        raise SystemExit(0)
    # As for kubectl, a flag whose value may be left out takes none from the next word.
    words = [_ALONE.get(word, word) for word in argv[1:]]
    options = commands[argv[0]].parse_intermixed_args(words)
    options.command = argv[0]
    options.flags = frozenset(word.partition("=")[0] for word in words if word.startswith("--"))
    return options


_ALONE = {"--live": "--live=exec", "--wait": "--wait=true", "--rollback": "--rollback=true"}


def _texts(name: str, summary: str) -> dict[str, Any]:
    examples = EXAMPLES.get(name, "").format(program=program_name())
    return {
        "description": f"{summary}.",
        "epilog": f"Examples:\n{examples}" if examples else None,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }


def _fill(command: argparse.ArgumentParser, name: str, flags: Sequence[Flag]) -> None:
    _add(command, flags)
    if name in ("inspect", "harden", "label-ns"):
        _add(command.add_argument_group("which cluster"), CLUSTER)


def _add(target: Any, flags: Sequence[Flag]) -> None:
    for names, settings in flags:
        target.add_argument(*names, **settings)
