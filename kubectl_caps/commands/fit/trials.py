"""Runs the trials that the search asks for, and gives their results to the search."""

from collections import Counter
from collections.abc import Callable, Sequence

from kubectl_caps.commands.trials.run import TrialRun
from kubectl_caps.commands.trials.trial import Trial
from kubectl_caps.core.fit.answer import grant_words
from kubectl_caps.core.fit.held import losses_of
from kubectl_caps.core.fit.result import TrialEnd
from kubectl_caps.core.fit.search import search_step
from kubectl_caps.core.fit.search_types import Found, Grants, SearchSpace, Stuck, TrialOutcome, TrialRecord, Try

Report = Callable[[TrialEnd], None]


class BaselineFailed(Exception):
    """The baseline, a pod with today's rights, does not work."""

    def __init__(self, end: TrialEnd) -> None:
        super().__init__(end.message)
        self.end = end


class SearchTrials:
    """The trials of one search. `ends` are the ended trials, in the order of the search.

    The search begins when the `baseline` is up, and goes on while the baseline runs. `held` are today's grants, which
    trials take away. The `space` may have fewer grants, because the server may refuse to add some.
    """

    def __init__(
        self,
        run: TrialRun,
        baseline: Trial,
        space: SearchSpace,
        held: Grants,
        containers: list[str],
        report: Report,
    ) -> None:
        self.run, self.baseline, self.space, self.held = run, baseline, space, held
        self.containers, self.report = containers, report
        self.ends: list[TrialEnd] = []

    def search(self, most: int) -> Found | Stuck | None:
        """Search the answer; None if `most` trials are not enough. Raises BaselineFailed, CapsError."""
        while True:
            step = self._next()
            if not isinstance(step, Try):
                self._remove_others(())
                if self.baseline not in self.run.running:
                    return step
            elif not self._start(step.sets, most):
                return None
            for end in self.run.wait(self._shown):
                self._take(end)

    def _next(self) -> Found | Stuck | Try:
        trials = [trial for trial in self.run.running if trial is not self.baseline]
        parallel = max(self.run.options.parallel - (self.baseline in self.run.running), 1)
        running = [trial.adds for trial in trials if trial.adds is not None]
        hopeful = [trial.adds for trial in trials if trial.adds is not None and trial.looks_well]
        return search_step(self.space, [_record(end) for end in self.ends], running, parallel, hopeful)

    def _take(self, end: TrialEnd) -> None:
        self.report(end)
        if end.adds is not None:
            self.ends.append(end)
            return
        if end.outcome != "passed":
            raise BaselineFailed(end)
        self.run.learn(end)
        # The baseline may log a complaint later than a trial. The complaint is normal then, so the trial is made again.
        self.ends = [one for one in self.ends if one.outcome != "refused" or not self.run.is_normal(one)]

    def _remove_others(self, wanted: Sequence[Grants]) -> None:
        """Remove the running trials whose set is not wanted."""
        left = Counter(wanted)
        for trial in list(self.run.running):
            if trial.adds is None:
                continue
            if left[trial.adds]:
                left[trial.adds] -= 1
            else:
                self.run.cancel(trial)

    def _start(self, wanted: Sequence[Grants], most: int) -> bool:
        """Run the wanted trials and no others. Returns whether any trial runs."""
        self._remove_others(wanted)
        missing = Counter(wanted) - Counter(trial.adds for trial in self.run.running if trial.adds is not None)
        for adds in missing.elements():
            if self.run.count < most:
                pod = self.run.plan.template(adds, self.containers, self.run.options.escalation)
                self.run.start(adds, pod, self.containers, losses_of(self.held, adds, self.containers))
        return bool(self.run.running)

    def _shown(self) -> str:
        trying = "; ".join(f"{grant_words(trial.adds)} ({trial.seconds:.0f} s)" for trial in self.run.running)
        return f"{self.run.reference}: {len(self.ends)} trials have ended, running: {trying}"


def _record(end: TrialEnd) -> TrialRecord:
    outcome: TrialOutcome = "failed" if end.outcome == "refused" else end.outcome
    return TrialRecord(end.adds or frozenset(), outcome, end.named)
