"""Defines the options of trials: times, volumes, probe and privilege escalation."""

from msgspec import Struct

from kubectl_caps.core.fit.trial_job import Escalation
from kubectl_caps.core.fit.trial_pod import TrialVolumes


class TrialOptions(Struct, frozen=True, kw_only=True):
    """The options of trials. Times are in seconds.

    `probe` is a shell command that must succeed in the pod; empty for no probe.
    """

    settle: float
    timeout: float
    parallel: int = 4
    volumes: TrialVolumes = "refuse"
    probe: str = ""
    escalation: Escalation = "false"
    manager: str = "kubectl-caps"
