"""`LineCause`: the cause of a failure; `Evidence`: the text that shows it. No table of patterns is loaded here."""

from typing import Literal

from msgspec import Struct

from kubectl_caps.core.diagnosis.patterns.pattern import CauseKind, Certainty

Source = Literal["log", "termination", "state", "event"]


class Evidence(Struct, frozen=True):
    """Text from a container, the kubelet or a controller: one line or many."""

    source: Source
    text: str


class LineCause(Struct, frozen=True):
    """Why a container failed. Adding `capabilities` (short names) helps; empty if none helps or none is known.

    `kind` is `capability`, `setting` (a field of the pod or a label of the namespace) or `other`; `evidence_text` is
    the line as it was found, control characters included. `next_command` is the command to try next, with placeholders
    WORKLOAD, NAMESPACE, POD, CONTAINER and IMAGE.
    """

    capabilities: tuple[str, ...]
    explanation: str
    evidence_text: str
    source: Source
    certainty: Certainty
    kind: CauseKind
    next_command: str = ""

    @property
    def is_told(self) -> bool:
        """Whether the cause of the refusal is known."""
        return self.kind != "other" or self.certainty != "possible"
