"""`Progress`: the state of the hardening or undo of one object. Each step takes a progress and returns a new one."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from kubectl_caps.core.harden.result import HardenOutcome, HardenResult

State = Literal["untouched", "patched", "undone"]
"""The stored state of an object: as it was before, with the change that was sent, or with the change taken back."""


class Progress(Struct, frozen=True):
    """The result so far, and the states in which the object may be stored: two while an answer is due."""

    job: HardenResult
    states: tuple[State, ...] = ("untouched",)

    def due(self, state: State) -> "Progress":
        """The progress while it is not known whether the object already has this state."""
        return replace(self, states=(*self.states, state))

    def ended(self, result: HardenOutcome, message: str) -> "Progress":
        """The progress with this result and message."""
        return replace(self, job=self.job.ended(result, message))

    def saying(self, message: str) -> "Progress":
        """The progress with this message instead of the earlier one."""
        return replace(self, job=replace(self.job, message=message))

    def noted(self, words: str) -> "Progress":
        """The progress with more words at the end of the message."""
        return replace(self, job=self.job.noted(words))

    def as_result(self, result: HardenOutcome) -> "Progress":
        """The progress with this result and the earlier message."""
        return replace(self, job=replace(self.job, result=result))
