"""Fits one workload: runs the baseline, the search and the trials after it, and makes the answer."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from kubectl_caps.cli.fit import FitArguments
from kubectl_caps.cli.flags import program_name
from kubectl_caps.cluster.api.client import Cluster
from kubectl_caps.cluster.http.transport import Connected
from kubectl_caps.cluster.read.quantities import quantity
from kubectl_caps.commands.fit.baseline import BaselineReader
from kubectl_caps.commands.fit.evidence_files import read_evidence
from kubectl_caps.commands.fit.privileged import lift_profiles
from kubectl_caps.commands.fit.restricted import RestrictedSubject, try_restricted
from kubectl_caps.commands.fit.tracing import start_tracing, tracer_options, tracer_words
from kubectl_caps.commands.fit.trials import BaselineFailed, SearchTrials
from kubectl_caps.commands.trials.plan import TrialPlan, check_trial_rights, dry_run_trials, plan_trials
from kubectl_caps.commands.trials.refused_grants import refused_grants
from kubectl_caps.commands.trials.run import TrialRun, remove_left_overs
from kubectl_caps.commands.trials.trial import Trial
from kubectl_caps.core.assess.grants import UNTOLD
from kubectl_caps.core.fit.answer import (
    AnswerContext,
    found_answer,
    grant_words,
    is_answered,
    stuck_answer,
    unfinished_answer,
)
from kubectl_caps.core.fit.candidates import likely_needed
from kubectl_caps.core.fit.cost import cost_words, requests_of
from kubectl_caps.core.fit.evidence import FitEvidence
from kubectl_caps.core.fit.held import held_today, needs_to_be_seen, varied_containers
from kubectl_caps.core.fit.privileged import Profiles, privileged_containers, unconfined_words, untraced_words
from kubectl_caps.core.fit.result import FitResult, RestrictedAnswer, TrialEnd
from kubectl_caps.core.fit.search_types import Found, Grants, SearchSpace, Stuck
from kubectl_caps.core.fit.trace_answer import add_kernel_facts, add_privileged_use, baseline_facts, missed_rights
from kubectl_caps.core.fit.traced import traced_space
from kubectl_caps.core.kubernetes.made_pods import pod_from, template_of
from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.kubernetes.workloads import Workload
from kubectl_caps.core.trace.report import TraceReport
from kubectl_caps.errors import ApiError, CapsError, InputError, Unreachable, UsageError
from kubectl_caps.report.fit import trial_line
from kubectl_caps.report.terminal import confirm, is_interactive, say


class FitSubject(Struct, frozen=True):
    """The workload, its object, and the words that name the workload for `harden`.

    `is_alone` says that these words name no other workload. `again` reads the object from the cluster again; None for a
    workload of a file.
    """

    workload: Workload
    obj: Mapping[str, Any]
    target: str
    is_alone: bool = True
    again: Callable[[], Mapping[str, Any]] | None = None


class Declined(Exception):
    """The user answered the question with no."""


class NotReadAgain(CapsError):
    """The workload could not be read again after its trials. `result` says so."""


class WorkloadFit:
    """Finds the capabilities that one workload needs. `result` has the results so far."""

    def __init__(self, cluster: Cluster, connected: Connected, subject: FitSubject, arguments: FitArguments) -> None:
        self.cluster, self.connected, self.subject, self.arguments = cluster, connected, subject, arguments
        self.workload = subject.workload
        self.spec = self.workload.template.spec
        self.containers = varied_containers(self.spec, arguments.containers)
        self.result = FitResult(self.workload)
        self._user: int | None = None
        self._runtime = UNTOLD
        self._unconfined: Profiles = ()
        self._record: TraceReport | None = None
        self._candidates: Grants | None = None

    def fit(self) -> None:
        """Find the answer and write it into `result`.

        Raises Declined, NotReadAgain, and CapsError if no trial may be made.
        """
        self._check_containers()
        evidence = read_evidence(self.arguments.evidence, self.containers)
        plan = self._plan()
        self._ask(plan)
        with TrialRun(self.cluster, self.connected, plan, self.arguments.trials, self.workload.reference) as run:
            try:
                if self.arguments.trace:
                    self._trace(run)
                baseline, held = self._baseline(run)
                space = self._space(run.plan, held, evidence)
                search = SearchTrials(run, baseline, space, held, self.containers, self._note)
                found = search.search(self.arguments.max_trials)
                if isinstance(found, Stuck) and found.reason == "everything":
                    found, search = self._without_profiles(run, search, found)
                if isinstance(found, Found) and self.arguments.restricted:
                    self.result.restricted = self._restricted(run, search, found)
            except BaselineFailed as failed:
                self.result.message = f"it does not work with today's rights either: {failed.end.message}"
                return
        self._answer(found, search)
        if is_answered(self.result.result):
            add_kernel_facts(self.result, self.result.trials)
        if is_answered(self.result.result) and self.subject.again:
            self._compare(self.subject.again)

    def _without_profiles(
        self, run: TrialRun, search: SearchTrials, stuck: Stuck
    ) -> tuple[Found | Stuck | None, SearchTrials]:
        """Continue the search with Unconfined profiles, if only the profiles block the privileged containers."""
        privileged = privileged_containers(self.spec, self.containers)
        if not privileged:
            return stuck, search
        most, failed = self.arguments.max_trials, search.ends[stuck.trials[-1]]
        self._unconfined = lift_profiles(run, privileged, self.containers, search.space.held, self._note, most)
        if not self._unconfined:
            return stuck, search
        again = SearchTrials(run, search.baseline, search.space, search.held, self.containers, self._note)
        self.result.notes += (unconfined_words(privileged, self._unconfined, failed),)
        return again.search(most), again

    def _compare(self, again: Callable[[], Mapping[str, Any]]) -> None:
        """Read the workload again. If its template is another one now, the answer is for the old one.

        Raises NotReadAgain.
        """
        try:
            before, now = (template_of(self.workload, obj) for obj in (self.subject.obj, again()))
        except (ApiError, Unreachable) as error:
            words = f"it could not be read again, so its pod template may have changed: {error.words}"
            self._not_proved(words)
            raise NotReadAgain(words) from error
        if now != before:
            words = "its pod template was changed while the trials ran, and the answer is for the old template"
            self._not_proved(words)

    def _not_proved(self, words: str) -> None:
        self.result.result, self.result.commands = "notProved", ()
        self.result.message = "; ".join(filter(None, (self.result.message, words)))

    def _answer(self, found: Found | Stuck | None, search: SearchTrials) -> None:
        if isinstance(found, Found | Stuck):
            held = found.needed if isinstance(found, Found) else search.space.held
            same = [end for end in search.ends if end.adds == held]
            add_privileged_use(self.result, self.containers, held, same, self._record)
        if isinstance(found, Found):
            found_answer(self.result, found, search.ends, self.context)
            privileged = privileged_containers(self.spec, self.containers)
            self.result.notes += (untraced_words(privileged),) if privileged and not self._record else ()
        elif found is None:
            unfinished_answer(self.result, search.ends, self.context, self.arguments.max_trials)
        else:
            untried = "; ".join(self.result.notes)
            missed = missed_rights(self.result)
            self.result.message = stuck_answer(found, search.ends, self.spec, self.context, untried, missed)

    @property
    def context(self) -> AnswerContext:
        """The words for the answer's commands."""
        return AnswerContext(
            program=program_name(),
            target=self.subject.target,
            containers=self.containers,
            chosen=self.arguments.containers,
            escalation=self.arguments.trials.escalation,
            probe=self.arguments.trials.probe,
            is_alone=self.subject.is_alone,
            unconfined=self._unconfined,
        )

    def _check_containers(self) -> None:
        known = varied_containers(self.spec, ())
        for name in self.arguments.containers:
            if name not in known:
                where = f"{self.workload.reference}; its containers are {', '.join(known)}"
                raise InputError(f"container {name} is not valid for {where}")

    def _plan(self) -> TrialPlan:
        namespace, trials = self.workload.namespace, self.arguments.trials
        plan = plan_trials(self.cluster, self.workload, self.subject.obj, trials)
        check_trial_rights(self.cluster, namespace, trials)
        remove_left_overs(self.cluster, namespace)
        bare = plan.template(frozenset(), self.containers, trials.escalation)
        plan = dry_run_trials(self.cluster, plan, [plan.pod, bare], trials.manager)
        self.result.differences = plan.differences
        return plan

    def _ask(self, plan: TrialPlan) -> None:
        """Print the differences, risks and cost of the trials, and ask the user.

        Raises Declined, or UsageError if there is no terminal and no --yes.
        """
        reference, parallel = self.workload.reference, self.arguments.trials.parallel
        say(*(f"{reference}: a trial pod differs from its own pods: {text}" for text in plan.differences))
        say(*(f"{reference}: {text}" for text in plan.warnings))
        cost = cost_words(requests_of(plan.pod.spec, quantity), parallel)
        pods = "1 pod" if parallel == 1 else f"{parallel} pods"
        if self.arguments.trace:
            say(f"{reference}: {tracer_words(tracer_options(self.arguments, plan), plan.run)}")
        say(f"{reference}: at most {self.arguments.max_trials} trials, {pods} at a time that request {cost} together, "
            f"in namespace {plan.namespace}; no trial pod stays")  # fmt: skip
        if self.arguments.yes:
            return
        if not is_interactive():
            raise UsageError("trial pods would be made and there is no terminal to ask on; --yes goes ahead")
        if not confirm("Run the trials?"):
            raise Declined

    def _baseline(self, run: TrialRun) -> tuple[Trial, Grants]:
        """Run the baseline until it is up, and read what its containers hold. Raises BaselineFailed, CapsError."""
        trial = run.start(None, run.plan.pod, self.containers, {}, kept=True)
        end = run.await_up(trial, lambda: f"{run.reference}: trial with today's rights, {trial.seconds:.0f} s")
        if run.tracer and not end:  # the record is complete only when the baseline has ended
            end = run.wait_for_end(lambda: f"{run.reference}: today's rights are traced, {trial.seconds:.0f} s")
        if end and end.outcome == "notTried" and run.tracer and self.result.trace:
            self.result.trace.incomplete = f"on node {run.tracer.node} no trial could be made: {end.message}"
            say(f"{run.reference}: {self.result.trace.incomplete}; fit goes on by logs and search")
            run.untrace()
            return self._baseline(run)
        if end:
            self._note(end)
            if end.outcome != "passed":
                raise BaselineFailed(end)
            run.learn(end)
            self._read_record(run, end)
        seen = BaselineReader(self.cluster, self.connected, trial.pod or Pod())
        self._runtime = seen.runtime(self.workload.reference)
        bounding = seen.bounding(needs_to_be_seen(self.spec, self.containers), self.workload.reference)
        if self.arguments.restricted:
            self._user = seen.user()
        return trial, held_today(self.spec, self.containers, self._runtime, bounding)

    def _space(self, plan: TrialPlan, held: Grants, evidence: FitEvidence) -> SearchSpace:
        """The space of the search. A trial may add a grant that the containers hold and that the server accepts."""
        refused, says = refused_grants(self.cluster, plan, held, self.containers, self.arguments.trials)
        if refused:
            self.result.notes += (f"{grant_words(refused)} is not tried, because the server refuses it: {says}",)
        may = held - refused
        likely = likely_needed(self.spec, self.containers, held, self._runtime) | evidence.likely
        space = SearchSpace(may, likely & may, evidence.possible & may)
        if not self._record:
            return space
        space = traced_space(space, self._record, self.containers, evidence.likely)
        self._candidates = None if space.used is None else space.likely
        return space

    def _trace(self, run: TrialRun) -> None:
        options = tracer_options(self.arguments, run.plan)
        manager = self.arguments.trials.manager
        self.result.trace = start_tracing(self.cluster, self.connected, run, options, manager)
        self.result.differences = run.plan.differences

    def _read_record(self, run: TrialRun, baseline: TrialEnd) -> None:
        """Use the kernel's record of the baseline. Without a record the later trials run untraced."""
        if not baseline.trace or not self.result.trace:
            return
        baseline_facts(self.result.trace, baseline.trace, self.containers)
        if gap := self.result.trace.incomplete:
            say(f"{run.reference}: the kernel's record of trial 0 is incomplete: {gap}; "
                "fit goes on by logs and search as well")  # fmt: skip
        if baseline.trace.problem:
            run.untrace()
        else:
            self._record = baseline.trace

    def _restricted(self, run: TrialRun, search: SearchTrials, found: Found) -> RestrictedAnswer:
        subject = RestrictedSubject(self.containers, search.held, found.needed, self._user)
        own = pod_from(self.workload, self.subject.obj, self.workload.namespace)["spec"]
        return try_restricted(run, subject, own, self._note, self.arguments.max_trials)

    def _note(self, end: TrialEnd) -> None:
        self.result.trials.append(end)
        say(trial_line(self.workload.reference, end))
        if end.outcome == "passed" and end.adds is not None and end.adds == self._candidates:
            self._candidates = None
            proofs = "; trials without each one prove that it is needed" if end.adds else ""
            words = f"the capabilities that the kernel granted to trial 0 are enough: {grant_words(end.adds)}{proofs}"
            say(f"{self.workload.reference}: {words}")
