"""Measures the judgement of a random pod by all newest Pod Security checks, and the memory for a million pods.

    PYTHONPATH=tests/cluster .venv/bin/python benchmarks/judge.py [PODS]

The pods come from the generator of `make differential`, which breaks the rules of the checks at random.
"""

import resource
import sys
import time
from random import Random

import msgspec
from differential.pods import Maker
from pairs import row

from kubectl_caps.core.kubernetes.pod import Pod
from kubectl_caps.core.podsecurity.defaulting import as_admitted
from kubectl_caps.core.podsecurity.policy import NEWEST_MINOR
from kubectl_caps.core.podsecurity.registry import judge_all

DIFFERENT = 2_000


def megabytes() -> float:
    """The highest memory of this process in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(pods: int = 1_000_000) -> None:
    """Judge the pods, and compare the memory after the first tenth with the memory at the end."""
    texts = [msgspec.json.encode(Maker(Random(seed)).pod()) for seed in range(DIFFERENT)]
    decoder = msgspec.json.Decoder(Pod)
    judged, early, spent = 0, 0.0, 0.0
    while judged < pods:
        found = [decoder.decode(text) for text in texts]
        before = time.process_time()
        for pod in found:
            judge_all(as_admitted(pod, pod=True), NEWEST_MINOR)
        spent += time.process_time() - before
        judged += len(found)
        if not early and judged * 10 >= pods:
            early = megabytes()
    row("one random pod, all checks", "a thousand microseconds", spent / judged * 1e6, 1_000, f"{judged:,} pods", " µs")
    last = megabytes()
    work, detail = f"memory of {judged:,} pods judged by one process", f"{last:.0f} MB and {early:.0f} MB"
    row(work, "that of the first tenth", last / early, 1.05, detail)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
