"""`python killed_at.py STEP VICTIM fit …`: a traced fit during which something is killed with SIGKILL at a request.

Steps are the requests that change something: writes, and the questions to the tracer. STEP is `NUMBER` (after that step
was answered) or `NUMBER+` (a moment after it was sent). VICTIM is `fit` itself or its `tracer`. Step 0 kills nothing.
Standard error has `step NUMBER REQUEST` for each, and `killed`. Deadlines are shorter than for a user.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from kubectl_caps.cluster.http import transport
from kubectl_caps.commands.trials import plan
from kubectl_caps.core.fit import trial_job
from kubectl_caps.core.trace import tracer_job
from kubectl_caps.main import main

SLACK, KEPT = 4, 1
"""Seconds that a trial may take beside its timeout and settle, and that a finished Job stays."""
_MOMENT = 0.05
_PATIENCE = 20.0


class Steps:
    """The number of steps so far, and what happens at one of them."""

    def __init__(self, at: str, victim: str) -> None:
        self.number, self.is_during, self.victim = int(at.removesuffix("+")), at.endswith("+"), victim
        self.count, self.run, self.lock = 0, "", threading.Lock()

    def sent(self, request: transport.Request) -> bool:
        """Count a request; whether something is killed when it is answered."""
        step = step_of(request)
        if not step:
            return False
        if name := re.search(r'"name":"caps-trace-(\w+)"', (request.body or b"").decode()):
            self.run = name[1]
        with self.lock:
            self.count += 1
            is_meant = self.count == self.number
            print("step", self.count, step, file=sys.stderr, flush=True)
        if is_meant and self.is_during:
            threading.Timer(_MOMENT, self.kill).start()
        return is_meant and not self.is_during

    def kill(self) -> None:
        """Kill the victim; a tracer may have to come first."""
        if self.victim == "fit":
            os.kill(os.getpid(), signal.SIGKILL)
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            found = subprocess.run(["pgrep", "-f", f"^sh -c .* kubectl-caps main {self.run} "], capture_output=True)
            for pid in found.stdout.split():
                os.kill(int(pid), signal.SIGKILL)
            if found.stdout:
                print("killed", file=sys.stderr, flush=True)
                return


def step_of(request: transport.Request) -> str:
    """A request that changes something, without the names of its run: `POST jobs`, `exec begin`. Empty: it reads."""
    if request.path.endswith("/exec"):
        word = request.query[-1][1].split()[2:3]
        return f"exec {word[0]}" if word in (["begin"], ["follow"], ["end"], ["drop"]) else ""
    is_read = request.method == "GET" or "/authorization.k8s.io/" in request.path
    if is_read or ("dryRun", "All") in request.query or b'"dryRun"' in (request.body or b""):
        return ""
    kind = re.search(r"/namespaces/[^/]+/(\w+)", request.path)
    return f"{request.method} {kind[1] if kind else request.path}"


def counted(steps: Steps, name: str) -> None:
    """Count what goes through a method of the transport."""
    real = getattr(transport._HttpTransport, name)

    def passed_on(self: Any, request: transport.Request, /, *more: Any) -> Any:
        is_meant = steps.sent(request)
        try:
            return real(self, request, *more)
        finally:
            if is_meant:
                steps.kill()

    setattr(transport._HttpTransport, name, passed_on)


if __name__ == "__main__":
    at, who, *words = sys.argv[1:]
    plan._SLACK = SLACK
    trial_job.KEPT_FOR = tracer_job.KEPT_FOR = KEPT
    watched = Steps(at, who)
    counted(watched, "send")
    counted(watched, "run")
    sys.exit(main(words))
