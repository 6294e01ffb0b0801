"""Applies the gates of `inspect` (`--fail-on`, `--require`) to the findings that no exemption accepts."""

from collections.abc import Sequence
from datetime import date, datetime, timezone
from functools import partial

from kubectl_caps.core.assess.apply_exemptions import MetFinding, counted, exempt, unused, valid_exemptions
from kubectl_caps.core.assess.assessment import Assessment
from kubectl_caps.core.assess.coverage import Coverage
from kubectl_caps.core.assess.exemptions import Exemption
from kubectl_caps.core.assess.gates import Gate, gate_failures
from kubectl_caps.core.assess.needed_exemptions import openings
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.podsecurity.older_servers import refused_by_older
from kubectl_caps.core.podsecurity.policy import (
    Level,
    Policy,
)
from kubectl_caps.core.podsecurity.registry import Violation, checks_for
from kubectl_caps.core.text import plural
from kubectl_caps.errors import AcceptedError, CapsError, InputError
from kubectl_caps.report.exemptions import exemption_lines, reason_of
from kubectl_caps.report.terminal import say


def exemptions(path: str | None) -> list[Exemption]:
    """The exemptions of `--exemptions FILE`. Raises InputError."""
    if path is None:
        return []
    from kubectl_caps.manifests.read.exemptions import read_exemptions

    return read_exemptions(path)


class ListedExemptions:
    """The exemptions of a file and of annotations, applied to one part of an inspection after the other."""

    def __init__(self, listed: Sequence[Exemption], *, annotations: bool) -> None:
        self._listed, self._annotations = listed, annotations
        self._remarks: dict[str, None] = {}
        self._met: set[MetFinding] = set()

    def apply(self, assessments: Sequence[Assessment]) -> list[Assessment]:
        """The assessments with exempted findings marked."""
        result = exempt(assessments, self._listed, _today(), annotations=self._annotations)
        self._remarks |= dict.fromkeys(result.remarks)
        self._met |= result.met
        return result.assessments

    def say_remarks(self) -> None:
        """Print the expired, invalid and unused exemptions."""
        for remark in (*self._remarks, *unused(self._listed, self._met)):
            say(remark)


def accepted(errors: Sequence[CapsError], listed: Sequence[Exemption]) -> list[CapsError]:
    """The errors; an exempted error becomes an AcceptedError. Prints the expired and unused exemptions."""
    today, met = _today(), set()
    result: list[CapsError] = []
    for error in errors:
        meant = [one for one in listed if one.meets_error(error.about)]
        met |= {one.origin for one in meant}
        valid = next((one for one in meant if not one.expired(today)), None)
        for one in meant:
            if valid is None:
                say(f"{error.words}: exempted until {one.until} ({one.origin}), counts again")
        result.append(AcceptedError(f"{error.words} ({reason_of(valid)})") if valid else error)
    for one in listed:
        if one.not_judged and one.origin not in met:
            say(f"{one.origin}: not used: every file and object that it matches was judged")
    return result


def not_accepted(errors: Sequence[CapsError]) -> list[CapsError]:
    """The errors that no exemption accepts."""
    return [error for error in errors if not isinstance(error, AcceptedError)]


def nothing_judged(errors: Sequence[CapsError], coverage: Coverage) -> list[CapsError]:
    """The error of a gate over files if every error is accepted and nothing was judged."""
    if coverage.judged or not_accepted(errors):
        return []
    return [InputError("nothing to judge: every object of the files is exempted from being judged")]


class GateFindings:
    """The findings of the gates in one part of an inspection after the other, as lines to print.

    With `older`, `older_servers` has the violations of `--require` that only older supported API servers would find.
    """

    def __init__(self, gate: Gate, *, older: bool) -> None:
        self._gate, self._older = gate, older
        self._minors: set[int] = set()
        self._failures: list[str] = []
        self._openings: list[str] = []
        self._not_judged: dict[tuple[str, ...], CapsError] = {}
        self.older_servers: list[str] = []

    def add(self, assessments: Sequence[Assessment]) -> None:
        """Apply the gates to these assessments."""
        if not self._gate.is_asked:
            return
        self._minors |= {assessment.minor for assessment in assessments}
        for failure in gate_failures(assessments, self._gate):
            self._failures.append(f"{subject_of(failure.workload, failure.containers)}: {failure.why}")
        for opening in openings(assessments, self._gate, _today()):
            where = subject_of(opening.workload, () if opening.container is None else (opening.container,))
            for line in exemption_lines(opening.items):
                self._openings.append(f"{where}: passes {self._flags} only by an exemption: {line}")
        if self._older and self._gate.require:
            self.older_servers += _older_servers(assessments, Policy(self._gate.require))
        if self._gate.require == "restricted":
            self._not_judged |= _restricted_not_judged(assessments)

    @property
    def restricted_not_judged(self) -> list[CapsError]:
        """An error for each object that does not show whether its pods satisfy *restricted*, if a gate requires it.

        Its pods are judged like other pods.
        """
        return list(self._not_judged.values())

    def passes(self, errors: int) -> bool:
        """Whether all assessments pass the gates. Prints a line for each failing finding and each needed exemption.

        `errors` is the number of objects that could not be judged. They do not pass.
        """
        say(*self._failures)
        say(*self._openings)
        if errors and self._gate.is_asked:
            say(f"{errors} could not be judged, which does not pass {self._flags}")
        return not self._failures

    def say_rules(self) -> None:
        """Print the version of the rules of `--require`."""
        if self._gate.require:
            say(*(f"--require {self._gate.require} is judged by the rules of v1.{one}" for one in sorted(self._minors)))

    @property
    def _flags(self) -> str:
        flags = (("--fail-on", self._gate.fail_on), ("--require", self._gate.require))
        return " and ".join(flag for flag, value in flags if value)


def _restricted_not_judged(assessments: Sequence[Assessment]) -> dict[tuple[str, ...], CapsError]:
    found: dict[tuple[str, ...], CapsError] = {}
    for workload in (assessment.workload for assessment in assessments):
        if workload.unseen:
            error = InputError(f"{subject_of(workload, ())}: is not judged by restricted: {workload.unseen}")
            texts = {"kind": workload.kind, "namespace": workload.namespace, "name": workload.name}
            error.about = {**({"file": workload.source["file"]} if "file" in workload.source else {}), **texts}
            found.setdefault((error.words, *texts.values()), error)
    return found


def _older_servers(assessments: Sequence[Assessment], policy: Policy) -> list[str]:
    return [
        text
        for assessment in assessments
        for text in refused_by_older(assessment.workload, policy, partial(_counted, assessment))
    ]


def _counted(assessment: Assessment, level: Level, minor: int) -> list[Violation]:
    """The violations of a level by the rules of a version, without exempted violations."""
    checks = {check.id for check, _ in checks_for(level, minor)}
    found = counted(assessment.workload, valid_exemptions(assessment), minor)
    return [violation for violation in found if violation.check in checks]


def subject_of(workload: Workload, containers: Sequence[str]) -> str:
    """The file, the object and the containers in words, for a line on stderr."""
    file = f"{workload.source['file']}:{workload.source['line']}: " if "file" in workload.source else ""
    namespace = f" in {workload.namespace}" if workload.namespace else ""
    names = ", ".join(f'"{name}"' for name in containers)
    return f"{file}{workload.reference}{namespace}" + (
        f", {plural('container', len(containers))} {names}" if names else ""
    )


def _today() -> date:
    return datetime.now(timezone.utc).date()
