"""A proxy over TLS in front of the real API server, which lets one fault strike one request of a run."""

import contextlib
import re
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from loopback import Answer, Loopback, Seen, kubeconfig, serving
from middleman import Forward

from faults.faults import RESET, Fault
from faults.shop import Shop

TOKEN = "S3cretT0ken"
SMALL_PAGE = "1"
"""The proxy asks for so many objects a page, so that every list of two objects has a middle."""

_NAMES = (
    (re.compile(r"caps-fit-\w+"), "caps-fit-RUN"),
    (re.compile(r"caps\.kubectl/fit=\w+"), "caps.kubectl/fit=RUN"),
    (re.compile(r"(RUN-\d+)-\w{5}\b"), r"\1-POD"),
    (re.compile(r"\b(one|bad)-\w{5,10}-\w{5}\b"), r"\1-POD"),
    (re.compile(r'(passed over |"passedOver": )\d+'), r"\1N"),
    (re.compile(r"\(\d trials"), "(N trials"),
    (re.compile(r"\b\d+ s\b"), "N s"),
    (re.compile(r"timed out after N s: .*?(\)?)$", re.MULTILINE), r"timed out after N s\1"),
    (re.compile(r"\w{8}-\w{4}-\w{4}-\w{4}-\w{12}"), "UID"),
)
_DONE_NOTHING = (409, 422, 429)
"""Answers after which the same write may come again."""
_VOLATILE = ("limit", "sinceSeconds", "limitBytes", "resourceVersion")

Request = tuple[str, str]
"""A request's method and its path with the query, names of the run taken out."""
Place = tuple[Request, int]
"""Which request of a run: the n-th of those that are the same."""


def without_names(text: str, namespace: str) -> str:
    """A text without what is another in every run: namespaces, names of pods, uids, seconds."""
    text = text.replace(namespace, "NAMESPACE")
    for pattern, word in _NAMES:
        text = pattern.sub(word, text)
    return text


def is_write(seen: Seen) -> bool:
    """Whether a request changes what is stored. Access reviews are POSTs, and store nothing."""
    is_dry = "dryRun" in seen.query or b'"dryRun":["All"]' in seen.body
    return seen.method != "GET" and not is_dry and "/authorization.k8s.io/" not in seen.path


class Saboteur:
    """What came in this run: each request with its place, how often each write came, and how often the fault struck."""

    def __init__(self, shop: Shop, server: Loopback, forward: Forward) -> None:
        self._shop, self._server, self._forward = shop, server, forward
        self.lock = threading.Lock()
        self.kubeconfig = kubeconfig(shop.folder / "config", server.cluster(), {"token": TOKEN})
        self.plan("", None, None)

    def plan(self, target: str, fault: Fault | None, at: Place | None) -> None:
        """Begin a run in which the fault strikes the request at a place."""
        self._server.show_certificate("")
        self.target, self.fault, self.at = target, fault, at
        self.requests: dict[Place, Seen] = {}
        self.writes: Counter[tuple[str, str, bytes]] = Counter()
        self.struck = 0
        self._counted: Counter[Request] = Counter()
        self._from_now_on = False

    def answer(self, seen: Seen) -> Answer:
        """What a request gets."""
        with self.lock:
            request = self._request(seen)
            place = request, self._counted[request]
            self._counted[request] += 1
            self.requests[place] = seen
            fault = self.fault if self._is_meant(place) else None
            if fault:
                self.struck += 1
                self._from_now_on = fault.times == "from then on"
        answer = self._struck(seen, fault) if fault else self._deliver(seen)
        if is_write(seen) and answer.status not in _DONE_NOTHING:
            with self.lock:
                self.writes[seen.method, seen.path, seen.body] += 1
        return answer

    def _struck(self, seen: Seen, fault: Fault) -> Answer:
        if fault.also == "certificate":
            self._server.show_certificate("other")
            return RESET
        if fault.also:
            self._shop.write(fault.also, self.target)
        return fault.strike(seen, self._deliver)

    def _is_meant(self, place: Place) -> bool:
        if self.fault is None or self.at is None:
            return False
        if self._from_now_on or place == self.at:
            return True
        return self.fault.times == "always" and place[0] == self.at[0] and place[1] > self.at[1]

    def _request(self, seen: Seen) -> Request:
        query = {name: value for name, value in seen.query.items() if name not in _VOLATILE}
        if "continue" in query:
            query["continue"] = "TOKEN"
        words = "&".join(f"{name}={value}" for name, value in sorted(query.items()))
        return seen.method, without_names(f"{seen.path}?{words}".rstrip("?"), self._shop.namespace)

    def _deliver(self, seen: Seen) -> Answer:
        if seen.path.endswith("/log"):  # no kubelet: these programs say nothing
            return Answer(b"", content_type="text/plain")
        if seen.method == "GET" and seen.path.endswith("/pods"):
            self._shop.run_pods()
        if "limit" in seen.query:
            seen = Seen(seen.method, seen.path, {**seen.query, "limit": SMALL_PAGE}, seen.headers, seen.body)
        return self._forward(seen)


@contextlib.contextmanager
def sabotaged(shop: Shop) -> Iterator[Saboteur]:
    """A proxy in front of the shop's API server until the block ends."""
    forward = Forward(shop.cluster)
    current: list[Saboteur] = []
    with serving(lambda seen: current[0].answer(seen), tls=True) as server:
        current.append(Saboteur(shop, server, forward))
        try:
            yield current[0]
        finally:
            forward.close()


def folder_of(parent: Path, number: int) -> Path:
    """A new folder for one shop."""
    made = parent / str(number)
    made.mkdir()
    return made
