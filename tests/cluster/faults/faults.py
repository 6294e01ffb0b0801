"""The faults of the matrix, as a table."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from loopback import Answer, Seen, expired_list, status

from faults.commands import TIMEOUT

Deliver = Callable[[Seen], Answer]
Strike = Callable[[Seen, Deliver], Answer]
"""What becomes of a request: the answer that the client gets. `Deliver` passes the request on to the API server."""

Times = Literal["once", "always", "from then on"]
"""Only that request; each request that is the same; every request from then on."""
Outcome = Literal["same", "same for a GET", "error allowed", "another writer"]
"""What must come of a run: just what comes without a fault; or else an error; or what the other writer makes of it."""


@dataclass(frozen=True)
class Fault:
    """`meets` says which requests it can meet; `also` is done beside it, by its name (saboteur.py)."""

    strike: Strike
    times: Times = "once"
    outcome: Outcome = "error allowed"
    meets: Callable[[Seen], bool] = lambda seen: True
    also: str = ""


def refuse(code: int, reason: str, message: str, *headers: tuple[str, str], **more: Any) -> Strike:
    """The API server's refusal, before anything is done."""
    return lambda seen, deliver: status(code, reason, message, *headers, **more)


def lose(change: Callable[[Answer], Answer]) -> Strike:
    """The request is carried out, and its answer changed on its way back."""
    return lambda seen, deliver: change(deliver(seen))


def passed_on(seen: Seen, deliver: Deliver) -> Answer:
    """The request is carried out, and answered well."""
    return deliver(seen)


def is_continued(seen: Seen) -> bool:
    """Whether a request asks for a later page of a list."""
    return "continue" in seen.query


RESET = Answer(cut=-1)
def expired(seen: Seen, deliver: Deliver) -> Answer:
    """A list that has expired, with a token for its rest."""
    return expired_list(seen)


TOO_MANY = refuse(429, "TooManyRequests", "too many requests, please try again later", ("Retry-After", "0"))
UNAVAILABLE = refuse(503, "ServiceUnavailable", "the server is currently unable", ("Retry-After", "0"))
EXPIRED = "The provided continue parameter is too old"
_BROKEN_RECORD = b"\x17\x03\x03\x00\x20" + b"not what was encrypted, 32 bytes"

FAULTS: dict[str, Fault] = {
    "429, then well": Fault(TOO_MANY, outcome="same"),
    "429 for ever": Fault(TOO_MANY, "always"),
    "500": Fault(refuse(500, "InternalError", "etcdserver: leader changed")),
    "503, then well": Fault(UNAVAILABLE, outcome="same for a GET"),
    "503 for ever": Fault(UNAVAILABLE, "always"),
    "504 of what is done all the same": Fault(
        lose(lambda answer: status(504, "Timeout", "request did not complete within the allotted timeout"))
    ),
    "reset before": Fault(lambda seen, deliver: RESET, outcome="same for a GET"),
    "reset for ever": Fault(lambda seen, deliver: RESET, "always"),
    "reset after": Fault(lose(lambda answer: RESET), outcome="same for a GET"),
    "half an answer": Fault(lose(lambda answer: replace(answer, cut=len(answer.body) // 2)), outcome="same for a GET"),
    "half an answer for ever": Fault(lose(lambda answer: replace(answer, cut=len(answer.body) // 2)), "always"),
    "a stuck answer": Fault(lose(lambda answer: replace(answer, cut=len(answer.body) // 2, hold=2 * TIMEOUT))),
    "no answer": Fault(lambda seen, deliver: Answer(cut=-1, hold=2 * TIMEOUT)),
    "a slow drip": Fault(lose(lambda answer: replace(answer, pause=TIMEOUT / 50, body=answer.body.ljust(100)))),
    "410 in the middle of a list": Fault(expired, outcome="same", meets=is_continued),
    "410 for ever": Fault(expired, "always", meets=is_continued),
    "410 without a token": Fault(refuse(410, "Expired", EXPIRED), meets=is_continued),
    "an expired token": Fault(refuse(401, "Unauthorized", "Unauthorized"), "from then on"),
    "a broken TLS record": Fault(lambda seen, deliver: Answer(raw=_BROKEN_RECORD)),
    "another certificate": Fault(lambda seen, deliver: RESET, "from then on", also="certificate"),
    "a watch that ends": Fault(lose(lambda answer: RESET), meets=lambda seen: "watch" in seen.query),
    "another field is changed": Fault(passed_on, outcome="another writer", also="other field"),
    "the same field is changed": Fault(passed_on, outcome="another writer", also="same field"),
    "deleted": Fault(passed_on, outcome="another writer", also="delete"),
    "deleted and made again": Fault(passed_on, outcome="another writer", also="replace"),
}
WITHOUT_PAGES = (
    "harden --dry-run", "harden --wait=false", "harden --undo", "policy --check", "version", "completion of containers",
)  # fmt: skip
"""Commands that read no second page of a list, so that no list can end in its middle."""


def can_meet(command: str, name: str) -> bool:
    """Whether a command sends a request that a fault can meet. None watches: each reads again."""
    if name.startswith("410"):
        return command not in WITHOUT_PAGES
    return name != "a watch that ends"
