"""A privileged container that fails with every capability by name: whether a seccomp or AppArmor profile blocks it."""

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
    """The profiles without which the containers work with every capability by name; empty if none blocks them.

    Later trials of the `run` have these profiles as Unconfined. Raises CapsError.
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
