"""What to do with each object: harden it, and what to know before, or refuse it and say what to do instead."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from kubectl_caps.cluster.objects import Cluster
from kubectl_caps.commands.harden import planned
from kubectl_caps.commands.harden_object import Live
from kubectl_caps.commands.harden_targets import Found, Owners
from kubectl_caps.core import health, rollout
from kubectl_caps.core.hardening import Hardening, Wishes
from kubectl_caps.core.outcome import Job
from kubectl_caps.core.patch import Patch
from kubectl_caps.core.replacement import replacement
from kubectl_caps.core.workloads import MalformedWorkload
from kubectl_caps.core.workloads import read as read_workloads
from kubectl_caps.core.writers import foresee, undone
from kubectl_caps.errors import CapsError, InputError
from kubectl_caps.report.terminal import clear_progress, progress

_TRIED_AT_A_TIME = 8

_CANNOT = {
    "Pod": "a pod cannot be changed in place: replace it with the manifest below, `kubectl replace --force -f`",
    "Job": "a job's template cannot be changed: replace it with the manifest below, `kubectl replace --force -f`",
    "JobSet": "its templates cannot be changed: replace it with the manifest below: `kubectl replace --force -f`",
}


class Planner:
    """Makes jobs of the objects that were found."""

    def __init__(self, cluster: Cluster, wishes: Wishes, context: str, *, manager: str, force: bool) -> None:
        self.cluster, self.wishes, self.manager, self.force = cluster, wishes, manager, force
        self._source = {"context": context}
        self.owners = Owners(cluster)

    def job(self, found: Found) -> Job:
        """The job for one object. Raises InputError where its template cannot be read, UsageError."""
        kind, obj = found.kind, found.obj
        try:
            workloads = list(read_workloads(kind, obj, self._source))
        except MalformedWorkload as error:
            raise InputError(f"{kind.plural} {found.metadata.name}: {error}") from error
        if not workloads:
            raise InputError(f"{kind.plural} {found.metadata.name}: has no pod template of its own")
        job = Job(kind, obj, workloads[0], Hardening(Patch(())))
        if owner := self.owners.top(found.metadata):
            job.result, job.message = "refused", f"it is controlled by {owner}, which would undo it; harden that"
            return job
        job.hardening = planned(kind, obj, self._source, self.wishes)
        if job.hardening.refusals:
            job.result = "refused"
            job.message = "; ".join(f"container {note.container}: {note.message}" for note in job.hardening.refusals)
        elif not job.hardening.patch.changes:
            job.result = "unchanged"
        elif kind.effect == "never":
            job.result, job.message = "refused", _CANNOT[kind.kind]
            job.replacement = replacement(kind, job.hardening.patch.applied(obj))
        else:
            self._look_ahead(job)
            self._foresee(job)
        return job

    def _look_ahead(self, job: Job) -> None:
        """What the object itself tells of the risk, and whether it is in a state to be hardened."""
        kind, obj = job.kind.kind, job.obj
        reason = rollout.not_proven(kind, obj)
        if reason:
            job.remarks += (f"nothing will show whether it works: {reason}",)
            return
        job.remarks += tuple(health.risks(kind, obj, job.workload.template))
        standing = rollout.reported(kind, obj)
        if standing.step == "complete":
            return
        if self.force:
            job.remarks += (f"it is not healthy as it is: {standing.message}",)
        else:
            job.result = "refused"
            job.message = f"it is not healthy as it is: {standing.message}; --force goes on"

    def _foresee(self, job: Job) -> None:
        """What other writers of the object will make of the change: one that they undo has to go into their source."""
        job.forecasts = foresee(job.obj, job.hardening.patch, self.manager, merges_lists=job.kind.builtin)
        writers = ", ".join(dict.fromkeys(forecast.writer for forecast in undone(job.forecasts)))
        if writers and not self.force and job.result == "planned":
            job.result = "refused"
            job.message = f"{writers} would undo it: change the source, or go on with --force"


def try_all(lives: Sequence[Live]) -> None:
    """Have the server try every change; those that it would refuse are marked so, before anything is sent."""
    done = 0
    with ThreadPoolExecutor(_TRIED_AT_A_TIME) as pool:
        for _ in pool.map(_try, lives):
            done += 1
            progress(f"{done} of {len(lives)} tried on the server")
    clear_progress()


def _try(live: Live) -> None:
    try:
        if live.job.undo:  # pods of the old template ran before
            live.sender.try_it()
        else:
            live.try_on_server()
    except CapsError as error:
        live.job.result, live.job.message = "refused", error.words
