"""`InspectionResult`: the assessments of `inspect`, part by part, and all else that its output and gates need."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from kubectl_caps.core.assess.assessment import Assessment
from kubectl_caps.core.assess.coverage import Coverage
from kubectl_caps.core.assess.findings import Locate
from kubectl_caps.errors import CapsError


class InspectionResult(ABC):
    """The assessments, the errors of objects that could not be judged, the positions of fields, and the counts.

    `errors` and `coverage` are complete when the parts have been read. `minor` is the requested version of the rules,
    or the server's; None if it is not known.
    """

    def __init__(self, minor: int | None, locate: Locate) -> None:
        self.minor, self.locate = minor, locate
        self.errors: list[CapsError] = []
        self.coverage = Coverage()

    @abstractmethod
    def parts(self, *, at_once: bool) -> Iterator[list[Assessment]]:
        """The assessments, one part after the other, or all as one part if `at_once`.

        Raises NotByNamespace if they must be read at once.
        """

    def in_detail(self, assessment: Assessment) -> Assessment:
        """The assessment with the facts of the detailed view."""
        return assessment
