"""What must hold of a run, whatever broke."""

import re
from collections import Counter
from dataclasses import dataclass

from loopback import Seen

from faults.commands import COMMANDS, TIMEOUT
from faults.faults import Fault
from faults.saboteur import TOKEN, Place
from faults.shop import State

SLACK = 45.0
"""Seconds that a busy machine and the waits of a command may add: this is about hanging, not about speed."""

_CHANGED = re.compile(r"(?<!not )(?:patched|labeled|undone|rolled back|created)|may still be applied")
_DOUBT = re.compile(r"may still be applied|minReadySeconds|to undo|was changed|by somebody else|created$", re.MULTILINE)
_ERROR = re.compile(r"[Ee]rror|Unable|refused|failed|cannot|could not|not |No |timed out")
_REMARK = re.compile(r": note: |^Held by: +not known: ")
_UNCHANGED = re.compile(r"nothing was (?:sent|changed)|not patched")
_LONGEST_LINE = 450


@dataclass(frozen=True)
class Run:
    """One run: what it said, what is stored before and after, what was sent."""

    status: int
    out: str
    err: str
    seconds: float
    before: State
    after: State
    left: list[str]
    writes: Counter[tuple[str, str, bytes]]
    requests: dict[Place, Seen]
    struck: int


def complaints(command: str, fault: Fault, method: str, clean: Run, run: Run) -> list[str]:
    """Everything that is wrong with a run, in words; `clean` is the run without a fault.

    A completion does not ask twice: it offers what it offers without a fault, or nothing.
    """
    found = [*_words(run), *_sent(run), *_stored(command, fault, clean, run)]
    if run.seconds > SLACK + clean.seconds + TIMEOUT * len(run.requests):
        found.append(f"it took {run.seconds:.0f} s")
    if fault.outcome == "another writer":
        return found
    if (run.status, _results(run)) == (clean.status, _results(clean)):
        return found
    if command.startswith("completion"):
        return [*found, *([] if (run.status, run.out) == (0, ":36\n") else [f"some names: {_difference(clean, run)}"])]
    if fault.outcome == "same" or (fault.outcome == "same for a GET" and method == "GET"):
        found.append(f"not what comes without a fault: {_difference(clean, run)}")
    elif run.status != 2:
        found.append(f"exit status {run.status} with another result: {_difference(clean, run)}")
    elif not _ERROR.search(run.out + run.err):
        found.append("no error is said")
    return found


def _results(run: Run) -> list[str]:
    """What was printed, without remarks."""
    return [line for line in run.out.splitlines() if not _REMARK.search(line)]


def _words(run: Run) -> list[str]:
    text = run.out + run.err
    found = [f"says {word!r}" for word in ("Traceback", "this is a bug", TOKEN, "\x1b") if word in text]
    if run.status not in (0, 1, 2):
        found.append(f"exit status {run.status}")
    lines = [line for line in run.err.splitlines() if line.strip()]
    found += [f"says twice: {line}" for line, count in Counter(lines).items() if count > 1 and line[0] != " "]
    long = (line for line in lines if len(line) > _LONGEST_LINE and "kubectl patch" not in line)
    return [*found, *(f"a line of {len(line)} characters: {line[:80]}" for line in long)]


def _sent(run: Run) -> list[str]:
    return [
        f"sent {count} times: {method} {path} {body.decode()[:200]}"
        for (method, path, body), count in run.writes.items()
        if count > 1 and method in ("POST", "PATCH")
    ]


def _stored(command: str, fault: Fault, clean: Run, run: Run) -> list[str]:
    text = run.out + run.err
    found = [f"left over and not said: {name}" for name in run.left if "kubectl delete jobs,pods" not in text]
    if fault.outcome == "another writer":
        return found
    same, done = run.after == run.before, _without_uids(run.after) == _without_uids(clean.after)
    if not same and not done and not _DOUBT.search(text):
        found.append(f"half done, and not said: {run.after}")
    if not same and not _CHANGED.search(run.out):
        found.append("changed, and not said")
    if run.status == 0 and clean.status == 0 and not done:
        found.append("exit status 0, and not done")
    if same and clean.after != clean.before and run.status == 0:
        found.append("exit status 0, and nothing was changed")
    target = COMMANDS[command].target
    if target and _UNCHANGED.search(run.out) and not same:
        found.append(f"says that nothing was changed: {run.after[target]}")
    return found


def _without_uids(state: State) -> State:
    return {name: value if not isinstance(value, dict) else {**value, "uid": ""} for name, value in state.items()}


def _difference(clean: Run, run: Run) -> str:
    there, here = clean.out.splitlines(), run.out.splitlines()
    lines = [*(f"-{line}" for line in there if line not in here), *(f"+{line}" for line in here if line not in there)]
    said = [line for line in run.err.splitlines() if line not in clean.err.splitlines()]
    return f"{run.status} instead of {clean.status}, " + " | ".join((*lines[:6], "stderr:", *said[:4]))
