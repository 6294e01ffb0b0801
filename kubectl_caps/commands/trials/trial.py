"""Judges one trial from its pod's states, its logs and the probe."""

import time
from collections.abc import Sequence

from msgspec import Struct

from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.http.transport import Runner
from kubectl_caps.cluster.read import rollout as edge
from kubectl_caps.cluster.read.trial_pods import run_in_pod
from kubectl_caps.commands.trials.logs import TrialLog
from kubectl_caps.commands.trials.plan import as_template
from kubectl_caps.commands.trials.tracer import TrialTrace
from kubectl_caps.core.fit.judgement import TrialStanding, late, trial_standing
from kubectl_caps.core.fit.options import TrialOptions
from kubectl_caps.core.fit.privileged import Profiles
from kubectl_caps.core.fit.result import TrialEnd, TrialResult
from kubectl_caps.core.fit.search_types import Grants
from kubectl_caps.core.fit.trial_pod import TrialPod
from kubectl_caps.core.harden import readiness
from kubectl_caps.core.harden.admitted import lost_in_admission
from kubectl_caps.core.harden.plan import HardenOptions
from kubectl_caps.core.harden.result import Diagnosis
from kubectl_caps.core.harden.verdict import creation_refused
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.pod_failures import PodFailure
from kubectl_caps.errors import ApiError, CapsError

_NO_POD = 5.0
"""Seconds after which a Job without a pod is given up, if its controller could not create the pod."""
_LOGS_EVERY = 1.0
_LOG_LIMIT = 10.0
"""Seconds for which an unreadable log is read again after all other checks have passed."""
_LOOKS_WELL = 1.0
"""Seconds after which a pod that is up looks well. Most programs that lack a capability end earlier."""
_PROBE_LIMIT = 10.0
"""Seconds for one run of the probe's command."""


class TrialSubject(Struct, frozen=True):
    """The subject of a trial: the workload as kubectl prints it, the pod and the varied containers.

    `ends` says that the pod's containers are meant to end.
    """

    reference: str
    namespace: str
    pod: TrialPod
    containers: list[str]
    ends: bool


class Trial:
    """A running trial. Its pod must be ready, or have ended, within `limit` seconds; None while no limit is known."""

    def __init__(
        self, number: int, name: str, adds: Grants | None, subject: TrialSubject, log: TrialLog, limit: float | None
    ) -> None:
        self.number, self.name, self.adds, self.subject, self.log, self.limit = number, name, adds, subject, log, limit
        self.job_uid = ""
        self.kept = False
        self.unconfined: Profiles = ()
        self.trace: TrialTrace | None = None
        self.pod: Pod | None = None
        self._began = time.monotonic()
        self._stage: tuple[readiness.Stage, float] | None = None
        self._up_since: float | None = None
        self._served_since: float | None = None
        self._over_since: float | None = None
        self._next_log = 0.0
        self._probe_words = ""

    @property
    def seconds(self) -> float:
        """The seconds since the start of the trial."""
        return time.monotonic() - self._began

    @property
    def is_up(self) -> bool:
        """Whether the trial's pod is ready and has answered the probe. The pod only has to stay up."""
        return self._served_since is not None

    @property
    def looks_well(self) -> bool:
        """Whether the trial's pod has been up for a while."""
        return self._served_since is not None and time.monotonic() - self._served_since >= _LOOKS_WELL

    @property
    def ready_after(self) -> float:
        """The seconds from the start of the trial until its pod was up, or until now."""
        return (self._served_since or time.monotonic()) - self._began

    def look(self, cluster: Cluster, runner: Runner | None, pod: Pod | None, options: TrialOptions) -> TrialEnd | None:
        """The end of the trial, or None while it runs. Raises CapsError if the cluster cannot be read."""
        self.pod = pod or self.pod
        if self.pod is None:
            return self._without_pod(cluster)
        if self.trace:
            self.trace.follow(self.pod)
        if self.adds is not None and (lost := self._lost(self.pod)):
            return self._end("notTried", f"admission changed its pod: {lost}")
        if pod is None:
            return self._end("notTried", "its pod was deleted")
        stands = trial_standing(pod, ends=self.subject.ends)
        if stands.step == "starting":
            stands = self._late(cluster, pod) or stands
        if stands.step in ("failed", "notTried"):
            return self._failed(stands, pod)
        if stands.step == "starting":
            self._up_since = self._served_since = None
            if self.seconds <= options.timeout:
                return None
            return self._failed(_timed_out(pod, options.timeout), pod)
        return self._settled(runner, pod, options, done=stands.step == "done")

    def _settled(self, runner: Runner | None, pod: Pod, options: TrialOptions, *, done: bool) -> TrialEnd | None:
        """Judge a pod that is ready, or that has ended with status 0 (`done`).

        A ready pod must answer the probe and stay up for the time `settle`. Neither pod may log a refusal.
        """
        now = time.monotonic()
        self._up_since = self._up_since or now
        if runner and options.probe and not done and self._served_since is None:
            if not self._answers(runner, pod, options):
                if now - self._up_since <= (self.limit or options.timeout):
                    return None
                return self._failed(_unanswered(pod, self.subject.containers, self._probe_words), pod)
            now = time.monotonic()
        self._served_since = self._served_since or now
        over = done or now - self._served_since >= options.settle
        if over or now >= self._next_log:
            self._next_log = now + _LOGS_EVERY
            self.log.read(pod)
            if self.log.new and self.adds is not None:
                return self._refused()
        return self._over(now) if over else None

    def _over(self, now: float) -> TrialEnd | None:
        """The end of a trial without a logged refusal. A trial with an unreadable log counts as not tried."""
        if not (unread := self.log.unread):
            cut = self.log.cut
            says = f"the log of container {', '.join(cut)} is long, and its middle was not read" if cut else ""
            return self._end("passed", says)
        self._over_since = self._over_since or now
        if now - self._over_since < _LOG_LIMIT:
            return None
        return self._end("notTried", f"the log of container {', '.join(unread)} cannot be read")

    def _answers(self, runner: Runner, pod: Pod, options: TrialOptions) -> bool:
        container = next((one.name for one in pod.spec.containers or ()), "")
        began = time.monotonic()
        try:
            outcome = run_in_pod(runner, pod, container, options.probe, _PROBE_LIMIT)
        except ApiError as error:
            if error.code in (401, 403):
                raise
            self._probe_words = error.words
            return False
        except CapsError as error:
            hangs = time.monotonic() - began >= _PROBE_LIMIT
            self._probe_words = f"its command has not ended after {_PROBE_LIMIT:g} s" if hangs else error.words
            return False
        said = (outcome.stderr.strip() or outcome.stdout.strip()).splitlines()[-1:]
        self._probe_words = ": ".join([outcome.failure, *said]) if outcome.failure else ""
        return not outcome.failure

    def _refused(self) -> TrialEnd:
        first = next(iter(self.log.new.values()))
        words = f"survived, but was refused: container {first.line.container}: {first.line.text.strip()}"
        return self._end("refused", words, tuple(self.log.diagnoses(self.subject.reference, self.subject.namespace)))

    def _failed(self, stands: TrialStanding, pod: Pod) -> TrialEnd:
        failure = stands.failure or PodFailure("it failed")
        if stands.step == "notTried":
            return self._end("notTried", failure.message)
        self.log.read(pod)
        diagnoses = [*self.log.failure_diagnoses(failure, pod, self.subject.reference)]
        diagnoses += self.log.diagnoses(self.subject.reference, self.subject.namespace)
        message = failure.message
        if not any(diagnosis.cause.capabilities for diagnosis in diagnoses):
            message = ": ".join(filter(None, (message, self.log.last_line(failure, pod))))
        return self._end("failed", message, tuple(dict.fromkeys(diagnoses)))

    def _end(self, outcome: TrialResult, message: str, diagnoses: Sequence[Diagnosis] = ()) -> TrialEnd:
        report = self.trace.end(self.pod) if self.trace else None
        return TrialEnd(
            number=self.number,
            name=self.name,
            adds=self.adds,
            outcome=outcome,
            seconds=round(self.seconds, 1),
            message=message,
            diagnoses=tuple(diagnoses),
            complaints=tuple(self.log.new.values()),
            usual=tuple(self.log.usual.values()),
            doubtful=tuple(self.log.doubtful.values()),
            unconfined=self.unconfined,
            trace=report,
            kernel=tuple(self.trace.refused(report, self.log.losses)) if self.trace and report else (),
        )

    def _without_pod(self, cluster: Cluster) -> TrialEnd | None:
        if self.seconds < _NO_POD:
            return None
        events = edge.events(cluster, self.subject.namespace, self.job_uid, lambda what, error: None)
        if refused := creation_refused(events):
            return self._end("notTried", refused.message)
        if self.seconds > readiness.PENDING_LIMIT:
            return self._end("notTried", "no pod was made for its Job: does the Job controller run?")
        return None

    def _late(self, cluster: Cluster, pod: Pod) -> TrialStanding | None:
        now, at = time.monotonic(), readiness.stage(pod)
        if self._stage is None or self._stage[0] != at:
            self._stage = at, now
        if late(pod, self._stage[1], now, self.limit, ()) is None:
            return None
        found = edge.events(cluster, self.subject.namespace, pod.metadata.uid or "", lambda what, error: None)
        return late(pod, self._stage[1], now, self.limit, [one.message for one in found if one.type == "Warning"])

    def _lost(self, pod: Pod) -> str:
        """A sentence about a setting of the trial pod that admission has changed; empty if nothing is changed."""
        options = HardenOptions(containers=tuple(self.subject.containers))
        return next(lost_in_admission(as_template(self.subject.pod), pod, options), "")


def _timed_out(pod: Pod, timeout: float) -> TrialStanding:
    waiting = next((status.name for status in pod.status.containers.values() if not status.ready), "")
    where = f"container {waiting} is" if waiting else "it is"
    name = pod.metadata.name or ""
    return TrialStanding("failed", PodFailure(f"{where} not ready after {timeout:g} s", name, waiting))


def _unanswered(pod: Pod, containers: Sequence[str], words: str) -> TrialStanding:
    main = next((one.name for one in pod.spec.containers or ()), "")
    return TrialStanding("failed", PodFailure(f"the probe failed: {words}", pod.metadata.name or "", main))
