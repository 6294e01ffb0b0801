"""The flags that make an inspection a yes or a no: exemptions, and the gates that see what they leave."""

import argparse
from collections.abc import Sequence
from datetime import datetime, timezone

from kubectl_caps.core.assessment import Assessment
from kubectl_caps.core.exempting import exempt
from kubectl_caps.core.exemptions import Exemption
from kubectl_caps.core.gates import RISKS, Failure, Gate, failures
from kubectl_caps.core.podsecurity.policy import (
    NEWEST_MINOR,
    Policy,
    PolicyError,
    effective_minor,
    is_clamped,
    parse_policy,
    parse_version,
)
from kubectl_caps.core.podsecurity.standard import plural
from kubectl_caps.errors import UsageError
from kubectl_caps.report.terminal import say


def asked(options: argparse.Namespace) -> Gate:
    """The gates of the flags. Raises UsageError."""
    if options.fail_on is not None and options.fail_on not in RISKS:
        raise UsageError(f'--fail-on: invalid value "{options.fail_on}": must be one of {", ".join(RISKS)}')
    policy = _policy(options.require)
    return Gate(options.fail_on, policy.level if policy else None)


def asked_minor(options: argparse.Namespace) -> int | None:
    """The version of the rules that `--require LEVEL:VERSION` or `--pod-security-version` names. Raises UsageError."""
    named: dict[str, int] = {}
    policy = _policy(options.require)
    if policy and ":" in options.require:
        named[policy.version] = effective_minor(policy.version, None)
    if options.pod_security_version is not None:
        version = _version(options.pod_security_version)
        named[version] = effective_minor(version, None)
    if len(set(named.values())) > 1:
        raise UsageError("--require and --pod-security-version name different versions")
    for version in named:
        if is_clamped(version, None):
            raise UsageError(f"Pod Security {version} is not known here, the newest is v1.{NEWEST_MINOR}")
    return next(iter(named.values()), None)


def exemptions(options: argparse.Namespace) -> list[Exemption]:
    """What `--exemptions FILE` lists. Raises InputError."""
    if options.exemptions is None:
        return []
    from kubectl_caps.manifests.exemptions import read_exemptions

    return read_exemptions(options.exemptions)


def exempted(assessments: Sequence[Assessment], listed: Sequence[Exemption]) -> list[Assessment]:
    """The assessments with what is exempted marked; says which exemptions have expired, are wrong or idle."""
    result = exempt(assessments, listed, datetime.now(timezone.utc).date())
    for remark in result.remarks:
        say(remark)
    return result.assessments


def passed(assessments: Sequence[Assessment], gate: Gate, errors: int) -> bool:
    """Whether everything passes; says what does not, a line each."""
    found = list(failures(assessments, gate))
    for failure in found:
        say(_line(failure))
    if errors and (gate.fail_on or gate.require):
        say(f"{errors} could not be judged, which does not pass {' and '.join(_flags(gate))}")
    return not found


def _line(failure: Failure) -> str:
    workload = failure.workload
    file = f"{workload.source['file']}:{workload.source['line']}: " if "file" in workload.source else ""
    namespace = f" in {workload.namespace}" if workload.namespace else ""
    names = ", ".join(f'"{name}"' for name in failure.containers)
    containers = f", {plural('container', len(failure.containers))} {names}" if names else ""
    return f"{file}{workload.reference}{namespace}{containers}: {failure.why}"


def _flags(gate: Gate) -> list[str]:
    return [flag for flag, value in (("--fail-on", gate.fail_on), ("--require", gate.require)) if value]


def _policy(text: str | None) -> Policy | None:
    try:
        return None if text is None else parse_policy(text)
    except PolicyError as error:
        raise UsageError(f"--require: {error}") from error


def _version(text: str) -> str:
    try:
        return parse_version(text)
    except PolicyError as error:
        raise UsageError(f"--pod-security-version: {error}") from error
