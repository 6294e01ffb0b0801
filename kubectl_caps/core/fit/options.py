"""The options of trials: their times, volumes, probe and rights."""

from msgspec import Struct

from kubectl_caps.core.fit.trial_job import Escalation
from kubectl_caps.core.fit.trial_pod import TrialVolumes


class TrialOptions(Struct, frozen=True, kw_only=True):
    """The options of trials; times are in seconds. `probe` is a shell command that must succeed in the pod, or empty.
    """

    settle: float
    timeout: float
    parallel: int = 4
    volumes: TrialVolumes = "refuse"
    probe: str = ""
    escalation: Escalation = "false"
    manager: str = "kubectl-caps"
