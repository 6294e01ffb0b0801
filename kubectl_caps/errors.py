"""The errors that users see. `main` prints the text of such an error on stderr, in one line.

CapsError                 something could not be done: exit status 2
+-- UsageError            the command line is wrong                     error: ...
+-- InputError            a file or document can't be read or judged    error: FILE: ...
+-- ConfigError           the kubeconfig is wrong                       error: ... (kubectl's wording)
+-- Unreachable           no answer from the server                     Unable to connect to the server: ...
+-- NotObserved           a container's processes can't be read         error: not observed: ...
+-- AcceptedError         not judged, and accepted by an exemption      exempted: ...
+-- ApiError              the server answered with a Status             Error from server (REASON): ...
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class CapsError(Exception):
    """The base of all errors. `str()` is the whole line for the user, with the prefix.

    `reason` is the word for the error in JSON (docs/json.md), which must not change if a class is renamed. `about` has
    the file and the object of the error, if they are known: `file`, `kind`, `namespace`, `name`.
    """

    reason = "Failed"
    about: Mapping[str, str] = MappingProxyType({})

    def __str__(self) -> str:
        return f"error: {super().__str__()}"

    @property
    def words(self) -> str:
        """The line without `error: `, for a line that begins with the name of an object."""
        return str(self).removeprefix("error: ")


class UsageError(CapsError):
    """The command line names an object, a flag or a value that does not exist, or flags that cannot be combined."""

    reason = "InvalidUsage"


class InputError(CapsError):
    """A file, document or object that cannot be read, parsed or judged. The text names it, with the line if known."""

    reason = "NotJudged"


class ConfigError(CapsError):
    """A kubeconfig that cannot be used."""

    reason = "InvalidKubeconfig"


class Unreachable(CapsError):
    """The API server could not be reached, or did not answer in time."""

    reason = "NoAnswer"

    def __str__(self) -> str:
        return f"Unable to connect to the server: {Exception.__str__(self)}"


class NotObserved(CapsError):
    """Running containers whose processes could not be read. The text names the containers and the reason."""

    reason = "ProcessesNotRead"

    def __str__(self) -> str:
        return f"error: not observed: {Exception.__str__(self)}"


class AcceptedError(CapsError):
    """An object or file that could not be judged, and that an exemption accepts. It is shown, but not counted."""

    reason = "Exempted"

    def __str__(self) -> str:
        return f"exempted: {Exception.__str__(self)}"


class ApiError(CapsError):
    """A refusal by the API server. `code` (HTTP), `reason` (`NotFound`) and `details` come from its Status object.

    `continue_token` continues a list whose own token has expired; empty if the server gives none.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        continue_token: str = "",
    ) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.details = code, reason, message, details or {}
        self.continue_token = continue_token

    def __str__(self) -> str:
        return f"Error from server ({self.reason or self.code}): {self.message}"


class NotByNamespace(Exception):
    """The workloads cannot be judged one namespace after the other. They must be read at once."""


def os_words(error: OSError) -> str:
    """The operating system's words for an error, as Go writes them: `permission denied`."""
    return (error.strerror or str(error)).lower()
