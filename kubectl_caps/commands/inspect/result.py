"""`InspectionResult`: the assessments of `inspect`, part by part, and all else that its output and gates need."""

from collections.abc import Callable, Iterator

from msgspec import Struct

from kubectl_caps.core.assess.assessment import Assessment
from kubectl_caps.core.assess.coverage import Coverage
from kubectl_caps.core.assess.findings import Locate
from kubectl_caps.errors import CapsError


class InspectionResult(Struct):
    """The assessments, the errors of objects that could not be judged, the positions of fields, and the counts.

    `parts` has the assessments of one namespace after the other, or all at once. `errors` and `coverage` are complete
    when `parts` has been read. `minor` is the requested version of the rules, or the server's; None if it is not known.
    `in_detail` adds the facts of the detailed view to an assessment.
    """

    parts: Iterator[list[Assessment]]
    errors: list[CapsError]
    locate: Locate
    minor: int | None
    coverage: Coverage = Coverage()
    in_detail: Callable[[Assessment], Assessment] = lambda assessment: assessment
