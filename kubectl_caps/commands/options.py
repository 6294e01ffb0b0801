"""What the commands share in reading their flags: kubectl's checks, and its words for what is wrong."""

import argparse
import re
import shlex
from collections.abc import Sequence

from kubectl_caps.command_line import DRY_RUNS
from kubectl_caps.core.linux.capabilities import UnknownCapability, canonical
from kubectl_caps.errors import UsageError

SUFFIX = {"none": "", "client": " (dry run)", "server": " (server dry run)"}
"""What kubectl puts behind a result, by the value of `--dry-run`."""

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def output(options: argparse.Namespace, allowed: Sequence[str]) -> str:
    """`-o`, checked. Raises UsageError with kubectl's words."""
    wanted: str = options.output
    if wanted not in allowed:
        raise UsageError(
            f'unable to match a printer suitable for the output format "{wanted}", '
            f"allowed formats are: {', '.join(allowed)}"
        )
    return wanted


def dry_run(options: argparse.Namespace) -> str:
    """`--dry-run`, checked: none, client or server. Raises UsageError."""
    wanted: str = options.dry_run
    if wanted not in DRY_RUNS:
        raise UsageError(f'Invalid dry-run value ({wanted}). Must be "none", "server", or "client".')
    return wanted


def sort_by_risk(options: argparse.Namespace) -> bool:
    """`--sort-by`, checked: whether the worst comes first. Raises UsageError."""
    wanted: str | None = options.sort_by
    if wanted not in (None, "risk"):
        raise UsageError(f'invalid argument "{wanted}" for "--sort-by" flag: must be risk')
    return wanted == "risk"


def check_live(options: argparse.Namespace) -> None:
    """Raises UsageError where `--live` is neither exec nor ephemeral, or does not go with the other flags."""
    wanted: str | None = options.live
    if wanted not in (None, "exec", "ephemeral"):
        raise UsageError(f'invalid argument "{wanted}" for "--live" flag: must be exec or ephemeral')
    if wanted and options.filename:
        raise UsageError("--live reads running containers: it does not go with -f")
    if wanted == "ephemeral" and not options.image:
        raise UsageError("--live=ephemeral needs --image, an image with a shell")
    if options.image and wanted != "ephemeral":
        raise UsageError("--image goes with --live=ephemeral")


def boolean(text: str, flag: str) -> bool:
    """`true` or `false`. Raises UsageError."""
    if text not in ("true", "false"):
        raise UsageError(f'invalid argument "{text}" for "--{flag}" flag: must be true or false')
    return text == "true"


def seconds(text: str, flag: str) -> float:
    """A duration as `90`, `90s`, `1m30s`, `2h`. Raises UsageError."""
    parts = re.findall(r"([0-9]+)([smh]?)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UsageError(f'invalid argument "{text}" for "--{flag}" flag: a duration is written 90s, 5m or 1h30m')
    return float(sum(int(number) * _UNITS[unit] for number, unit in parts))


def capabilities(texts: Sequence[str]) -> tuple[str, ...]:
    """`--add` in canonical names, each once. Raises UsageError for an unknown name, and for ALL."""
    names: dict[str, None] = {}
    for text in (part for group in texts for part in group.split(",") if part.strip()):
        try:
            name = canonical(text)
        except UnknownCapability as error:
            raise UsageError(str(error)) from error
        if name == "ALL":
            raise UsageError("--add ALL would undo the hardening; name the capabilities that are needed")
        names[name] = None
    return tuple(names)


def connection(options: argparse.Namespace) -> str:
    """The flags that say which cluster it is and who asks, for commands that are printed; no token and no password."""
    words: list[str] = []
    for flag, dest in _CONNECTION.items():
        value = getattr(options, dest)
        for item in value if isinstance(value, list) else [value] if value else []:
            words += [flag] if item is True else [flag, shlex.quote(_IN_ADDRESS.sub(r"\1", item))]
    return "".join(f" {word}" for word in [*words, *(["--token", "TOKEN"] if options.token else [])])


_IN_ADDRESS = re.compile(r"^(https?://)[^/]*@")
_CONNECTION = {
    "--kubeconfig": "kubeconfig", "--context": "context", "--cluster": "cluster", "--user": "user",
    "--server": "server", "--as": "as_user", "--as-group": "as_groups", "--as-uid": "as_uid",
    "--certificate-authority": "certificate_authority", "--client-certificate": "client_certificate",
    "--client-key": "client_key", "--tls-server-name": "tls_server_name",
    "--insecure-skip-tls-verify": "insecure_skip_tls_verify",
}  # fmt: skip


def file_flags(options: argparse.Namespace) -> None:
    """Raises UsageError where the flags that go with -f do not go together."""
    if sum((options.write, options.diff, options.check)) > 1:
        raise UsageError("--write, --diff and --check cannot be used together")
    if options.diff and options.output != "table":
        raise UsageError("--diff and -o cannot be used together")
    if options.write and "-" in options.filename:
        raise UsageError("standard input cannot be edited in place; leave --write away to print it")


def no_file_flags(options: argparse.Namespace) -> None:
    """Raises UsageError for a flag that only goes with -f."""
    for name in ("write", "diff", "check", "recursive"):
        if getattr(options, name, False):
            raise UsageError(f"--{name} goes with -f")
