"""`Output`: collects one part of an inspection after the other, and writes all at the end."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from kubectl_caps.core.assess.assessment import Assessment
from kubectl_caps.core.assess.coverage import Coverage
from kubectl_caps.core.assess.findings import Locate
from kubectl_caps.errors import CapsError


class Ending(Struct, frozen=True):
    """All that is known at the end of an inspection: the errors, the positions of fields, and the counts.

    `namespaces` says that the output names the namespace even if there is only one. `in_detail` adds the facts of the
    detailed view to an assessment.
    """

    errors: Sequence[CapsError]
    locate: Locate
    namespaces: bool
    coverage: Coverage
    in_detail: Callable[[Assessment], Assessment]


class Output(ABC):
    """The output of an inspection. `workloads` is the number of workloads so far."""

    def __init__(self) -> None:
        self.workloads = 0
        self._namespaces: set[str] = set()

    def add(self, assessments: Sequence[Assessment]) -> None:
        """Take these assessments."""
        self.workloads += len(assessments)
        self._namespaces |= {assessment.workload.namespace for assessment in assessments}

    def write(self, ending: Ending) -> None:
        """Write everything to stdout."""
        sys.stdout.writelines(self.text(ending))

    @abstractmethod
    def text(self, ending: Ending) -> Iterator[str]:
        """The parts of the whole text."""

    def shows_namespaces(self, ending: Ending) -> bool:
        """Whether the output names the namespace of each workload."""
        return ending.namespaces or len(self._namespaces) > 1
