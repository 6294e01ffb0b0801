"""The loop: mutate a text of the corpus, run it, and keep it if it reaches what no text before it has reached."""

import sys
import time
from collections.abc import Callable
from random import Random
from types import FrameType
from typing import Any

import kubectl_caps
from fuzz.targets import Target, stored

LONGEST = 2_000
"""Characters of a text: long ones are slow, and find nothing that short ones do not."""
SLOW = 10.0
"""Seconds of processor time after which a text is a finding."""

_OURS = kubectl_caps.__path__[0]
Arc = tuple[str, int, int]


class Fuzzer:
    """The corpus of a target, the arcs between lines that it reaches, and what broke: the text and the error."""

    def __init__(self, name: str, target: Target, random: Random) -> None:
        self.target, self._random = target, random
        self.corpus: list[str] = []
        self.new: list[str] = []
        self.arcs: set[Arc] = set()
        self.findings: list[tuple[str, str]] = []
        self.runs = 0
        for text in (*target.seeds(), *stored(name, "corpus"), *stored(name, "findings")):
            self.corpus.append(text)
            self._try(text)

    def run(self, seconds: float) -> None:
        """Fuzz for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            text = self._mutated(self._random.choice(self.corpus))
            if self._try(text):
                self.corpus.append(text)
                self.new.append(text)

    def _try(self, text: str) -> bool:
        """Whether the text reaches a new arc. What breaks is kept as a finding."""
        self.runs += 1
        before, began = len(self.arcs), time.process_time()
        others = sys.gettrace()  # of whoever measures the tests
        sys.settrace(_tracer(self.arcs))
        try:
            self.target.check(text)
        except Exception as error:  # whatever it is, it is what is looked for
            self.findings.append((text, f"{type(error).__name__}: {error}"))
        finally:
            sys.settrace(others)
        if time.process_time() - began > SLOW:
            self.findings.append((text, f"{time.process_time() - began:.1f} s"))
        return len(self.arcs) > before

    def _mutated(self, text: str) -> str:
        for _ in range(self._random.choice((1, 1, 2, 4))):
            at, to = sorted(self._random.randrange(len(text) + 1) for _ in range(2))
            to = min(to, at + self._random.choice((1, 4, 40)))
            text = self._random.choice(_MUTATIONS)(self, text, at, to)
        return text[:LONGEST]

    def word(self) -> str:
        """A word that means something to the target, or any character."""
        if self._random.random() < 0.7:
            return self._random.choice(self.target.words)
        return chr(self._random.choice((self._random.randrange(128), self._random.randrange(0xD800))))

    def part(self) -> str:
        """A part of another text of the corpus."""
        other = self._random.choice(self.corpus)
        at = self._random.randrange(len(other) + 1)
        return other[at : at + self._random.choice((4, 40, 400))]


Mutation = Callable[[Fuzzer, str, int, int], str]
_MUTATIONS: tuple[Mutation, ...] = (
    lambda fuzzer, text, at, to: text[:at] + fuzzer.word() + text[at:],
    lambda fuzzer, text, at, to: text[:at] + fuzzer.word() + text[to:],
    lambda fuzzer, text, at, to: text[:at] + text[to:],
    lambda fuzzer, text, at, to: text[:to] + text[at:],
    lambda fuzzer, text, at, to: text[:at] + fuzzer.part() + text[to:],
    lambda fuzzer, text, at, to: text[:at] + text[at:to] * 8 + text[to:],
)


def _tracer(arcs: set[Arc]) -> Callable[[FrameType, str, Any], Any]:
    """Adds the arcs between lines of our own files."""

    def begin(frame: FrameType, event: str, arg: Any) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith(_OURS):
            return None
        last = 0

        def line(frame: FrameType, event: str, arg: Any) -> Any:
            nonlocal last
            if event == "line":
                arcs.add((name, last, frame.f_lineno))
                last = frame.f_lineno
            return line

        return line

    return begin
