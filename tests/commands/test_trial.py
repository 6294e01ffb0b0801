"""One trial, without a cluster: what its pod shows is judged, and what cannot be seen is no proof."""

import time
from typing import Any, cast

import msgspec
import pytest

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.http.transport import Runner
from kubectl_caps.commands.trials import run as run_module
from kubectl_caps.commands.trials import trial as module
from kubectl_caps.commands.trials.logs import TrialLog
from kubectl_caps.commands.trials.plan import TrialPlan
from kubectl_caps.commands.trials.run import TrialRun
from kubectl_caps.commands.trials.trial import Trial, TrialSubject
from kubectl_caps.core.fit.options import TrialOptions
from kubectl_caps.core.fit.trial_pod import TrialPod
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.errors import ApiError, Unreachable

SPEC = {"containers": [{"name": "c", "image": "i"}]}
OPTIONS = TrialOptions(settle=0, timeout=60)


class Logs:
    """A cluster that has nothing but logs."""

    def __init__(self, answers: list[str | ApiError]) -> None:
        self.answers = answers

    def log(self, *where: Any, **how: Any) -> str:
        """The next answer; the last one again and again."""
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ApiError):
            raise answer
        return answer

    def events(self, *where: Any) -> list[Any]:
        """None."""
        return []


def ready_pod() -> Pod:
    status = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"name": "c", "ready": True, "restartCount": 0, "state": {"running": {}}}],
    }
    return msgspec.convert(
        {"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": SPEC, "status": status}, Pod
    )


def trial_of(cluster: Cluster) -> Trial:
    subject = TrialSubject("deployment.apps/web", "n", TrialPod({}, {}, SPEC), ["c"], ends=False)
    return Trial(0, "t", None, subject, TrialLog(cluster, lambda what, error: None, {}, set()), None)


def looked_at(answers: list[str | ApiError], times: int = 3) -> tuple[str, str]:
    cluster = cast("Cluster", Logs(answers))
    trial = trial_of(cluster)
    ends = [trial.look(cluster, None, ready_pod(), OPTIONS) for _ in range(times)]
    end = next(filter(None, ends), None)
    return (end.outcome, end.message) if end else ("", "")


LONG = f"{'x' * 1023}\n" * (1 << 11)
NO_LOG = ApiError(500, "InternalError", "the kubelet does not answer")


@pytest.mark.parametrize(
    ("answers", "limit", "ended"),
    [
        (["hello"], 10, ("passed", "")),
        ([NO_LOG, "hello"], 10, ("passed", "")),
        ([NO_LOG], 10, ("", "")),
        ([LONG], 10, ("passed", "the log of container c is long, and its middle was not read")),
        ([NO_LOG], 0, ("notTried", "the log of container c cannot be read")),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_pod_with_an_unreadable_log_has_not_passed(
    monkeypatch: pytest.MonkeyPatch, answers: list[str | ApiError], limit: float, ended: tuple[str, str]
) -> None:
    monkeypatch.setattr(module, "_LOG_LIMIT", limit)
    assert looked_at(list(answers)) == ended


class Hanging:
    """A connection on which no command ends."""

    def run(self, request: Any, limit: float) -> None:
        """Ends at the limit, as the transport does."""
        time.sleep(limit)
        raise Unreachable("context deadline exceeded")


def test_a_hanging_probe_is_reported_as_hanging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PROBE_LIMIT", 0.2)
    options = TrialOptions(settle=0, timeout=0.1, probe="sleep 1000")
    trial = trial_of(cast("Cluster", Logs(["hello"])))
    end = None
    while end is None:
        end = trial.look(cast("Cluster", Hanging()), cast("Runner", Hanging()), ready_pod(), options)
    assert (end.outcome, end.message) == ("failed", "the probe failed: its command has not ended after 0.2 s: hello")


class Silent:
    """A server that makes a Job and then answers no more."""

    def create(self, *what: Any, **how: Any) -> dict[str, Any]:
        """The Job."""
        return {"metadata": {"uid": "u"}}

    def pages(self, *what: Any, **how: Any) -> None:
        """Never comes."""
        raise Unreachable("10.0.0.1:6443")


def test_a_server_that_answers_no_more_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "_SILENT_LIMIT", 0.2)
    monkeypatch.setattr(run_module, "POLL", 0.01)
    plan = TrialPlan("r", "web", "n", TrialPod({}, {}, SPEC), {}, False, (), (), 60)
    run = TrialRun(cast("Cluster", Silent()), None, plan, OPTIONS, "deployment.apps/web")
    run.start(None, plan.pod, ["c"], {})
    with pytest.raises(Unreachable):
        run.wait(lambda: "")
