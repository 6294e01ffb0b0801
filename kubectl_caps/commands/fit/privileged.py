"""Finds the seccomp or AppArmor profiles that block a privileged container which fails with every capability."""

from collections.abc import Callable

from kubectl_caps.commands.trials.run import TrialRun
from kubectl_caps.core.fit.held import losses_of
from kubectl_caps.core.fit.privileged import PROFILES, Profiles
from kubectl_caps.core.fit.result import TrialEnd
from kubectl_caps.core.fit.search_types import Grants


def lift_profiles(
    run: TrialRun,
    privileged: list[str],
    containers: list[str],
    held: Grants,
    report: Callable[[TrialEnd], None],
    most: int,
) -> Profiles:
    """The profiles that must be Unconfined so that the containers work with every capability; empty if none helps.

    Later trials of the `run` have these profiles Unconfined. Each end of a trial is passed to `report`. The run makes
    at most `most` trials in all. Raises CapsError.
    """
    found: Profiles = ()
    for fields in (PROFILES, *((field,) for field in PROFILES)):
        if run.count >= most or (fields != PROFILES and not found):
            break
        run.lift(fields, privileged)
        pod = run.plan.template(held, containers, run.options.escalation)
        run.start(held, pod, containers, losses_of(held, held, containers))
        end = run.wait_for_end(lambda: f"{run.reference}: with every capability by name and without profiles")
        report(end)
        if end.outcome == "passed":
            found = fields
            if fields != PROFILES:
                break
    run.lift(found, privileged)
    return found
