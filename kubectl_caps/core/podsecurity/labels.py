"""Reads the policy of each mode from the labels of a namespace, with the API server's defaults."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from kubectl_caps.core.podsecurity.policy import (
    LATEST,
    LEVELS,
    Level,
    Policy,
    PolicyError,
    effective_minor,
    parse_level,
    parse_version,
)

PREFIX = "pod-security.kubernetes.io/"
MODES = ("enforce", "audit", "warn")
"""The modes, in the order in which the API server reads them."""


class Policies(Struct, frozen=True):
    """The policy of each mode, and the errors of the labels, in the API server's words."""

    enforce: Policy
    audit: Policy
    warn: Policy
    errors: tuple[str, ...] = ()

    def of(self, mode: str) -> Policy:
        """The policy of a mode by its name."""
        return {"enforce": self.enforce, "audit": self.audit, "warn": self.warn}[mode]


def resolve(labels: Mapping[str, str]) -> Policies:
    """The policies of these labels, with the shipped defaults (all modes privileged:latest).

    An invalid enforce level counts as restricted, an invalid audit or warn level as privileged, and an invalid version
    as latest. Without a warn label, warn takes over a stricter enforce policy (k8s.io/pod-security-admission
    api/helpers.go PolicyToEvaluate, servers 1.26 and later).
    """
    errors = tuple(_errors(labels))
    modes = {mode: Policy(_level(mode, labels), _version(mode, labels)) for mode in MODES}
    enforce, warn = modes["enforce"], modes["warn"]
    valid = labels.get(f"{PREFIX}enforce") in LEVELS
    if f"{PREFIX}warn" not in labels and valid and LEVELS.index(enforce.level) > LEVELS.index(warn.level):
        version = warn.version if f"{PREFIX}warn-version" in labels else enforce.version
        modes["warn"] = Policy(enforce.level, version)
    return Policies(modes["enforce"], modes["audit"], modes["warn"], errors)


def tightens(old: Policy, new: Policy) -> bool:
    """Whether the API server judges the running pods for this change of the enforce policy (admission.go)."""
    if old == new or new.level == "privileged":
        return False
    return not (old.version == new.version and LEVELS.index(new.level) <= LEVELS.index(old.level))


def looser(old: Policy, new: Policy) -> bool:
    """Whether `new` may accept pods that `old` refuses: it has a lower level or older rules.

    Older rules of a higher level may be looser too: `restricted:v1.0` has fewer checks than `baseline:latest`. A newer
    version of the same level does not count as looser, although a few of its checks are.
    """
    if old.level == "privileged":
        return False
    if LEVELS.index(new.level) < LEVELS.index(old.level):
        return True
    return effective_minor(new.version, None) < effective_minor(old.version, None)


def _level(mode: str, labels: Mapping[str, str]) -> Level:
    text = labels.get(f"{PREFIX}{mode}")
    if text is None:
        return "privileged"
    try:
        return parse_level(text)
    except PolicyError:
        return "restricted" if mode == "enforce" else "privileged"


def _version(mode: str, labels: Mapping[str, str]) -> str:
    try:
        return parse_version(labels.get(f"{PREFIX}{mode}-version", LATEST))
    except PolicyError:
        return LATEST


def _errors(labels: Mapping[str, str]) -> Iterator[str]:
    for mode in MODES:
        for key, parse in ((f"{PREFIX}{mode}", parse_level), (f"{PREFIX}{mode}-version", parse_version)):
            try:
                if key in labels:
                    parse(labels[key])
            except PolicyError as error:
                yield f'metadata.labels[{key}]: Invalid value: "{labels[key]}": {error}'
