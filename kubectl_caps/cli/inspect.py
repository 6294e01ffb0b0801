"""Turns the arguments of `inspect` into one checked struct."""

import argparse
from typing import Literal, cast, get_args

from kubectl_caps.cli import values as read
from kubectl_caps.cli.arguments import (
    NO_SELECTOR,
    ONLY_WITH_FILES,
    FileArguments,
    RefusedFlags,
    checked_files,
    refuse,
    values_of,
)
from kubectl_caps.cli.flags import TRACE_IMAGE, InspectOutput
from kubectl_caps.core.assess.gates import RISKS, Gate
from kubectl_caps.core.kubernetes.kinds import Kind
from kubectl_caps.core.linux.runtimes import Runtime, UnknownRuntime, by_name, runtime_of
from kubectl_caps.core.nearest import hint
from kubectl_caps.core.podsecurity.policy import (
    NEWEST_MINOR,
    Policy,
    PolicyError,
    effective_minor,
    is_clamped,
    parse_version,
)
from kubectl_caps.errors import UsageError

LiveMode = Literal["exec", "ephemeral"]


class InspectArguments(FileArguments, frozen=True, kw_only=True):
    """The arguments of `inspect`.

    `live` is the way to read processes, None to read none. `image` is the image of ephemeral containers. `trace` is the
    time of a trace in seconds, None for no trace. `runtime` is assumed if no node names its runtime. `minor` is the
    version of the rules; None means the server's version, or the newest. `worst_first` sorts by risk. `exemptions` is
    the file of exemptions, and `annotations` says whether exemptions in annotations count.
    """

    resources: tuple[str, ...]
    all_namespaces: bool
    selector: str | None
    kinds: tuple[Kind, ...]
    output: InspectOutput
    live: LiveMode | None
    image: str | None
    trace: float | None
    trace_image: str
    trace_namespace: str | None
    worst_first: bool
    runtime: Runtime
    minor: int | None
    gate: Gate
    exemptions: str | None
    annotations: bool


_NOT_WITH_FILES = (
    RefusedFlags(
        ("resources", "all_namespaces"), "TYPE, NAME and -A cannot be used with -f, which judges every object"
    ),
    NO_SELECTOR,
)


def inspect_arguments(options: argparse.Namespace) -> InspectArguments:
    """The flags of `inspect`, checked. Raises UsageError."""
    values = {
        **values_of(InspectArguments, options),
        "kinds": read.kinds_of(options.kinds),
        "output": read.output_format(options.output, get_args(InspectOutput)),
        "gate": _gate(options.fail_on, options.require),
        "annotations": read.annotations_count(options.exemptions, options.exemptions_from),
        "minor": _minor(options.require, options.pod_security_version),
        "runtime": _runtime(options.runtime),
        "worst_first": _sort_by_risk(options.sort_by),
        "live": _live(options),
        "trace": _trace(options),
        "trace_image": options.trace_image or TRACE_IMAGE,
    }
    on_files = checked_files(options).on_files
    refuse(options, _NOT_WITH_FILES if on_files else (ONLY_WITH_FILES,))
    return InspectArguments(**values)


def _runtime(name: str | None) -> Runtime:
    try:
        return by_name(name) if name else runtime_of(None)
    except UnknownRuntime as error:
        raise UsageError(str(error)) from error


def _sort_by_risk(wanted: str | None) -> bool:
    if wanted not in (None, "risk"):
        raise UsageError(f'invalid argument "{wanted}" for "--sort-by" flag: must be risk')
    return wanted == "risk"


def _live(options: argparse.Namespace) -> LiveMode | None:
    """The mode of `--live`, checked together with `--image`. Raises UsageError."""
    wanted: str | None = options.live
    if wanted not in (None, "exec", "ephemeral"):
        raise UsageError(f'invalid argument "{wanted}" for "--live" flag: must be exec or ephemeral')
    if wanted and (options.filename or options.kustomize):
        raise UsageError(f"--live reads running containers: it does not go with {'-f' if options.filename else '-k'}")
    if wanted == "ephemeral" and not options.image:
        raise UsageError("--live=ephemeral needs --image, an image with a shell")
    if options.image and wanted != "ephemeral":
        raise UsageError("--image goes with --live=ephemeral")
    return cast("LiveMode | None", wanted)


def _trace(options: argparse.Namespace) -> float | None:
    """The seconds of `--trace`, checked together with other flags. Raises UsageError."""
    for name in ("trace_image", "trace_namespace"):
        if getattr(options, name) and options.trace is None:
            raise UsageError(f"--{name.replace('_', '-')} goes with --trace")
    if options.trace is None:
        return None
    if options.filename or options.kustomize:
        raise UsageError(f"--trace is about running pods: it does not go with {'-f' if options.filename else '-k'}")
    if not options.resources:
        raise UsageError("--trace needs a resource: TYPE NAME or TYPE/NAME")
    if options.live or options.fail_on or options.require:
        raise UsageError("--trace goes with neither --live nor a gate")
    if options.output not in (None, "table", "json", "yaml"):
        raise UsageError("--trace prints a table, json or yaml")
    if not (seconds := read.duration(options.trace, "trace")):
        raise UsageError("--trace must be above 0")
    return seconds


def _gate(fail_on: str | None, require: str | None) -> Gate:
    if fail_on is not None and fail_on not in RISKS:
        words = f'--fail-on: invalid value "{fail_on}": must be one of {", ".join(RISKS)}'
        raise UsageError(f"{words}{hint(fail_on, RISKS)}")
    policy = _required(require)
    return Gate(fail_on, policy.level if policy else None)


def _minor(require: str | None, version: str | None) -> int | None:
    """The version of the rules that `--require LEVEL:VERSION` or `--pod-security-version` names."""
    named: dict[str, int] = {}
    policy = _required(require)
    if policy and require and ":" in require:
        named[policy.version] = effective_minor(policy.version, None)
    if version is not None:
        known = _rules_version(version)
        named[known] = effective_minor(known, None)
    if len(set(named.values())) > 1:
        raise UsageError("--require and --pod-security-version name different versions")
    for name in named:
        if is_clamped(name, None):
            raise UsageError(f"Pod Security {name} is not known here, the newest is v1.{NEWEST_MINOR}")
    return next(iter(named.values()), None)


def _required(text: str | None) -> Policy | None:
    return None if text is None else read.policy(text, "require")


def _rules_version(text: str) -> str:
    try:
        return parse_version(text)
    except PolicyError as error:
        raise UsageError(f"--pod-security-version: {error}") from error
