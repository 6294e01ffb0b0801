"""From the labels of a namespace to the policy of each mode, with the API server's defaults."""

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
"""In the order in which the API server reads them."""


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
    """The policies that result from labels and the shipped defaults (all modes privileged:latest).

    An invalid level enforces restricted, but audits and warns of nothing; an invalid version is the latest. Without a
    warn label, warn takes over a stricter enforce policy (k8s.io/pod-security-admission api/helpers.go
    PolicyToEvaluate, servers 1.26 and later).
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
    """Whether `new` may accept what `old` refuses: a lower level, or older rules (`restricted:v1.0` knows less than
    `baseline:latest`). A newer version of the same level is not looser, although a few of its checks are.
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
