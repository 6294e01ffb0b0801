"""What the server refuses to add is found by dry runs, and nothing else is left out of the search."""

from typing import Any, cast

import pytest

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.commands.trials.plan import TrialPlan
from kubectl_caps.commands.trials.refused_grants import refused_grants
from kubectl_caps.core.fit.options import TrialOptions
from kubectl_caps.core.fit.search_types import Grants
from kubectl_caps.core.fit.trial_pod import TrialPod
from kubectl_caps.errors import ApiError

SPEC = {"containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]}
HELD: Grants = frozenset({("a", "CHOWN"), ("a", "NET_RAW"), ("b", "NET_RAW"), ("b", "SETUID")})
NET_RAW: Grants = frozenset({("a", "NET_RAW"), ("b", "NET_RAW")})
PLAN = TrialPlan("r", "web", "shop", TrialPod({}, {}, SPEC), {}, False, (), (), 60)


class Server:
    """A server that refuses pods which add some capability."""

    def __init__(self, refuses: tuple[str, ...], code: int, message: str) -> None:
        self.refuses, self.error = refuses, ApiError(code, "Forbidden", message)
        self.asked = 0

    def create(self, resource: Any, namespace: str, body: dict[str, Any], **how: Any) -> dict[str, Any]:
        """The pod, unless it adds what is refused; only dry runs come here."""
        assert how["dry_run"]
        self.asked += 1
        added = {
            add for one in body["spec"]["containers"] for add in one["securityContext"]["capabilities"].get("add", ())
        }
        if added & set(self.refuses):
            raise self.error
        return body


@pytest.mark.parametrize(
    ("refuses", "code", "message", "refused"),
    [
        ((), 403, "", frozenset()),
        (("NET_RAW",), 403, 'violates PodSecurity "baseline:latest"', NET_RAW),
        (("NET_RAW", "CHOWN"), 422, "denied by a policy", NET_RAW | {("a", "CHOWN")}),
        (("NET_RAW",), 403, 'pods is forbidden: User "ann" cannot create resource "pods"', frozenset()),
        (("NET_RAW",), 503, "try again", frozenset()),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, frozenset) else value),
)
def test_only_grants_that_a_dry_run_refuses_are_not_tried(
    refuses: tuple[str, ...], code: int, message: str, refused: Grants
) -> None:
    server = Server(refuses, code, message)
    found, says = refused_grants(cast("Cluster", server), PLAN, HELD, ["a", "b"], TrialOptions(settle=1, timeout=60))
    assert (found, says) == (refused, message if refused else "")
    assert server.asked == 1 or code != 403 or refuses
